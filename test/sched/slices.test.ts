// Jobs in slices, and jobs that have a ring for themselves (S14). Leases: test/device; generators in threads: test/worker.
import { describe, expect, it } from 'vitest';
import type { JobError } from '../../src/base/index.ts';
import { Account, fair, fifo, ResourcePool, roundRobin } from '../../src/sched/index.ts';
import type { MockWork } from '../../src/drivers/sim/index.ts';
import type { Entity, Policy, SubmitOptions } from '../../src/sched/index.ts';
import type { Ring } from '../../src/sched/ring.ts';
import type { SchedulerCore } from '../../src/sched/schedulerCore.ts';
import {
  eventsOf,
  outcome,
  outcomes,
  pendingFence,
  setUp,
  signalsOf,
  thrownBy,
} from './fixture.ts';

/** A sliced job between two slices whose ring a rival took, while the other ring has just become free; and one behind it. */
function heldOffItsRing(order: 'serial' | 'parallel', endsRival = false) {
  const set = setUp({ credits: 1, rings: 2, mock: { slicesOn: 'same-ring' } });
  const { scheduler, runtime, mock } = set;
  scheduler.observe({
    emit(event) {
      if (endsRival && event.type === 'job-blocked' && event.why === 'order') mock.finish(rival);
    },
  });
  const entity = scheduler.createEntity({ order });
  const sliced = entity.submit({ durationUs: 1000, slices: 2 });
  runtime.advanceBy(0);
  scheduler.createEntity().submit({ durationUs: 1500 });
  runtime.advanceBy(500);
  const rival = scheduler.createEntity().submit({ durationUs: 5000 });
  const behind = entity.submit({ durationUs: 1000 });
  runtime.advanceBy(1100);
  return { ...set, entity, sliced, behind };
}

/**
 * A job with `options` between its two slices, while others keep both rings filled with jobs of one credit that never end together.
 * `starts` are the rings where those jobs began.
 */
function crowdedOffItsRing(options: SubmitOptions, policy?: Policy) {
  const set = setUp({
    credits: 2,
    rings: 2,
    mock: { slicesOn: 'same-ring' },
    ...(policy === undefined ? {} : { policy }),
  });
  const { scheduler, runtime } = set;
  const { core } = scheduler as unknown as { readonly core: SchedulerCore };
  const entity = scheduler.createEntity({ label: 'big', order: 'parallel' });
  const sliced = entity.submit({ durationUs: 1000, slices: 2 }, options);
  runtime.advanceBy(100);
  const starts: number[] = [];
  for (const durationUs of [700, 713, 726, 739, 752, 765]) {
    const other = scheduler.createEntity();
    const again = (): void => {
      if (core.ended) return;
      const job = other.submit({ durationUs });
      job.scheduled.addCallback(() => starts.push(job.ring ?? -1));
      job.finished.addCallback(again);
    };
    again();
  }
  return { ...set, core, entity, sliced, starts };
}

