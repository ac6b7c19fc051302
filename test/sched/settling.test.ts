// What a reset does to each job it took: guilty, innocent, begun or not (T4), and the new attempts.
import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/base/index.ts';
import { Timeline } from '../../src/fence/index.ts';
import { finishedIn, idsOf, outcome, outcomes, setUp, signalsOf } from './fixture.ts';
import type { MockJob, SetUp } from './fixture.ts';

/** A set-up with a job that hangs on ring 0, to be reset at 1 ms, and what else is submitted. */
function withHang(options: Parameters<typeof setUp>[0] = {}): SetUp & { hung: MockJob } {
  const env = setUp(options);
  const hung = env.scheduler
    .createEntity({ label: 'hung' })
    .submit({ hangs: true }, { runTimeoutMs: 1 });
  return { ...env, hung };
}

describe('a guilty job', () => {
  it('T4: fails with ERR_JOB_TIMEOUT and is not run again, also with resubmit', () => {
    const env = setUp();
    const job = env.scheduler
      .createEntity()
      .submit({ hangs: true }, { runTimeoutMs: 1, resubmit: true });
    env.runtime.runUntilIdle();
    expect([outcome(job), job.attempt]).toEqual(['ERR_JOB_TIMEOUT', 1]);
    expect(job.finished.error?.errno).toBe('ETIME');
  });

  it('T4: is every one that was past its own deadline when the reset began', () => {
    const env = setUp({ rings: 2 });
    const jobs = [1, 2].map(() =>
      env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 }),
    );
    env.runtime.runUntilIdle();
    expect(outcomes(jobs)).toEqual(['ERR_JOB_TIMEOUT', 'ERR_JOB_TIMEOUT']);
    expect(env.scheduler.stats().resets).toBe(1);
  });

  it('T4: is not one whose deadline passes only while the reset lasts', () => {
    const env = setUp({ rings: 2 });
    env.mock.resetUs = 5000;
    const late = env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 2 });
    env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    env.runtime.runUntilIdle();
    expect(outcome(late)).toBe('ERR_JOB_RESET');
  });

  it('T6: is one that the driver named with fault, without asking timedOut', () => {
    const env = setUp({ rings: 2 });
    const named = env.scheduler.createEntity().submit({});
    const other = env.scheduler.createEntity().submit({});
    env.runtime.advanceBy(10);
    env.scheduler.fault(named);
    env.runtime.runUntilIdle();
    expect(['pending', 'ok']).not.toContain(outcome(named));
    expect(outcome(other)).toBe('ERR_JOB_RESET');
    expect(env.mock.idsOf('timedOut')).toEqual([]);
    expect(env.mock.calls.find((call) => call.hook === 'reset')?.reset?.guilty).toEqual([named.id]);
  });
});

