// When a running job is past its deadline, and what the driver may answer (T1, T2). What a reset then does: reset.test.ts.
import { describe, expect, it } from 'vitest';
import { MockRing, VirtualRuntime } from '../../src/drivers/sim/index.ts';
import type { Runtime } from '../../src/events/index.ts';
import { ResourcePool, Scheduler } from '../../src/sched/index.ts';
import type { Verdict } from '../../src/sched/index.ts';
import { eventsOf, oneDomain, outcome, outcomes, pendingFence, setUp } from './fixture.ts';
import type { MockJob } from './fixture.ts';

const timedOutAt = (env: ReturnType<typeof setUp>): number[] =>
  env.mock.calls.filter((call) => call.hook === 'timedOut').map((call) => call.atUs);

describe('the timer of a scheduler', () => {
  it.each(['cancel', 'kill'])('T1: is taken back where a blocked job is over after a %s', (how) => {
    const env = setUp();
    const gate = pendingFence(env.runtime);
    const entity = env.scheduler.createEntity();
    const job = entity.submit({}, { after: [gate.fence], dependencyTimeoutMs: 60_000 });
    env.runtime.advanceBy(10);
    if (how === 'cancel') job.cancel();
    else entity.kill();
    env.runtime.advanceBy(10);
    gate.signal();
    env.runtime.advanceBy(10);
    expect([job.state, env.runtime.pendingTimers]).toEqual(['finished', 0]);
  });
});

