// Known hazards of the kernel's scheduler, by the numbers of docs/kernel-differences.md: timeouts, resets, teardown and what
// outlives it. Each test sets up what goes wrong there. Shares, wake-ups and dependencies: hazards.test.ts.
import { describe, expect, it } from 'vitest';
import type { Fence } from '../../src/fence/index.ts';
import { Entity } from '../../src/sched/index.ts';
import type { CrashReport, Driver } from '../../src/sched/index.ts';
import type { MockRing, MockWork } from '../../src/drivers/sim/index.ts';
import { cranked, eventsOf, idsOf, outcome, outcomes } from '../sched/fixture.ts';
import { pendingFence, setUp, signalsOf, thrownBy } from '../sched/fixture.ts';
import type { MockJob, SetUp, SetUpOptions } from '../sched/fixture.ts';

/** The mock ring with `timedOut` replaced; without a reset where told so. */
function withTimedOut(
  timedOut: (job: MockJob, mock: MockRing) => 'no-hang' | 'reset' | 'gone',
  ...missing: 'reset'[]
): NonNullable<SetUpOptions['driver']> {
  return (mock): Driver<MockWork> => ({
    ...mock.without(...missing),
    timedOut: (job) => timedOut(job, mock),
  });
}

const freed = (env: SetUp, jobs: readonly MockJob[]): number[] =>
  jobs.map((job) => env.mock.freedCount(job));

describe('teardown', () => {
  for (const hooks of [[], ['cancelJob']] as const) {
    const how = hooks.length === 0 ? 'that can cancel' : 'without cancelJob';
    it(`H-8, D3: frees every job once, pending ones included, with a driver ${how}`, async () => {
      const env = setUp({ driver: (mock) => mock.without(...hooks) });
      const jobs = [0, 1, 2, 3].map(() => env.scheduler.createEntity().submit({ durationUs: 100 }));
      env.runtime.advanceBy(50);
      await cranked(env.runtime, env.scheduler.close({ mode: 'kill' }));
      expect(new Set(outcomes(jobs))).toEqual(new Set(['ERR_SCHEDULER_CLOSED']));
      env.runtime.runUntilIdle();
      expect(freed(env, jobs)).toEqual([1, 1, 1, 1]);
    });
  }

  it('H-8, J11: frees what never ends on the hardware when the device is removed', async () => {
    const env = setUp({ driver: (mock) => mock.without('cancelJob') });
    const jobs = [0, 1].map(() => env.scheduler.createEntity().submit({ hangs: true }));
    env.runtime.advanceBy(0);
    await cranked(env.runtime, env.scheduler.close({ mode: 'kill' }));
    expect(freed(env, jobs)).toEqual([0, 0]);
    env.scheduler.removeDevice();
    env.runtime.advanceBy(0);
    expect(freed(env, jobs)).toEqual([1, 1]);
  });

  it('H-8, E6: leaves an entity that outlives its scheduler usable for questions and for its own end', async () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    const job = entity.submit({ durationUs: 100 });
    runtime.runUntilIdle();
    await cranked(runtime, scheduler.close());
    expect(thrownBy(() => entity.submit({}))).toBe('ERR_CLOSED');
    expect([entity.queued, entity.stats().completed, outcome(job)]).toEqual([0, 1, 'ok']);
    await expect(entity.flush()).resolves.toBe(true);
    await cranked(runtime, entity.close());
    entity.kill();
  });

  it('H-16, F6: leaves fences with their names and outcomes, also those that signalled long before', async () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity({ label: 'client' });
    const jobs = [entity.submit({ durationUs: 100 }), entity.submit({ hangs: true })];
    const fences = jobs.flatMap((job) => [job.scheduled, job.finished]);
    runtime.advanceBy(200);
    await cranked(runtime, entity.close({ flushMs: 0 }));
    await cranked(runtime, scheduler.close({ mode: 'kill' }));
    scheduler.removeDevice();
    runtime.advanceBy(0);
    for (const fence of fences) {
      expect(fence.timeline).toMatchObject({ driver: 'test', label: 'client' });
      expect(fence.signalledAtUs).not.toBeNull();
    }
    expect(fences.map((fence) => fence.seqno)).toEqual([1, 1, 2, 2]);
    expect(fences.map(outcome)).toEqual(['ok', 'ok', 'ok', 'ERR_SCHEDULER_CLOSED']);
  });

  it('H-18, E6: of an entity may come twice, in any order', async () => {
    const { scheduler, runtime, mock } = setUp();
    const entity = scheduler.createEntity();
    const job = entity.submit({ durationUs: 100 });
    runtime.advanceBy(0);
    entity.kill();
    entity.kill();
    await cranked(runtime, Promise.all([entity.close(), entity.close()]), 2_000_000);
    entity.kill();
    expect([outcome(job), mock.freedCount(job), scheduler.stats().entities]).toEqual(['ok', 1, 0]);
  });
});

