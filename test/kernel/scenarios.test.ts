// The scenarios of the kernel's own scheduler tests (drivers/gpu/drm/scheduler/tests), as rules of this scheduler: what a
// driver author expects to see first. The laws one by one are in test/sched; the kernel's known hazards in hazards.test.ts.
import { describe, expect, it } from 'vitest';
import { Entity } from '../../src/sched/index.ts';
import type { Priority } from '../../src/sched/index.ts';
import { cranked, eventsOf, finishedIn, idsOf } from '../sched/fixture.ts';
import { outcome, outcomes, setUp, signalsOf, thrownBy } from '../sched/fixture.ts';
import type { MockJob, SetUp } from '../sched/fixture.ts';

type MockEntity = Entity<{ durationUs?: number; hangs?: boolean }>;

/** Opens `count` entities on `env`. */
function openEntities(env: SetUp, count: number): MockEntity[] {
  return Array.from({ length: count }, () => env.scheduler.createEntity());
}

/** Submits `perEntity` rounds of one job for each entity; with `chained`, each job waits for the one submitted before it. */
function submitRounds(
  entities: readonly MockEntity[],
  perEntity: number,
  durationUs: number,
  chained = false,
): MockJob[] {
  const jobs: MockJob[] = [];
  for (let round = 0; round < perEntity; round += 1) {
    for (const entity of entities) {
      const before = jobs.at(-1);
      const after = chained && before !== undefined ? [before.finished] : [];
      jobs.push(entity.submit({ durationUs }, { after }));
    }
  }
  return jobs;
}

const endsOf = (jobs: readonly MockJob[]): (number | null)[] =>
  jobs.map((job) => job.finished.signalledAtUs);

const freedOnce = (env: SetUp, jobs: readonly MockJob[]): boolean =>
  jobs.every((job) => env.mock.freedCount(job) === 1);

describe('a job that the hardware ends by hand', () => {
  it('J3: is scheduled by the pass, finished by its hardware fence, then freed', () => {
    const env = setUp();
    const job = env.scheduler.createEntity().submit({});
    expect([job.scheduled.status, job.state]).toEqual(['pending', 'queued']);
    env.runtime.advanceBy(0);
    expect([job.scheduled.status, job.finished.status]).toEqual(['ok', 'pending']);
    expect(env.mock.complete(1)).toBe(1);
    expect([job.finished.status, env.mock.freedCount(job)]).toEqual(['ok', 0]);
    env.runtime.advanceBy(0);
    expect(env.mock.freedCount(job)).toBe(1);
  });

  it('E5: is freed after the call stack of its fence, or by a close before that resolves', async () => {
    const env = setUp();
    const entity = env.scheduler.createEntity();
    const jobs = [entity.submit({}), entity.submit({})] as const;
    const freedInCallback: number[] = [];
    for (const job of jobs) {
      job.finished.addCallback(() => freedInCallback.push(env.mock.freedCount(job)));
    }
    env.runtime.advanceBy(0);
    env.mock.complete(2);
    expect(freedInCallback).toEqual([0, 0]);
    const closed = env.scheduler.close().then(() => jobs.map((job) => env.mock.freedCount(job)));
    await expect(cranked(env.runtime, closed)).resolves.toEqual([1, 1]);
  });

  it('does not finish by itself, however long it is left alone (control)', () => {
    const env = setUp();
    const job = env.scheduler.createEntity().submit({});
    env.runtime.advanceBy(3_600_000_000);
    expect([job.state, outcome(job)]).toEqual(['running', 'pending']);
  });
});