describe('a run timeout', () => {
  it('T1: ends a job that executes for too long', () => {
    const env = setUp({ runTimeoutMs: 5 });
    const job = env.scheduler.createEntity().submit({ hangs: true });
    env.runtime.advanceBy(4999);
    expect(outcome(job)).toBe('pending');
    env.runtime.advanceBy(1);
    expect([outcome(job), timedOutAt(env)]).toEqual(['ERR_JOB_TIMEOUT', [5000]]);
    expect(job.scheduled.status).toBe('ok');
  });

  it('T1: does not touch a job that ends in time', () => {
    const env = setUp({ runTimeoutMs: 5 });
    const job = env.scheduler.createEntity().submit({ durationUs: 4999 });
    env.runtime.runUntilIdle();
    expect([outcome(job), timedOutAt(env)]).toEqual(['ok', []]);
  });

  it('T2: at the very moment of a completion gives one outcome, and frees the job once', () => {
    const env = setUp({ runTimeoutMs: 5 });
    const entity = env.scheduler.createEntity();
    const [job, next] = [entity.submit({ durationUs: 5000 }), entity.submit({ durationUs: 10 })];
    env.runtime.runUntilIdle();
    expect(['ok', 'ERR_JOB_TIMEOUT']).toContain(outcome(job));
    expect([outcome(next), env.mock.freedCount(job), env.mock.freedCount(next)]).toEqual([
      'ok',
      1,
      1,
    ]);
  });

  it('T1: of the job goes before that of the scheduler; Infinity is none', () => {
    const env = setUp({ runTimeoutMs: 5, rings: 2 });
    const short = env.scheduler.createEntity().submit({}, { runTimeoutMs: 2 });
    const never = env.scheduler.createEntity().submit({}, { runTimeoutMs: Infinity });
    env.runtime.advanceBy(0);
    env.mock.finish(never);
    env.runtime.advanceBy(3000);
    expect(timedOutAt(env)).toEqual([2000]);
    expect(outcome(short)).toBe('ERR_JOB_TIMEOUT');
    const alone = env.scheduler.createEntity().submit({}, { runTimeoutMs: Infinity });
    env.runtime.advanceBy(1e9);
    expect(outcome(alone)).toBe('pending');
    expect(env.runtime.pendingTimers).toBe(0);
  });

  it('T1: is none by default', () => {
    const env = setUp();
    const job = env.scheduler.createEntity().submit({ hangs: true });
    env.runtime.advanceBy(1e12);
    expect([outcome(job), env.runtime.pendingTimers]).toEqual(['pending', 0]);
  });

  it('T1: counts from the start of execution, not from the submission to the ring', () => {
    const env = setUp({ runTimeoutMs: 5 });
    const [first, second] = [1, 2].map(() =>
      env.scheduler.createEntity().submit({ durationUs: 4000 }),
    );
    env.runtime.runUntilIdle();
    expect([outcome(first!), outcome(second!), timedOutAt(env)]).toEqual(['ok', 'ok', []]);
  });

  it('T1: is each job’s own where a ring keeps no order', () => {
    const env = setUp({ credits: 4, mock: { ordered: false } });
    const submit = (runTimeoutMs: number): MockJob =>
      env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs });
    env.mock.verdict = 'fail';
    const jobs = [submit(Infinity), submit(30), submit(10)];
    env.runtime.advanceBy(15_000);
    jobs.push(submit(5));
    env.runtime.advanceBy(30_000);
    expect(timedOutAt(env)).toEqual([10_000, 20_000, 30_000]);
    expect(jobs.map((job) => job.finished.signalledAtUs)).toEqual([null, 30_000, 10_000, 20_000]);
  });

  it('T1, T4: is past for every job whose own is, where a reset of an unordered ring begins', () => {
    const env = setUp({ credits: 4, mock: { ordered: false } });
    const [a, b, c] = [10, 10, 20].map((runTimeoutMs) =>
      env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs }),
    );
    env.runtime.runUntilIdle();
    expect(outcomes([a!, b!, c!])).toEqual(['ERR_JOB_TIMEOUT', 'ERR_JOB_TIMEOUT', 'ERR_JOB_RESET']);
    expect(env.scheduler.stats().resets).toBe(1);
  });

  it('T1, T2: is judged by a timer that comes late, of all that are past theirs on an unordered ring', () => {
    const virtual = new VirtualRuntime();
    const runtime: Runtime = {
      nowUs: () => virtual.nowUs(),
      defer: (fn) => virtual.defer(fn),
      setTimer: (atUs, fn) => virtual.setTimer(Math.max(atUs, virtual.nowUs()) + 500, fn),
    };
    const driver = new MockRing({ runtime: virtual, ordered: false });
    driver.verdict = 'fail';
    const scheduler = new Scheduler({ label: 'late', driver, runtime, credits: 4 });
    const [hung, slow] = [{ hangs: true }, { durationUs: 10_700 }].map((work) =>
      scheduler.createEntity().submit(work, { runTimeoutMs: 10 }),
    );
    virtual.runUntilIdle();
    expect(outcomes([hung!, slow!])).toEqual(['ERR_JOB_TIMEOUT', 'ERR_JOB_TIMEOUT']);
    expect(slow!.finished.signalledAtUs).toBe(10_500);
  });

  it('T1: starts anew where a ring keeps no order, after no-hang', () => {
    const env = setUp({ credits: 4, mock: { ordered: false }, noHangLimit: 1 });
    env.mock.verdict = 'no-hang';
    const job = env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 10 });
    env.scheduler.createEntity().submit({ durationUs: 50_000 });
    env.runtime.runUntilIdle();
    expect([timedOutAt(env), job.finished.signalledAtUs]).toEqual([[10_000, 20_000], 20_000]);
  });

  it('T1: of a pipelined job counts from the end of its predecessor', () => {
    const env = setUp({ runTimeoutMs: 5 });
    env.scheduler.createEntity().submit({ durationUs: 4000 });
    const job = env.scheduler.createEntity().submit({ hangs: true });
    env.runtime.runUntilIdle();
    expect([outcome(job), timedOutAt(env)]).toEqual(['ERR_JOB_TIMEOUT', [9000]]);
  });

  it('T1: is not postponed by later submissions', () => {
    const env = setUp({ runTimeoutMs: 5 });
    const entity = env.scheduler.createEntity();
    env.scheduler.createEntity().submit({ hangs: true });
    for (let i = 0; i < 4; i += 1) {
      env.runtime.advanceBy(1000);
      entity.submit({ durationUs: 1 });
    }
    env.runtime.advanceBy(2000);
    expect(timedOutAt(env)).toEqual([5000]);
  });

  it('T1: does not count while suspended, and goes on where it was when resumed', () => {
    const env = setUp({ runTimeoutMs: 5 });
    const job = env.scheduler.createEntity().submit({ hangs: true });
    env.runtime.advanceBy(2000);
    env.scheduler.suspendTimeouts();
    env.runtime.advanceBy(100_000);
    expect(outcome(job)).toBe('pending');
    env.scheduler.resumeTimeouts();
    env.runtime.advanceBy(2999);
    expect(outcome(job)).toBe('pending');
    env.runtime.advanceBy(1);
    expect(outcome(job)).toBe('ERR_JOB_TIMEOUT');
  });

  it('T1: is met at its moment, however the time that the clock stood still is rounded', () => {
    const env = setUp({ runTimeoutMs: 16.1 });
    const job = env.scheduler.createEntity().submit({ hangs: true });
    env.runtime.advanceBy(0);
    env.scheduler.suspendTimeouts();
    env.runtime.advanceBy(300);
    env.scheduler.resumeTimeouts();
    env.runtime.advanceBy(16_101);
    expect(outcome(job)).toBe('ERR_JOB_TIMEOUT');
  });

  it('T1: of a job that begins to execute as others expire is its own', () => {
    const pool = new ResourcePool({ label: 'ids', slots: 1 });
    const env = setUp({ runTimeoutMs: 1 });
    const other = setUp({ runtime: env.runtime });
    other.scheduler.createEntity().submit({ durationUs: 5000 }, { resources: [{ pool }] });
    env.runtime.advanceBy(0);
    const resources = [{ pool }];
    const waits = env.scheduler.createEntity().submit({}, { queueTimeoutMs: 1, resources });
    const entity = env.scheduler.createEntity();
    const [first, second] = [entity.submit({}), entity.submit({ durationUs: 500 })];
    waits.finished.addCallback(() => env.mock.finish(first));
    env.runtime.runUntilIdle();
    expect(outcomes([waits, first, second])).toEqual(['ERR_QUEUE_TIMEOUT', 'ok', 'ok']);
    expect(second.finished.signalledAtUs).toBe(1500);
  });

  it('T1: of an attempt that runs again starts anew', () => {
    const env = setUp({ runTimeoutMs: 5 });
    env.scheduler.createEntity().submit({ hangs: true });
    const again = env.scheduler.createEntity().submit({ durationUs: 4000 });
    env.runtime.runUntilIdle();
    expect([outcome(again), again.attempt, timedOutAt(env)]).toEqual(['ok', 2, [5000]]);
  });
});

