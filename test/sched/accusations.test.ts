// Who is named guilty, when, and in which reset that counts (T3, T4, T6); what the hardware does with an accused job before its reset
// begins (S11, S13). What a reset does to its jobs: settling.test.ts; karma and bans: bans.test.ts.
import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/base/index.ts';
import type { CrashReport } from '../../src/sched/index.ts';
import { eventsOf, idsOf, oneDomain, outcome, outcomes, setUp } from './fixture.ts';
import type { MockJob, SetUp } from './fixture.ts';

const resetsOf = ({ mock }: SetUp): SetUp['mock']['calls'] =>
  mock.calls.filter(({ hook }) => hook === 'reset');

describe('a fault that names nobody', () => {
  it('T6: blames the job that was alone on its ring', () => {
    const { scheduler, runtime } = setUp();
    const job = scheduler.createEntity().submit({});
    runtime.advanceBy(10);
    scheduler.fault();
    const later = scheduler.createEntity().submit({ durationUs: 5 });
    runtime.runUntilIdle();
    expect(outcomes([job, later])).toEqual(['ERR_JOB_TIMEOUT', 'ok']);
  });

  it('T6: blames nobody where the device was idle, also where a job starts before the reset begins', () => {
    const { scheduler, runtime } = setUp({ banAfter: 1 });
    const entity = scheduler.createEntity();
    const job = entity.submit({ durationUs: 10 });
    scheduler.fault();
    runtime.runUntilIdle();
    expect([outcome(job), entity.stats().karma, entity.stats().banned]).toEqual([
      'ERR_JOB_RESET',
      0,
      false,
    ]);
  });

  it('T6: does not blame the next job where the lonely one ends before the reset begins', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    const [first, next] = [scheduler.createEntity().submit({}), entity.submit({ durationUs: 50 })];
    runtime.advanceBy(10);
    first.finished.addCallback(() => scheduler.fault());
    mock.finish(first);
    runtime.runUntilIdle();
    expect([outcome(first), next.finished.error?.code, entity.stats().karma]).toEqual([
      'ok',
      'ERR_JOB_RESET',
      0,
    ]);
  });
});

describe('a reset that begins', () => {
  /** `a` is just late as a reset of both schedulers begins, and its driver does `act` when it is asked about that. */
  function lateAtBegin(act: (other: SetUp, job: MockJob) => void): { a: MockJob; b: MockJob } {
    const make = oneDomain();
    const first = make('first', {
      driver: (mock) => ({
        ...mock.without('timedOut'),
        timedOut: () => {
          act(second, b);
          return 'reset';
        },
      }),
    });
    const second = make('second');
    const { runtime } = first;
    runtime.setTimer(1000, () => first.scheduler.recover());
    const a = first.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    const b = second.scheduler.createEntity().submit({ durationUs: 5000 }, { resubmit: true });
    runtime.runUntilIdle();
    expect(outcome(a)).toBe('ERR_JOB_TIMEOUT');
    expect([resetsOf(second).length, second.scheduler.stats().resets]).toEqual([1, 1]);
    return { a, b };
  }

  it('T3: runs an innocent again', () => {
    const { b } = lateAtBegin(() => {});
    expect([outcome(b), b.attempt]).toEqual(['ok', 2]);
  });

  it('T3, T4: takes in who is named while others are judged, on any of its rings', () => {
    const { b } = lateAtBegin(({ scheduler }, job) => scheduler.fault(job));
    expect([outcome(b), b.attempt]).toEqual(['ERR_JOB_TIMEOUT', 1]);
  });

  it('T3, T6: takes in a fault that names nobody, and blames nobody for it', () => {
    const { b } = lateAtBegin(({ scheduler }) => scheduler.fault());
    expect([outcome(b), b.attempt]).toEqual(['ok', 2]);
  });

  it('T3: names what it took in the order of starts, whichever ring and entity', () => {
    const env = setUp({ rings: 2, credits: 2 });
    const { scheduler, runtime, mock } = env;
    scheduler.createEntity({ priority: 'low' }).submit({ hangs: true });
    scheduler.createEntity({ priority: 'normal' }).submit({ hangs: true });
    scheduler.createEntity({ priority: 'kernel' }).submit({ hangs: true });
    runtime.advanceBy(10);
    scheduler.recover();
    runtime.advanceBy(0);
    const started = mock.idsOf('runJob').slice(0, 3);
    expect(started[0]).not.toBe(Math.min(...started));
    expect(resetsOf(env)[0]!.reset!.running).toEqual(started);
  });
});

describe('a reset that settles its jobs', () => {
  it('T3, T4: takes in who is named in a callback of it', () => {
    const { scheduler, runtime } = setUp({ banAfter: 1 });
    const [guilty, queue, other] = [
      scheduler.createEntity({ client: 1 }),
      scheduler.createEntity({ client: 1, order: 'parallel' }),
      scheduler.createEntity({ client: 2 }),
    ];
    const hung = guilty.submit({ hangs: true }, { runTimeoutMs: 1 });
    runtime.advanceBy(0);
    const named = other.submit({ durationUs: 100 });
    runtime.advanceBy(0);
    // Its ban ends this one, before the innocent are settled.
    queue.submit({}).finished.addCallback(() => scheduler.fault(named));
    runtime.runUntilIdle();
    expect(outcomes([hung, named])).toEqual(['ERR_JOB_TIMEOUT', 'ERR_JOB_TIMEOUT']);
    expect([named.attempt, other.stats().karma, scheduler.stats().resets]).toEqual([1, 1, 1]);
  });

  it('T4, T6: convicts once who is named as the innocent fail', () => {
    const { scheduler, runtime } = setUp({ rings: 2 });
    const entity = scheduler.createEntity();
    const first = scheduler.createEntity().submit({ hangs: true });
    const named = entity.submit({ hangs: true });
    runtime.advanceBy(10);
    first.finished.addCallback(() => scheduler.fault(named));
    scheduler.recover();
    runtime.runUntilIdle();
    expect(outcomes([first, named])).toEqual(['ERR_JOB_RESET', 'ERR_JOB_TIMEOUT']);
    expect([entity.stats().karma, scheduler.stats().resets]).toEqual([1, 1]);
  });
});