describe('a sliced job', () => {
  it('S14: lets others run between its slices, and is one job to those who wait for it', () => {
    const { scheduler, runtime, mock, events } = setUp({ credits: 1 });
    const [long, other] = [scheduler.createEntity(), scheduler.createEntity()];
    const sliced = long.submit({ durationUs: 1000, slices: 3 });
    runtime.advanceBy(1);
    const jobs = [1, 2].map(() => other.submit({ durationUs: 1000 }));
    const signals = signalsOf([sliced, ...jobs]);
    runtime.runUntilIdle();
    expect(mock.idsOf('runJob')).toEqual(
      [sliced, jobs[0], sliced, jobs[1], sliced].map((j) => j!.id),
    );
    expect(signals).toEqual(['s1', 'f1', 's2', 'f2', 'f0']);
    expect(eventsOf(events, 'job-slice').map(({ attempt }) => attempt)).toEqual([1, 1]);
    expect(eventsOf(events, 'job-run').filter(({ attempt }) => attempt !== 1)).toEqual([]);
    expect(mock.freedCount(sliced)).toBe(1);
  });

  it('S14: holds no credit between its slices, and is queued meanwhile', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const [long, other] = [scheduler.createEntity(), scheduler.createEntity()];
    const sliced = long.submit({ durationUs: 1000, slices: 2 });
    runtime.advanceBy(1);
    const between = other.submit({ durationUs: 1000 });
    runtime.advanceBy(1500);
    expect([sliced.state, between.state, sliced.attempt]).toEqual(['queued', 'running', 1]);
    expect(scheduler.stats().rings[0]?.creditsUsed).toBe(1);
    expect(long.stats()).toMatchObject({ queued: 1, running: 0, attempts: 1, busyUs: 1000 });
    runtime.runUntilIdle();
    expect(outcomes([sliced, between])).toEqual(['ok', 'ok']);
    expect(long.stats()).toMatchObject({ completed: 1, attempts: 1, busyUs: 2000 });
    expect(long.stats().waitUs.count).toBe(1);
  });

  it('S14, J4: nothing of its serial entity starts before it ended; a plain job lets the next one follow at once', () => {
    for (const [slices, rings] of [
      [1, 1],
      [3, 1],
      [1, 2],
      [3, 2],
    ] as const) {
      const { scheduler, runtime, mock } = setUp({ credits: 4, rings });
      const entity = scheduler.createEntity();
      const jobs = [slices, 1].map((n) => entity.submit({ durationUs: 1000, slices: n }));
      runtime.advanceBy(500);
      expect(jobs[1]!.state).toBe(slices === 1 ? 'running' : 'queued');
      runtime.runUntilIdle();
      expect(outcomes(jobs)).toEqual(['ok', 'ok']);
      expect(jobs[1]!.finished.signalledAtUs).toBe((slices + 1) * 1000);
      expect(mock.calls.filter(({ hook }) => hook === 'runJob')).toHaveLength(slices + 1);
    }
  });

  it('S14, J7: nothing is pipelined on it', () => {
    for (const slices of [1, 2]) {
      const { scheduler, runtime, mock } = setUp({ credits: 4 });
      const first = scheduler.createEntity().submit({ durationUs: 1000, slices });
      const dependent = scheduler
        .createEntity()
        .submit({ durationUs: 1 }, { after: [first.finished] });
      runtime.advanceBy(500);
      expect(mock.jobsOn(0)).toHaveLength(slices === 1 ? 2 : 1);
      runtime.runUntilIdle();
      expect(dependent.finished.signalledAtUs).toBe(slices * 1000 + 1);
    }
  });

  it('S14: goes on where it was when its driver says so, and holds no other entity back meanwhile', () => {
    const { scheduler, runtime, mock } = setUp({
      credits: 1,
      rings: 2,
      mock: { slicesOn: 'same-ring' },
    });
    const entities = [1, 2, 3].map(() => scheduler.createEntity());
    const sliced = entities[0]!.submit({ durationUs: 1000, slices: 3 });
    runtime.advanceBy(0);
    const others = entities
      .slice(1)
      .flatMap((entity) => [1, 2, 3].map(() => entity.submit({ durationUs: 1300 })));
    runtime.runUntilIdle();
    expect(outcomes([sliced, ...others])).toEqual(Array(7).fill('ok'));
    const rings = mock.calls.filter(({ hook, job }) => hook === 'runJob' && job === sliced.id);
    expect(rings.map(({ ring }) => ring)).toEqual([0, 0, 0]);
    const { rings: used } = scheduler.stats();
    expect(used[0]!.busyUs + used[1]!.busyUs).toBe(3 * 1000 + 6 * 1300);
  });

  it.each(['parallel', 'serial'] as const)(
    'S2, S3: goes on where its ring becomes free while it is told that it waits for it: %s',
    (order) => {
      const { runtime, sliced } = heldOffItsRing(order, true);
      runtime.runUntilIdle();
      expect(sliced.finished.signalledAtUs).toBeLessThan(3000);
    },
  );

  it('S14, S3: waits for its ring, and those behind it in a parallel entity start elsewhere meanwhile', () => {
    for (const order of ['parallel', 'serial'] as const) {
      const { runtime, sliced, behind } = heldOffItsRing(order);
      expect([sliced.state, behind.ring]).toEqual(['queued', order === 'serial' ? null : 1]);
      runtime.runUntilIdle();
      expect(outcomes([sliced, behind])).toEqual(['ok', 'ok']);
      // 1 ms, then the rival's 5, then the other 1 ms.
      expect(sliced.finished.signalledAtUs).toBe(7000);
      expect(behind.finished.signalledAtUs).toBe(order === 'serial' ? 8000 : 2500);
    }
  });

  it.each([
    ['credits', { credits: 2 }, fair],
    ['the ring for itself', { exclusive: true }, fair],
    ['one credit', {}, fair],
    ['credits', { credits: 2 }, roundRobin],
    ['credits', { credits: 2 }, fifo],
  ] as const)(
    'S5, F9: goes on although others want its ring all the time (it needs %s)',
    (_, options, policy) => {
      const { runtime, scheduler, sliced } = crowdedOffItsRing(options, policy());
      runtime.advanceBy(30_000);
      expect(outcome(sliced)).toBe('ok');
      // The other ring was never kept from anybody.
      expect(scheduler.stats().rings[1]?.busyUs).toBeGreaterThan(29_000);
    },
  );

  it.each(['cancel', 'kill', 'reset', 'close', 'gone', 'neither'])(
    'S3: opens the ring that is kept for it to all others where it ends, or goes on (%s)',
    (how) => {
      const set = crowdedOffItsRing({ credits: 2 });
      const { runtime, scheduler, core, mock, sliced, entity, starts } = set;
      const [ring, other] = core.rings as [Ring, Ring];
      for (let at = 0; at < 300 && ring.keptFor === null; at += 1) runtime.advanceBy(100);
      expect([ring.keptFor?.id, other.keptFor]).toEqual([sliced.id, null]);
      if (how === 'cancel') sliced.cancel();
      else if (how === 'kill') entity.kill();
      else if (how === 'reset') scheduler.recover();
      else if (how === 'close') void scheduler.close({ mode: 'kill' });
      else if (how === 'gone') scheduler.removeDevice();
      const before = starts.length;
      runtime.advanceBy(10_000);
      const isOver = how === 'close' || how === 'gone';
      expect(starts.slice(before).includes(0)).toBe(!isOver);
      expect(sliced.state).toBe('finished');
      expect(mock.freedCount(sliced)).toBe(1);
      if (!isOver) expect(ring.keptFor).toBe(null);
    },
  );

  it('S14, J9, E2: ends while it waits for its ring', () => {
    for (const how of ['cancel', 'kill', 'neither'] as const) {
      const { runtime, sliced, behind, entity } = heldOffItsRing('parallel');
      const next = entity.submit({ durationUs: 100 });
      if (how === 'cancel') sliced.cancel();
      if (how === 'kill') entity.kill();
      runtime.runUntilIdle();
      const ended = { cancel: 'ERR_JOB_CANCELLED', kill: 'ERR_ENTITY_KILLED', neither: 'ok' }[how];
      expect(outcomes([sliced, behind, next])).toEqual([
        ended,
        'ok',
        how === 'kill' ? ended : 'ok',
      ]);
      expect([entity.queued, entity.running]).toEqual([0, 0]);
    }
  });

  it('S14: goes on where it was also where the hardware keeps no order', () => {
    const { scheduler, runtime, mock } = setUp({
      credits: 2,
      rings: 2,
      mock: { slicesOn: 'same-ring', ordered: false },
    });
    const jobs = [1, 2, 3].map(() =>
      scheduler.createEntity().submit({ durationUs: 1000, slices: 3 }),
    );
    runtime.runUntilIdle();
    expect(outcomes(jobs)).toEqual(['ok', 'ok', 'ok']);
    for (const job of jobs) {
      const starts = mock.calls.filter(({ hook, job: id }) => hook === 'runJob' && id === job.id);
      expect(new Set(starts.map(({ ring }) => ring)).size).toBe(1);
    }
  });

  it('S14, S8: shares by the time of its slices', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const [a, b] = [new Account(), new Account({ weight: 3 })];
    scheduler.createEntity({ account: a }).submit({ durationUs: 100, slices: 1000 });
    scheduler.createEntity({ account: b }).submit({ durationUs: 100, slices: 1000 });
    runtime.advanceBy(40_000);
    expect(Math.abs(b.busyUs - 3 * a.busyUs)).toBeLessThanOrEqual(400);
  });

  it('S14, T1: has its run timeout for each slice', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const job = scheduler
      .createEntity()
      .submit({ durationUs: 900, slices: 5 }, { runTimeoutMs: 1 });
    runtime.runUntilIdle();
    expect(outcome(job)).toBe('ok');
    const late = scheduler
      .createEntity()
      .submit({ durationUs: 1100, slices: 5 }, { runTimeoutMs: 1 });
    runtime.runUntilIdle();
    expect(outcome(late)).toBe('ERR_JOB_TIMEOUT');
  });

  it('S14: has a limit for all slices where that is asked for', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    const control = entity.submit({ durationUs: 900, slices: 5 }, { totalRunTimeoutMs: 5 });
    runtime.runUntilIdle();
    expect([outcome(control), entity.stats().busyUs]).toEqual(['ok', 4500]);
    const job = entity.submit({ durationUs: 900, slices: 5 }, { totalRunTimeoutMs: 2 });
    runtime.runUntilIdle();
    expect(outcome(job)).toBe('ERR_JOB_TIMEOUT');
    expect(entity.stats()).toMatchObject({ busyUs: 4500 + 2000, karma: 1 });
    const wrong = (): unknown => entity.submit({}, { totalRunTimeoutMs: -1 });
    expect(thrownBy(wrong)).toBe('ERR_INVALID_ARGUMENT');
  });

  it('S14, J9: is cancelled between its slices at once, and inside one where it ends', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    mock.ignoresCancel = true;
    const entity = scheduler.createEntity();
    const [running, between] = [1, 2].map(() =>
      scheduler.createEntity().submit({ durationUs: 1000, slices: 3 }),
    );
    entity.submit({ durationUs: 1000 });
    runtime.advanceBy(500);
    expect(running!.cancel()).toBe('requested');
    runtime.advanceBy(1000);
    expect(outcome(running!)).toBe('ERR_JOB_CANCELLED');
    runtime.advanceBy(1000);
    expect([between!.state, between!.attempt]).toEqual(['queued', 1]);
    expect(between!.cancel()).toBe('requested');
    expect(outcome(between!)).toBe('ERR_JOB_CANCELLED');
    expect(between!.scheduled.status).toBe('ok');
    expect(between!.cancel()).toBe('finished');
    runtime.runUntilIdle();
    for (const job of [running!, between!]) expect(mock.freedCount(job)).toBe(1);
  });

  it('S14, J9: one that ends in the slice in which it was cancelled is ok', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    mock.ignoresCancel = true;
    const job = scheduler.createEntity().submit({ durationUs: 1000, slices: 2 });
    runtime.advanceBy(1500);
    expect(job.cancel()).toBe('requested');
    runtime.runUntilIdle();
    expect(outcome(job)).toBe('ok');
  });

  it('S14, E2: is killed between its slices, and inside one where it ends', () => {
    for (const atUs of [500, 1500]) {
      const { scheduler, runtime, mock } = setUp({ credits: 1 });
      const entity = scheduler.createEntity();
      const job = entity.submit({ durationUs: 1000, slices: 3 });
      runtime.advanceBy(1);
      scheduler.createEntity().submit({ durationUs: 1000 });
      runtime.advanceBy(atUs);
      entity.kill();
      runtime.runUntilIdle();
      expect(outcome(job)).toBe('ERR_ENTITY_KILLED');
      expect(mock.idsOf('runJob').filter((id) => id === job.id)).toHaveLength(1);
      expect(mock.freedCount(job)).toBe(1);
    }
  });

  it('S14: fails where its driver cannot say whether it goes on', () => {
    const { scheduler, runtime, mock } = setUp();
    mock.throwNext('nextSlice', new Error('no idea'));
    const job = scheduler.createEntity().submit({ durationUs: 1, slices: 2 });
    runtime.runUntilIdle();
    expect(outcome(job)).toBe('ERR_DRIVER');
    expect((job.finished.error as JobError).cause).toEqual(new Error('no idea'));
  });

  it('S14, T4: is lost with its state in a reset, unless it may run again from its beginning', () => {
    for (const resubmit of [false, true, undefined]) {
      const { scheduler, runtime, mock } = setUp({ credits: 1 });
      const entity = scheduler.createEntity();
      const options = resubmit === undefined ? {} : { resubmit };
      const between = entity.submit({ durationUs: 1000, slices: 3 }, options);
      runtime.advanceBy(1);
      const hangs = scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
      runtime.runUntilIdle();
      expect(outcome(hangs)).toBe('ERR_JOB_TIMEOUT');
      expect(outcome(between)).toBe(resubmit === true ? 'ok' : 'ERR_JOB_RESET');
      expect(between.attempt).toBe(resubmit === true ? 2 : 1);
      const runs = mock.idsOf('runJob').filter((id) => id === between.id);
      expect(runs).toHaveLength(resubmit === true ? 1 + 3 : 1);
      expect(mock.freedCount(between)).toBe(1);
    }
  });

  it('S14: keeps its place in a reset of another ring', () => {
    const { scheduler, runtime, mock } = setUp({
      credits: 1,
      rings: 2,
      mock: { slicesOn: 'same-ring', resetScope: 'ring' },
    });
    const [a, b, c] = [1, 2, 3].map(() => scheduler.createEntity());
    const sliced = a!.submit({ durationUs: 1000, slices: 3 });
    const hangs = b!.submit({ hangs: true }, { runTimeoutMs: 1.5 });
    runtime.advanceBy(1);
    c!.submit({ durationUs: 1000 });
    runtime.runUntilIdle();
    expect([sliced, hangs].map(outcome)).toEqual(['ok', 'ERR_JOB_TIMEOUT']);
    expect(sliced.attempt).toBe(1);
    expect(mock.idsOf('runJob').filter((id) => id === sliced.id)).toHaveLength(3);
  });

  it('S14, E3, T8: ends with its scheduler, and with its device', async () => {
    for (const end of ['close', 'gone'] as const) {
      const { scheduler, runtime, mock } = setUp({ credits: 1 });
      const job = scheduler.createEntity().submit({ durationUs: 1000, slices: 3 });
      runtime.advanceBy(1);
      scheduler.createEntity().submit({ durationUs: 1000 });
      runtime.advanceBy(1500);
      expect(job.state).toBe('queued');
      if (end === 'close') void scheduler.close({ mode: 'kill' });
      else scheduler.removeDevice();
      await runtime.settle(10_000);
      expect(outcome(job)).toBe(end === 'close' ? 'ERR_SCHEDULER_CLOSED' : 'ERR_DEVICE_GONE');
      expect(mock.freedCount(job)).toBe(1);
    }
  });
});

