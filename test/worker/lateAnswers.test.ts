/**
 * When the main thread looks into the logs of its threads, in virtual time. What the log is, and when a thread tells, is in
 * answerLog.test.ts; what becomes of late answers in a device is in answers.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { VirtualRuntime } from '../../src/drivers/sim/index.ts';
import { LateAnswers } from '../../src/drivers/worker/lateAnswers.ts';

/** Two threads that may be quiet, when each was looked into, and whether answers are found there. */
function setUp() {
  const runtime = new VirtualRuntime();
  const sources = [0, 1].map(() => ({
    mayBeQuiet: true,
    found: false,
    lookedAtMs: [] as number[],
    look(): boolean {
      this.lookedAtMs.push(runtime.nowUs() / 1000);
      return this.found;
    },
  }));
  const late = new LateAnswers(runtime, sources);
  const lookedAtMs = (): number[][] => sources.map((source) => source.lookedAtMs);
  return { runtime, late, sources, lookedAtMs };
}

describe('LateAnswers', () => {
  it('looks into all threads when one tells, and no timer is set', () => {
    const { runtime, late, lookedAtMs } = setUp();
    runtime.advanceBy(5000);
    late.told();
    runtime.advanceBy(50_000);
    expect(lookedAtMs()).toEqual([[5], [5]]);
  });

  it('looks every 10 ms by itself while a thread may be quiet', () => {
    const { runtime, late, sources, lookedAtMs } = setUp();
    late.expect();
    runtime.advanceBy(15_000);
    for (const source of sources) source.mayBeQuiet = false;
    runtime.advanceBy(50_000);
    expect(lookedAtMs()).toEqual([
      [10, 20],
      [10, 20],
    ]);
  });

  it('looks again after 2 ms where it found answers', () => {
    const { runtime, late, sources, lookedAtMs } = setUp();
    (sources[1] as { found: boolean }).found = true;
    late.expect();
    runtime.advanceBy(15_000);
    for (const source of sources) source.found = false;
    runtime.advanceBy(15_000);
    expect(lookedAtMs()[0]).toEqual([10, 12, 14, 16, 26]);
  });

  it('looks by itself only when no thread told for 2 ms', () => {
    const { runtime, late, lookedAtMs } = setUp();
    late.expect();
    runtime.advanceBy(8500);
    for (let count = 0; count < 5; count += 1) {
      late.told();
      runtime.advanceBy(1000);
    }
    runtime.advanceBy(2000);
    expect(lookedAtMs()[0]).toEqual([8.5, 9.5, 10.5, 11.5, 12.5, 14.5]);
  });

  it('stops when it is closed', () => {
    const { runtime, late, lookedAtMs } = setUp();
    late.expect();
    late.close();
    late.expect();
    runtime.advanceBy(50_000);
    expect(lookedAtMs()).toEqual([[], []]);
  });
});
