// MockRing as hardware, without a scheduler: jobs here are plain objects. Its use under one is tested in test/sched.
import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/base/index.ts';
import { MockRing, VirtualRuntime } from '../../src/drivers/sim/index.ts';
import type { MockRingOptions, MockWork } from '../../src/drivers/sim/index.ts';
import { signalledFence } from '../../src/fence/index.ts';
import type { Fence } from '../../src/fence/index.ts';
import type { Job, ResetContext } from '../../src/sched/index.ts';

function setUp(options: Partial<MockRingOptions> = {}): {
  runtime: VirtualRuntime;
  mock: MockRing;
  run: (payload?: MockWork, ring?: number) => { job: Job<MockWork>; fence: Fence };
} {
  const runtime = new VirtualRuntime();
  const mock = new MockRing({ runtime, ...options });
  let lastId = 0;
  const run = (payload: MockWork = {}, ring = 0): { job: Job<MockWork>; fence: Fence } => {
    lastId += 1;
    const job = { id: lastId, label: `job ${lastId}`, payload, ring, attempt: 1 } as Job<MockWork>;
    return { job, fence: mock.runJob(job, ring) };
  };
  return { runtime, mock, run };
}

function resetOf(rings: number[], running: Job<MockWork>[] = []): ResetContext<MockWork> {
  return { guilty: [], running, rings, tries: 1, deadlineUs: 1000 };
}

const failure = new JobError('ERR_DRIVER', 'boom');

describe('a ring of MockRing', () => {
  it('executes jobs one after the other, each for its duration', () => {
    const { runtime, run } = setUp();
    const [a, b] = [run({ durationUs: 10 }), run({ durationUs: 5 })];
    runtime.runUntilIdle();
    expect([a.fence.signalledAtUs, b.fence.signalledAtUs]).toEqual([10, 15]);
  });

  it('counts the duration from submission where the ring was idle', () => {
    const { runtime, run } = setUp();
    run({ durationUs: 10 });
    runtime.advanceBy(100);
    const late = run({ durationUs: 10 });
    runtime.runUntilIdle();
    expect(late.fence.signalledAtUs).toBe(110);
  });

  it('executes on several rings at once', () => {
    const { runtime, run } = setUp({ rings: 2 });
    const [a, b] = [run({ durationUs: 10 }, 0), run({ durationUs: 10 }, 1)];
    runtime.advanceBy(10);
    expect([a.fence.status, b.fence.status]).toEqual(['ok', 'ok']);
    expect(a.fence.timeline.id).not.toBe(b.fence.timeline.id);
  });

  it('executes all jobs at once where it is not ordered', () => {
    const { runtime, run } = setUp({ ordered: false });
    const [long, short] = [run({ durationUs: 10 }), run({ durationUs: 5 })];
    runtime.runUntilIdle();
    expect([long.fence.signalledAtUs, short.fence.signalledAtUs]).toEqual([10, 5]);
    expect(long.fence.timeline.ordered).toBe(false);
  });

  it('waits for complete where a job has no duration, oldest start first over all rings', () => {
    const { mock, run } = setUp({ rings: 2 });
    const [a, b, c] = [run({}, 1), run({}, 0), run({}, 1)];
    expect(mock.complete(2)).toBe(2);
    expect([a, b, c].map((one) => one.fence.status)).toEqual(['ok', 'ok', 'pending']);
    expect(mock.complete(5)).toBe(1);
    expect(mock.complete(1)).toBe(0);
  });

  it('leaves jobs with a duration, and jobs that hang, to themselves on complete', () => {
    const { mock, run } = setUp({ rings: 2 });
    run({ durationUs: 10 }, 0);
    run({ hangs: true }, 1);
    expect(mock.complete(2)).toBe(0);
  });

  it('finishes one job on demand, ok or failed, also one that hangs', () => {
    const { mock, run } = setUp();
    const [a, b, c] = [run({ hangs: true }), run({ durationUs: 7 }), run()];
    expect(mock.finish(c.job)).toBe(false);
    expect(mock.finish(a.job)).toBe(true);
    expect(mock.finish(b.job, failure)).toBe(true);
    expect([a.fence.error, b.fence.error]).toEqual([null, failure]);
    expect(mock.jobsOn().map((job) => job.id)).toEqual([c.job.id]);
  });

  it('has begun the next job when a fence signals', () => {
    const { mock, run } = setUp();
    const [a, b] = [run(), run()];
    const executing: number[] = [];
    a.fence.addCallback(() => executing.push(...mock.jobsOn().map((job) => job.id)));
    mock.complete(1);
    expect(executing).toEqual([b.job.id]);
  });

  it.each([-1, NaN, Infinity])('refuses a duration of %s', (durationUs) => {
    const { run, mock } = setUp();
    expect(() => run({ durationUs })).toThrow(/durationUs: expected/);
    expect(mock.jobsOn()).toEqual([]);
  });

  it('refuses a ring that it does not have', () => {
    expect(() => setUp({ rings: 2 }).run({}, 2)).toThrow(/a ring from 0 to 1, got 2/);
    expect(() => setUp({ rings: 0 })).toThrow(/at least 1, got 0/);
  });
});

