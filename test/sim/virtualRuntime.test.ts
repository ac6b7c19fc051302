// VirtualRuntime by its four rules. How fences and the scheduler use a runtime is tested with them.
import { describe, expect, it } from 'vitest';
import { VirtualRuntime } from '../../src/drivers/sim/index.ts';

describe('VirtualRuntime', () => {
  it('starts at 0, or where it is told to', () => {
    expect(new VirtualRuntime().nowUs()).toBe(0);
    expect(new VirtualRuntime({ startUs: 42 }).nowUs()).toBe(42);
  });

  it('runs nothing before it is cranked', () => {
    const runtime = new VirtualRuntime();
    const ran: string[] = [];
    runtime.defer(() => ran.push('deferred'));
    runtime.setTimer(0, () => ran.push('timer'));
    expect(ran).toEqual([]);
    expect([runtime.pendingDeferred, runtime.pendingTimers]).toEqual([1, 1]);
    runtime.advanceBy(0);
    expect(ran).toEqual(['deferred', 'timer']);
    expect([runtime.pendingDeferred, runtime.pendingTimers]).toEqual([0, 0]);
  });

  it('runs deferred functions first in, first out, also those deferred meanwhile, before any timer', () => {
    const runtime = new VirtualRuntime();
    const ran: string[] = [];
    runtime.setTimer(0, () => ran.push('timer'));
    runtime.defer(() => {
      ran.push('a');
      runtime.defer(() => ran.push('c'));
    });
    runtime.defer(() => ran.push('b'));
    runtime.advanceBy(0);
    expect(ran).toEqual(['a', 'b', 'c', 'timer']);
  });

  it('fires timers in order of their time, at their time, and drains after each', () => {
    const runtime = new VirtualRuntime();
    const ran: string[] = [];
    const note = (what: string): number => ran.push(`${what}@${runtime.nowUs()}`);
    runtime.setTimer(20, () => note('late'));
    runtime.setTimer(10, () => {
      note('early');
      runtime.defer(() => note('deferred'));
    });
    runtime.setTimer(10, () => note('same time, set later'));
    runtime.advanceBy(30);
    expect(ran).toEqual(['early@10', 'deferred@10', 'same time, set later@10', 'late@20']);
    expect(runtime.nowUs()).toBe(30);
  });

  it('fires what is due at the end of the span, and keeps what is due after it', () => {
    const runtime = new VirtualRuntime();
    const ran: number[] = [];
    runtime.setTimer(10, () => ran.push(10));
    runtime.setTimer(11, () => ran.push(11));
    runtime.advanceBy(10);
    expect(ran).toEqual([10]);
    expect(runtime.nextTimerAtUs).toBe(11);
  });

  it('fires a timer that was set for the past at the present', () => {
    const runtime = new VirtualRuntime({ startUs: 100 });
    let firedAtUs = -1;
    runtime.setTimer(5, () => (firedAtUs = runtime.nowUs()));
    runtime.advanceBy(0);
    expect(firedAtUs).toBe(100);
  });

  it('fires within a span what a timer sets within it', () => {
    const runtime = new VirtualRuntime();
    const ran: number[] = [];
    runtime.setTimer(1, () => runtime.setTimer(2, () => ran.push(runtime.nowUs())));
    runtime.advanceBy(5);
    expect(ran).toEqual([2]);
  });

  it('never fires a timer that was cancelled, and forgets it', () => {
    const runtime = new VirtualRuntime();
    const ran: string[] = [];
    const timer = runtime.setTimer(1, () => ran.push('cancelled'));
    runtime.setTimer(1, () => ran.push('kept'));
    timer.cancel();
    timer.cancel();
    expect(runtime.pendingTimers).toBe(1);
    runtime.advanceBy(5);
    timer.cancel();
    expect(ran).toEqual(['kept']);
  });

  it('lets a timer cancel another one of the same time', () => {
    const runtime = new VirtualRuntime();
    const ran: string[] = [];
    runtime.setTimer(1, () => second.cancel());
    const second = runtime.setTimer(1, () => ran.push('second'));
    runtime.advanceBy(1);
    expect(ran).toEqual([]);
  });

  it('runs until idle: the clock shows the last timer', () => {
    const runtime = new VirtualRuntime();
    let left = 3;
    const again = (): void => {
      left -= 1;
      if (left > 0) runtime.setTimer(runtime.nowUs() + 10, again);
    };
    runtime.defer(again);
    expect(runtime.runUntilIdle()).toBe(true);
    expect([left, runtime.nowUs()]).toEqual([0, 20]);
  });

  it('gives up at the limit when something sets timers for ever', () => {
    const runtime = new VirtualRuntime();
    const again = (): void => void runtime.setTimer(runtime.nowUs() + 10, again);
    again();
    expect(runtime.runUntilIdle(95)).toBe(false);
    expect(runtime.nowUs()).toBe(95);
  });

  it('lets what a deferred function throws out of the crank, and keeps the rest', () => {
    const runtime = new VirtualRuntime();
    const ran: string[] = [];
    runtime.defer(() => {
      throw new Error('first');
    });
    runtime.defer(() => ran.push('rest'));
    expect(() => runtime.advanceBy(10)).toThrow('first');
    expect([runtime.nowUs(), ran]).toEqual([0, []]);
    runtime.advanceBy(0);
    expect(ran).toEqual(['rest']);
  });

  it('lets what a timer throws out of the crank at its time, and does not fire it again', () => {
    const runtime = new VirtualRuntime();
    const ran: string[] = [];
    runtime.setTimer(5, () => {
      throw new Error('timer');
    });
    runtime.setTimer(7, () => ran.push('rest'));
    expect(() => runtime.advanceBy(10)).toThrow('timer');
    expect([runtime.nowUs(), runtime.pendingTimers]).toEqual([5, 1]);
    runtime.advanceBy(10);
    expect(ran).toEqual(['rest']);
  });

  it('refuses a crank inside a crank, and goes on', () => {
    const runtime = new VirtualRuntime();
    const codes: unknown[] = [];
    runtime.defer(() => {
      for (const crank of [() => runtime.advanceBy(1), () => runtime.runUntilIdle()]) {
        try {
          crank();
        } catch (error) {
          codes.push((error as { code: unknown }).code);
        }
      }
    });
    runtime.advanceBy(0);
    expect(codes).toEqual(['ERR_INVALID_ARGUMENT', 'ERR_INVALID_ARGUMENT']);
    runtime.advanceBy(1);
    expect(runtime.nowUs()).toBe(1);
  });

  it.each([-1, NaN, Infinity])('refuses a span of %s', (us) => {
    const runtime = new VirtualRuntime();
    expect(() => runtime.advanceBy(us)).toThrow(/at least 0, got/);
    expect(() => runtime.runUntilIdle(us)).toThrow(/at least 0, got/);
    expect(() => runtime.setTimer(us === -1 ? NaN : us, () => {})).toThrow(/time in microseconds/);
  });

  it('gives out the same ids in each run', () => {
    expect([new VirtualRuntime().ids.take(), new VirtualRuntime().ids.take()]).toEqual([1, 1]);
  });

  it('settles promises that defer, and deferred functions that resolve promises', async () => {
    const runtime = new VirtualRuntime();
    const ran: string[] = [];
    const deferring = (): Promise<void> => new Promise((resolve) => runtime.defer(resolve));
    const user = async (): Promise<void> => {
      for (let i = 0; i < 3; i += 1) {
        await deferring();
        await Promise.resolve();
        ran.push(`turn ${i}`);
      }
    };
    void user();
    await runtime.settle();
    expect(ran).toEqual(['turn 0', 'turn 1', 'turn 2']);
    expect(runtime.nowUs()).toBe(0);
  });

  it('settles without time passing, except as asked: then promises run after each moment', async () => {
    const runtime = new VirtualRuntime();
    const ran: number[] = [];
    const sleep = (us: number): Promise<void> =>
      new Promise((resolve) => void runtime.setTimer(runtime.nowUs() + us, resolve));
    const user = async (): Promise<void> => {
      for (let i = 0; i < 3; i += 1) {
        await sleep(10);
        ran.push(runtime.nowUs());
      }
    };
    void user();
    await runtime.settle();
    expect(ran).toEqual([]);
    await runtime.settle(25);
    expect(ran).toEqual([10, 20]);
    expect(runtime.nowUs()).toBe(25);
  });
});
