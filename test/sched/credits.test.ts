// What bounds the work in flight on a ring (S3, S4, S5). What is held after finished signalled: retirement.test.ts.
import { describe, expect, it } from 'vitest';
import { fifo } from '../../src/sched/index.ts';
import { eventsOf, outcome, setUp } from './fixture.ts';
import type { MockJob, SetUp } from './fixture.ts';

const creditsOf = (env: SetUp): number[] => env.scheduler.stats().rings.map((r) => r.creditsUsed);

describe('credits', () => {
  it('S4: bound what is in flight on each ring; the default is 2', () => {
    const env = setUp({ rings: 2 });
    const entities = Array.from({ length: 6 }, () => env.scheduler.createEntity());
    entities.forEach((entity) => entity.submit({}));
    env.runtime.advanceBy(0);
    expect(creditsOf(env)).toEqual([2, 2]);
    expect([env.mock.jobsOn(0).length, env.mock.jobsOn(1).length]).toEqual([2, 2]);
    expect(env.scheduler.stats().rings.map((ring) => ring.creditsLimit)).toEqual([2, 2]);
  });

  it('S4: a job takes as many as it says', () => {
    const env = setUp({ credits: 5 });
    const jobs = [3, 2, 1].map((credits) => env.scheduler.createEntity().submit({}, { credits }));
    env.runtime.advanceBy(0);
    expect(creditsOf(env)).toEqual([5]);
    expect(jobs.map((job) => job.state)).toEqual(['running', 'running', 'queued']);
    env.mock.finish(jobs[0]!);
    env.runtime.advanceBy(0);
    expect(creditsOf(env)).toEqual([3]);
  });

  it('S4: a job above the limit is clamped, with a warning, and runs alone', () => {
    const env = setUp({ credits: 2 });
    const job = env.scheduler.createEntity().submit({}, { credits: 9 });
    const other = env.scheduler.createEntity().submit({});
    env.runtime.advanceBy(0);
    expect([job.state, other.state, creditsOf(env)]).toEqual(['running', 'queued', [2]]);
    expect(eventsOf(env.events, 'warning')).toHaveLength(1);
  });

  it('S4: a job at the limit is not warned about (control)', () => {
    const env = setUp({ credits: 2 });
    env.scheduler.createEntity().submit({}, { credits: 2 });
    env.runtime.advanceBy(0);
    expect(eventsOf(env.events, 'warning')).toEqual([]);
  });

  it('S4: are given back when runJob throws', () => {
    const env = setUp({ credits: 1 });
    env.mock.throwNext('runJob');
    const failed = env.scheduler.createEntity().submit({});
    const next = env.scheduler.createEntity().submit({ durationUs: 5 });
    env.runtime.runUntilIdle();
    expect([outcome(failed), outcome(next), creditsOf(env)]).toEqual(['ERR_DRIVER', 'ok', [0]]);
  });

  it('S4: are given back when a reset takes the attempts', () => {
    const env = setUp({ credits: 3, runTimeoutMs: 1 });
    env.mock.resetUs = 100;
    env.scheduler.createEntity().submit({ hangs: true });
    env.scheduler.createEntity().submit({ durationUs: 5 }, { credits: 2, resubmit: false });
    env.runtime.advanceBy(1050);
    expect(creditsOf(env)).toEqual([3]);
    env.runtime.runUntilIdle();
    expect(creditsOf(env)).toEqual([0]);
  });

  it('S5: nothing of lower rank bypasses a job that does not fit', () => {
    const env = setUp({ credits: 2, policy: fifo() });
    const [a, big, small] = [1, 2, 1].map((credits) =>
      env.scheduler.createEntity().submit({}, { credits }),
    );
    env.runtime.advanceBy(0);
    expect([a, big, small].map((job) => job?.state)).toEqual(['running', 'queued', 'queued']);
    env.mock.complete(1);
    env.runtime.advanceBy(0);
    expect([big?.state, small?.state]).toEqual(['running', 'queued']);
  });

  it('S5: one that fits is not held up (control)', () => {
    const env = setUp({ credits: 2, policy: fifo() });
    const jobs = [1, 1].map((credits) => env.scheduler.createEntity().submit({}, { credits }));
    env.runtime.advanceBy(0);
    expect(jobs.map((job) => job.state)).toEqual(['running', 'running']);
  });

  it('S3: no ring has room while a ready job that fits exists', () => {
    const env = setUp({ rings: 3, credits: 1 });
    const entity = env.scheduler.createEntity({ order: 'parallel' });
    for (let i = 0; i < 5; i += 1) entity.submit({});
    env.runtime.advanceBy(0);
    expect(creditsOf(env)).toEqual([1, 1, 1]);
    env.mock.complete(1);
    env.runtime.advanceBy(0);
    expect(creditsOf(env)).toEqual([1, 1, 1]);
  });

  it('S3, J4: a serial entity whose ring is full holds nobody back, and goes on when that ring has room', () => {
    const env = setUp({ rings: 2, credits: 3, policy: fifo() });
    const submitAlone = (): MockJob => env.scheduler.createEntity().submit({});
    const serial = env.scheduler.createEntity();
    const [ahead] = [submitAlone(), submitAlone()];
    const first = serial.submit({});
    env.runtime.advanceBy(0);
    expect(first.ring).toBe(ahead.ring);
    const fill = [submitAlone(), submitAlone()];
    const second = serial.submit({});
    const last = submitAlone();
    env.runtime.advanceBy(0);
    expect(fill.map((job) => job.state)).toEqual(['running', 'running']);
    expect([second.state, last.state]).toEqual(['queued', 'running']);
    env.mock.finish(ahead);
    env.runtime.advanceBy(0);
    expect([second.state, second.ring]).toEqual(['running', first.ring]);
  });

  it('S1: a job is bound to a ring when it starts, not before', () => {
    const env = setUp({ rings: 2, credits: 1 });
    const [long, short, third] = [100, 10, 10].map((durationUs) =>
      env.scheduler.createEntity().submit({ durationUs }),
    );
    env.runtime.advanceBy(0);
    expect(third?.ring).toBeNull();
    env.runtime.runUntilIdle();
    expect(third?.ring).toBe(short?.ring);
    expect(third?.ring).not.toBe(long?.ring);
    expect(third?.finished.signalledAtUs).toBe(20);
  });
});