describe('an argument of MockRing', () => {
  it.each<[string, () => unknown]>([
    ['no options', () => new MockRing(undefined as never)],
    ['no runtime', () => new MockRing({} as never)],
    ['complete of NaN', () => setUp().mock.complete(NaN)],
    ['complete of -1', () => setUp().mock.complete(-1)],
    ['complete of nothing', () => setUp().mock.complete(undefined as never)],
    ['hang of NaN', () => setUp().mock.hang(NaN)],
    ['dropFence of a half', () => setUp().mock.dropFence(0.5)],
    ['failReset of -1', () => setUp().mock.failReset(-1)],
    ['failNext without end', () => setUp().mock.failNext(failure, Infinity)],
    ['throwNext of NaN', () => setUp().mock.throwNext('runJob', failure, NaN)],
    ['delayNext of Infinity', () => setUp().mock.delayNext(Infinity)],
  ])('that does not fit is refused: %s', (_, act) => {
    expect(act).toThrow(/^MockRing: .*expected/);
  });

  it('may be Infinity where it says how often', () => {
    const { mock, run } = setUp();
    mock.hang(Infinity);
    for (let i = 0; i < 3; i += 1) run({ durationUs: 1 });
    run();
    expect(mock.complete(Infinity)).toBe(0);
  });
});