describe('an innocent job', () => {
  it('T4: that had not begun runs again as a new attempt, with a new hardware fence', () => {
    const env = withHang();
    const job = env.scheduler.createEntity().submit({ durationUs: 5 });
    env.runtime.advanceBy(999);
    expect([job.state, job.attempt]).toEqual(['running', 1]);
    env.runtime.runUntilIdle();
    expect([outcome(env.hung), outcome(job), job.attempt]).toEqual(['ERR_JOB_TIMEOUT', 'ok', 2]);
    expect(job.finished.signalledAtUs).toBe(1005);
    expect(env.mock.freedCount(job)).toBe(1);
  });

  it('T4: that had begun fails with ERR_JOB_RESET', () => {
    const env = withHang({ rings: 2 });
    const job = env.scheduler.createEntity().submit({});
    env.runtime.runUntilIdle();
    expect([outcome(job), job.attempt]).toEqual(['ERR_JOB_RESET', 1]);
    expect(job.finished.error?.errno).toBe('ECANCELED');
  });

  it('T4: that had begun runs again with resubmit', () => {
    const env = withHang({ rings: 2 });
    const job = env.scheduler.createEntity().submit({ durationUs: 5000 }, { resubmit: true });
    env.runtime.runUntilIdle();
    expect([outcome(job), job.attempt, job.finished.signalledAtUs]).toEqual(['ok', 2, 6000]);
  });

  it('T4: that had not begun fails without resubmit', () => {
    const env = withHang();
    const job = env.scheduler.createEntity().submit({ durationUs: 5 }, { resubmit: false });
    env.runtime.runUntilIdle();
    expect([outcome(job), job.attempt]).toEqual(['ERR_JOB_RESET', 1]);
  });

  it('T4: goes back to the head of its entity, in order', () => {
    const env = withHang({ credits: 3 });
    const entity = env.scheduler.createEntity();
    const jobs = [1, 2, 3].map(() => entity.submit({ durationUs: 5 }));
    const signals = signalsOf(jobs);
    env.runtime.advanceBy(999);
    expect(jobs.map((job) => job.state)).toEqual(['running', 'running', 'queued']);
    env.runtime.runUntilIdle();
    expect(jobs.map((job) => job.attempt)).toEqual([2, 2, 1]);
    expect(env.mock.idsOf('runJob')).toEqual([
      env.hung.id,
      ...idsOf(jobs).slice(0, 2),
      ...idsOf(jobs),
    ]);
    expect(finishedIn(signals)).toEqual(['f0', 'f1', 'f2']);
  });

  it('T4: is queued and without credit while it waits to run again', () => {
    const env = withHang();
    env.mock.resetUs = 100;
    const entity = env.scheduler.createEntity();
    const job = entity.submit({ durationUs: 5 });
    env.runtime.advanceBy(1100);
    env.runtime.advanceBy(0);
    expect([job.state, job.attempt]).toEqual(['running', 2]);
    expect([entity.queued, entity.running]).toEqual([0, 1]);
    expect(env.scheduler.stats().rings[0]?.creditsUsed).toBe(1);
  });

  it('T4: behind the guilty job of its own entity runs again after it', () => {
    const env = setUp();
    const entity = env.scheduler.createEntity();
    const jobs = [
      entity.submit({ hangs: true }, { runTimeoutMs: 1 }),
      entity.submit({ durationUs: 5 }),
    ];
    const signals = signalsOf(jobs);
    env.runtime.runUntilIdle();
    expect(outcomes(jobs)).toEqual(['ERR_JOB_TIMEOUT', 'ok']);
    expect(finishedIn(signals)).toEqual(['f0', 'f1']);
  });

  it('T4: fails with ERR_JOB_RESET after maxAttempts, over several resets', () => {
    const run = (maxAttempts: number): [string, number] => {
      const env = setUp({ maxAttempts, rings: 2, credits: 1 });
      const job = env.scheduler.createEntity().submit({ durationUs: 50 }, { resubmit: true });
      const guilty = env.scheduler.createEntity({ client: 1 });
      for (let i = 0; i < 2; i += 1) {
        const named = guilty.submit({});
        env.runtime.advanceBy(10);
        env.scheduler.fault(named);
        env.runtime.advanceBy(0);
      }
      env.runtime.runUntilIdle();
      return [outcome(job), job.attempt];
    };
    expect(run(2)).toEqual(['ERR_JOB_RESET', 2]);
    expect(run(3)).toEqual(['ok', 3]);
  });

  it('T4: of an entity that was killed meanwhile fails with ERR_ENTITY_KILLED', () => {
    const env = withHang();
    env.mock.resetUs = 500;
    const entity = env.scheduler.createEntity();
    const job = entity.submit({ durationUs: 5 });
    env.runtime.advanceBy(1100);
    entity.kill();
    env.runtime.runUntilIdle();
    expect([outcome(job), job.attempt]).toEqual(['ERR_ENTITY_KILLED', 1]);
    expect(env.mock.freedCount(job)).toBe(1);
  });

  it('T4: that was running when its entity was killed, before the reset, is not run again', () => {
    const env = withHang();
    const entity = env.scheduler.createEntity();
    const job = entity.submit({ durationUs: 5 });
    env.runtime.advanceBy(500);
    entity.kill();
    expect(job.state).toBe('running');
    env.runtime.runUntilIdle();
    expect([outcome(job), job.attempt]).toEqual(['ERR_ENTITY_KILLED', 1]);
  });

  it('T4: one that finished just before the reset is untouched', () => {
    const env = withHang({ rings: 2 });
    const job = env.scheduler.createEntity().submit({ durationUs: 999 });
    env.runtime.runUntilIdle();
    expect([outcome(job), job.attempt]).toEqual(['ok', 1]);
  });
});

describe('a hardware fence', () => {
  it('T4: that was returned before fails the job with ERR_FENCE_REUSED', () => {
    const env = setUp({
      driver: (mock, runtime) => {
        const timeline = new Timeline({ driver: 'bad', label: 'bad', runtime });
        const source = timeline.createFence();
        return { ...mock.without(), runJob: () => source.fence };
      },
    });
    const first = env.scheduler.createEntity().submit({});
    const second = env.scheduler.createEntity().submit({});
    env.runtime.advanceBy(0);
    expect([outcome(first), outcome(second)]).toEqual(['pending', 'ERR_FENCE_REUSED']);
  });

  it('T4: of an earlier attempt, returned again for the next, fails the job too', () => {
    let returned: ReturnType<Timeline['createFence']> | null = null;
    const env = setUp({
      driver: (mock, runtime) => ({
        ...mock.without(),
        runJob: (job, ring) => {
          if (job.label !== 'bad') return mock.runJob(job, ring);
          returned ??= new Timeline({ driver: 'bad', label: 'bad', runtime }).createFence();
          return returned.fence;
        },
      }),
    });
    env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    const job = env.scheduler.createEntity().submit({}, { label: 'bad' });
    env.runtime.runUntilIdle();
    expect([outcome(job), env.mock.freedCount(job)]).toEqual(['ERR_FENCE_REUSED', 1]);
  });
});

describe('the errors of a reset', () => {
  it('are stored on finished alone: scheduled stays ok', () => {
    const env = withHang({ rings: 2 });
    const job = env.scheduler.createEntity().submit({});
    env.runtime.runUntilIdle();
    for (const one of [env.hung, job]) {
      expect(one.scheduled.status).toBe('ok');
      expect(one.finished.error).toBeInstanceOf(JobError);
    }
  });
});
