// The statistics of schedulers, entities and accounts (S13), and the hints that reach hardware (F12).
import { describe, expect, it } from 'vitest';
import { Account, strictPriority } from '../../src/sched/index.ts';
import { VirtualRuntime } from '../../src/drivers/sim/index.ts';
import { Timeline } from '../../src/fence/index.ts';
import type { Fence, FenceSource } from '../../src/fence/index.ts';
import { outcome, setUp } from './fixture.ts';

describe('busy time', () => {
  it('S13: is the time that the ring executed, not the sum over pipelined jobs', () => {
    const { scheduler, runtime } = setUp({ credits: 4 });
    const entity = scheduler.createEntity();
    for (let i = 0; i < 4; i += 1) entity.submit({ durationUs: 10 });
    runtime.runUntilIdle();
    expect([entity.stats().busyUs, scheduler.stats().rings[0]?.busyUs]).toEqual([40, 40]);
  });

  it('S13: is split between entities whose jobs are pipelined', () => {
    const { scheduler, runtime } = setUp({ credits: 4 });
    const [a, b] = [scheduler.createEntity(), scheduler.createEntity()];
    a.submit({ durationUs: 10 });
    b.submit({ durationUs: 30 });
    runtime.runUntilIdle();
    expect([a.stats().busyUs, b.stats().busyUs]).toEqual([10, 30]);
    expect([a.account.busyUs, b.account.busyUs]).toEqual([10, 30]);
  });

  it.each([3.6e9, 0])(
    'S13, T1: never runs ahead of the scheduler’s clock, where hardware fences tell another one that began at %d us',
    (startUs) => {
      const other = new VirtualRuntime({ startUs });
      const hardware = new Timeline({ driver: 'test', label: 'hardware', runtime: other });
      const sources: FenceSource[] = [];
      const { scheduler, runtime } = setUp({
        credits: 2,
        runTimeoutMs: 10,
        driver: () => ({
          runJob: () => {
            const source = hardware.createFence();
            sources.push(source);
            return source.fence;
          },
        }),
      });
      const entity = scheduler.createEntity();
      const [job, next] = [entity.submit({}), entity.submit({})];
      runtime.advanceBy(500);
      sources[0]?.signal();
      runtime.advanceBy(0);
      expect(job.finished.signalledAtUs).toBeLessThanOrEqual(500);
      expect(entity.stats().busyUs).toBe(startUs === 0 ? 0 : 500);
      runtime.advanceBy(10_000);
      expect([outcome(job), outcome(next)]).toEqual(['ok', 'ERR_JOB_TIMEOUT']);
    },
  );

  it('S13: does not count time between jobs', () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    entity.submit({ durationUs: 10 });
    runtime.advanceBy(1000);
    entity.submit({ durationUs: 10 });
    runtime.runUntilIdle();
    expect(entity.stats().busyUs).toBe(20);
  });

  it('S13: sums over rings, and over the entities of an account', () => {
    const { scheduler, runtime } = setUp({ rings: 2 });
    const account = new Account({ label: 'us' });
    const entities = [1, 2].map(() => scheduler.createEntity({ account }));
    for (const entity of entities) entity.submit({ durationUs: 10 });
    runtime.runUntilIdle();
    expect(account.busyUs).toBe(20);
    expect(scheduler.stats().rings.map((ring) => ring.busyUs)).toEqual([10, 10]);
  });

  it('S11: counts attempts that hung or were reset, and none for those that had not begun', () => {
    const { scheduler, runtime, mock } = setUp({ runTimeoutMs: 1 });
    mock.hang();
    const [hung, waits] = [scheduler.createEntity(), scheduler.createEntity()];
    hung.submit({});
    waits.submit({ durationUs: 10 });
    runtime.runUntilIdle();
    expect([hung.stats().busyUs, waits.stats().busyUs]).toEqual([1000, 10]);
  });

  it.each(['close', 'removeDevice'] as const)(
    'S13: of jobs that %s cut off is charged to the one that executed',
    async (end) => {
      const { scheduler, runtime, mock } = setUp({ policy: strictPriority() });
      mock.ignoresCancel = true;
      const [waits, executes] = (['low', 'high'] as const).map((priority) =>
        scheduler.createEntity({ priority }),
      );
      waits!.submit({});
      executes!.submit({});
      runtime.advanceBy(100);
      expect(mock.jobsOn()).toHaveLength(2);
      if (end === 'close') void scheduler.close({ mode: 'kill' });
      else scheduler.removeDevice();
      await runtime.settle();
      expect([executes!.stats().busyUs, waits!.stats().busyUs]).toEqual([100, 0]);
    },
  );
});