describe('a fault of MockRing', () => {
  it('hang: the next jobs that begin never end by themselves', () => {
    const { runtime, mock, run } = setUp({ rings: 2 });
    const before = run({ durationUs: 5 }, 0);
    mock.hang();
    const [hung, after] = [run({ durationUs: 5 }, 1), run({ durationUs: 5 }, 0)];
    runtime.runUntilIdle();
    expect([before, hung, after].map((one) => one.fence.status)).toEqual(['ok', 'pending', 'ok']);
  });

  it('failNext: the next jobs fail when they end', () => {
    const { runtime, mock, run } = setUp();
    mock.failNext(failure);
    mock.failNext();
    const all = [run({ durationUs: 5 }), run({ durationUs: 5 }), run({ durationUs: 5 })];
    runtime.runUntilIdle();
    expect(all.map((one) => one.fence.error?.message)).toEqual([
      'boom',
      'MockRing: the hardware failed',
      undefined,
    ]);
  });

  it('a payload says the same for each attempt', () => {
    const { runtime, run } = setUp();
    const failed = run({ durationUs: 5, error: failure });
    const hung = run({ durationUs: 5, hangs: true });
    runtime.runUntilIdle();
    expect(failed.fence.error).toBe(failure);
    expect(hung.fence.status).toBe('pending');
  });

  it('dropFence: the ring goes on and nobody is told, until the completion comes late', () => {
    const { runtime, mock, run } = setUp();
    mock.dropFence();
    const [lost, next] = [run({ durationUs: 5 }), run({ durationUs: 5 })];
    runtime.runUntilIdle();
    expect([lost.fence.status, next.fence.status]).toEqual(['pending', 'ok']);
    expect(mock.completeLate(lost.job)).toBe(1);
    expect(mock.completeLate(lost.job)).toBe(0);
    expect(lost.fence.status).toBe('ok');
  });

  it('delayNext: the next job takes longer', () => {
    const { runtime, mock, run } = setUp();
    mock.delayNext(100);
    const [slow, next] = [run({ durationUs: 5 }), run({ durationUs: 5 })];
    runtime.runUntilIdle();
    expect([slow.fence.signalledAtUs, next.fence.signalledAtUs]).toEqual([105, 110]);
  });

  it('throwNext: the next call of that hook throws and does nothing else', () => {
    const { mock, run } = setUp();
    mock.throwNext('runJob', failure);
    expect(() => run()).toThrow(failure);
    expect(mock.jobsOn()).toEqual([]);
    expect(run().fence.status).toBe('pending');
    expect(mock.idsOf('runJob')).toEqual([1, 2]);
  });

  it('prepareNext: prepareJob returns these fences, then null', () => {
    const { runtime, mock, run } = setUp();
    const { job } = run();
    const fence = signalledFence(runtime);
    expect(mock.prepareJob(job)).toBeNull();
    mock.prepareNext(fence);
    expect([mock.prepareJob(job), mock.prepareJob(job)]).toEqual([fence, null]);
  });

  it('unplug: nothing signals any more and runJob throws', () => {
    const { runtime, mock, run } = setUp();
    const { fence } = run({ durationUs: 5 });
    mock.unplug();
    expect(runtime.runUntilIdle()).toBe(true);
    expect(fence.status).toBe('pending');
    expect(() => run()).toThrow(/unplugged/);
  });
});

describe('a reset of MockRing', () => {
  it('takes everything off every ring, leaves fences unsignalled, and cancels the timers', () => {
    const { runtime, mock, run } = setUp({ rings: 2 });
    const [a, b] = [run({ durationUs: 5 }, 0), run({ durationUs: 5 }, 1)];
    expect(mock.reset(resetOf([0], [a.job]))).toBeUndefined();
    expect(runtime.pendingTimers).toBe(0);
    expect([a.fence.status, b.fence.status]).toEqual(['pending', 'pending']);
    expect(mock.calls.at(-1)).toEqual({
      hook: 'reset',
      job: null,
      ring: null,
      attempt: 0,
      atUs: 0,
      reset: { guilty: [], running: [a.job.id], rings: [0], tries: 1 },
    });
  });

  it('takes only the named rings with the scope ring', () => {
    const { runtime, mock, run } = setUp({ rings: 2, resetScope: 'ring' });
    const [kept, taken] = [run({ durationUs: 5 }, 0), run({ durationUs: 5 }, 1)];
    mock.reset(resetOf([1]));
    runtime.runUntilIdle();
    expect([kept.fence.status, taken.fence.status]).toEqual(['ok', 'pending']);
  });

  it('puts fences made afterwards on a new timeline, so that late ones are in nobody’s order', () => {
    const { mock, run } = setUp();
    const before = run();
    mock.reset(resetOf([0]));
    expect(run().fence.timeline.id).not.toBe(before.fence.timeline.id);
    expect(mock.completeLate(before.job)).toBe(1);
  });

  it('completes late the earlier attempt of a job that runs again, and only that', () => {
    const { mock, run } = setUp();
    const { job, fence } = run();
    mock.reset(resetOf([0]));
    const again = mock.runJob(job, 0);
    expect(mock.completeLate(job)).toBe(1);
    expect([fence.status, again.status]).toEqual(['ok', 'pending']);
  });

  it('takes resetUs, and signals its fence then', () => {
    const { runtime, mock } = setUp();
    mock.resetUs = 50;
    const done = mock.reset(resetOf([0])) as Fence;
    runtime.advanceBy(49);
    expect(done.status).toBe('pending');
    runtime.advanceBy(1);
    expect(done.status).toBe('ok');
  });

  it('fails as often as failReset says, at once or with its fence', () => {
    const { runtime, mock } = setUp();
    mock.failReset(2);
    expect(() => mock.reset(resetOf([0]))).toThrow(/the reset failed/);
    mock.resetUs = 50;
    const failed = mock.reset(resetOf([0])) as Fence;
    const well = mock.reset(resetOf([0])) as Fence;
    runtime.runUntilIdle();
    expect([failed.status, well.status]).toEqual(['failed', 'ok']);
  });
});