describe('queues', () => {
  it('J4: one of a hundred jobs runs in order and takes what its jobs take', () => {
    const env = setUp();
    const jobs = submitRounds(openEntities(env, 1), 100, 1000);
    env.runtime.runUntilIdle();
    expect(endsOf(jobs)).toEqual(jobs.map((_, index) => (index + 1) * 1000));
    expect(freedOnce(env, jobs)).toBe(true);
  });

  it('S3: four that are independent end when the sum of their jobs is done, each in its own order', () => {
    const env = setUp();
    const entities = openEntities(env, 4);
    const jobs = submitRounds(entities, 100, 1000);
    env.runtime.runUntilIdle();
    expect(Math.max(...endsOf(jobs).map(Number))).toBe(400_000);
    entities.forEach((_, at) => {
      const own = idsOf(jobs.filter((_job, index) => index % 4 === at));
      expect(env.mock.idsOf('runJob').filter((id) => own.includes(id))).toEqual(own);
    });
  });

  it('S3: four on four rings end when the jobs of one are done', () => {
    const env = setUp({ rings: 4 });
    const jobs = submitRounds(openEntities(env, 4), 100, 1000);
    env.runtime.runUntilIdle();
    expect(Math.max(...endsOf(jobs).map(Number))).toBe(100_000);
  });

  for (const rings of [1, 4]) {
    it(`J5: five that form one chain run one job at a time, in the order of the chain, on ${rings} rings`, () => {
      const env = setUp({ rings });
      const jobs = submitRounds(openEntities(env, 5), 10, 100, true);
      env.runtime.runUntilIdle();
      expect(env.mock.idsOf('runJob')).toEqual(idsOf(jobs));
      expect(endsOf(jobs)).toEqual(jobs.map((_, index) => (index + 1) * 100));
    });
  }
});

describe('entities that end with half of the queue pending', () => {
  const cases = [
    { what: 'one', count: 1, chained: false },
    { what: 'three', count: 3, chained: false },
    { what: 'three in one chain of dependencies', count: 3, chained: true },
  ];
  for (const { what, count, chained } of cases) {
    it(`E2: fail what had not started, in order, and free each job once: ${what}`, () => {
      const env = setUp({ credits: 1 });
      const entities = openEntities(env, count);
      const jobs = submitRounds(entities, 8, 1000, chained);
      const signals = signalsOf(jobs);
      env.runtime.advanceBy((jobs.length / 2) * 1000 - 500);
      for (const entity of entities) entity.kill();
      for (const entity of entities) {
        expect(thrownBy(() => entity.submit({}))).toBe('ERR_CLOSED');
      }
      env.runtime.runUntilIdle();
      const ended = outcomes(jobs);
      const started = env.mock.idsOf('runJob').length;
      expect(started).toBe(jobs.length / 2);
      expect(ended.filter((end) => end === 'ok')).toHaveLength(started);
      expect(ended.filter((end) => end === 'ERR_ENTITY_KILLED')).toHaveLength(started);
      entities.forEach((_, at) => {
        const own = jobs.flatMap((_job, index) => (index % count === at ? [`f${index}`] : []));
        expect(finishedIn(signals).filter((signal) => own.includes(signal))).toEqual(own);
      });
      expect(freedOnce(env, jobs)).toBe(true);
    });
  }
});

describe('a job that hangs', () => {
  it('T4: fails on time, and after the reset the next one runs', () => {
    const env = setUp();
    const entity = env.scheduler.createEntity();
    const hung = entity.submit({ hangs: true }, { runTimeoutMs: 10 });
    const next = entity.submit({ durationUs: 1000 });
    env.runtime.advanceBy(9999);
    expect(outcomes([hung, next])).toEqual(['pending', 'pending']);
    env.runtime.runUntilIdle();
    expect([outcome(hung), hung.finished.signalledAtUs]).toEqual(['ERR_JOB_TIMEOUT', 10_000]);
    expect([outcome(next), next.finished.signalledAtUs, next.attempt]).toEqual(['ok', 11_000, 2]);
    expect(env.scheduler.stats()).toMatchObject({ timeouts: 1, resets: 1 });
    expect(freedOnce(env, [hung, next])).toBe(true);
  });

  it('T2: that only was slow is given back without a reset, and completes', () => {
    const env = setUp();
    env.mock.verdict = 'no-hang';
    const slow = env.scheduler.createEntity().submit({ durationUs: 15_000 }, { runTimeoutMs: 10 });
    env.runtime.runUntilIdle();
    expect([outcome(slow), slow.finished.signalledAtUs]).toEqual(['ok', 15_000]);
    expect(env.scheduler.stats()).toMatchObject({ timeouts: 1, resets: 0 });
    expect(freedOnce(env, [slow])).toBe(true);
  });

  it('J11: fails on time where no reset exists, and holds its credit until the hardware ends it', () => {
    const env = setUp({ credits: 1, driver: (mock) => mock.without('reset') });
    const entity = env.scheduler.createEntity();
    const hung = entity.submit({ hangs: true }, { runTimeoutMs: 10 });
    const next = entity.submit({ durationUs: 1000 });
    env.runtime.advanceBy(50_000);
    expect([outcome(hung), next.state, env.mock.freedCount(hung)]).toEqual([
      'ERR_JOB_TIMEOUT',
      'queued',
      0,
    ]);
    env.mock.finish(hung);
    env.runtime.runUntilIdle();
    expect([outcome(next), next.finished.signalledAtUs]).toEqual(['ok', 51_000]);
    expect(freedOnce(env, [hung, next])).toBe(true);
  });
});

