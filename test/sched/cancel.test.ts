// What cancel does and says (J9), by itself and together with kill and reset. Order of the fences: order.test.ts.
import { describe, expect, it } from 'vitest';
import { CountingSignal } from '../fixtures/countingSignal.ts';
import { eventsOf, outcome, pendingFence, setUp, signalsOf } from './fixture.ts';

describe('cancel', () => {
  it('J9: of a queued job says dequeued; it never runs and leaves the queue at once', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    const entity = scheduler.createEntity({ maxQueued: 2 });
    const [running, job] = [entity.submit({}), entity.submit({})];
    runtime.advanceBy(0);
    const next = entity.submit({});
    expect(entity.queued).toBe(2);
    expect(job.cancel()).toBe('dequeued');
    expect([entity.queued, scheduler.stats().queued]).toEqual([1, 1]);
    expect(() => entity.submit({})).not.toThrow();
    expect([job.state, job.finished.status]).toEqual(['queued', 'pending']);
    mock.complete(3);
    runtime.advanceBy(0);
    mock.complete(3);
    runtime.advanceBy(0);
    expect(mock.idsOf('runJob')).not.toContain(job.id);
    expect([outcome(running), outcome(job), outcome(next)]).toEqual([
      'ok',
      'ERR_JOB_CANCELLED',
      'ok',
    ]);
    expect([job.state, mock.freedCount(job)]).toEqual(['finished', 1]);
    expect(job.scheduled.error).toBe(job.finished.error);
  });

  it('J9: of a job that ended while the cancel was told says what became of it', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    const [, job] = [entity.submit({}), entity.submit({})];
    runtime.advanceBy(0);
    scheduler.observe({ emit: (event) => event.type === 'job-cancel' && entity.kill() });
    expect([job.cancel(), job.attempt]).toEqual(['dequeued', 0]);
  });

  it('J9: tells the owner of the scheduler of each job that it dequeued, before its fences signal', () => {
    const told: unknown[] = [];
    const { scheduler, runtime } = setUp({
      credits: 1,
      onDequeued: (job, error) => {
        told.push(job.id, error.code, job.finished.status);
        throw new Error('told');
      },
    });
    const entity = scheduler.createEntity();
    const [running, job] = [entity.submit({}), entity.submit({})];
    runtime.advanceBy(0);
    expect([job.cancel(), running.cancel()]).toEqual(['dequeued', 'requested']);
    expect(told).toEqual([job.id, 'ERR_JOB_CANCELLED', 'pending']);
    expect(() => runtime.advanceBy(0)).toThrow('told');
  });

  it('J9: of a queued job signals only after its own dependencies, as E2 says', () => {
    const { scheduler, runtime } = setUp();
    const dependency = pendingFence(runtime);
    const job = scheduler.createEntity().submit({}, { after: [dependency.fence] });
    const signals = signalsOf([job]);
    expect(job.cancel()).toBe('dequeued');
    runtime.advanceBy(10);
    expect(signals).toEqual([]);
    dependency.signal();
    runtime.advanceBy(0);
    expect(signals).toEqual(['s0', 'f0']);
  });

  it('J9: of a queued job of a parallel entity does not wait for its predecessor', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const entity = scheduler.createEntity({ order: 'parallel' });
    const [, job] = [entity.submit({}), entity.submit({})];
    runtime.advanceBy(0);
    job.cancel();
    runtime.advanceBy(0);
    expect(outcome(job)).toBe('ERR_JOB_CANCELLED');
  });

  it('J9: of a running job says requested; it fails if the driver stopped it', () => {
    const { scheduler, runtime, mock } = setUp();
    const job = scheduler.createEntity().submit({});
    runtime.advanceBy(0);
    expect(job.cancel()).toBe('requested');
    runtime.advanceBy(0);
    expect(outcome(job)).toBe('ERR_JOB_CANCELLED');
    expect(mock.idsOf('cancelJob')).toEqual([job.id]);
    expect(job.scheduled.status).toBe('ok');
  });

  it('J9: of a running job says requested; it is ok if it still completed', () => {
    const { scheduler, runtime, mock } = setUp();
    mock.ignoresCancel = true;
    const job = scheduler.createEntity().submit({ durationUs: 10 });
    runtime.advanceBy(5);
    expect(job.cancel()).toBe('requested');
    expect(job.state).toBe('running');
    runtime.runUntilIdle();
    expect(outcome(job)).toBe('ok');
  });

  it('J9: of a running job says requested also where the driver cannot stop jobs', () => {
    const { scheduler, runtime } = setUp({ driver: (mock) => mock.without('cancelJob') });
    const job = scheduler.createEntity().submit({ durationUs: 10 });
    runtime.advanceBy(5);
    expect(job.cancel()).toBe('requested');
    runtime.runUntilIdle();
    expect(outcome(job)).toBe('ok');
  });

  it('J9: twice asks the driver once per attempt, and is reported once', () => {
    const { scheduler, runtime, mock, events } = setUp();
    mock.ignoresCancel = true;
    const job = scheduler.createEntity().submit({});
    runtime.advanceBy(0);
    expect([job.cancel(), job.cancel()]).toEqual(['requested', 'requested']);
    runtime.advanceBy(0);
    expect(mock.idsOf('cancelJob')).toEqual([job.id]);
    expect(eventsOf(events, 'job-cancel')).toHaveLength(1);
  });

  for (const where of ['timedOut', 'the timeout event'] as const) {
    it(`J9: in ${where} reaches the driver when the job is given back to it`, () => {
      const inHook = where === 'timedOut';
      const env = setUp({
        runTimeoutMs: 1,
        driver: (mock) => ({
          ...mock.without(),
          timedOut: (late) => {
            if (inHook) late.cancel();
            return 'no-hang';
          },
        }),
      });
      const job = env.scheduler.createEntity().submit({});
      env.scheduler.observe({ emit: ({ type }) => void (type === 'timeout' && job.cancel()) });
      env.runtime.advanceBy(1000);
      expect(env.mock.idsOf('cancelJob')).toEqual([job.id]);
      expect([outcome(job), job.finished.signalledAtUs]).toEqual(['ERR_JOB_CANCELLED', 1000]);
    });
  }

  it('J9: of a finished job says finished and changes nothing', () => {
    const { scheduler, runtime, mock } = setUp();
    const job = scheduler.createEntity().submit({ durationUs: 5 });
    runtime.runUntilIdle();
    expect(job.cancel()).toBe('finished');
    runtime.runUntilIdle();
    expect([outcome(job), mock.idsOf('cancelJob'), mock.freedCount(job)]).toEqual(['ok', [], 1]);
  });

  it('J9: inside the job’s own finished callback says finished', () => {
    const { scheduler, runtime } = setUp();
    const job = scheduler.createEntity().submit({ durationUs: 5 });
    const said: string[] = [];
    job.finished.addCallback(() => said.push(job.cancel()));
    runtime.runUntilIdle();
    expect(said).toEqual(['finished']);
  });

  it('J9: inside the job’s own scheduled callback says requested', () => {
    const { scheduler, runtime } = setUp();
    const job = scheduler.createEntity().submit({ durationUs: 5 });
    const said: string[] = [];
    job.scheduled.addCallback(() => said.push(job.cancel()));
    runtime.runUntilIdle();
    expect([said, outcome(job)]).toEqual([['requested'], 'ERR_JOB_CANCELLED']);
  });

  it('J9: of the blocked head lets the next job run', () => {
    const { scheduler, runtime } = setUp();
    const dependency = pendingFence(runtime);
    const entity = scheduler.createEntity();
    const head = entity.submit({}, { after: [dependency.fence] });
    const next = entity.submit({ durationUs: 5 });
    runtime.advanceBy(0);
    head.cancel();
    dependency.signal();
    runtime.runUntilIdle();
    expect([outcome(head), outcome(next)]).toEqual(['ERR_JOB_CANCELLED', 'ok']);
  });

  it('J9: a cancelled job that a reset takes innocent is not run again', () => {
    const { scheduler, runtime, mock } = setUp({ runTimeoutMs: 1 });
    mock.ignoresCancel = true;
    const guilty = scheduler.createEntity().submit({ hangs: true });
    const innocent = scheduler.createEntity().submit({}, { resubmit: true });
    runtime.advanceBy(0);
    expect(innocent.cancel()).toBe('requested');
    runtime.advanceBy(1000);
    expect([outcome(guilty), outcome(innocent)]).toEqual(['ERR_JOB_TIMEOUT', 'ERR_JOB_CANCELLED']);
    expect(mock.idsOf('runJob')).toEqual([guilty.id, innocent.id]);
  });

  it('J9: a guilty job stays ERR_JOB_TIMEOUT although it was cancelled', () => {
    const { scheduler, runtime, mock } = setUp({ runTimeoutMs: 1 });
    mock.ignoresCancel = true;
    const guilty = scheduler.createEntity().submit({ hangs: true });
    runtime.advanceBy(0);
    guilty.cancel();
    runtime.advanceBy(1000);
    expect(outcome(guilty)).toBe('ERR_JOB_TIMEOUT');
  });

  it('J9: during a reset is honoured when the job would run again', () => {
    const { scheduler, runtime, mock } = setUp({ runTimeoutMs: 1 });
    mock.resetUs = 500;
    const guilty = scheduler.createEntity().submit({ hangs: true });
    const innocent = scheduler.createEntity().submit({ durationUs: 5 });
    runtime.advanceBy(1100);
    expect(outcome(guilty)).toBe('pending');
    innocent.cancel();
    runtime.runUntilIdle();
    expect([outcome(guilty), outcome(innocent)]).toEqual(['ERR_JOB_TIMEOUT', 'ERR_JOB_CANCELLED']);
    expect(mock.idsOf('runJob')).toEqual([guilty.id, innocent.id]);
    expect(mock.freedCount(innocent)).toBe(1);
  });

  it('J9: during a reset of a job that was not touched dequeues it', () => {
    const { scheduler, runtime, mock } = setUp({ runTimeoutMs: 1, credits: 1 });
    mock.resetUs = 500;
    scheduler.createEntity().submit({ hangs: true });
    const queued = scheduler.createEntity().submit({ durationUs: 5 });
    runtime.advanceBy(1100);
    expect(queued.cancel()).toBe('dequeued');
    runtime.runUntilIdle();
    expect([outcome(queued), queued.attempt]).toEqual(['ERR_JOB_CANCELLED', 0]);
  });

  it('J9: of a job that was killed in the queue changes no error', () => {
    const { scheduler, runtime } = setUp();
    const dependency = pendingFence(runtime);
    const entity = scheduler.createEntity();
    const job = entity.submit({}, { after: [dependency.fence] });
    entity.kill();
    job.cancel();
    dependency.signal();
    runtime.runUntilIdle();
    expect(outcome(job)).toBe('ERR_ENTITY_KILLED');
  });

  it('a throw of cancelJob stops nothing (D4)', () => {
    const { scheduler, runtime, mock } = setUp();
    mock.throwNext('cancelJob');
    const entity = scheduler.createEntity();
    const [job, next] = [entity.submit({ durationUs: 5 }), entity.submit({ durationUs: 5 })];
    runtime.advanceBy(1);
    expect(job.cancel()).toBe('requested');
    runtime.runUntilIdle();
    expect([outcome(job), outcome(next)]).toEqual(['ok', 'ok']);
  });
});