describe('a time target', () => {
  it('S4: admits at least one job, however long', () => {
    const env = setUp({ credits: { targetMs: 1 } });
    for (let i = 0; i < 3; i += 1) env.scheduler.createEntity().submit({}, { estimateMs: 100 });
    env.runtime.advanceBy(0);
    expect(env.mock.jobsOn()).toHaveLength(1);
  });

  it('S4: admits as many as are estimated to keep the ring busy for it', () => {
    const env = setUp({ credits: { targetMs: 5 } });
    for (let i = 0; i < 20; i += 1) env.scheduler.createEntity().submit({}, { estimateMs: 1 });
    env.runtime.advanceBy(0);
    expect(env.mock.jobsOn().length).toBeGreaterThanOrEqual(5);
    expect(env.mock.jobsOn().length).toBeLessThanOrEqual(6);
  });

  it('S4: admits no more than maxJobs', () => {
    const env = setUp({ credits: { targetMs: 5, maxJobs: 2 } });
    for (let i = 0; i < 20; i += 1) env.scheduler.createEntity().submit({}, { estimateMs: 1 });
    env.runtime.advanceBy(0);
    expect(env.mock.jobsOn()).toHaveLength(2);
  });

  it('S4: believes who says too little only until its jobs have told otherwise', () => {
    const env = setUp({ credits: { targetMs: 2 } });
    const liar = env.scheduler.createEntity({ order: 'parallel' });
    for (let i = 0; i < 50; i += 1) liar.submit({ durationUs: 10_000 }, { estimateMs: 0 });
    env.runtime.advanceBy(0);
    expect(env.mock.jobsOn().length).toBeLessThanOrEqual(2);
    env.runtime.advanceBy(35_000);
    expect(env.mock.jobsOn()).toHaveLength(1);
  });

  it('S4: takes the jobs of a client that it does not know for 1 ms at least, however quick those of others are', () => {
    const env = setUp({ credits: { targetMs: 5 } });
    const quick = env.scheduler.createEntity({ order: 'parallel' });
    for (let i = 0; i < 300; i += 1) quick.submit({ durationUs: 50 });
    env.runtime.advanceBy(10_000);
    const unknown = env.scheduler.createEntity({ order: 'parallel' });
    for (let i = 0; i < 100; i += 1) unknown.submit({ durationUs: 20_000 });
    env.runtime.advanceBy(4000);
    expect(unknown.running).toBeGreaterThan(0);
    expect(unknown.running).toBeLessThanOrEqual(5);
  });

  it('S4: believes who says the truth, also of jobs that differ (control)', () => {
    const env = setUp({ credits: { targetMs: 2 } });
    const entity = env.scheduler.createEntity({ order: 'parallel' });
    entity.submit({ durationUs: 10_000 }, { estimateMs: 10 });
    for (let i = 0; i < 50; i += 1) entity.submit({ durationUs: 100 }, { estimateMs: 0.1 });
    env.runtime.advanceBy(10_500);
    expect(env.mock.jobsOn().length).toBeGreaterThanOrEqual(18);
  });

  /**
   * How many jobs of 10 ms of a client are on a ring after 60 of 0.1 ms, where `kindOf` tells the kinds apart by the length of a
   * job, or does not; at first, and once some are over.
   */
  function longOnRing(kindOf: (durationUs: number) => unknown): number[] {
    const env = setUp({
      credits: { targetMs: 4 },
      driver: (mock) => ({
        runJob: (job, ring) => mock.runJob(job, ring),
        kindOf: ({ payload }) => kindOf(payload.durationUs ?? 0),
      }),
    });
    const entity = env.scheduler.createEntity({ order: 'parallel' });
    for (let i = 0; i < 60; i += 1) entity.submit({ durationUs: 100 });
    env.runtime.runUntilIdle();
    for (let i = 0; i < 60; i += 1) entity.submit({ durationUs: 10_000 });
    env.runtime.advanceBy(0);
    const atFirst = env.mock.jobsOn().length;
    env.runtime.advanceBy(505_000);
    return [atFirst, env.mock.jobsOn().length];
  }

  it('S4: goes by the average of a client where its driver knows no kinds (control)', () => {
    expect(longOnRing(() => undefined)).toEqual([40, 1]);
    expect(longOnRing(() => 'the same')).toEqual([40, 1]);
  });

  it('S4: goes by what jobs of that kind took, and by 1 ms at least for the first of them', () => {
    expect(longOnRing((durationUs) => durationUs)).toEqual([4, 1]);
  });

  it('S4: asks for no kinds where credits are a number', () => {
    const asked = (credits: number | { targetMs: number }): boolean => {
      let isAsked = false;
      const env = setUp({
        credits,
        driver: (mock) => ({
          runJob: (job, ring) => mock.runJob(job, ring),
          kindOf: () => (isAsked = true),
        }),
      });
      env.scheduler.createEntity().submit({ durationUs: 10 });
      env.runtime.runUntilIdle();
      return isAsked;
    };
    expect([asked(2), asked({ targetMs: 2 })]).toEqual([false, true]);
  });

  it('S4: keeps what a kind took for each client', () => {
    const env = setUp({
      credits: { targetMs: 4 },
      driver: (mock) => ({ runJob: (job, ring) => mock.runJob(job, ring), kindOf: () => 'one' }),
    });
    const [long, short] = [0, 1].map(() => env.scheduler.createEntity({ order: 'parallel' }));
    for (let i = 0; i < 10; i += 1) long?.submit({ durationUs: 10_000 });
    env.runtime.runUntilIdle();
    for (let i = 0; i < 10; i += 1) short?.submit({ durationUs: 500 });
    env.runtime.runUntilIdle();
    for (let i = 0; i < 20; i += 1) short?.submit({ durationUs: 500 });
    env.runtime.advanceBy(0);
    expect(env.mock.jobsOn()).toHaveLength(8);
  });

  it('S4: keeps what 64 kinds took, and takes jobs of all others for first ones', () => {
    const known = Array.from({ length: 64 }, () => ({}));
    const lengths = [...known, {}].map((kind) => {
      const env = setUp({
        credits: { targetMs: 4 },
        driver: (mock) => ({
          runJob: (job, ring) => mock.runJob(job, ring),
          kindOf: ({ id, payload }) => (payload.durationUs === 100 ? known[id % 64] : kind),
        }),
      });
      const entity = env.scheduler.createEntity({ order: 'parallel' });
      for (let i = 0; i < 64; i += 1) entity.submit({ durationUs: 100 });
      env.runtime.runUntilIdle();
      for (let i = 0; i < 200; i += 1) entity.submit({ durationUs: 101 });
      env.runtime.advanceBy(0);
      return env.mock.jobsOn().length;
    });
    expect([...new Set(lengths.slice(0, 64))]).toEqual([40]);
    expect(lengths[64]).toBe(4);
  });

  it('D4: goes by the average of a client where the hook throws', () => {
    const noIdea = (): never => {
      throw new Error('no idea');
    };
    expect(longOnRing(noIdea)).toEqual([40, 1]);
  });
});