describe('a sliced job that goes on where it was', () => {
  it.each([
    ['roundRobin', roundRobin],
    ['fair', fair],
    ['fifo', fifo],
  ])('F9, S5: comes back to its busy ring under %s', (_, policy) => {
    const env = setUp({
      mock: { slicesOn: 'same-ring', rings: 2 },
      rings: 2,
      credits: 1,
      policy: policy(),
    });
    const again = (entity: Entity<MockWork>, durationUs: number): void => {
      entity.submit({ durationUs }).finished.addCallback(() => again(entity, durationUs));
    };
    const job = env.scheduler.createEntity().submit({ durationUs: 100, slices: 2 });
    for (let i = 0; i < 3; i += 1) again(env.scheduler.createEntity(), 130 + 70 * (i % 2));
    env.runtime.advanceBy(100_000);
    expect(job.state).toBe('finished');
  });

  it('F9, S6: keeps its slots while its ring is kept for it', () => {
    const env = setUp({ mock: { slicesOn: 'same-ring', rings: 2 }, rings: 2, credits: 2 });
    const pool = new ResourcePool({ label: 'slots', slots: 1 });
    const again = (entity: Entity<MockWork>, durationUs: number, options: SubmitOptions): void => {
      const job = entity.submit({ durationUs }, options);
      job.finished.addCallback(() => again(entity, durationUs, options));
    };
    const options = { credits: 2, resources: [{ pool }] };
    const job = env.scheduler
      .createEntity({ order: 'parallel' })
      .submit({ durationUs: 100, slices: 2 }, options);
    env.runtime.advanceBy(50);
    for (let i = 0; i < 2; i += 1) {
      again(env.scheduler.createEntity(), 330, { resources: [{ pool }] });
    }
    for (let i = 0; i < 6; i += 1) again(env.scheduler.createEntity(), 130, {});
    env.runtime.advanceBy(100_000);
    expect(job.state).toBe('finished');
  });
});