describe('a timeout', () => {
  it('H-10, T2: that was none, of a job that completes while its driver is asked, completes the job', () => {
    const env = setUp({
      driver: withTimedOut((job, mock) => {
        mock.finish(job);
        return 'no-hang';
      }),
    });
    const entity = env.scheduler.createEntity();
    const job = entity.submit({}, { runTimeoutMs: 1 });
    const next = entity.submit({ durationUs: 10 });
    env.runtime.runUntilIdle();
    expect(outcomes([job, next])).toEqual(['ok', 'ok']);
    expect([env.scheduler.stats().resets, ...freed(env, [job, next])]).toEqual([0, 1, 1]);
  });

  it('H-10, T2: that was none gives the job back, whatever comes after', () => {
    const env = setUp();
    env.mock.verdict = 'no-hang';
    const job = env.scheduler.createEntity().submit({}, { runTimeoutMs: 1 });
    env.runtime.advanceBy(2500);
    expect([job.state, env.mock.idsOf('timedOut').length]).toEqual(['running', 2]);
    env.mock.finish(job);
    env.runtime.runUntilIdle();
    expect([outcome(job), ...freed(env, [job])]).toEqual(['ok', 1]);
  });

  for (const verdict of ['no-hang', 'reset'] as const) {
    for (const missing of [[], ['reset']] as const) {
      const driver = missing.length === 0 ? 'with' : 'without';
      it(`H-11, T2: answered ${verdict} by a hook that also reports a fault ends the job once, ${driver} a reset`, () => {
        const env = setUp({
          driver: withTimedOut(
            (job) => {
              env.scheduler.fault(job);
              return verdict;
            },
            ...missing,
          ),
        });
        const hardware = signalsOfHardware(env);
        const job = env.scheduler.createEntity().submit({}, { runTimeoutMs: 1 });
        const ends: string[] = [];
        job.finished.addCallback((fence) => void ends.push(outcome(fence)));
        env.runtime.advanceBy(5000);
        expect(ends).toEqual(['ERR_JOB_TIMEOUT']);
        expect(env.scheduler.stats().resets).toBe(missing.length === 0 ? 1 : 0);
        if (missing.length > 0) env.mock.finish(job);
        env.runtime.runUntilIdle();
        expect([job.retired, ...freed(env, [job])]).toEqual([true, 1]);
        // The driver's own callback on its fence is still there, whatever happened to the scheduler's.
        expect(hardware).toEqual(missing.length > 0 ? ['ok'] : []);
      });
    }
  }

  it('H-11, T2: after which the hook still uses the hardware fence keeps what the hook put there', () => {
    const told: string[] = [];
    const env = setUp({
      driver: withTimedOut((job) => {
        env.scheduler.fault(job);
        hardware?.addCallback(() => void told.push('hardware'));
        return 'reset';
      }, 'reset'),
    });
    let hardware: Fence | null = null;
    const runJob = env.mock.runJob.bind(env.mock);
    env.mock.runJob = (job, ring) => (hardware = runJob(job, ring));
    const job = env.scheduler.createEntity().submit({}, { runTimeoutMs: 1 });
    env.runtime.advanceBy(5000);
    env.mock.finish(job);
    env.runtime.runUntilIdle();
    expect(told).toEqual(['hardware']);
    expect([job.retired, ...freed(env, [job])]).toEqual([true, 1]);
  });

  it('H-12, T4: recovers a job whose completion was lost', () => {
    const { scheduler, runtime, mock } = setUp();
    mock.dropFence();
    const entity = scheduler.createEntity();
    const lost = entity.submit({ durationUs: 100 }, { runTimeoutMs: 1 });
    const next = entity.submit({ durationUs: 100 });
    runtime.runUntilIdle();
    expect(outcomes([lost, next])).toEqual(['ERR_JOB_TIMEOUT', 'ok']);
  });

  it('H-12, T4: runs again what had not begun, fails what had, and names no kernel work guilty', () => {
    const { scheduler, runtime, mock } = setUp({ rings: 2, credits: 2 });
    const hung = scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    runtime.advanceBy(0);
    const begun = scheduler.createEntity({ priority: 'kernel' }).submit({ durationUs: 5000 });
    runtime.advanceBy(0);
    const waiting = [0, 1].map(() => scheduler.createEntity().submit({ durationUs: 100 }));
    runtime.runUntilIdle();
    expect([hung, begun].map(outcome)).toEqual(['ERR_JOB_TIMEOUT', 'ERR_JOB_RESET']);
    expect(outcomes(waiting)).toEqual(['ok', 'ok']);
    expect(waiting.map((job) => job.attempt)).toEqual([2, 2]);
    expect(mock.calls.find((call) => call.hook === 'reset')?.reset?.guilty).toEqual([hung.id]);
  });

  it('H-12, T6: brings nothing of a banned client back, and makes one reset of it', () => {
    const { scheduler, runtime, mock } = setUp({ banAfter: 1, credits: 4 });
    const banned = scheduler.createEntity({ client: 1 });
    const hung = banned.submit({ hangs: true }, { runTimeoutMs: 1 });
    const behind = banned.submit({ durationUs: 100 });
    const queue = scheduler.createEntity({ client: 1 }).submit({ durationUs: 100 });
    const other = scheduler.createEntity({ client: 2 }).submit({ durationUs: 100 });
    runtime.runUntilIdle();
    expect(outcomes([hung, behind, queue, other])).toEqual([
      'ERR_JOB_TIMEOUT',
      'ERR_CLIENT_BANNED',
      'ERR_CLIENT_BANNED',
      'ok',
    ]);
    expect(behind.attempt).toBe(1);
    expect(mock.calls.filter((call) => call.hook === 'reset')).toHaveLength(1);
  });

  it('H-12, E3: frees nothing while the hook that asked for the end still uses its job', () => {
    const seen: (number | string)[] = [];
    const env = setUp({
      driver: withTimedOut((job, mock) => {
        void env.scheduler.close({ mode: 'kill' });
        seen.push(outcome(job), mock.freedCount(job));
        return 'reset';
      }),
    });
    const job = env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    env.runtime.runUntilIdle();
    expect(seen).toEqual(['ERR_SCHEDULER_CLOSED', 0]);
    expect([env.scheduler.stats().resets, ...freed(env, [job])]).toEqual([0, 1]);
  });

  it('H-19: that a fault brought forward leaves the limits of other jobs as they are', () => {
    const { scheduler, runtime } = setUp({ runTimeoutMs: 10 });
    const entity = scheduler.createEntity();
    const faulty = entity.submit({ hangs: true });
    runtime.advanceBy(100);
    scheduler.fault(faulty);
    runtime.advanceBy(0);
    const slow = entity.submit({ durationUs: 9000 });
    const hung = entity.submit({ hangs: true });
    runtime.runUntilIdle();
    expect(outcomes([faulty, slow, hung])).toEqual(['ERR_JOB_TIMEOUT', 'ok', 'ERR_JOB_TIMEOUT']);
    expect(hung.finished.signalledAtUs).toBe(100 + 9000 + 10_000);
  });
});

