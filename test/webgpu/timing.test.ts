/**
 * How execution times are cleaned and trusted, and when a thread is known to have stood still; on no hardware.
 */
import { describe, expect, it } from 'vitest';
import { VirtualRuntime } from '../../src/drivers/sim/index.ts';
import type { Runtime, Timer } from '../../src/events/index.ts';
import { TimingLog } from '../../src/drivers/webgpu/gpuTimer.ts';
import { StallWatch } from '../../src/drivers/webgpu/stallWatch.ts';

describe('a time that the GPU measured', () => {
  it.each([
    ['is taken as it is', 80, 80],
    ['is nothing where it is zero', 0, null],
    ['is nothing where it is negative', -5, null],
    ['is nothing where it is no number', NaN, null],
    ['is nothing where it is longer than the job was away', 101, null],
  ])('%s', (_name, gpuUs, expected) => {
    const log = new TimingLog();
    expect(log.clean(gpuUs, 100)).toBe(expected);
    expect(log.stats().discarded).toBe(expected === null ? 1 : 0);
  });

  it('is the least that was ever told where it is zero, and that is less than what was seen', () => {
    const log = new TimingLog();
    log.clean(80, 100);
    log.clean(65.5, 100);
    expect([log.clean(0, 20_000), log.clean(0, 30)]).toEqual([65.5, 30]);
    expect(log.clean(-5, 20_000), 'of negative ones nothing is known').toBe(null);
    expect(log.stats()).toMatchObject({ measured: 2, discarded: 3 });
  });

  const trustAfter = (...times: (number | null)[]): [string, string] => {
    const log = new TimingLog();
    for (const gpuUs of times) log.clean(gpuUs, 10_000);
    const { source, confidence } = log.stats();
    return [source, confidence];
  };

  it.each([
    ['high', 'timestamp-query', 'all are fine', [81.5, 92.25, 100]],
    ['medium', 'timestamp-query', 'they come in steps of 100 us', [100, 300, 200]],
    ['medium', 'timestamp-query', 'some are missing', [81, 82, null]],
    ['low', 'submit-done', 'most are missing', [81, null, null]],
    ['low', 'submit-done', 'most make no sense', [81, 0, -1]],
    ['low', 'submit-done', 'there is none', []],
  ])('confidence is %s, from %s, where %s', (confidence, source, _name, times) => {
    expect(trustAfter(...times)).toEqual([source, confidence]);
  });
});

describe('a watch for stalls', () => {
  /** A clock whose one timer fires late where the thread stands still. */
  class StallingRuntime implements Runtime {
    #nowUs = 0;
    #due: { atUs: number; fn: () => void } | null = null;

    nowUs(): number {
      return this.#nowUs;
    }

    defer(): void {}

    setTimer(atUs: number, fn: () => void): Timer {
      this.#due = { atUs, fn };
      return { cancel: () => (this.#due = null) };
    }

    /** Time passes in steps of `stepUs`; between two of them nothing runs. */
    pass(us: number, stepUs: number): void {
      for (const endUs = this.#nowUs + us; this.#nowUs < endUs;) {
        this.#nowUs += stepUs;
        const due = this.#due;
        if (due === null || due.atUs > this.#nowUs) continue;
        this.#due = null;
        due.fn();
      }
    }
  }

  it('says so for a moment after the thread stood still, and not where it did not', () => {
    const runtime = new StallingRuntime();
    const watch = new StallWatch(runtime);
    watch.watch(true);
    runtime.pass(200_000, 1000);
    expect(watch.stalled).toBe(false);
    runtime.pass(500_000, 500_000);
    expect(watch.stalled).toBe(true);
    runtime.pass(100_000, 1000);
    expect(watch.stalled).toBe(false);
  });

  it('has a timer only while it watches', () => {
    const runtime = new VirtualRuntime();
    const watch = new StallWatch(runtime);
    expect([runtime.pendingTimers, watch.stalled]).toEqual([0, false]);
    watch.watch(true);
    watch.watch(true);
    expect(runtime.pendingTimers).toBe(1);
    watch.watch(false);
    expect(runtime.pendingTimers).toBe(0);
  });
});