describe('teardown with jobs on the ring and in the queue', () => {
  it('E3: fails all of them, asks the driver to cancel what runs, and frees each once', async () => {
    const env = setUp();
    const jobs = submitRounds(openEntities(env, 1), 5, 1000);
    const signals = signalsOf(jobs);
    env.runtime.advanceBy(500);
    await cranked(env.runtime, env.scheduler.close({ mode: 'kill' }));
    expect(new Set(outcomes(jobs))).toEqual(new Set(['ERR_SCHEDULER_CLOSED']));
    expect(finishedIn(signals)).toEqual(jobs.map((_, index) => `f${index}`));
    expect(env.mock.idsOf('cancelJob')).toEqual(idsOf(jobs.slice(0, 2)));
    env.runtime.runUntilIdle();
    expect(freedOnce(env, jobs)).toBe(true);
  });

  it('E3: lets all of them finish by default (control)', async () => {
    const env = setUp();
    const jobs = submitRounds(openEntities(env, 1), 5, 1000);
    env.runtime.advanceBy(500);
    await cranked(env.runtime, env.scheduler.close(), 10_000);
    expect(new Set(outcomes(jobs))).toEqual(new Set(['ok']));
    expect(env.mock.idsOf('cancelJob')).toEqual([]);
  });
});

describe('priorities that change while jobs run', () => {
  it('S8: give new shares from then on, also to jobs that were queued before', () => {
    const env = setUp({ credits: 1 });
    const [a, b] = openEntities(env, 2) as [MockEntity, MockEntity];
    submitRounds([a, b], 400, 1000);
    env.runtime.advanceBy(100_000);
    const before = [a.stats().busyUs, b.stats().busyUs] as const;
    expect(before).toEqual([50_000, 50_000]);
    b.setPriority('low');
    env.runtime.advanceBy(180_000);
    const gained = [a.stats().busyUs - before[0], b.stats().busyUs - before[1]] as const;
    expect(gained[0] + gained[1]).toBe(180_000);
    expect(Math.abs(gained[1] - 20_000)).toBeLessThanOrEqual(2000);
  });

  it('J4: lose no job and keep each queue in order, however often they change', () => {
    const env = setUp();
    const entities = openEntities(env, 4);
    const jobs = submitRounds(entities, 50, 100);
    const bands: Priority[] = ['low', 'normal', 'high', 'kernel'];
    for (let step = 0; env.scheduler.stats().queued > 0 && step < 1000; step += 1) {
      env.runtime.advanceBy(150);
      entities[step % 4]?.setPriority(bands[(step * 7 + (step >> 2)) % 4] as Priority);
    }
    env.runtime.runUntilIdle();
    expect(new Set(outcomes(jobs))).toEqual(new Set(['ok']));
    entities.forEach((_, at) => {
      const own = idsOf(jobs.filter((_job, index) => index % 4 === at));
      expect(env.mock.idsOf('runJob').filter((id) => own.includes(id))).toEqual(own);
    });
    expect(Math.max(...endsOf(jobs).map(Number))).toBe(200 * 100);
  });
});

