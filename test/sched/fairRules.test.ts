// The rules of `fair` that no bound tells: who is believed, who is forgotten, what a hint or a change of weight does. Shares
// are in policies.test.ts, the bound in fairness.prop.test.ts.
import { describe, expect, it } from 'vitest';
import { fair } from '../../src/sched/index.ts';
import type {
  Entity,
  Policy,
  PolicyEntity,
  Priority,
  SubmitOptions,
} from '../../src/sched/index.ts';
import type { MockWork } from '../../src/drivers/sim/index.ts';
import { setUp } from './fixture.ts';
import type { MockJob, SetUp } from './fixture.ts';

function fill(entity: Entity<MockWork>, count: number, estimateMs?: number): void {
  const options = estimateMs === undefined ? {} : { estimateMs };
  for (let i = 0; i < count; i += 1) entity.submit({ durationUs: 1000 }, options);
}

/** An entity as a policy sees it, for tests that look at what a policy keeps. */
function entityOf(
  id: number,
  account = id,
): PolicyEntity & { priority: Priority; deadlineUs: number | null } {
  return {
    ...{ id, priority: 'normal', weight: 1, account: { id: account, share: 1 }, state: undefined },
    ...{ queuedAtUs: 0, headJobId: id, estimateUs: 1000, deadlineUs: null },
  };
}

/** Runs one job of each entity, and leaves them without any. */
function runOnce(policy: Policy, entities: readonly PolicyEntity[]): void {
  for (const entity of entities) policy.add(entity, 0);
  for (let picked = policy.pick(0); picked !== null; picked = policy.pick(0)) {
    policy.started(picked, 1000, 0);
    policy.remove(picked, 0);
    policy.ended(picked, 1000, 1000, 0);
  }
}

describe('an estimate', () => {
  it('S9: that is far too long gives no credit when it is corrected', () => {
    const env = setUp({ credits: 4 });
    const liar = env.scheduler.createEntity({ order: 'parallel' });
    fill(liar, 400, 3_600_000);
    env.runtime.advanceBy(50_000);
    const honest = [1, 2].map(() => env.scheduler.createEntity());
    for (const entity of honest) fill(entity, 400);
    const before = liar.stats().busyUs;
    env.runtime.advanceBy(300_000);
    expect(liar.stats().busyUs - before).toBeLessThanOrEqual(104_000);
  });

  it('S8: is charged when a job starts: who has one on the hardware does not get the next one, too', () => {
    const policy = fair();
    const pair = [entityOf(1), entityOf(2)];
    runOnce(policy, pair);
    for (const entity of pair) policy.add(entity, 0);
    const order: number[] = [];
    for (let started = 0; started < 6; started += 1) {
      const picked = policy.pick(0)!;
      order.push(picked.id);
      policy.started(picked, 1000, 0);
    }
    expect(order.filter((id) => id === 1)).toHaveLength(3);
    expect(new Set(order.slice(0, 2)).size).toBe(2);
  });

  it('S9: that is nothing gains nothing', () => {
    const env = setUp();
    const [liar, honest] = [env.scheduler.createEntity(), env.scheduler.createEntity()];
    fill(liar, 400, 0);
    fill(honest, 400);
    env.runtime.advanceBy(200_000);
    expect(liar.stats().busyUs - honest.stats().busyUs).toBeLessThanOrEqual(2000);
  });
});

describe('a change of weight', () => {
  it('S9: between the start and the end of jobs gains nothing', () => {
    const env = setUp({ credits: 1 });
    const [fickle, steady] = [env.scheduler.createEntity(), env.scheduler.createEntity()];
    for (let i = 0; i < 400; i += 1) {
      const job = fickle.submit({ durationUs: 1000 }, { estimateMs: 100 });
      job.scheduled.addCallback(() => fickle.setWeight(0.001));
      job.finished.addCallback(() => fickle.setWeight(1));
    }
    fill(steady, 400);
    env.runtime.advanceBy(200_000);
    expect(fickle.stats().busyUs - steady.stats().busyUs).toBeLessThanOrEqual(2000);
  });
});