/** What the driver's own callbacks on the hardware fences of `env` saw, added before the scheduler's. */
function signalsOfHardware(env: SetUp): string[] {
  const signals: string[] = [];
  const runJob = env.mock.runJob.bind(env.mock);
  env.mock.runJob = (job, ring) => {
    const fence = runJob(job, ring);
    fence.addCallback(() => void signals.push(outcome(fence)));
    return fence;
  };
  return signals;
}

describe('a crash dump', () => {
  it('H-13, T10: is assembled after the fences have signalled, from what was copied before the reset', () => {
    const told: string[] = [];
    const reports: CrashReport[] = [];
    const env = setUp({
      driver: (mock) => ({
        ...mock.without(),
        capture: (job) => {
          told.push(`capture ${outcome(job)}`);
          return { ring: job.ring };
        },
        reset: (context) => {
          told.push('reset');
          return mock.reset(context);
        },
      }),
      onCrash: (report) => {
        told.push('dump');
        reports.push(report);
      },
    });
    const job = env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    job.finished.addCallback(() => void told.push('signal'));
    env.runtime.runUntilIdle();
    expect(told).toEqual(['capture pending', 'reset', 'signal', 'dump']);
    expect(reports[0]?.guilty.map(({ captured }) => captured)).toEqual([{ ring: 0 }]);
  });

  it('H-13, T10: that cannot be captured, or assembled, holds up no fence', () => {
    const env = setUp({
      onCrash: () => {
        throw new Error('the disk is full');
      },
    });
    env.mock.throwNext('capture');
    const entity = env.scheduler.createEntity();
    const jobs = [
      entity.submit({ hangs: true }, { runTimeoutMs: 1 }),
      entity.submit({ durationUs: 1 }),
    ];
    expect(() => env.runtime.runUntilIdle()).toThrow('the disk is full');
    env.runtime.runUntilIdle();
    expect(outcomes(jobs)).toEqual(['ERR_JOB_TIMEOUT', 'ok']);
  });
});

