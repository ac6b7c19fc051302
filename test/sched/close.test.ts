// Closing a scheduler (E3, E6): drain and kill, twice, in callbacks and hooks, and during a reset.
import { describe, expect, it } from 'vitest';
import {
  cranked,
  finishedIn,
  outcome,
  outcomes,
  pendingFence,
  runningBlockedQueued,
  setUp,
  signalsOf,
  thrownBy,
} from './fixture.ts';
import type { MockJob } from './fixture.ts';

describe('close drain', () => {
  it('E3: lets everything finish, also what is queued and blocked', async () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    const gate = pendingFence(runtime);
    const jobs = [
      entity.submit({ durationUs: 10 }),
      entity.submit({ durationUs: 10 }, { after: [gate.fence] }),
      scheduler.createEntity().submit({ durationUs: 10 }),
    ];
    const closed = scheduler.close();
    expect(thrownBy(() => entity.submit({}))).toBe('ERR_CLOSED');
    await expect(cranked(runtime, closed, 50)).rejects.toThrow(/not settled/);
    gate.signal();
    await cranked(runtime, closed, 50);
    expect(outcomes(jobs)).toEqual(['ok', 'ok', 'ok']);
    for (const job of jobs) expect(mock.freedCount(job)).toBe(1);
  });

  it('E3: of an idle scheduler resolves', async () => {
    const { scheduler, runtime } = setUp();
    await cranked(runtime, scheduler.close());
    expect([runtime.pendingTimers, runtime.pendingDeferred]).toEqual([0, 0]);
  });

  it('E3: goes through a reset', async () => {
    const { scheduler, runtime } = setUp({ runTimeoutMs: 1 });
    const hung = scheduler.createEntity().submit({ hangs: true });
    const behind = scheduler.createEntity().submit({ durationUs: 10 });
    await cranked(runtime, scheduler.close(), 2000);
    expect(outcomes([hung, behind])).toEqual(['ERR_JOB_TIMEOUT', 'ok']);
  });

  it('E3: may be followed by kill', async () => {
    const { scheduler, runtime } = setUp();
    const job = scheduler.createEntity().submit({});
    runtime.advanceBy(0);
    const drained = scheduler.close();
    runtime.advanceBy(10);
    expect(outcome(job)).toBe('pending');
    await cranked(runtime, scheduler.close({ mode: 'kill' }));
    await cranked(runtime, drained);
    expect(outcome(job)).toBe('ERR_SCHEDULER_CLOSED');
  });
});