describe('a share that grows', () => {
  /** Two equals in the end, who had a job each while the first had `weight`. How much each gets in the next 100 ms. */
  const afterGrowth = (weight: number): number[] => {
    const env = setUp({ credits: 1 });
    const pair = [env.scheduler.createEntity({ weight }), env.scheduler.createEntity()] as const;
    for (const entity of pair) fill(entity, 400);
    env.runtime.advanceBy(2500);
    const before = pair.map((entity) => entity.stats().busyUs);
    pair[0].setWeight(1);
    env.runtime.advanceBy(100_000);
    return pair.map((entity, index) => entity.stats().busyUs - (before[index] as number));
  };

  it('S8, S9: leaves no debt from when it was small', () => {
    for (const busyUs of afterGrowth(0.001)) expect(Math.abs(busyUs - 50_000)).toBeLessThan(3000);
  });

  it('S8: shares alike where it did not grow (control)', () => {
    for (const busyUs of afterGrowth(1)) expect(Math.abs(busyUs - 50_000)).toBeLessThan(3000);
  });
});

describe('a deadline hint', () => {
  /** Two equals that were served once each; the second one for `busyUs`. */
  const twoServed = (busyUs: number): { policy: Policy; pair: ReturnType<typeof entityOf>[] } => {
    const policy = fair();
    const pair = [entityOf(1), entityOf(2)];
    for (const entity of pair) policy.add(entity, 0);
    for (const [index, entity] of pair.entries()) {
      policy.started(entity, 1000, 0);
      policy.ended(entity, 1000, index === 0 ? 1000 : busyUs, 0);
    }
    return { policy, pair };
  };
  const hint = (policy: Policy, entity: ReturnType<typeof entityOf>): void => {
    entity.deadlineUs = 0;
    policy.changed?.(entity, 0);
  };

  it('S8: goes before an equal that has none', () => {
    const { policy, pair } = twoServed(1000);
    hint(policy, pair[1]!);
    expect(policy.pick(0)).toBe(pair[1]);
  });

  it('S8: which would go first without it (control)', () => {
    const { policy, pair } = twoServed(1000);
    expect(policy.pick(0)).toBe(pair[0]);
  });

  it('S8: buys nothing that is not due', () => {
    const { policy, pair } = twoServed(5000);
    hint(policy, pair[1]!);
    expect(policy.pick(0)).toBe(pair[0]);
  });
});

describe('a deadline hint of one that has come back', () => {
  interface Woken {
    readonly env: SetUp;
    /** In the order in which they start. */
    readonly started: string[];
    wake(label: string, options?: SubmitOptions): MockJob;
  }

  /** A backlogged client, whose job is on the hardware, and others that come back with one job each. */
  const crowd = (): Woken => {
    const env = setUp({ credits: 1 });
    fill(env.scheduler.createEntity(), 20);
    env.runtime.advanceBy(10_500);
    const started: string[] = [];
    const wake = (label: string, options: SubmitOptions = {}): MockJob => {
      const job = env.scheduler.createEntity().submit({ durationUs: 1000 }, options);
      job.scheduled.addCallback(() => void started.push(label));
      return job;
    };
    return { env, started, wake };
  };

  it('J10, S10: brings it before the others that have come back, by its hint', () => {
    const { env, started, wake } = crowd();
    wake('none');
    wake('far', { deadlineMs: 10 });
    wake('near', { deadlineMs: 2 });
    env.runtime.runUntilIdle();
    expect(started).toEqual(['near', 'far', 'none']);
  });

  it('S10: which come in submission order without one (control)', () => {
    const { env, started, wake } = crowd();
    for (const label of ['first', 'second', 'third']) wake(label);
    env.runtime.runUntilIdle();
    expect(started).toEqual(['first', 'second', 'third']);
  });

  it('J10, F12: counts, too, where it is set while the job waits', () => {
    const { env, started, wake } = crowd();
    wake('none');
    const late = wake('late');
    env.runtime.advanceBy(100);
    late.finished.setDeadline(env.runtime.nowUs() + 2000);
    env.runtime.runUntilIdle();
    expect(started).toEqual(['late', 'none']);
  });

  it('J10: puts nobody back, however far it is', () => {
    const { env, started, wake } = crowd();
    wake('far', { deadlineMs: 60_000 });
    wake('none');
    env.runtime.runUntilIdle();
    expect(started).toEqual(['far', 'none']);
  });

  it('S10: starves nobody: those who come a second later wait behind, however urgent they are', () => {
    const { env, wake } = crowd();
    const patient = wake('none');
    let urgent = 0;
    const next = (): void => {
      urgent += 1;
      wake('urgent', { deadlineMs: 0 }).scheduled.addCallback(next);
    };
    next();
    env.runtime.advanceBy(2_000_000);
    const waitedUs = patient.scheduled.signalledAtUs! - 10_500;
    // A second, the job that is on the hardware then, and the last one that was submitted within it.
    expect(waitedUs).toBeLessThanOrEqual(1_002_000);
    expect(urgent).toBeGreaterThan(1000);
  });

  it('J10: decides who is first on an idle device, also where one was served last', () => {
    for (const hinted of [0, 1]) {
      const env = setUp({ credits: 1 });
      const pair = [env.scheduler.createEntity(), env.scheduler.createEntity()];
      for (const entity of pair) fill(entity, 1);
      env.runtime.runUntilIdle();
      const jobs = pair.map((entity, index) =>
        entity.submit({ durationUs: 1000 }, index === hinted ? { deadlineMs: 1 } : {}),
      );
      env.runtime.runUntilIdle();
      const [own, other] = [jobs[hinted]!, jobs[1 - hinted]!];
      expect(own.scheduled.signalledAtUs).toBeLessThan(other.scheduled.signalledAtUs!);
    }
  });
});