describe('scheduler lists that change while jobs run', () => {
  it('S12: move an entity only when it has nothing left, and lose no job', () => {
    const one = setUp();
    const { runtime } = one;
    const other = setUp({ runtime });
    const lists = [[one.scheduler], [other.scheduler], [one.scheduler, other.scheduler]];
    const entities = [0, 1, 2].map(() => new Entity({ schedulers: [one.scheduler] }) as MockEntity);
    const jobs: MockJob[] = [];
    for (let step = 0; step < 60; step += 1) {
      const entity = entities[step % 3] as MockEntity;
      entity.setSchedulers(lists[(step >> 1) % 3] ?? []);
      jobs.push(entity.submit({ durationUs: 250 }));
      // An entity goes idle at some steps only.
      runtime.advanceBy(step % 5 === 0 ? 2000 : 100);
    }
    runtime.runUntilIdle();
    expect(new Set(outcomes(jobs))).toEqual(new Set(['ok']));
    const ran = [one.mock.idsOf('runJob'), other.mock.idsOf('runJob')] as const;
    expect([...ran[0], ...ran[1]].sort((a, b) => a - b)).toEqual(idsOf(jobs));
    expect(Math.min(ran[0].length, ran[1].length)).toBeGreaterThan(0);
    [0, 1, 2].forEach((at) => {
      const ends = endsOf(jobs.filter((_, index) => index % 3 === at)).map(Number);
      expect(ends).toEqual([...ends].sort((a, b) => a - b));
    });
  });
});

describe('credits', () => {
  it('S4: let as many jobs onto the ring as fit, and the next when one ends', () => {
    const env = setUp({ credits: 3 });
    const entity = env.scheduler.createEntity();
    const jobs = [1, 1, 2, 1].map((credits) => entity.submit({}, { credits }));
    env.runtime.advanceBy(0);
    expect(jobs.map((job) => job.state)).toEqual(['running', 'running', 'queued', 'queued']);
    env.mock.complete(1);
    env.runtime.advanceBy(0);
    expect(jobs.map((job) => job.state)).toEqual(['finished', 'running', 'running', 'queued']);
    expect(env.scheduler.stats().rings[0]?.creditsUsed).toBe(3);
    env.mock.complete(3);
    env.runtime.advanceBy(0);
    expect(jobs.map((job) => job.state)).toEqual(['finished', 'finished', 'finished', 'running']);
  });
});

describe('the overhead of a queue', () => {
  for (const credits of [1, 2]) {
    it(`S2: is no gap between jobs, and one pass for the submits and one for each end, with ${credits} credits`, () => {
      const env = setUp({ credits });
      const jobs = submitRounds(openEntities(env, 1), 1000, 1000);
      env.runtime.runUntilIdle();
      expect(jobs.at(-1)?.finished.signalledAtUs).toBe(1_000_000);
      expect(eventsOf(env.events, 'pass-begin').length).toBeLessThanOrEqual(jobs.length + 1);
    });
  }

  it('T1: is one timer, however many jobs are queued and run', () => {
    const env = setUp({ rings: 4, runTimeoutMs: 100 });
    // Without durations, so that the mock ring has no timers of its own.
    for (const entity of openEntities(env, 8)) {
      for (let i = 0; i < 10; i += 1) entity.submit({}, { queueTimeoutMs: 1000 });
    }
    env.runtime.advanceBy(0);
    expect(env.runtime.pendingTimers).toBe(1);
  });
});

describe('ping-pong', () => {
  for (const rings of [1, 2]) {
    it(`J5: of two entities that wait for each other takes what the jobs take, on ${rings} rings`, () => {
      const env = setUp({ rings });
      const jobs = submitRounds(openEntities(env, 2), 500, 100, true);
      const starts: number[] = [];
      for (const job of jobs) {
        job.scheduled.addCallback(() => starts.push(env.runtime.nowUs()));
      }
      env.runtime.runUntilIdle();
      expect(endsOf(jobs)).toEqual(jobs.map((_, index) => (index + 1) * 100));
      // On one ring a job is handed over while its predecessor runs (J7); on two it starts when that one ended.
      const startsUs = jobs.map((_, index) => Math.max(0, rings === 1 ? index - 1 : index) * 100);
      expect(starts).toEqual(startsUs);
    });
  }
});
