import { expect } from 'vitest';
import type { ChromeEvent } from '../../src/trace/index.ts';

/** What every viewer needs: each begin has its end, ids are used once, arrows end in slices, tracks have names. */
export function expectSound(events: readonly ChromeEvent[]): void {
  const begun = new Map<number, ChromeEvent>();
  const ends = new Set<number>();
  for (const event of events) {
    const id = event.id ?? -1;
    if (event.ph === 'b' || event.ph === 's') {
      expect(begun.has(id), `id ${id} begins once`).toBe(false);
      begun.set(id, event);
    } else if (event.ph === 'e' || event.ph === 'f') {
      const begin = begun.get(id);
      expect(begin, `id ${id} began before it ended`).toBeDefined();
      expect(ends.has(id), `id ${id} ends once`).toBe(false);
      expect(begin?.ts ?? Infinity).toBeLessThanOrEqual(event.ts ?? -1);
      ends.add(id);
    }
    if (event.ph === 'X') expect(event.dur).toBeGreaterThanOrEqual(0);
  }
  expect(ends.size).toBe(begun.size);
  const slices = events.filter(({ ph }) => ph === 'X');
  for (const { ph, tid, ts = -1 } of events) {
    if (ph !== 's' && ph !== 'f') continue;
    const around = slices.find((slice) => slice.tid === tid && within(slice, ts));
    expect(around, `an arrow at ${ts} is bound to a slice`).toBeDefined();
  }
}

function within(slice: ChromeEvent, ts: number): boolean {
  const from = slice.ts ?? 0;
  return from <= ts && ts <= from + (slice.dur ?? 0);
}