describe('close kill', () => {
  it('E3: fails every job, in order, without waiting for dependencies; no fence stays unsignalled', async () => {
    const made = setUp({ credits: 1 });
    const { scheduler, runtime, mock } = made;
    const { jobs, signals } = runningBlockedQueued(made);
    await cranked(runtime, scheduler.close({ mode: 'kill' }));
    expect(outcomes(jobs)).toEqual(Array(3).fill('ERR_SCHEDULER_CLOSED'));
    expect(signals).toEqual(['s0', 'f0', 's1', 'f1', 's2', 'f2']);
    expect(jobs[0]!.finished.error?.errno).toBe('ECANCELED');
    expect(mock.idsOf('cancelJob')).toEqual([jobs[0]!.id]);
    for (const job of jobs) expect(mock.freedCount(job)).toBe(1);
  });

  it('E3: inside runJob asks the driver to cancel that job when it has it', () => {
    const env = setUp({
      driver: (mock) => ({
        ...mock.without(),
        runJob: (job, ring) => {
          void env.scheduler.close({ mode: 'kill' });
          return mock.runJob(job, ring);
        },
      }),
    });
    const job = env.scheduler.createEntity().submit({});
    env.runtime.runUntilIdle();
    expect(env.mock.calls.map(({ hook }) => hook)).toEqual([
      'prepareJob',
      'runJob',
      'cancelJob',
      'freeJob',
    ]);
    expect(outcome(job)).toBe('ERR_SCHEDULER_CLOSED');
  });

  it('E3: hardware that completes afterwards changes no fence', async () => {
    const { scheduler, runtime, mock } = setUp();
    mock.ignoresCancel = true;
    const job = scheduler.createEntity().submit({});
    runtime.advanceBy(0);
    await cranked(runtime, scheduler.close({ mode: 'kill' }));
    const error = job.finished.error;
    mock.complete(1);
    runtime.advanceBy(0);
    expect([job.finished.error, mock.freedCount(job)]).toEqual([error, 1]);
  });

  it('E3: of jobs that were killed before, and wait for a dependency, ends the wait', async () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    const job = entity.submit({}, { after: [pendingFence(runtime).fence] });
    entity.kill();
    await cranked(runtime, scheduler.close({ mode: 'kill' }));
    expect(outcome(job)).toBe('ERR_ENTITY_KILLED');
  });

  it('leaves no timer behind', async () => {
    const { scheduler, runtime } = setUp({ runTimeoutMs: 50 });
    const after = [pendingFence(runtime).fence];
    scheduler.createEntity().submit({});
    scheduler.createEntity().submit({}, { after, dependencyTimeoutMs: 5, queueTimeoutMs: 6 });
    runtime.advanceBy(0);
    await cranked(runtime, scheduler.close({ mode: 'kill' }));
    expect(runtime.pendingTimers).toBe(0);
  });

  it('E6: can be called twice, and after drain', async () => {
    const { scheduler, runtime, mock } = setUp();
    const job = scheduler.createEntity().submit({});
    runtime.advanceBy(0);
    const all = [
      scheduler.close({ mode: 'kill' }),
      scheduler.close({ mode: 'kill' }),
      scheduler.close(),
    ];
    await cranked(runtime, Promise.all(all));
    await cranked(runtime, scheduler.close());
    expect([outcome(job), mock.freedCount(job)]).toEqual(['ERR_SCHEDULER_CLOSED', 1]);
  });

  it('E6: inside a finished callback', async () => {
    const { scheduler, runtime, mock } = setUp();
    const jobs = [1, 2, 3].map(() => scheduler.createEntity().submit({ durationUs: 10 }));
    const closes: Promise<void>[] = [];
    jobs[0]!.finished.addCallback(() => closes.push(scheduler.close({ mode: 'kill' })));
    runtime.advanceBy(10);
    await cranked(runtime, Promise.all(closes));
    const closed = 'ERR_SCHEDULER_CLOSED';
    expect(outcomes(jobs)).toEqual(['ok', closed, closed]);
    for (const job of jobs) expect(mock.freedCount(job)).toBe(1);
  });

  it.each(['runJob', 'prepareJob', 'freeJob', 'timedOut', 'cancelJob'] as const)(
    'E6: inside the hook %s leaves no fence unsignalled and frees each job once',
    async (hook) => {
      const closes: Promise<void>[] = [];
      const env = setUp({
        runTimeoutMs: 1,
        driver: (mock) => {
          const hooks = mock.without();
          const call = hooks[hook] as (job: MockJob, ring: number) => never;
          return {
            ...hooks,
            [hook]: (job: MockJob, ring: number) => {
              closes.push(env.scheduler.close({ mode: 'kill' }));
              return call(job, ring);
            },
          };
        },
      });
      const entity = env.scheduler.createEntity();
      const jobs = [
        env.scheduler.createEntity().submit({ durationUs: 5 }),
        entity.submit({ hangs: true }),
        entity.submit({ durationUs: 5 }),
      ];
      env.runtime.advanceBy(6);
      if (hook === 'cancelJob') jobs[1]!.cancel();
      env.runtime.advanceBy(5000);
      expect(closes.length).toBeGreaterThan(0);
      await cranked(env.runtime, Promise.all(closes));
      expect(outcomes(jobs)).not.toContain('pending');
      for (const job of jobs) env.mock.finish(job);
      env.runtime.runUntilIdle();
      for (const job of jobs) expect(env.mock.freedCount(job)).toBe(1);
      expect(env.scheduler.stats()).toMatchObject({ queued: 0, running: 0 });
      expect(env.scheduler.stats().rings[0]?.creditsUsed).toBe(0);
    },
  );
});