describe('an exclusive job', () => {
  it('S14: starts where nothing is, and nothing starts behind it', () => {
    for (const exclusive of [false, true]) {
      const { scheduler, runtime } = setUp({ credits: 4 });
      const entities = [1, 2, 3].map(() => scheduler.createEntity());
      entities[0]!.submit({ durationUs: 1000 });
      runtime.advanceBy(1);
      const alone = entities[1]!.submit({ durationUs: 1000 }, { exclusive });
      const behind = entities[2]!.submit({ durationUs: 1000 });
      runtime.advanceBy(1);
      expect([alone.state, behind.state]).toEqual(
        exclusive ? ['queued', 'queued'] : ['running', 'running'],
      );
      runtime.advanceBy(1000);
      expect(alone.state).toBe('running');
      expect(behind.state).toBe(exclusive ? 'queued' : 'running');
      runtime.runUntilIdle();
      expect(outcomes([alone, behind])).toEqual(['ok', 'ok']);
    }
    const { scheduler, runtime } = setUp();
    const wrong = { exclusive: 1 as unknown as boolean, after: [pendingFence(runtime).fence] };
    expect(thrownBy(() => scheduler.createEntity().submit({}, wrong))).toBe('ERR_INVALID_ARGUMENT');
  });
});

describe('contended', () => {
  it('S14: says whether some job could start and waits for room', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const [a, b] = [scheduler.createEntity(), scheduler.createEntity()];
    a.submit({ durationUs: 1000 });
    runtime.advanceBy(1);
    expect(scheduler.contended).toBe(false);
    b.submit({}, { after: [pendingFence(runtime).fence] });
    runtime.advanceBy(1);
    expect(scheduler.contended).toBe(false);
    const ready = scheduler.createEntity().submit({ durationUs: 1 });
    expect(scheduler.contended).toBe(true);
    runtime.advanceBy(1);
    expect(scheduler.contended).toBe(true);
    runtime.advanceBy(2000);
    expect([outcome(ready), scheduler.contended]).toEqual(['ok', false]);
  });
});

describe('a slice that ends while the next job is asked about', () => {
  it('S6: puts its job before that one, which is given no slots then', () => {
    const acts: (() => void)[] = [];
    const env = setUp({
      driver: (mock) => ({
        ...mock.without(),
        prepareJob: () => {
          acts.shift()?.();
          return null;
        },
      }),
    });
    const pool = new ResourcePool({ label: 'ids', slots: 2 });
    const entity = env.scheduler.createEntity({ order: 'parallel' });
    const resources = [{ pool, count: 2 }];
    const sliced = entity.submit({ durationUs: 100, slices: 2 }, { resources });
    env.runtime.advanceBy(10);
    const next = entity.submit({ durationUs: 10 }, { resources: [{ pool }] });
    acts.push(() => void env.mock.finish(sliced));
    env.runtime.runUntilIdle();
    expect(outcomes([sliced, next])).toEqual(['ok', 'ok']);
    expect(pool.free).toBe(2);
  });
});