describe('a reset', () => {
  it('H-14, T7: whose driver waits for a fence that the reset must signal ends in bounded time', async () => {
    const env = setUp({
      reset: { timeoutMs: 10, maxTries: 2, backoffMs: 1 },
      driver: (mock) => ({
        ...mock.without(),
        reset: ({ running }) => running[0]?.finished.wait() ?? Promise.resolve(),
      }),
    });
    const entity = env.scheduler.createEntity();
    const jobs = [entity.submit({ hangs: true }, { runTimeoutMs: 1 }), entity.submit({})];
    await env.runtime.settle(100_000);
    expect(outcomes(jobs)).toEqual(['ERR_DEVICE_GONE', 'ERR_DEVICE_GONE']);
    expect(jobs[0]?.finished.signalledAtUs).toBeLessThanOrEqual(1000 + 2 * 10_000);
    expect(thrownBy(() => entity.submit({}))).toBe('ERR_DEVICE_GONE');
  });

  it('H-14, T3: of a job whose fence has signalled while it begins waits for nothing', () => {
    const env = setUp({
      driver: (mock) => ({
        ...mock.without(),
        capture: (job) => void mock.finish(job),
      }),
    });
    const hung = env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    env.runtime.runUntilIdle();
    expect([outcome(hung), hung.finished.signalledAtUs]).toEqual(['ERR_JOB_TIMEOUT', 1000]);
    expect(freed(env, [hung])).toEqual([1]);
  });

  it('H-20, T4: gives each job its own fate: guilty, innocent and again, innocent and asked not to', () => {
    const { scheduler, runtime, events } = setUp({ credits: 4 });
    const hung = scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    runtime.advanceBy(0);
    const again = scheduler.createEntity().submit({ durationUs: 10 });
    const never = scheduler.createEntity().submit({ durationUs: 10 }, { resubmit: false });
    runtime.runUntilIdle();
    expect(outcomes([hung, again, never])).toEqual(['ERR_JOB_TIMEOUT', 'ok', 'ERR_JOB_RESET']);
    expect(eventsOf(events, 'reset-begin')[0]?.innocent).toHaveLength(2);
  });

  it('H-23, T4: gives the next attempt a hardware fence of its own, and the job keeps its fences', () => {
    const { scheduler, runtime, events } = setUp({ credits: 2 });
    const entity = scheduler.createEntity();
    const hung = entity.submit({ hangs: true }, { runTimeoutMs: 1 });
    const again = entity.submit({ durationUs: 10 });
    const { scheduled, finished } = again;
    const signals = signalsOf([hung, again]);
    runtime.runUntilIdle();
    expect([again.attempt, again.scheduled, again.finished]).toEqual([2, scheduled, finished]);
    expect(signals).toEqual(['s0', 's1', 'f0', 'f1']);
    const hardware = eventsOf(events, 'job-run').map((event) => event.hardware.join(':'));
    expect(new Set(hardware).size).toBe(3);
  });

  it('H-23, T4: fails a job whose driver comes with the fence of an earlier attempt', () => {
    const env = setUp();
    const old = pendingFence(env.runtime).fence;
    env.mock.runJob = () => old;
    const entity = env.scheduler.createEntity();
    const jobs = [entity.submit({}, { runTimeoutMs: 1 }), entity.submit({})];
    expect(idsOf(jobs)).toHaveLength(2);
    env.runtime.runUntilIdle();
    expect(outcomes(jobs)).toEqual(['ERR_JOB_TIMEOUT', 'ERR_FENCE_REUSED']);
  });
});

describe('a change of the run queue', () => {
  it('H-21, S2: from inside any hook takes effect whole, and the pass that called the hook goes on', () => {
    const touched: string[] = [];
    const env = setUp({
      driver: (mock) => ({
        ...mock.without(),
        runJob: (job, ring) => {
          touched.push(job.label);
          if (job.label === 'first') {
            high.setPriority('high');
            moved.setSchedulers([other.scheduler]);
            killed.kill();
          }
          return mock.runJob(job, ring);
        },
      }),
    });
    const other = setUp({ runtime: env.runtime });
    const first = env.scheduler.createEntity({ priority: 'kernel' });
    const [low, high, killed] = ['low', 'high', 'killed'].map((label) =>
      env.scheduler.createEntity({ label }),
    ) as [Entity<MockWork>, Entity<MockWork>, Entity<MockWork>];
    const moved = new Entity<MockWork>({ schedulers: [env.scheduler], label: 'moved' });
    const jobs = [
      first.submit({ durationUs: 10 }, { label: 'first' }),
      ...[low, high, moved, killed].map((entity) => entity.submit({ durationUs: 10 })),
    ];
    env.runtime.runUntilIdle();
    expect(outcomes(jobs)).toEqual(['ok', 'ok', 'ok', 'ok', 'ERR_ENTITY_KILLED']);
    expect(touched).toHaveLength(4);
    moved.submit({ durationUs: 10 });
    env.runtime.runUntilIdle();
    expect(other.mock.idsOf('runJob')).toHaveLength(1);
  });
});
