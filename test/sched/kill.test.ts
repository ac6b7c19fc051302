// Killing an entity (E2): what happens to its queued and running jobs, and in which order fences signal.
import { describe, expect, it } from 'vitest';
import { JobError, UsageError } from '../../src/base/index.ts';
import {
  finishedIn,
  outcome,
  outcomes,
  pendingFence,
  setUp,
  signalsOf,
  thrownBy,
} from './fixture.ts';

describe('kill', () => {
  it.each([null, 'x', 5, new Error('plain'), {}])(
    'E2: refuses %s as the error, and kills nothing',
    (error) => {
      const { scheduler, runtime } = setUp();
      const entity = scheduler.createEntity();
      const job = entity.submit({ durationUs: 5 });
      const act = (): void => entity.kill(error as unknown as JobError);
      expect(act).toThrow(UsageError);
      expect(thrownBy(act)).toBe('ERR_INVALID_ARGUMENT');
      runtime.runUntilIdle();
      expect([outcome(job), thrownBy(() => entity.submit({}))]).toEqual(['ok', undefined]);
    },
  );

  it('E2: fails queued jobs with the error that was given', () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    const job = entity.submit({});
    const error = new JobError('ERR_ENTITY_KILLED', 'enough');
    entity.kill(error);
    runtime.runUntilIdle();
    expect(job.finished.error).toBe(error);
  });

  it('E2: starts no queued job any more; running jobs run out', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    const jobs = [1, 2, 3].map(() => entity.submit({ durationUs: 10 }));
    runtime.advanceBy(5);
    entity.kill();
    expect(jobs[0]!.state).toBe('running');
    runtime.runUntilIdle();
    expect(outcomes(jobs)).toEqual(['ok', 'ERR_ENTITY_KILLED', 'ERR_ENTITY_KILLED']);
    expect(mock.idsOf('runJob')).toEqual([jobs[0]!.id]);
    for (const job of jobs) expect(mock.freedCount(job)).toBe(1);
  });

  it('E2: signals each queued job after its predecessor', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    const jobs = [1, 2, 3].map(() => entity.submit({}));
    const signals = signalsOf(jobs);
    runtime.advanceBy(0);
    entity.kill();
    runtime.advanceBy(100);
    expect(signals).toEqual(['s0']);
    mock.complete(1);
    runtime.advanceBy(0);
    expect(signals).toEqual(['s0', 'f0', 's1', 'f1', 's2', 'f2']);
  });

  it('E2: signals each queued job after its own dependencies', () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    const [gate, other] = [pendingFence(runtime), pendingFence(runtime)];
    const jobs = [
      entity.submit({}, { after: [gate.fence] }),
      entity.submit({}),
      entity.submit({}, { after: [other.fence] }),
    ];
    const signals = signalsOf(jobs);
    entity.kill();
    runtime.advanceBy(10);
    expect(signals).toEqual([]);
    gate.signal();
    runtime.advanceBy(10);
    expect(signals).toEqual(['s0', 'f0', 's1', 'f1']);
    other.signal(new JobError('ERR_DRIVER'));
    runtime.advanceBy(10);
    expect([signals.length, outcome(jobs[2]!)]).toEqual([6, 'ERR_ENTITY_KILLED']);
  });

  it('E2: a job without predecessor and dependency signals at once (control)', () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    const job = entity.submit({});
    entity.kill();
    runtime.advanceBy(0);
    expect(outcome(job)).toBe('ERR_ENTITY_KILLED');
  });

  it('E2: waits for a fence from prepareJob', () => {
    const { scheduler, runtime, mock } = setUp();
    const gate = pendingFence(runtime);
    mock.prepareNext(gate.fence);
    const entity = scheduler.createEntity();
    const job = entity.submit({});
    runtime.advanceBy(10);
    entity.kill();
    runtime.advanceBy(10);
    expect(outcome(job)).toBe('pending');
    gate.signal();
    runtime.advanceBy(10);
    expect(outcome(job)).toBe('ERR_ENTITY_KILLED');
  });

  it('E2: of a parallel entity waits for the dependencies only', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const entity = scheduler.createEntity({ order: 'parallel' });
    const gate = pendingFence(runtime);
    const jobs = [entity.submit({}), entity.submit({}, { after: [gate.fence] }), entity.submit({})];
    runtime.advanceBy(0);
    entity.kill();
    runtime.advanceBy(0);
    expect(outcomes(jobs)).toEqual(['pending', 'pending', 'ERR_ENTITY_KILLED']);
    gate.signal();
    runtime.advanceBy(0);
    expect(outcomes(jobs)).toEqual(['pending', 'ERR_ENTITY_KILLED', 'ERR_ENTITY_KILLED']);
  });

  it('E2: waits for a job that depends on another entity which is killed as well', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const [a, b] = [scheduler.createEntity(), scheduler.createEntity()];
    const first = a.submit({});
    const second = a.submit({});
    const dependent = b.submit({}, { after: [second.finished] });
    runtime.advanceBy(0);
    b.kill();
    a.kill();
    runtime.advanceBy(0);
    expect(outcomes([first, second, dependent])).toEqual(['pending', 'pending', 'pending']);
    first.cancel();
    runtime.advanceBy(0);
    expect(outcomes([first, second, dependent])).toEqual([
      'ERR_JOB_CANCELLED',
      'ERR_ENTITY_KILLED',
      'ERR_ENTITY_KILLED',
    ]);
  });

  it('E2: gives its error, where one is given', () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    const job = entity.submit({});
    const why = new JobError('ERR_ENTITY_KILLED', 'the process disappeared');
    entity.kill(why);
    runtime.runUntilIdle();
    expect(job.finished.error).toBe(why);
  });

  it('E2: is idempotent; the first error stands', () => {
    const { scheduler, runtime, mock } = setUp();
    const entity = scheduler.createEntity();
    const gate = pendingFence(runtime);
    const job = entity.submit({}, { after: [gate.fence] });
    const why = new JobError('ERR_ENTITY_KILLED', 'first');
    entity.kill(why);
    entity.kill(new JobError('ERR_ENTITY_KILLED', 'second'));
    gate.signal();
    runtime.runUntilIdle();
    entity.kill();
    runtime.runUntilIdle();
    expect([job.finished.error, mock.freedCount(job)]).toEqual([why, 1]);
    expect(thrownBy(() => entity.submit({}))).toBe('ERR_CLOSED');
  });

  it('E2: inside callbacks of its own jobs signals everything in order', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    const jobs = [1, 2, 3].map(() => entity.submit({ durationUs: 5 }));
    const signals = signalsOf(jobs);
    jobs[0]!.finished.addCallback(() => entity.kill());
    runtime.runUntilIdle();
    expect(finishedIn(signals)).toEqual(['f0', 'f1', 'f2']);
    expect(outcomes(jobs)).toEqual(['ok', 'ERR_ENTITY_KILLED', 'ERR_ENTITY_KILLED']);
  });

  it('E2: inside runJob of its own job lets that job run', () => {
    const env = setUp({
      driver: (mock) => ({
        ...mock.without(),
        runJob: (job, ring) => {
          entity.kill();
          return mock.runJob(job, ring);
        },
      }),
    });
    const entity = env.scheduler.createEntity();
    const jobs = [entity.submit({ durationUs: 5 }), entity.submit({ durationUs: 5 })];
    env.runtime.runUntilIdle();
    expect(outcomes(jobs)).toEqual(['ok', 'ERR_ENTITY_KILLED']);
  });

  it('E2: during a reset', () => {
    const { scheduler, runtime, mock } = setUp();
    mock.resetUs = 500;
    const entity = scheduler.createEntity();
    const jobs = [
      entity.submit({ hangs: true }, { runTimeoutMs: 1 }),
      entity.submit({ durationUs: 5 }),
      entity.submit({ durationUs: 5 }),
    ];
    const signals = signalsOf(jobs);
    runtime.advanceBy(1200);
    entity.kill();
    runtime.runUntilIdle();
    expect(outcomes(jobs)).toEqual(['ERR_JOB_TIMEOUT', 'ERR_ENTITY_KILLED', 'ERR_ENTITY_KILLED']);
    expect(finishedIn(signals)).toEqual(['f0', 'f1', 'f2']);
    for (const job of jobs) expect(mock.freedCount(job)).toBe(1);
  });

  it('E2: disturbs no other entity', () => {
    const { scheduler, runtime } = setUp();
    const [victim, other] = [scheduler.createEntity(), scheduler.createEntity()];
    for (let i = 0; i < 5; i += 1) victim.submit({ durationUs: 10 });
    const jobs = [1, 2, 3].map(() => other.submit({ durationUs: 10 }));
    runtime.advanceBy(5);
    victim.kill();
    runtime.runUntilIdle();
    expect(outcomes(jobs)).toEqual(['ok', 'ok', 'ok']);
    expect(runtime.nowUs()).toBe(40);
  });

  it('takes its jobs out of queued at once', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    entity.submit({});
    entity.submit({});
    runtime.advanceBy(0);
    entity.kill();
    expect([entity.queued, entity.running, scheduler.stats().queued]).toEqual([0, 1, 0]);
  });
});
