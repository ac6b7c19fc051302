/** The fences of a buffer: usages, replacement, waiting, implicit synchronisation; by example and against a model (M2). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/base/index.ts';
import { Reservation, Timeline, unwrapFences } from '../../src/fence/index.ts';
import type { Fence, FenceSource, FenceUsage } from '../../src/fence/index.ts';
import { brief, ManualRuntime } from './manualRuntime.ts';

const USAGES: readonly FenceUsage[] = ['kernel', 'write', 'read', 'bookkeep'];
const code = (code: string) => expect.objectContaining({ code });
const at = <T>(list: readonly T[], i: number): T => list[i] as T;

function setUp(count = 4) {
  const runtime = new ManualRuntime();
  const sources: FenceSource[] = Array.from({ length: count }, (_, i) =>
    new Timeline({ driver: 'demo', label: `ring ${i}`, runtime }).createFence(),
  );
  return { runtime, sources, fences: sources.map(({ fence }) => fence), buffer: new Reservation() };
}

describe('a reservation', () => {
  it('M2: gives the pending fences of a level and of those below it', () => {
    const { sources, fences, buffer } = setUp();
    USAGES.forEach((usage, i) => buffer.add(at(fences, i), usage));
    USAGES.forEach((usage, i) => expect(buffer.fences(usage)).toEqual(fences.slice(0, i + 1)));
    at(sources, 1).signal();
    expect(buffer.fences('read')).toEqual([fences[0], fences[2]]);
  });

  it('M2: is signalled at a level when nothing of it is pending', () => {
    const { sources, fences, buffer } = setUp();
    buffer.add(at(fences, 0), 'read');
    expect(USAGES.map((usage) => buffer.isSignalled(usage))).toEqual([true, true, false, false]);
    at(sources, 0).signal(new JobError('ERR_DRIVER'));
    expect(USAGES.every((usage) => buffer.isSignalled(usage))).toBe(true);
  });

  it('M2: replaces an earlier fence of the same timeline by a later one of a not weaker usage', () => {
    const runtime = new ManualRuntime();
    const ring = new Timeline({ driver: 'demo', label: 'ring', runtime });
    const [a, b, c] = [
      ring.createFence().fence,
      ring.createFence().fence,
      ring.createFence().fence,
    ];
    const buffer = new Reservation();
    buffer.add(a, 'read');
    buffer.add(b, 'read');
    expect(buffer.fences('bookkeep')).toEqual([b]);
    buffer.add(c, 'write');
    expect(buffer.fences('write')).toEqual([c]);
  });

  it('M2: keeps both where the later one has a weaker usage', () => {
    const runtime = new ManualRuntime();
    const ring = new Timeline({ driver: 'demo', label: 'ring', runtime });
    const [a, b] = [ring.createFence().fence, ring.createFence().fence];
    const buffer = new Reservation();
    buffer.add(a, 'write');
    buffer.add(b, 'read');
    expect(buffer.fences('write')).toEqual([a]);
    expect(buffer.fences('read')).toEqual([a, b]);
  });

  it('F1: replaces nothing on an unordered timeline, except a fence by itself', () => {
    const runtime = new ManualRuntime();
    const loose = new Timeline({ driver: 'demo', label: 'loose', runtime, ordered: false });
    const [a, b] = [loose.createFence().fence, loose.createFence().fence];
    const buffer = new Reservation();
    for (const fence of [a, b, a]) buffer.add(fence, 'write');
    expect(buffer.fences('write')).toHaveLength(2);
  });

  it('hands out lists that adding and signalling do not disturb', () => {
    const { sources, fences, buffer } = setUp();
    for (const fence of fences.slice(0, 3)) buffer.add(fence, 'write');
    const seen: Fence[] = [];
    for (const fence of buffer.fences('write')) {
      seen.push(fence);
      buffer.add(at(fences, 3), 'write');
      for (const source of sources) source.signal();
    }
    expect(seen).toEqual(fences.slice(0, 3));
    expect(buffer.fences('write')).toEqual([]);
  });

  it('M2: waits for all at a level, whatever their outcome', async () => {
    const { runtime, sources, fences, buffer } = setUp();
    buffer.add(at(fences, 0), 'write');
    buffer.add(at(fences, 1), 'read');
    const write = buffer.wait('write', { timeoutMs: 5 });
    const read = buffer.wait('read');
    at(sources, 0).signal(new JobError('ERR_DRIVER'));
    await expect(write).resolves.toBeUndefined();
    expect(runtime.pendingTimers).toBe(0);
    at(sources, 1).signal();
    await expect(read).resolves.toBeUndefined();
    await expect(buffer.wait('read', { timeoutMs: 0 })).resolves.toBeUndefined();
  });

  it('ends a wait by time or by signal', async () => {
    const { runtime, fences, buffer } = setUp();
    buffer.add(at(fences, 0), 'kernel');
    const late = buffer.wait('kernel', { timeoutMs: 1 });
    runtime.advanceBy(1000);
    await expect(late).rejects.toThrow(code('ERR_WAIT_TIMEOUT'));
    await expect(buffer.wait('kernel', { signal: AbortSignal.abort('no') })).rejects.toBe('no');
    expect(buffer.fences('kernel')).toEqual([fences[0]]);
  });

  it('F8: leaves nothing on the fences when a wait ends early', async () => {
    const runtime = new ManualRuntime({ events: true });
    const ring = new Timeline({ driver: 'demo', label: 'ring', runtime });
    const sources = [ring.createFence(), ring.createFence()];
    const buffer = new Reservation();
    buffer.add(at(sources, 0).fence, 'write');
    buffer.add(at(sources, 1).fence, 'read');
    const controller = new AbortController();
    const deaf = new AbortController().signal;
    deaf.addEventListener = () => {
      throw new Error('deaf');
    };
    expect(() => buffer.wait('read', { signal: deaf })).toThrow('deaf');
    const waits = [
      buffer.wait('read', { timeoutMs: 0 }),
      buffer.wait('read', { timeoutMs: 1 }),
      buffer.wait('read', { signal: controller.signal }),
    ];
    controller.abort('enough');
    runtime.advanceBy(1000);
    const ends = await Promise.allSettled(waits);
    expect(ends.map((end) => end.status)).toEqual(Array(3).fill('rejected'));
    runtime.events.length = 0;
    for (const source of sources) source.signal();
    const signals = [1, 2].map((seqno) => `fence-signal ${ring.id}:${seqno}`);
    expect(brief(runtime.events)).toEqual(signals);
  });

  it('merges a level into one fence', () => {
    const { runtime, fences, buffer } = setUp();
    buffer.add(at(fences, 1), 'write');
    expect(buffer.mergedFence('write', runtime)).toBe(fences[1]);
    buffer.add(at(fences, 0), 'read');
    expect(unwrapFences(buffer.mergedFence('read', runtime))).toEqual([fences[0], fences[1]]);
    expect(buffer.mergedFence('kernel', runtime).status).toBe('ok');
  });

  it('makes a writer wait for every access, and a reader for writers', () => {
    const { fences, buffer } = setUp();
    USAGES.forEach((usage, i) => buffer.add(at(fences, i), usage));
    expect(buffer.fencesBefore('write')).toEqual(fences.slice(0, 3));
    expect(buffer.fencesBefore('read')).toEqual(fences.slice(0, 2));
    expect(() => buffer.fencesBefore('kernel' as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
  });

  it('refuses a usage that is none, and what is no fence', () => {
    const { fences, buffer } = setUp();
    for (const usage of ['toString', 'reading', undefined]) {
      expect(() => buffer.add(at(fences, 0), usage as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
      expect(() => buffer.fences(usage as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
    }
    expect(() => buffer.add({} as Fence, 'read')).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(buffer.fences('bookkeep')).toEqual([]);
  });

  it('M2: waits for exactly what a list of everything that was ever added would, against a model', () => {
    const acts = fc.array(
      fc.record({
        act: fc.constantFrom('add', 'add', 'signal'),
        fence: fc.nat(8),
        usage: fc.constantFrom(...USAGES),
      }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(acts, (script) => {
        const runtime = new ManualRuntime();
        const rings = [0, 1, 2].map(
          (i) => new Timeline({ driver: 'd', label: `${i}`, runtime, ordered: i < 2 }),
        );
        const sources = Array.from({ length: 9 }, (_, i) => at(rings, i % 3).createFence());
        const buffer = new Reservation();
        const everything: [FenceSource, number][] = [];
        for (const { act, fence: i, usage } of script) {
          if (act === 'add') {
            buffer.add(at(sources, i).fence, usage);
            everything.push([at(sources, i), USAGES.indexOf(usage)]);
          } else {
            // An ordered timeline signals in order: what is before goes first.
            for (let k = i % 3; k <= i; k += 3) if (k === i || i % 3 < 2) at(sources, k).signal();
          }
          USAGES.forEach((level, n) => {
            const held = new Set(buffer.fences(level));
            const naive = everything.filter(
              ([source, of]) => of <= n && source.fence.status === 'pending',
            );
            for (const fence of held)
              expect(naive.some(([source]) => source.fence === fence)).toBe(true);
            for (const [{ fence }] of naive) {
              const covers = (other: Fence): boolean =>
                other === fence ||
                (fence.timeline.ordered &&
                  other.timeline === fence.timeline &&
                  other.isLaterThan(fence));
              expect([...held].some(covers)).toBe(true);
            }
            expect(buffer.isSignalled(level)).toBe(naive.length === 0);
            expect(held.size).toBe(buffer.fences(level).length);
          });
        }
      }),
      { numRuns: 500 },
    );
  });
});