describe('what `fair` keeps', () => {
  it('S8: is nothing of who has nothing to do, once others caught up', () => {
    const policy = fair();
    const entities = Array.from({ length: 100 }, (_, index) => entityOf(index + 1));
    runOnce(policy, entities);
    expect(entities.filter(({ state }) => state !== undefined).length).toBeLessThanOrEqual(1);
  });

  it('S8: is nothing of several entities of one account either', () => {
    const policy = fair();
    const entities = Array.from({ length: 100 }, (_, index) => entityOf(index + 1, 1000));
    runOnce(policy, entities);
    runOnce(policy, [entityOf(2000)]);
    expect(entities.filter(({ state }) => state !== undefined)).toEqual([]);
  });

  it('S9: is the debt of one that is ahead, until others caught up', () => {
    const policy = fair();
    const [ahead, other] = [entityOf(1), entityOf(2)];
    policy.add(ahead, 0);
    policy.add(other, 0);
    expect(policy.pick(0)).toBe(ahead);
    policy.started(ahead, 1000, 0);
    policy.remove(ahead, 0);
    policy.ended(ahead, 1000, 5000, 0);
    expect(ahead.state).toBeDefined();
    policy.add(ahead, 0);
    for (let served = 0; served < 5; served += 1) {
      expect(policy.pick(0)).toBe(other);
      policy.started(other, 1000, 0);
      policy.ended(other, 1000, 1000, 0);
    }
    expect(policy.pick(0)).toBe(ahead);
  });
});

describe('a change to `kernel`', () => {
  it('S8: takes effect at once, also with jobs on the hardware', () => {
    const policy = fair();
    const [mine, other] = [entityOf(1), entityOf(2)];
    policy.add(mine, 0);
    policy.add(other, 0);
    policy.started(policy.pick(0)!, 1000, 0);
    mine.priority = 'kernel';
    policy.changed?.(mine, 0);
    for (let served = 0; served < 3; served += 1) {
      expect(policy.pick(0)).toBe(mine);
      policy.started(mine, 1000, 0);
    }
    for (let served = 0; served < 4; served += 1) policy.ended(mine, 1000, 1000, 0);
    policy.remove(mine, 0);
    expect(policy.pick(0)).toBe(other);
    mine.priority = 'normal';
    policy.add(mine, 0);
    expect(policy.pick(0)).not.toBeNull();
  });
});

describe('the sum of all times', () => {
  it('S13: is what the ring was busy, with jobs that are pipelined, hang, fail, and are reset', () => {
    const env = setUp({ credits: 3, runTimeoutMs: 4, banAfter: 1000 });
    const entities = [1, 2, 3].map((weight) => env.scheduler.createEntity({ weight }));
    const options = { resubmit: true };
    for (let i = 0; i < 600; i += 1) {
      const entity = entities[i % 3] as Entity<MockWork>;
      if (i % 40 === 0) entity.submit({ hangs: true });
      else entity.submit({ durationUs: 500 + (i % 7) * 300 }, options);
    }
    env.mock.failNext(undefined, 20);
    env.runtime.runUntilIdle();
    // The ring never stood still: resets take no time here.
    const sumUs = entities.reduce((sum, entity) => sum + entity.stats().busyUs, 0);
    const [ring] = env.scheduler.stats().rings;
    expect(env.scheduler.stats().resets).toBe(15);
    expect(Math.abs(sumUs / env.runtime.nowUs() - 1)).toBeLessThan(0.01);
    expect(ring?.busyUs).toBeCloseTo(sumUs);
  });
});