describe('close during a reset', () => {
  it('E3: asks no driver to cancel what its reset has', () => {
    const env = setUp();
    env.mock.resetUs = 100;
    env.scheduler.createEntity().submit({ hangs: true });
    env.runtime.advanceBy(10);
    env.scheduler.recover();
    env.runtime.advanceBy(10);
    void env.scheduler.close({ mode: 'kill' });
    env.runtime.runUntilIdle();
    expect(env.mock.idsOf('cancelJob')).toEqual([]);
  });

  const hangBoth = (env: ReturnType<typeof setUp>): MockJob[] => [
    env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 }),
    env.scheduler.createEntity().submit({ durationUs: 5 }),
    env.scheduler.createEntity().submit({ durationUs: 5 }),
  ];

  it('E6: kill fails everything at once; the reset then retires', async () => {
    const env = setUp();
    env.mock.resetUs = 500;
    const jobs = hangBoth(env);
    env.runtime.advanceBy(1100);
    await cranked(env.runtime, env.scheduler.close({ mode: 'kill' }));
    expect(outcomes(jobs)).toEqual(Array(3).fill('ERR_SCHEDULER_CLOSED'));
    expect(jobs[0]!.retired).toBe(false);
    env.runtime.runUntilIdle();
    for (const job of jobs) expect([job.retired, env.mock.freedCount(job)]).toEqual([true, 1]);
    expect(env.mock.idsOf('runJob')).toEqual(jobs.slice(0, 2).map((job) => job.id));
  });

  it('E6, D3: kill, then the reset fails for good: every job is freed once', async () => {
    const env = setUp({ reset: { maxTries: 2, timeoutMs: 10, backoffMs: 1 } });
    env.mock.resetUs = 500;
    env.mock.failReset(2);
    const jobs = hangBoth(env);
    env.runtime.advanceBy(1100);
    await cranked(env.runtime, env.scheduler.close({ mode: 'kill' }));
    env.runtime.runUntilIdle();
    for (const job of jobs) expect([job.retired, env.mock.freedCount(job)]).toEqual([true, 1]);
    expect(env.runtime.pendingTimers).toBe(0);
  });

  it('E6: drain waits for the reset and for what runs again', async () => {
    const env = setUp();
    env.mock.resetUs = 500;
    const jobs = hangBoth(env);
    env.runtime.advanceBy(1100);
    await cranked(env.runtime, env.scheduler.close(), 1000);
    expect(outcomes(jobs)).toEqual(['ERR_JOB_TIMEOUT', 'ok', 'ok']);
  });

  it('E6: inside a callback while the reset settles jobs', async () => {
    const env = setUp({ banAfter: 1, credits: 3 });
    const client = env.scheduler.createEntity({ client: 1 });
    const queued = env.scheduler.createEntity({ client: 1, order: 'parallel' });
    const bystander = env.scheduler.createEntity();
    const hung = client.submit({ hangs: true }, { runTimeoutMs: 1 });
    const innocents = [bystander.submit({ durationUs: 5 }), bystander.submit({ durationUs: 5 })];
    const dies = queued.submit({ durationUs: 5 }, { credits: 3 });
    const closes: Promise<void>[] = [];
    dies.finished.addCallback(() => closes.push(env.scheduler.close({ mode: 'kill' })));
    env.runtime.advanceBy(1000);
    expect(closes).toHaveLength(1);
    await cranked(env.runtime, Promise.all(closes));
    env.runtime.runUntilIdle();
    const jobs = [hung, ...innocents, dies];
    expect(outcomes(jobs)).not.toContain('pending');
    expect(jobs.map((job) => job.state)).toEqual(Array(4).fill('finished'));
    for (const job of jobs) expect(env.mock.freedCount(job)).toBe(1);
    expect([bystander.queued, env.scheduler.stats().queued]).toEqual([0, 0]);
  });

  it('E3: keeps the order of finished fences', async () => {
    const env = setUp();
    env.mock.resetUs = 500;
    const entity = env.scheduler.createEntity();
    const jobs = [
      entity.submit({ hangs: true }, { runTimeoutMs: 1 }),
      entity.submit({ durationUs: 5 }),
      entity.submit({ durationUs: 5 }),
    ];
    const signals = signalsOf(jobs);
    env.runtime.advanceBy(1100);
    await cranked(env.runtime, env.scheduler.close({ mode: 'kill' }));
    expect(finishedIn(signals)).toEqual(['f0', 'f1', 'f2']);
  });
});

describe('close during a reset of another ring', () => {
  it('E3, J11: retires a job that was accused and that no reset has yet', async () => {
    const env = setUp({ rings: 2, credits: 1, mock: { resetScope: 'ring' } });
    env.mock.resetUs = 5000;
    const [one, two] = [env.scheduler.createEntity(), env.scheduler.createEntity()];
    one.submit({ hangs: true }, { runTimeoutMs: 1 });
    const accused = two.submit({ hangs: true }, { runTimeoutMs: 2 });
    env.runtime.advanceBy(2500);
    await cranked(env.runtime, env.scheduler.close({ mode: 'kill' }));
    env.runtime.runUntilIdle();
    expect([accused.finished.error?.code, accused.retired]).toEqual(['ERR_SCHEDULER_CLOSED', true]);
    expect(env.mock.freedCount(accused)).toBe(1);
  });
});