describe('the signal of a submit', () => {
  it('J9: takes a queued job out of the queue when it aborts', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    const signal = new CountingSignal();
    entity.submit({ durationUs: 5 });
    const job = entity.submit({ durationUs: 5 }, { signal });
    runtime.advanceBy(0);
    signal.abort(new Error('enough'));
    expect(entity.queued).toBe(0);
    runtime.runUntilIdle();
    expect([outcome(job), mock.idsOf('runJob').length]).toEqual(['ERR_JOB_CANCELLED', 1]);
    expect(signal.listeners.size).toBe(0);
  });

  it('J9: asks the driver when it aborts while the job runs', () => {
    const { scheduler, runtime, mock } = setUp();
    const signal = new CountingSignal();
    const job = scheduler.createEntity().submit({}, { signal });
    runtime.advanceBy(0);
    signal.abort('enough');
    runtime.advanceBy(0);
    expect([outcome(job), mock.idsOf('cancelJob')]).toEqual(['ERR_JOB_CANCELLED', [job.id]]);
  });

  it('F8: is listened to no more once the job finished', () => {
    const { scheduler, runtime, mock } = setUp();
    const signal = new CountingSignal();
    const job = scheduler.createEntity().submit({ durationUs: 5 }, { signal });
    expect(signal.listeners.size).toBe(1);
    runtime.runUntilIdle();
    expect(signal.listeners.size).toBe(0);
    signal.abort('late');
    expect([outcome(job), mock.idsOf('cancelJob')]).toEqual(['ok', []]);
  });

  it('is listened to no more once the job was killed', () => {
    const { scheduler, runtime } = setUp();
    const signal = new CountingSignal();
    const entity = scheduler.createEntity();
    entity.submit({}, { signal });
    entity.kill();
    runtime.runUntilIdle();
    expect(signal.listeners.size).toBe(0);
  });
});
