import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/cli/run/clock.ts';

// The platform's clock, with the platform's timers faked: no test sleeps. What a run does with a clock is in runWorkload.test.ts.

const DAY_MS = 24 * 60 * 60 * 1000;

describe('the clock of a run', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  for (const days of [1, 28, 100]) {
    it(`sleeps for ${days} days, and not a moment less`, async () => {
      let isAwake = false;
      const atMs = systemClock.nowMs() + days * DAY_MS;
      const sleep = systemClock.sleepUntil(atMs, new AbortController().signal);
      void sleep.then(() => (isAwake = true));
      await vi.advanceTimersByTimeAsync(days * DAY_MS - 1);
      expect(isAwake).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      expect(isAwake).toBe(true);
    });
  }

  it('wakes in a long sleep when the signal aborts, and leaves no timer behind', async () => {
    const abort = new AbortController();
    const sleep = systemClock.sleepUntil(systemClock.nowMs() + 100 * DAY_MS, abort.signal);
    await vi.advanceTimersByTimeAsync(30 * DAY_MS);
    abort.abort();
    await sleep;
    expect(vi.getTimerCount()).toBe(0);
  });
});
