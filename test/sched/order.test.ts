// In which order jobs of one entity start and finish (J4, F1). Order between entities is the policy's: policies.test.ts.
import { describe, expect, it } from 'vitest';
import { finishedIn, outcomes, pendingFence, setUp, signalsOf } from './fixture.ts';
import type { MockJob, SetUp } from './fixture.ts';

/** When each job executed, from the starts and ends of its fences on rings that execute one job each. */
function startsOf(env: SetUp, jobs: readonly MockJob[]): (number | undefined)[] {
  return jobs.map(
    (job) => env.mock.calls.find((c) => c.hook === 'runJob' && c.job === job.id)?.atUs,
  );
}

describe('a serial entity', () => {
  it('J4: starts and finishes its jobs in the order of submission', () => {
    const env = setUp();
    const entity = env.scheduler.createEntity();
    const jobs = [30, 10, 20].map((durationUs) => entity.submit({ durationUs }));
    const signals = signalsOf(jobs);
    env.runtime.runUntilIdle();
    expect(env.mock.idsOf('runJob')).toEqual(jobs.map((job) => job.id));
    expect(finishedIn(signals)).toEqual(['f0', 'f1', 'f2']);
    expect(jobs.map((job) => job.finished.signalledAtUs)).toEqual([30, 40, 60]);
  });

  it('J4: never overlaps on two rings', () => {
    const env = setUp({ rings: 2 });
    const entity = env.scheduler.createEntity();
    const jobs = [30, 10, 20].map((durationUs) => entity.submit({ durationUs }));
    env.runtime.runUntilIdle();
    expect(jobs.map((job) => job.finished.signalledAtUs)).toEqual([30, 40, 60]);
  });

  it('J4: never overlaps on one ring that does not keep order', () => {
    const env = setUp({ mock: { ordered: false } });
    const entity = env.scheduler.createEntity();
    const jobs = [30, 10, 20].map((durationUs) => entity.submit({ durationUs }));
    env.runtime.runUntilIdle();
    expect(startsOf(env, jobs)).toEqual([0, 30, 40]);
    expect(jobs.map((job) => job.finished.signalledAtUs)).toEqual([30, 40, 60]);
  });

  it('J4: two of them overlap on two rings (control)', () => {
    const env = setUp({ rings: 2 });
    const jobs = [1, 2].map(() => env.scheduler.createEntity().submit({ durationUs: 10 }));
    env.runtime.runUntilIdle();
    expect(jobs.map((job) => job.finished.signalledAtUs)).toEqual([10, 10]);
    expect(new Set(jobs.map((job) => job.ring))).toEqual(new Set([0, 1]));
  });

  it('J4: finishes in order when later jobs were cancelled while an earlier one runs', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    const jobs = [entity.submit({}), entity.submit({}), entity.submit({}), entity.submit({})];
    const signals = signalsOf(jobs);
    runtime.advanceBy(0);
    jobs[2]!.cancel();
    jobs[1]!.cancel();
    runtime.advanceBy(0);
    expect(finishedIn(signals)).toEqual([]);
    mock.complete(1);
    runtime.advanceBy(0);
    mock.complete(1);
    runtime.advanceBy(0);
    expect(finishedIn(signals)).toEqual(['f0', 'f1', 'f2', 'f3']);
    const cancelled = 'ERR_JOB_CANCELLED';
    expect(outcomes(jobs)).toEqual(['ok', cancelled, cancelled, 'ok']);
  });

  it('J4: finishes in order when a running job fails and the others are killed', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    const jobs = [entity.submit({ durationUs: 5 }), entity.submit({}), entity.submit({})];
    const signals = signalsOf(jobs);
    mock.failNext();
    runtime.advanceBy(1);
    entity.kill();
    runtime.runUntilIdle();
    expect(signals).toEqual(['s0', 'f0', 's1', 'f1', 's2', 'f2']);
  });

  it('J4: finishes in order when an earlier job waits for a dependency after it was cancelled', () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    const dependency = pendingFence(runtime);
    const jobs = [
      entity.submit({}, { after: [dependency.fence] }),
      entity.submit({ durationUs: 5 }),
    ];
    const signals = signalsOf(jobs);
    expect(jobs[0]!.cancel()).toBe('dequeued');
    runtime.advanceBy(100);
    expect(finishedIn(signals)).toEqual([]);
    dependency.signal();
    runtime.runUntilIdle();
    expect(finishedIn(signals)).toEqual(['f0', 'f1']);
  });

  it('F1: has its finished fences on one ordered timeline, its scheduled fences on an unordered one', () => {
    const { scheduler } = setUp();
    const entity = scheduler.createEntity();
    const [a, b] = [entity.submit({}), entity.submit({})];
    expect(b.finished.timeline).toEqual(a.finished.timeline);
    expect(b.finished.isLaterThan(a.finished)).toBe(true);
    expect(a.finished.timeline.ordered).toBe(true);
    expect(a.scheduled.timeline.ordered).toBe(false);
    const other = scheduler.createEntity().submit({});
    expect(other.finished.timeline.id).not.toBe(a.finished.timeline.id);
  });
});

describe('a parallel entity', () => {
  it('J4: starts in the order of submission and overlaps on several rings', () => {
    const { scheduler, runtime, mock } = setUp({ rings: 2 });
    const entity = scheduler.createEntity({ order: 'parallel' });
    const jobs = [30, 10, 10].map((durationUs) => entity.submit({ durationUs }));
    const signals = signalsOf(jobs);
    runtime.runUntilIdle();
    expect(mock.idsOf('runJob')).toEqual(jobs.map((job) => job.id));
    expect(finishedIn(signals)[0]).toBe('f1');
    expect([jobs[0], jobs[1]].map((job) => job?.finished.signalledAtUs)).toEqual([30, 10]);
  });

  it('J4: does not start a later job before one that waits for a dependency', () => {
    const { scheduler, runtime, mock } = setUp({ rings: 2 });
    const entity = scheduler.createEntity({ order: 'parallel' });
    const dependency = pendingFence(runtime);
    const first = entity.submit({ durationUs: 5 }, { after: [dependency.fence] });
    const second = entity.submit({ durationUs: 5 });
    runtime.advanceBy(10);
    expect(mock.idsOf('runJob')).toEqual([]);
    dependency.signal();
    runtime.runUntilIdle();
    expect(mock.idsOf('runJob')).toEqual([first.id, second.id]);
  });

  it('F1: has its finished fences on an unordered timeline', () => {
    const { scheduler } = setUp();
    const job = scheduler.createEntity({ order: 'parallel' }).submit({});
    expect(job.finished.timeline.ordered).toBe(false);
  });
});
