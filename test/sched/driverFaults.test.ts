// Drivers that throw, or break their contract (D1 to D4), and when each hook is called.
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/base/index.ts';
import { signalledFence } from '../../src/fence/index.ts';
import type { Fence } from '../../src/fence/index.ts';
import { outcome, outcomes, pendingFence, setUp } from './fixture.ts';

describe('runJob', () => {
  it('D2: a throw fails the job with ERR_DRIVER and the cause; the next job runs', () => {
    const { scheduler, runtime, mock } = setUp();
    const thrown = new Error('no memory');
    mock.throwNext('runJob', thrown);
    const entity = scheduler.createEntity();
    const [failed, next] = [entity.submit({ durationUs: 5 }), entity.submit({ durationUs: 5 })];
    runtime.runUntilIdle();
    expect([outcome(failed), outcome(next)]).toEqual(['ERR_DRIVER', 'ok']);
    expect(failed.finished.error?.cause).toBe(thrown);
    expect(failed.finished.error?.errno).toBe('EIO');
    expect([mock.freedCount(failed), failed.retired]).toEqual([1, true]);
  });

  it.each([undefined, null, {}, Object.create(null), Promise.resolve(), 'fence'])(
    'D2: anything but a fence (%o) fails the job with ERR_DRIVER',
    (value) => {
      const { scheduler, runtime, mock } = setUp({
        driver: (ring) => ({
          ...ring.without(),
          runJob: (job, on) => (job.label === 'bad' ? (value as Fence) : ring.runJob(job, on)),
        }),
      });
      const entity = scheduler.createEntity();
      const bad = entity.submit({}, { label: 'bad' });
      const next = entity.submit({ durationUs: 5 });
      runtime.runUntilIdle();
      expect(outcomes([bad, next])).toEqual(['ERR_DRIVER', 'ok']);
      expect(bad.finished.error?.cause).toBeInstanceOf(UsageError);
      expect(bad.finished.error?.cause).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
      expect(mock.freedCount(bad)).toBe(1);
      expect(scheduler.stats().rings[0]?.creditsUsed).toBe(0);
    },
  );

  it('D2: a throw signals scheduled with the same error: nothing was submitted', () => {
    const { scheduler, runtime, mock } = setUp();
    mock.throwNext('runJob');
    const job = scheduler.createEntity().submit({});
    const { scheduled } = job;
    runtime.runUntilIdle();
    expect(scheduled.error).toBe(job.finished.error);
  });

  it('D4: one that always throws fails every job and stops nothing', () => {
    const { scheduler, runtime, mock } = setUp();
    mock.throwNext('runJob', new Error('dead'), 300);
    const entity = scheduler.createEntity();
    const jobs = Array.from({ length: 300 }, () => entity.submit({}));
    const last = entity.submit({ durationUs: 5 });
    runtime.runUntilIdle();
    expect(new Set(outcomes(jobs))).toEqual(new Set(['ERR_DRIVER']));
    expect(outcome(last)).toBe('ok');
  });

  it('is called once per attempt, never before its dependencies', () => {
    const { scheduler, runtime, mock } = setUp();
    const gate = pendingFence(runtime);
    const job = scheduler.createEntity().submit({ durationUs: 5 }, { after: [gate.fence] });
    runtime.advanceBy(10);
    gate.signal();
    runtime.runUntilIdle();
    expect(mock.calls.filter((call) => call.hook === 'runJob')).toEqual([
      { hook: 'runJob', job: job.id, ring: 0, attempt: 1, atUs: 10 },
    ]);
  });

  it('sees a running job', () => {
    const seen: unknown[] = [];
    const { scheduler, runtime } = setUp({
      driver: (mock, virtual) => ({
        ...mock.without(),
        runJob: (job, ring) => {
          seen.push([job.state, job.attempt, job.ring === ring, job.scheduled.status]);
          return signalledFence(virtual);
        },
      }),
    });
    scheduler.createEntity().submit({});
    runtime.runUntilIdle();
    expect(seen).toEqual([['running', 1, true, 'pending']]);
  });
});

