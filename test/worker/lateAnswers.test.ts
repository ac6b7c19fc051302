/**
 * When the main thread looks into the logs of its threads, in virtual time. What the log is, and when a thread tells, is in
 * answerLog.test.ts; what becomes of late answers in a device is in answers.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { VirtualRuntime } from '../../src/drivers/sim/index.ts';
import { LateAnswers } from '../../src/drivers/worker/lateAnswers.ts';

/** Two threads that may be quiet, and when each was looked into. */
function setUp() {
  const runtime = new VirtualRuntime();
  const sources = [0, 1].map(() => ({
    mayBeQuiet: true,
    lookedAtMs: [] as number[],
    look(): void {
      this.lookedAtMs.push(runtime.nowUs() / 1000);
    },
  }));
  const late = new LateAnswers(runtime, sources);
  return { runtime, late, sources, lookedAtMs: () => sources.map((source) => source.lookedAtMs) };
}

describe('LateAnswers', () => {
  it('looks into all threads when it is told to, and no timer is set', () => {
    const { runtime, late, lookedAtMs } = setUp();
    runtime.advanceBy(5000);
    late.look();
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

  it('looks by itself only when nobody made it look for 10 ms', () => {
    const { runtime, late, lookedAtMs } = setUp();
    late.expect();
    for (let count = 0; count < 5; count += 1) {
      runtime.advanceBy(3000);
      late.look();
    }
    runtime.advanceBy(10_000);
    expect(lookedAtMs()[0]).toEqual([3, 6, 9, 12, 15, 25]);
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