describe('a guilty job', () => {
  it('T6: fails for the reason that was given first', () => {
    const { scheduler, runtime, mock } = setUp();
    mock.resetUs = 50;
    const job = scheduler.createEntity().submit({ hangs: true });
    runtime.advanceBy(1);
    scheduler.fault(job, new JobError('ERR_DRIVER', 'page fault at 0xdead'));
    scheduler.fault(job);
    runtime.advanceBy(10);
    scheduler.fault(job, new JobError('ERR_DRIVER', 'too late'));
    runtime.runUntilIdle();
    expect(job.finished.error?.message).toBe('page fault at 0xdead');
  });

  it('T6: fails for the reason that names it, where a fault named nobody before', () => {
    const { scheduler, runtime } = setUp();
    const job = scheduler.createEntity().submit({ hangs: true });
    runtime.advanceBy(1);
    scheduler.fault();
    scheduler.fault(job, new JobError('ERR_DRIVER', 'page fault at 0xdead'));
    runtime.runUntilIdle();
    expect(job.finished.error?.message).toBe('page fault at 0xdead');
  });

  it('T10: is told of to onCrash where it was named only while the reset went on', () => {
    const reports: CrashReport[] = [];
    const { scheduler, runtime, mock } = setUp({ onCrash: (report) => reports.push(report) });
    mock.resetUs = 100;
    const job = scheduler.createEntity().submit({ hangs: true });
    runtime.advanceBy(10);
    scheduler.recover();
    runtime.advanceBy(10);
    scheduler.fault(job);
    runtime.runUntilIdle();
    expect(mock.idsOf('capture')).toEqual([]);
    expect(reports).toMatchObject([
      { recovered: true, guilty: [{ label: job.label, captured: undefined }] },
    ]);
  });
});

describe('an accused job that waits for its reset', () => {
  /** Ring 0 is reset from 1 ms to 11 ms; on ring 1 `late` is accused at 2 ms, and the hardware goes on after 3 ms. */
  function waiting(): { env: SetUp; late: MockJob; behind: MockJob } {
    const env = setUp({ rings: 2, mock: { resetScope: 'ring' } });
    env.mock.resetUs = 10_000;
    const { scheduler, runtime } = env;
    scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    const late = scheduler.createEntity().submit({ durationUs: 3000 }, { runTimeoutMs: 2 });
    runtime.advanceBy(0);
    scheduler.createEntity().submit({ durationUs: 1 });
    const behind = scheduler.createEntity().submit({ durationUs: 1000 }, { runTimeoutMs: 2 });
    runtime.advanceBy(0);
    expect([late.ring, behind.ring]).toEqual([1, 1]);
    return { env, late, behind };
  }

  it('S11, S13: is charged until the hardware is done with it, and who is behind it from then on', () => {
    const { env, late, behind } = waiting();
    env.runtime.runUntilIdle();
    expect(outcomes([late, behind])).toEqual(['ERR_JOB_TIMEOUT', 'ok']);
    const busyUs = [late, behind].map(
      ({ id }) =>
        eventsOf(env.events, 'job-done').find(({ fence }) => idOf(env, fence) === id)?.busyUs,
    );
    expect(busyUs).toEqual([3000, 1000]);
    expect(env.scheduler.stats().rings[1]?.busyUs).toBe(4000);
  });

  it('T1, T4: does not hide that the one behind it executes: that fails in the reset, and is not run again', () => {
    const { env } = waiting();
    env.runtime.advanceBy(4500);
    const entity = env.scheduler.createEntity();
    const executing = entity.submit({ durationUs: 50_000 });
    env.runtime.runUntilIdle();
    expect([outcome(executing), executing.attempt, entity.stats().busyUs]).toEqual([
      'ERR_JOB_RESET',
      1,
      6500,
    ]);
  });

  it('T1: does not stop the clock of the one behind it', () => {
    const { env, late } = waiting();
    env.runtime.advanceBy(4500);
    const next = env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 2 });
    env.runtime.runUntilIdle();
    const asked = env.mock.calls.filter(({ hook }) => hook === 'timedOut');
    expect(asked.slice(1).map(({ job, atUs }) => [job, atUs])).toEqual([
      [late.id, 2000],
      [next.id, 6500],
    ]);
    expect(resetsOf(env).map(({ reset }) => reset!.guilty)).toEqual([
      [expect.any(Number)],
      idsOf([late, next]),
    ]);
  });

  it('J11: is retired by its hardware where its scheduler is closed meanwhile', async () => {
    const { env, late } = waiting();
    env.mock.ignoresCancel = true;
    env.runtime.advanceBy(2500);
    void env.scheduler.close({ mode: 'kill' });
    expect([outcome(late), late.retired]).toEqual(['ERR_SCHEDULER_CLOSED', false]);
    env.runtime.advanceBy(500);
    expect([late.retired, env.mock.freedCount(late)]).toEqual([true, 1]);
    await env.runtime.settle();
  });
});

/** The job whose finished fence an event names. */
function idOf({ events }: SetUp, fence: readonly [number, number]): number {
  const at = eventsOf(events, 'job-queue').findIndex(
    (event) => event.fence[0] === fence[0] && event.fence[1] === fence[1],
  );
  return eventsOf(events, 'job-queue')[at]?.job ?? -1;
}