describe('the statistics of an entity', () => {
  it('count jobs by outcome, attempts, and the time waited and taken', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    const entity = scheduler.createEntity({ label: 'mine' });
    mock.failNext();
    for (let i = 0; i < 3; i += 1) entity.submit({ durationUs: 10 });
    entity.submit({}).cancel();
    runtime.runUntilIdle();
    expect(entity.stats()).toMatchObject({
      label: 'mine',
      queued: 0,
      running: 0,
      submitted: 4,
      completed: 2,
      failed: 2,
      attempts: 3,
      busyUs: 30,
      karma: 0,
      banned: false,
    });
    expect(entity.stats().waitUs).toMatchObject({ count: 3, mean: 10, max: 20 });
    expect(entity.stats().turnaroundUs).toMatchObject({ count: 4, max: 30 });
  });

  it('are plain JSON', () => {
    const { scheduler, runtime } = setUp({ rings: 2 });
    const entity = scheduler.createEntity();
    entity.submit({ durationUs: 10 });
    runtime.advanceBy(5);
    for (const stats of [entity.stats(), scheduler.stats()]) {
      expect(JSON.parse(JSON.stringify(stats))).toEqual(stats);
    }
  });

  it('S13: go on counting for jobs that run after the kill', () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    entity.submit({ durationUs: 10 });
    runtime.advanceBy(5);
    entity.kill();
    runtime.runUntilIdle();
    expect(entity.stats()).toMatchObject({ completed: 1, busyUs: 10 });
  });
});

describe('the statistics of a scheduler', () => {
  it('count what is queued, running and open', () => {
    const { scheduler, runtime } = setUp({ credits: 1, rings: 2 });
    const entity = scheduler.createEntity({ order: 'parallel' });
    const other = scheduler.createEntity();
    for (let i = 0; i < 5; i += 1) entity.submit({});
    runtime.advanceBy(0);
    const ring = { busyUs: 0, running: 1, creditsUsed: 1, creditsLimit: 1 };
    expect(scheduler.stats()).toMatchObject({
      label: 'test',
      queued: 3,
      running: 2,
      entities: 2,
      timeouts: 0,
      resets: 0,
      rings: [ring, ring],
    });
    other.kill();
    expect(scheduler.stats().entities).toBe(1);
  });

  it('J2: count the jobs that a reset took as running until it has settled them', () => {
    const { scheduler, runtime, mock } = setUp();
    mock.resetUs = 1000;
    const entity = scheduler.createEntity();
    const jobs = [entity.submit({}), entity.submit({ durationUs: 5 }, { resubmit: true })];
    runtime.advanceBy(0);
    scheduler.recover();
    runtime.advanceBy(500);
    expect(jobs.map(({ state }) => state)).toEqual(['running', 'running']);
    expect([scheduler.stats().running, entity.stats().running]).toEqual([2, 2]);
    runtime.advanceBy(500);
    expect([scheduler.stats().running, scheduler.stats().queued]).toEqual([1, 0]);
    runtime.runUntilIdle();
    expect(scheduler.stats()).toMatchObject({ running: 0, queued: 0 });
  });

  it('S12: count an entity where it is, also after it has moved', () => {
    const { scheduler: first, runtime } = setUp();
    const { scheduler: second } = setUp({ runtime });
    const counts = (): number[] => [first.stats().entities, second.stats().entities];
    const entity = first.createEntity();
    entity.setSchedulers([second]);
    entity.submit({ durationUs: 5 });
    expect(counts()).toEqual([0, 1]);
    runtime.runUntilIdle();
    entity.setSchedulers([first]);
    entity.submit({ durationUs: 5 });
    entity.kill();
    expect(counts()).toEqual([0, 0]);
  });
});

describe('a deadline hint', () => {
  const hardwareOf = (): { env: ReturnType<typeof setUp>; hints: number[] } => {
    const hints: number[] = [];
    const env = setUp({
      driver: (mock) => ({
        ...mock.without(),
        runJob: (job, ring): Fence => {
          const fence = mock.runJob(job, ring);
          const setDeadline = fence.setDeadline.bind(fence);
          fence.setDeadline = (atUs) => {
            hints.push(atUs);
            setDeadline(atUs);
          };
          return fence;
        },
      }),
    });
    return { env, hints };
  };

  it('F12: that was set before the start is forwarded at the start', () => {
    const { env, hints } = hardwareOf();
    const job = env.scheduler.createEntity().submit({});
    job.finished.setDeadline(500);
    job.finished.setDeadline(900);
    env.runtime.advanceBy(0);
    expect(hints).toEqual([500]);
  });

  it('F12: that is set while the job runs is forwarded at once, the earlier wins', () => {
    const { env, hints } = hardwareOf();
    const job = env.scheduler.createEntity().submit({});
    env.runtime.advanceBy(0);
    expect(hints).toEqual([]);
    job.finished.setDeadline(500);
    job.finished.setDeadline(900);
    job.finished.setDeadline(400);
    expect(hints).toEqual([500, 400]);
  });
});