describe('cancelJob of MockRing', () => {
  it('ends a job that executes, also one that hangs', () => {
    const { runtime, mock, run } = setUp();
    const { job, fence } = run({ durationUs: 5, hangs: true });
    mock.cancelJob(job);
    expect(fence.error?.code).toBe('ERR_JOB_CANCELLED');
    expect(runtime.pendingTimers).toBe(0);
  });

  it('ends a job that waits when its turn comes, so that fences stay in order', () => {
    const { mock, run } = setUp();
    const [first, second, third] = [run(), run(), run()];
    const order: number[] = [];
    for (const { fence, job } of [first, second, third]) {
      fence.addCallback(() => order.push(job.id));
    }
    mock.cancelJob(second.job);
    expect(second.fence.status).toBe('pending');
    mock.complete(1);
    expect(second.fence.error?.code).toBe('ERR_JOB_CANCELLED');
    mock.complete(1);
    expect(order).toEqual([1, 2, 3]);
  });

  it('does nothing where it is told to ignore it, or where the job is not on a ring', () => {
    const { mock, run } = setUp();
    const { job, fence } = run();
    mock.ignoresCancel = true;
    mock.cancelJob(job);
    expect(fence.status).toBe('pending');
    mock.ignoresCancel = false;
    mock.finish(job);
    mock.cancelJob(job);
    expect(fence.status).toBe('ok');
  });
});

describe('the record of MockRing', () => {
  it('keeps every call of a hook with job, ring, attempt and time', () => {
    const { runtime, mock, run } = setUp({ rings: 2 });
    runtime.advanceBy(3);
    const { job } = run({}, 1);
    mock.timedOut(job);
    mock.capture(job);
    mock.freeJob(job);
    expect(mock.calls.map((call) => call.hook)).toEqual([
      'runJob',
      'timedOut',
      'capture',
      'freeJob',
    ]);
    expect(mock.calls[0]).toEqual({ hook: 'runJob', job: 1, ring: 1, attempt: 1, atUs: 3 });
  });

  it('counts freeJob per job', () => {
    const { mock, run } = setUp();
    const { job } = run();
    expect(mock.freedCount(job)).toBe(0);
    mock.freeJob(job);
    mock.freeJob(job);
    expect(mock.freedCount(job)).toBe(2);
  });

  it('answers timeouts with its verdict', () => {
    const { mock, run } = setUp();
    const { job } = run();
    expect(mock.timedOut(job)).toBe('reset');
    mock.verdict = 'gone';
    expect(mock.timedOut(job)).toBe('gone');
  });

  it('makes a driver that lacks hooks', () => {
    const { mock } = setUp({ resetScope: 'ring' });
    const bare = mock.without(
      'reset',
      'timedOut',
      'cancelJob',
      'freeJob',
      'capture',
      'prepareJob',
      'nextSlice',
    );
    expect(Object.keys(bare).sort()).toEqual(['interruptWaits', 'ordered', 'resetScope', 'runJob']);
    expect(Object.keys(mock.without('capture'))).toContain('reset');
  });
});