describe('a hook that throws', () => {
  it.each(['freeJob', 'cancelJob', 'timedOut', 'prepareJob', 'runJob', 'capture'] as const)(
    'D4: %s cannot stop the scheduler',
    (hook) => {
      const { scheduler, runtime, mock } = setUp({ runTimeoutMs: 1 });
      mock.throwNext(hook);
      const entity = scheduler.createEntity();
      const jobs = [
        entity.submit({ durationUs: 5 }),
        entity.submit({ durationUs: 50 }),
        entity.submit({ hangs: true }),
        entity.submit({ durationUs: 5 }),
      ];
      runtime.advanceBy(10);
      jobs[1]!.cancel();
      runtime.runUntilIdle();
      expect(outcomes(jobs)).not.toContain('pending');
      expect(outcome(jobs[3]!)).toBe('ok');
      for (const job of jobs) expect(mock.freedCount(job)).toBe(1);
    },
  );

  it('D4: a reset that throws is a failed try, and is tried again', () => {
    const { scheduler, runtime, mock } = setUp({ runTimeoutMs: 1 });
    mock.throwNext('reset');
    const entity = scheduler.createEntity();
    const jobs = [entity.submit({ hangs: true }), entity.submit({ durationUs: 5 })];
    runtime.runUntilIdle();
    expect(outcomes(jobs)).toEqual(['ERR_JOB_TIMEOUT', 'ok']);
    expect(mock.calls.filter((call) => call.hook === 'reset')).toHaveLength(2);
  });
});

describe('a hardware fence that is lost', () => {
  it('F9: ends in the run timeout', () => {
    const { scheduler, runtime, mock } = setUp({ runTimeoutMs: 1 });
    mock.dropFence();
    const entity = scheduler.createEntity();
    const jobs = [entity.submit({ durationUs: 5 }), entity.submit({ durationUs: 5 })];
    runtime.runUntilIdle();
    expect(outcome(jobs[0]!)).toBe('ERR_JOB_TIMEOUT');
    expect(outcomes(jobs)).not.toContain('pending');
  });
});

describe('a driver of one function', () => {
  it('D1: needs runJob alone', () => {
    const { scheduler, runtime } = setUp({
      driver: (mock) => ({ runJob: (job, ring) => mock.runJob(job, ring) }),
    });
    const job = scheduler.createEntity().submit({ durationUs: 5 });
    runtime.runUntilIdle();
    expect([outcome(job), job.retired]).toEqual(['ok', true]);
  });
});

describe('freeJob', () => {
  it('D3: is called never inside a fence callback, once a job, whatever its end', () => {
    let callbackDepth = 0;
    const freedInside: number[] = [];
    const env = setUp({
      runTimeoutMs: 1,
      driver: (mock) => ({
        ...mock.without(),
        freeJob: (job) => {
          if (callbackDepth > 0) freedInside.push(job.id);
          mock.freeJob(job);
        },
      }),
    });
    const entity = env.scheduler.createEntity();
    const jobs = [
      entity.submit({ durationUs: 5 }),
      entity.submit({ hangs: true }),
      entity.submit({ durationUs: 5 }),
      env.scheduler.createEntity().submit({ durationUs: 5 }, { resubmit: false }),
      entity.submit({}),
      entity.submit({}),
    ];
    for (const job of jobs) {
      job.finished.addCallback(() => {
        callbackDepth += 1;
        job.cancel();
        callbackDepth -= 1;
      });
    }
    jobs[4]!.cancel();
    env.runtime.advanceBy(1200);
    entity.kill();
    env.runtime.runUntilIdle();
    expect(outcomes(jobs)).not.toContain('pending');
    expect(freedInside).toEqual([]);
    for (const job of jobs) expect(env.mock.freedCount(job)).toBe(1);
  });
});

describe('measure', () => {
  const times: readonly (readonly [string, unknown])[] = [
    ['NaN as a start', { startUs: NaN, endUs: 5 }],
    ['NaN as an end', { startUs: 0, endUs: NaN }],
    ['an infinite end', { startUs: 0, endUs: Infinity }],
    ['strings', { startUs: '0', endUs: '5' }],
    ['no times', {}],
    ['a number', 5],
  ];

  it.each(times)('D4, S13: that gives %s counts as none: the clock tells', (_, measured) => {
    const { scheduler, runtime } = setUp({
      driver: (mock) => ({
        ...mock.without(),
        measure: () => measured as { startUs: 0; endUs: 0 },
      }),
    });
    const entity = scheduler.createEntity();
    for (let i = 0; i < 2; i += 1) entity.submit({ durationUs: 10 });
    runtime.runUntilIdle();
    expect([entity.stats().busyUs, entity.account.busyUs]).toEqual([20, 20]);
    expect(scheduler.stats().rings[0]?.busyUs).toBe(20);
  });

  it('S13: that gives an interval is believed (control)', () => {
    const { scheduler, runtime } = setUp({
      driver: (mock) => ({ ...mock.without(), measure: () => ({ startUs: 2, endUs: 5 }) }),
    });
    const entity = scheduler.createEntity();
    entity.submit({ durationUs: 10 });
    runtime.runUntilIdle();
    expect(entity.stats().busyUs).toBe(3);
  });
});
