// A device that is gone for good (T8): hot-unplug, and what stays readable.
import { describe, expect, it } from 'vitest';
import { MockRing, VirtualRuntime } from '../../src/drivers/sim/index.ts';
import type { MockWork } from '../../src/drivers/sim/index.ts';
import { ResetDomain, Scheduler } from '../../src/sched/index.ts';
import {
  cranked,
  eventsOf,
  finishedIn,
  outcome,
  outcomes,
  runningBlockedQueued,
  setUp,
  thrownBy,
} from './fixture.ts';

describe('a device that is removed', () => {
  it('T8: fails every queued and running job with ERR_DEVICE_GONE, in order', () => {
    const made = setUp({ credits: 1 });
    const { scheduler, runtime, mock } = made;
    const { jobs, signals } = runningBlockedQueued(made);
    mock.unplug();
    scheduler.removeDevice();
    runtime.runUntilIdle();
    expect(outcomes(jobs)).toEqual(Array(3).fill('ERR_DEVICE_GONE'));
    expect(jobs[0]!.finished.error?.errno).toBe('ENODEV');
    expect(finishedIn(signals)).toEqual(['f0', 'f1', 'f2']);
    for (const job of jobs) expect([job.retired, mock.freedCount(job)]).toEqual([true, 1]);
  });

  it('T8: calls runJob no more', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    const [first] = [entity.submit({}), entity.submit({})];
    runtime.advanceBy(0);
    scheduler.removeDevice();
    runtime.runUntilIdle();
    expect(mock.idsOf('runJob')).toEqual([first.id]);
    expect(mock.idsOf('reset')).toEqual([]);
  });

  it('T8: submits throw, statistics and fences stay readable', () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    const done = entity.submit({ durationUs: 10 });
    runtime.runUntilIdle();
    scheduler.removeDevice();
    runtime.runUntilIdle();
    expect(thrownBy(() => entity.submit({}))).toBe('ERR_DEVICE_GONE');
    expect(entity.stats()).toMatchObject({ completed: 1, busyUs: 10 });
    expect([done.finished.status, scheduler.stats().rings[0]?.busyUs]).toEqual(['ok', 10]);
  });

  it('T8: hands the cause on', () => {
    const { scheduler, runtime } = setUp();
    const job = scheduler.createEntity().submit({});
    const cause = new Error('cable');
    scheduler.removeDevice(cause);
    runtime.runUntilIdle();
    expect(job.finished.error?.cause).toBe(cause);
  });

  it('T8: takes the whole reset domain, and no other scheduler', () => {
    const runtime = new VirtualRuntime();
    const resetDomain = new ResetDomain({ label: 'card', runtime });
    const make = (label: string, domain?: ResetDomain): Scheduler<MockWork> =>
      new Scheduler<MockWork>({
        label,
        driver: new MockRing({ runtime }),
        runtime,
        ...(domain && { resetDomain: domain }),
      });
    const schedulers = [make('a', resetDomain), make('b', resetDomain), make('c')];
    const jobs = schedulers.map((one) => one.createEntity().submit({ durationUs: 10 }));
    runtime.advanceBy(1);
    schedulers[0]!.removeDevice();
    runtime.runUntilIdle();
    expect(outcomes(jobs)).toEqual(['ERR_DEVICE_GONE', 'ERR_DEVICE_GONE', 'ok']);
  });

  it('T8: during a reset', () => {
    const { scheduler, runtime, mock } = setUp();
    mock.resetUs = 500;
    const hung = scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    const behind = scheduler.createEntity().submit({ durationUs: 5 });
    runtime.advanceBy(1100);
    scheduler.removeDevice();
    runtime.runUntilIdle();
    expect(outcomes([hung, behind])).toEqual(['ERR_DEVICE_GONE', 'ERR_DEVICE_GONE']);
    for (const job of [hung, behind]) expect(mock.freedCount(job)).toBe(1);
    expect(runtime.pendingTimers).toBe(0);
  });

  it('T8: inside runJob', () => {
    const env = setUp({
      driver: (mock) => ({
        ...mock.without(),
        runJob: (job, ring) => {
          env.scheduler.removeDevice();
          return mock.runJob(job, ring);
        },
      }),
    });
    const jobs = [1, 2].map(() => env.scheduler.createEntity().submit({}));
    env.runtime.runUntilIdle();
    expect(outcomes(jobs)).toEqual(['ERR_DEVICE_GONE', 'ERR_DEVICE_GONE']);
    for (const job of jobs) expect(env.mock.freedCount(job)).toBe(1);
    expect(env.mock.idsOf('runJob')).toHaveLength(1);
  });

  it('T8: ignores hardware that completes afterwards', () => {
    const { scheduler, runtime, mock } = setUp();
    const job = scheduler.createEntity().submit({});
    runtime.advanceBy(0);
    scheduler.removeDevice();
    runtime.advanceBy(0);
    mock.complete(1);
    runtime.runUntilIdle();
    expect([outcome(job), mock.freedCount(job)]).toEqual(['ERR_DEVICE_GONE', 1]);
  });

  it('T8: twice, and before and after close, changes nothing (E6)', async () => {
    const { scheduler, runtime, events } = setUp();
    const job = scheduler.createEntity().submit({});
    scheduler.removeDevice();
    scheduler.removeDevice();
    await cranked(runtime, scheduler.close());
    scheduler.removeDevice();
    runtime.runUntilIdle();
    expect(outcome(job)).toBe('ERR_DEVICE_GONE');
    expect(eventsOf(events, 'gone')).toHaveLength(1);
  });

  it('T8: signals the scheduler’s gone fence with the error; an ordinary close signals it ok', async () => {
    const [removed, closed] = [setUp(), setUp()];
    const [removedGone, closedGone] = [removed.scheduler.gone, closed.scheduler.gone];
    removed.scheduler.removeDevice();
    removed.runtime.runUntilIdle();
    await cranked(closed.runtime, closed.scheduler.close());
    expect([outcome(removedGone), outcome(closedGone)]).toEqual(['ERR_DEVICE_GONE', 'ok']);
  });

  it('T8: has failed as a whole before a callback runs, its gone fence too', () => {
    const runtime = new VirtualRuntime();
    const resetDomain = new ResetDomain({ label: 'card', runtime });
    const [one, other] = [setUp({ runtime, resetDomain }), setUp({ runtime, resetDomain })];
    const { gone } = one.scheduler;
    const jobs = [one, other].map(({ scheduler }) => scheduler.createEntity().submit({}));
    const seen: string[] = [];
    const note = (name: string) => () =>
      seen.push(`${name}: ${outcomes([gone, ...jobs]).join(',')}`);
    jobs.forEach(({ scheduled, finished }, index) => {
      scheduled.addCallback(note(`s${index}`));
      finished.addCallback(note(`f${index}`));
    });
    gone.addCallback(note('gone'));
    one.scheduler.removeDevice();
    const all = Array(3).fill('ERR_DEVICE_GONE').join(',');
    expect(seen).toEqual(['gone', 's0', 'f0', 's1', 'f1'].map((name) => `${name}: ${all}`));
  });

  it('J11: after a close that cut jobs off, retires and frees them', async () => {
    const { scheduler, runtime, mock } = setUp();
    mock.ignoresCancel = true;
    const job = scheduler.createEntity().submit({});
    runtime.advanceBy(0);
    await cranked(runtime, scheduler.close({ mode: 'kill' }));
    expect(mock.freedCount(job)).toBe(0);
    scheduler.removeDevice();
    runtime.runUntilIdle();
    expect([job.retired, mock.freedCount(job), outcome(job)]).toEqual([
      true,
      1,
      'ERR_SCHEDULER_CLOSED',
    ]);
  });
});
