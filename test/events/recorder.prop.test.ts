// The bounded recorder of events, by example and against a plain list. What is reported: test/sched/events.test.ts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MockRing, VirtualRuntime } from '../../src/drivers/sim/index.ts';
import { Recorder } from '../../src/events/index.ts';
import type { SchedEvent } from '../../src/events/index.ts';
import { Scheduler } from '../../src/sched/index.ts';
import { thrownBy } from '../sched/fixture.ts';

const eventAt = (atUs: number): SchedEvent => ({ type: 'warning', atUs, message: '', count: 1 });

describe('a recorder', () => {
  it('keeps what fits, and says that nothing was dropped', () => {
    const recorder = new Recorder({ capacity: 3 });
    expect([recorder.events(), recorder.dropped, recorder.capacity]).toEqual([[], 0, 3]);
    const events = [1, 2, 3].map(eventAt);
    for (const event of events) recorder.emit(event);
    expect([recorder.events(), recorder.dropped]).toEqual([events, 0]);
  });

  it('keeps the last ones where more came, oldest first, and counts the others', () => {
    const recorder = new Recorder({ capacity: 3 });
    for (const atUs of [1, 2, 3, 4, 5]) recorder.emit(eventAt(atUs));
    expect([recorder.events(), recorder.dropped]).toEqual([[3, 4, 5].map(eventAt), 2]);
  });

  it('hands out a copy', () => {
    const recorder = new Recorder();
    recorder.emit(eventAt(1));
    recorder.events().length = 0;
    expect(recorder.events()).toHaveLength(1);
  });

  it('records a scheduler and its fences where it is the sink of the runtime', () => {
    const recorder = new Recorder();
    const runtime = new VirtualRuntime({ sink: recorder });
    const scheduler = new Scheduler({ label: 'test', driver: new MockRing({ runtime }), runtime });
    scheduler.createEntity().submit({ durationUs: 5 });
    runtime.runUntilIdle();
    const types = recorder.events().map((event) => event.type);
    expect(types).toEqual(expect.arrayContaining(['job-queue', 'job-done', 'fence-signal']));
  });

  it('refuses a capacity that keeps nothing, or everything', () => {
    for (const capacity of [0, -1, 1.5, Number.NaN, Infinity]) {
      expect(thrownBy(() => new Recorder({ capacity }))).toBe('ERR_INVALID_ARGUMENT');
    }
  });

  it('holds the last of whatever came since it was cleared', () => {
    const act = fc.oneof({ weight: 9, arbitrary: fc.constant('emit') }, fc.constant('clear'));
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.array(act, { maxLength: 60 }),
        (size, acts) => {
          const recorder = new Recorder({ capacity: size });
          let all: SchedEvent[] = [];
          acts.forEach((what, atUs) => {
            if (what === 'clear') {
              recorder.clear();
              all = [];
            } else {
              recorder.emit(eventAt(atUs));
              all.push(eventAt(atUs));
            }
            expect(recorder.events()).toEqual(all.slice(-size));
            expect(recorder.dropped).toBe(Math.max(0, all.length - size));
          });
        },
      ),
    );
  });
});