describe('the verdict', () => {
  it('T2: is reported, and counted', () => {
    const env = setUp({ runTimeoutMs: 5 });
    const job = env.scheduler.createEntity({ client: 7 }).submit({ hangs: true });
    env.runtime.runUntilIdle();
    expect(eventsOf(env.events, 'timeout')).toEqual([
      {
        type: 'timeout',
        atUs: 5000,
        fence: [job.finished.timeline.id, job.finished.seqno],
        client: 7,
        ring: 0,
        verdict: 'reset',
      },
    ]);
    expect(env.scheduler.stats()).toMatchObject({ timeouts: 1, resets: 1 });
  });

  it('T2: no-hang gives the job back and starts its clock anew', () => {
    const env = setUp({ runTimeoutMs: 5 });
    env.mock.verdict = 'no-hang';
    const job = env.scheduler.createEntity().submit({ durationUs: 12_000 });
    env.runtime.runUntilIdle();
    expect([outcome(job), timedOutAt(env)]).toEqual(['ok', [5000, 10_000]]);
    expect(env.mock.idsOf('reset')).toEqual([]);
    expect(env.mock.freedCount(job)).toBe(1);
  });

  it('T2: no-hang is believed noHangLimit times, then it is a reset', () => {
    const env = setUp({ runTimeoutMs: 5, noHangLimit: 3 });
    env.mock.verdict = 'no-hang';
    const job = env.scheduler.createEntity().submit({ hangs: true });
    env.runtime.runUntilIdle();
    expect(outcome(job)).toBe('ERR_JOB_TIMEOUT');
    expect(job.finished.signalledAtUs).toBe(20_000);
    expect(env.scheduler.stats().resets).toBe(1);
  });

  it('T2: no-hang is believed 10 times by default', () => {
    const env = setUp({ runTimeoutMs: 5 });
    env.mock.verdict = 'no-hang';
    const job = env.scheduler.createEntity().submit({ hangs: true });
    env.runtime.runUntilIdle();
    expect(job.finished.signalledAtUs).toBe(55_000);
  });

  it('T2, T6: of what waits for its driver nothing is counted, and nobody is blamed', () => {
    const verdicts: Verdict[] = ['waits', 'waits', 'waits', 'waits', 'no-hang', 'reset'];
    const env = setUp({
      runTimeoutMs: 5,
      noHangLimit: 1,
      driver: (mock) => ({ ...mock.without(), timedOut: () => verdicts.shift() ?? 'reset' }),
    });
    const entity = env.scheduler.createEntity();
    const job = entity.submit({ durationUs: 22_000 });
    env.runtime.runUntilIdle();
    expect([outcome(job), entity.stats().karma]).toEqual(['ok', 0]);
    expect(eventsOf(env.events, 'timeout').map((event) => event.verdict)).toEqual(
      Array(4).fill('no-hang'),
    );
  });

  it.each(['no-hang', 'reset'] as const)(
    'T2: a job that completes while timedOut is asked is completed under %s, or blamed once',
    (verdict) => {
      const env = setUp({
        runTimeoutMs: 5,
        driver: (mock) => ({
          ...mock.without(),
          timedOut: (job) => {
            mock.finish(job);
            return verdict;
          },
        }),
      });
      const entity = env.scheduler.createEntity();
      const [job, next] = [entity.submit({ hangs: true }), entity.submit({ durationUs: 5 })];
      env.runtime.runUntilIdle();
      expect(outcome(job)).toBe(verdict === 'no-hang' ? 'ok' : 'ERR_JOB_TIMEOUT');
      // The hardware went on to the next one in the hook: under a reset that one had begun.
      expect(outcome(next)).toBe(verdict === 'no-hang' ? 'ok' : 'ERR_JOB_RESET');
      expect(env.mock.freedCount(job)).toBe(1);
    },
  );

  it('T2: is reset where the driver has no timedOut', () => {
    const env = setUp({ runTimeoutMs: 5, driver: (mock) => mock.without('timedOut') });
    const job = env.scheduler.createEntity().submit({ hangs: true });
    env.runtime.runUntilIdle();
    expect([outcome(job), env.scheduler.stats().resets]).toEqual(['ERR_JOB_TIMEOUT', 1]);
  });

  it('D2: is reset where timedOut throws', () => {
    const env = setUp({ runTimeoutMs: 5 });
    env.mock.throwNext('timedOut');
    const job = env.scheduler.createEntity().submit({ hangs: true });
    env.runtime.runUntilIdle();
    expect([outcome(job), env.scheduler.stats().resets]).toEqual(['ERR_JOB_TIMEOUT', 1]);
  });

  it('T2: gone fails everything', () => {
    const env = setUp({ runTimeoutMs: 5, credits: 1 });
    env.mock.verdict = 'gone';
    const jobs = [1, 2].map(() => env.scheduler.createEntity().submit({ hangs: true }));
    env.runtime.runUntilIdle();
    expect(outcomes(jobs)).toEqual(['ERR_DEVICE_GONE', 'ERR_DEVICE_GONE']);
    expect(env.mock.calls.filter((call) => call.hook === 'reset')).toEqual([]);
  });

  it('T2: without a reset hook the job’s fences fail on time, and the others go on', () => {
    const env = setUp({ runTimeoutMs: 5, rings: 2, driver: (mock) => mock.without('reset') });
    const job = env.scheduler.createEntity().submit({ hangs: true });
    const other = env.scheduler.createEntity().submit({ durationUs: 9000 }, { runTimeoutMs: 100 });
    env.runtime.runUntilIdle();
    expect([outcome(job), job.finished.signalledAtUs]).toEqual(['ERR_JOB_TIMEOUT', 5000]);
    expect([outcome(other), other.attempt]).toEqual(['ok', 1]);
  });

  it('T2, J11: without a reset hook it is no reset of another device of the domain, either', () => {
    const make = oneDomain();
    const gfx = make('gfx', { mock: { resetScope: 'ring' } });
    const ringOnly = make('copy', {
      credits: 1,
      mock: { resetScope: 'ring' },
      driver: (mock) => mock.without('reset'),
    });
    gfx.mock.resetUs = 10_000;
    gfx.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    const late = ringOnly.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 2 });
    const other = ringOnly.scheduler.createEntity();
    const behind = other.submit({ durationUs: 100 }, { runTimeoutMs: 5 });
    gfx.runtime.advanceBy(30_000);
    expect([outcome(late), late.finished.signalledAtUs, late.retired]).toEqual([
      'ERR_JOB_TIMEOUT',
      2000,
      false,
    ]);
    expect([behind.state, other.stats().karma]).toEqual(['queued', 0]);
    expect(ringOnly.scheduler.stats()).toMatchObject({ resets: 0, rings: [{ hung: true }] });
  });

  it('T2: fail ends the job on time without a reset, and its ring is hung until the hardware is done', () => {
    const env = setUp({ runTimeoutMs: 5, credits: 2 });
    env.mock.verdict = 'fail';
    const entity = env.scheduler.createEntity();
    const job = entity.submit({});
    const next = env.scheduler.createEntity().submit({ durationUs: 1000 });
    env.runtime.advanceBy(5000);
    expect([outcome(job), job.retired, outcome(next)]).toEqual([
      'ERR_JOB_TIMEOUT',
      false,
      'pending',
    ]);
    expect(env.scheduler.stats().rings[0]).toMatchObject({ hung: true, creditsUsed: 2 });
    env.runtime.advanceBy(20_000);
    expect(outcome(next), 'nobody is blamed for waiting behind it').toBe('pending');
    env.mock.finish(job);
    env.runtime.runUntilIdle();
    expect([job.retired, outcome(next), env.scheduler.stats().rings[0]?.hung]).toEqual([
      true,
      'ok',
      false,
    ]);
    expect([entity.stats().busyUs, entity.stats().karma], 'S11: whose job hung pays').toEqual([
      25_000, 1,
    ]);
    expect(env.mock.calls.filter((call) => call.hook === 'reset')).toEqual([]);
  });

  it('S11: the time for which a ring was hung counts for the share of who hung it', () => {
    for (const hungMs of [0, 50]) {
      const { scheduler, runtime, mock } = setUp({ runTimeoutMs: 5, credits: 1 });
      mock.verdict = 'fail';
      const [hangs, other] = [scheduler.createEntity(), scheduler.createEntity()];
      const job = hangs.submit(hungMs === 0 ? { durationUs: 1000 } : {});
      for (let i = 0; i < 100; i += 1) {
        hangs.submit({ durationUs: 1000 });
        other.submit({ durationUs: 1000 });
      }
      runtime.advanceBy(hungMs === 0 ? 1000 : hungMs * 1000);
      mock.finish(job);
      const before = hangs.stats().busyUs;
      runtime.advanceBy(40_000);
      const served = hangs.stats().busyUs - before;
      if (hungMs === 0) expect(Math.abs(served - 20_000)).toBeLessThanOrEqual(2000);
      else expect(served).toBe(0);
    }
  });
});
