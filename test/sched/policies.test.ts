// Who is served next: the policies (S7), fair shares (S8 to S11), and moving between schedulers (S12).
import { describe, expect, it } from 'vitest';
import { Account, Entity, fair, fifo, roundRobin, strictPriority } from '../../src/sched/index.ts';
import type { EntityOptions, Policy, Priority } from '../../src/sched/index.ts';
import { outcomes, setUp, thrownBy } from './fixture.ts';
import type { MockJob, SetUp } from './fixture.ts';

type MockEntity = Entity<{ durationUs?: number }>;

/** Submits `count` jobs of `durationUs` each. */
function fill(entity: MockEntity, count: number, durationUs = 1000): MockJob[] {
  return Array.from({ length: count }, () => entity.submit({ durationUs }));
}

/** The labels of the entities in the order in which their jobs started. */
function startOrder(env: SetUp, jobs: ReadonlyMap<string, readonly MockJob[]>): string[] {
  const owner = new Map<number, string>();
  for (const [label, list] of jobs) for (const job of list) owner.set(job.id, label);
  return env.mock.idsOf('runJob').map((id) => owner.get(id) ?? '?');
}

/** What each of several backlogged entities got of the first `us` microseconds, as shares of the whole. */
function sharesAfter(us: number, entities: readonly EntityOptions[], policy?: Policy): number[] {
  const env = setUp({ credits: 1, ...(policy && { policy }) });
  const opened = entities.map((options) => env.scheduler.createEntity(options));
  for (const entity of opened) fill(entity, us / 1000 + 1);
  env.runtime.advanceBy(us);
  return opened.map((entity) => entity.stats().busyUs / us);
}

const band = (priority: Priority): EntityOptions => ({ priority });

describe('fifo', () => {
  it('S7: serves the job that was submitted first, whosever it is', () => {
    const env = setUp({ credits: 1, policy: fifo() });
    const [a, b] = [env.scheduler.createEntity(), env.scheduler.createEntity()];
    const jobs = [a, a, b, a, b, b].map((entity) => entity.submit({ durationUs: 5 }));
    env.runtime.runUntilIdle();
    expect(env.mock.idsOf('runJob')).toEqual(jobs.map((job) => job.id));
  });
});

describe('roundRobin', () => {
  it('S7: serves entities in turn', () => {
    const env = setUp({ credits: 1, policy: roundRobin() });
    const [a, b] = [env.scheduler.createEntity(), env.scheduler.createEntity()];
    const jobs = new Map([
      ['a', fill(a, 4)],
      ['b', fill(b, 4)],
    ]);
    env.runtime.runUntilIdle();
    expect(startOrder(env, jobs).join('')).toMatch(/^(ab){4}$|^(ba){4}$/);
  });

  /** How long a job waits that comes in the middle of the first of several of 1 ms, beside `others` backlogged clients. */
  const newcomerWaitUs = (others: number): number => {
    const env = setUp({ credits: 1, policy: roundRobin() });
    for (let i = 0; i < others; i += 1) fill(env.scheduler.createEntity(), 4);
    env.runtime.advanceBy(500);
    const { scheduled } = env.scheduler.createEntity().submit({ durationUs: 1000 });
    env.runtime.runUntilIdle();
    return scheduled.signalledAtUs! - 500;
  };

  it('S7: serves who joins before the one that was served last: beside one client after its job', () => {
    expect(newcomerWaitUs(1)).toBe(500);
  });

  it('S7: serves who joins after one job of each of the others that wait', () => {
    expect(newcomerWaitUs(3)).toBe(2500);
  });

  it('S7: serves who joins before the one that was served last, also where that one had left and come back', () => {
    const env = setUp({ credits: 1, policy: roundRobin() });
    const [waiting, served] = [env.scheduler.createEntity(), env.scheduler.createEntity()];
    const jobs = new Map([['served', fill(served, 1)]]);
    env.runtime.advanceBy(500);
    jobs.set('waiting', fill(waiting, 1));
    jobs.set('again', fill(served, 1));
    env.runtime.advanceBy(100);
    jobs.set('new', fill(env.scheduler.createEntity(), 1));
    env.runtime.runUntilIdle();
    expect(startOrder(env, jobs)).toEqual(['served', 'waiting', 'new', 'again']);
  });

  it('S7: lets nobody pass twice: a client with a job in hand always takes turns with one that is backlogged', () => {
    const env = setUp({ credits: 1, policy: roundRobin() });
    const [backlogged, single] = [env.scheduler.createEntity(), env.scheduler.createEntity()];
    const next = (): void => {
      single.submit({ durationUs: 1000 }).finished.addCallback(next);
    };
    fill(backlogged, 30);
    next();
    env.runtime.advanceBy(20_000);
    expect(backlogged.stats().busyUs).toBe(10_000);
  });

  it('S7: starves nobody while ever new ones come', () => {
    const env = setUp({ credits: 1, policy: roundRobin() });
    const backlogged = env.scheduler.createEntity();
    fill(backlogged, 30);
    const next = (): void => {
      const job = env.scheduler.createEntity().submit({ durationUs: 1000 });
      job.scheduled.addCallback(next);
    };
    next();
    env.runtime.advanceBy(20_000);
    expect(backlogged.stats().busyUs).toBeGreaterThanOrEqual(9000);
  });
});

describe('strictPriority', () => {
  it('S7: serves the highest band first, the oldest within it', () => {
    const env = setUp({ credits: 1, policy: strictPriority() });
    const bands = ['low', 'normal', 'high', 'kernel'] as const;
    const jobs = new Map(
      bands.map((priority) => [priority, fill(env.scheduler.createEntity({ priority }), 2)]),
    );
    env.runtime.runUntilIdle();
    expect(startOrder(env, jobs)).toEqual([...bands].reverse().flatMap((one) => [one, one]));
  });

  it('S7: follows a change of priority', () => {
    const env = setUp({ credits: 1, policy: strictPriority() });
    const [a, b] = [env.scheduler.createEntity(), env.scheduler.createEntity()];
    const jobs = new Map([
      ['a', fill(a, 2)],
      ['b', fill(b, 2)],
    ]);
    b.setPriority('high');
    env.runtime.runUntilIdle();
    expect(startOrder(env, jobs).join('')).toBe('bbaa');
  });
});

describe('a policy', () => {
  it('S7: is called in passes and completions only, whatever users call', () => {
    const policy = fifo();
    const calls: string[] = [];
    for (const name of ['add', 'remove', 'pick', 'started', 'ended'] as const) {
      const call = policy[name].bind(policy) as (...args: unknown[]) => unknown;
      Object.assign(policy, { [name]: (...args: unknown[]) => (calls.push(name), call(...args)) });
    }
    Object.assign(policy, { changed: () => calls.push('changed') });
    const { scheduler, runtime } = setUp({ credits: 1, policy });
    const [running, waiting] = [scheduler.createEntity(), scheduler.createEntity()];
    running.submit({ durationUs: 10 });
    const job = waiting.submit({ durationUs: 10 });
    runtime.advanceBy(0);
    calls.length = 0;
    waiting.setPriority('high');
    waiting.setWeight(3);
    job.finished.setDeadline(5);
    waiting.submit({});
    expect(calls).toEqual([]);
    runtime.advanceBy(0);
    expect(calls).toContain('changed');
    calls.length = 0;
    waiting.kill();
    expect(calls).toEqual([]);
    runtime.advanceBy(0);
    expect(calls).toContain('remove');
  });
});

describe('fair', () => {
  it('S8: is the default', () => {
    const given = sharesAfter(100_000, [{}, { weight: 3 }], fair());
    expect(sharesAfter(100_000, [{}, { weight: 3 }])).toEqual(given);
  });

  it('S8: gives equal shares to equals, whatever the length of their jobs', () => {
    const env = setUp({ credits: 1 });
    const [short, long] = [env.scheduler.createEntity(), env.scheduler.createEntity()];
    fill(short, 1000, 100);
    fill(long, 10, 10_000);
    env.runtime.advanceBy(100_000);
    const difference = Math.abs(short.stats().busyUs - long.stats().busyUs);
    expect(difference).toBeLessThanOrEqual(3 * 10_000);
  });

  it.each([
    ['weights', [{ weight: 1 }, { weight: 3 }], [0.25, 0.75]],
    ['bands', [band('high'), band('normal'), band('low')], [32 / 41, 8 / 41, 1 / 41]],
    [
      'weights and bands',
      [
        { weight: 2, priority: 'normal' },
        { weight: 1, priority: 'high' },
      ],
      [1 / 3, 2 / 3],
    ],
  ] as const)('S8: shares by %s', (_, entities, expected) => {
    const shares = sharesAfter(1_000_000, entities);
    shares.forEach((share, i) => expect(share).toBeCloseTo(expected[i]!, 1.7));
  });

  it('S8: kernel goes before all others', () => {
    const env = setUp({ credits: 1 });
    const jobs = new Map([
      ['user', fill(env.scheduler.createEntity({ weight: 1000, priority: 'high' }), 3)],
      ['kernel', fill(env.scheduler.createEntity({ priority: 'kernel' }), 3)],
    ]);
    env.runtime.runUntilIdle();
    expect(startOrder(env, jobs)).toEqual(
      [...'kkkuuu'].map((c) => (c === 'k' ? 'kernel' : 'user')),
    );
  });

  it('S8: shares are per account: opening many entities gains nothing', () => {
    const env = setUp({ credits: 1 });
    const [one, many] = [new Account({ label: 'one' }), new Account({ label: 'many' })];
    const single = env.scheduler.createEntity({ account: one });
    const several = [1, 2, 3, 4].map(() => env.scheduler.createEntity({ account: many }));
    for (const entity of [single, ...several]) fill(entity, 101);
    env.runtime.advanceBy(100_000);
    expect(one.busyUs / 100_000).toBeCloseTo(0.5, 1);
    expect(many.busyUs / 100_000).toBeCloseTo(0.5, 1);
    for (const entity of several) expect(entity.stats().busyUs / 100_000).toBeCloseTo(0.125, 1);
  });

  it('S8: the entities of an account share it by weight and band, too', () => {
    const account = new Account();
    const within = [
      { account, priority: 'high' },
      { account, weight: 2 },
      { account, priority: 'low' },
    ] as const;
    const shares = sharesAfter(1_000_000, [...within, {}]);
    const all = 4 + 2 + 1 / 8;
    const expected = [4 / all / 2, 2 / all / 2, 1 / 8 / all / 2, 1 / 2];
    shares.forEach((share, i) => expect(share).toBeCloseTo(expected[i]!, 1.7));
  });

  it('S8: entities without an account are each their own (control)', () => {
    const shares = sharesAfter(100_000, [{}, {}, {}, {}]);
    for (const share of shares) expect(share).toBeCloseTo(0.25, 1);
  });

  it('S8: one that cannot use its share leaves the rest to the others', () => {
    const env = setUp({ rings: 2, credits: 1 });
    const heavy = env.scheduler.createEntity({ weight: 100 });
    const others = [env.scheduler.createEntity(), env.scheduler.createEntity()];
    for (const entity of [heavy, ...others]) fill(entity, 101);
    env.runtime.advanceBy(100_000);
    expect(heavy.stats().busyUs / 100_000).toBeCloseTo(1, 1);
    for (const entity of others) expect(entity.stats().busyUs / 100_000).toBeCloseTo(0.5, 1);
  });

  it('S8: follows a change of weight', () => {
    const env = setUp({ credits: 1 });
    const [a, b] = [env.scheduler.createEntity(), env.scheduler.createEntity()];
    for (const entity of [a, b]) fill(entity, 301);
    env.runtime.advanceBy(100_000);
    const before = b.stats().busyUs;
    b.setWeight(3);
    env.runtime.advanceBy(200_000);
    expect((b.stats().busyUs - before) / 200_000).toBeCloseTo(0.75, 1);
    expect(a.stats().busyUs + b.stats().busyUs).toBe(300_000);
  });

  it('S9: one that was idle gains no credit by it', () => {
    const env = setUp({ credits: 1 });
    const [busy, idle] = [env.scheduler.createEntity(), env.scheduler.createEntity()];
    fill(idle, 1);
    fill(busy, 200);
    env.runtime.advanceBy(100_000);
    const [busyBefore, idleBefore] = [busy.stats().busyUs, idle.stats().busyUs];
    fill(idle, 50);
    env.runtime.advanceBy(20_000);
    const gained = idle.stats().busyUs - idleBefore - (busy.stats().busyUs - busyBefore);
    expect(Math.abs(gained)).toBeLessThanOrEqual(3000);
  });

  it('S9: one that had the device to itself owes nothing for it', () => {
    const env = setUp({ credits: 1 });
    const alone = env.scheduler.createEntity();
    fill(alone, 200);
    env.runtime.advanceBy(100_000);
    const late = env.scheduler.createEntity();
    fill(late, 50);
    const before = alone.stats().busyUs;
    env.runtime.advanceBy(20_000);
    expect(Math.abs(alone.stats().busyUs - before - late.stats().busyUs)).toBeLessThanOrEqual(3000);
  });

  it('S9: a wrong estimate is corrected at completion', () => {
    const env = setUp({ credits: 1 });
    const [liar, honest] = [env.scheduler.createEntity(), env.scheduler.createEntity()];
    for (let i = 0; i < 101; i += 1) liar.submit({ durationUs: 1000 }, { estimateMs: 0.001 });
    fill(honest, 101);
    env.runtime.advanceBy(100_000);
    expect(Math.abs(liar.stats().busyUs - honest.stats().busyUs)).toBeLessThanOrEqual(4000);
  });

  it('S10: one with little demand is served within the job on the hardware and one quantum', () => {
    const env = setUp({ credits: 1 });
    const heavy = [1, 2, 3, 4].map(() => env.scheduler.createEntity());
    for (const entity of heavy) fill(entity, 100);
    const light = env.scheduler.createEntity();
    let worstUs = 0;
    for (let frame = 0; frame < 10; frame += 1) {
      env.runtime.advanceBy(16_300);
      const job = light.submit({ durationUs: 200 });
      env.runtime.advanceBy(16_000);
      worstUs = Math.max(worstUs, job.scheduled.signalledAtUs! - (env.runtime.nowUs() - 16_000));
    }
    expect(worstUs).toBeLessThanOrEqual(2000);
  });

  it('S11: an attempt that hung is charged for the time it used', () => {
    const env = setUp({ credits: 1, runTimeoutMs: 20, banAfter: 1000 });
    const [hanging, good] = [env.scheduler.createEntity(), env.scheduler.createEntity()];
    for (let i = 0; i < 20; i += 1) hanging.submit({ hangs: true });
    fill(good, 400);
    env.runtime.advanceBy(200_000);
    expect(hanging.stats().busyUs).toBeGreaterThan(0);
    expect(Math.abs(hanging.stats().busyUs - good.stats().busyUs)).toBeLessThanOrEqual(3 * 20_000);
  });
});

describe('an entity with several schedulers', () => {
  it('S12: goes to the least loaded one when it has nothing queued and nothing running', () => {
    const first = setUp();
    const second = setUp({ runtime: first.runtime });
    const rest = { durationUs: 1000 };
    for (let i = 0; i < 5; i += 1) first.scheduler.createEntity().submit(rest);
    const entity = new Entity({ schedulers: [first.scheduler, second.scheduler] });
    const job = entity.submit(rest);
    first.runtime.runUntilIdle();
    expect(second.mock.idsOf('runJob')).toEqual([job.id]);
    expect(first.mock.idsOf('runJob')).not.toContain(job.id);
  });

  it('S12: counts what a reset took as load', () => {
    const first = setUp();
    const second = setUp({ runtime: first.runtime });
    first.mock.resetUs = 10_000;
    for (let i = 0; i < 2; i += 1) first.scheduler.createEntity().submit({ hangs: true });
    second.scheduler.createEntity().submit({ durationUs: 500 });
    first.runtime.advanceBy(0);
    first.scheduler.recover();
    first.runtime.advanceBy(100);
    const entity = new Entity({ schedulers: [first.scheduler, second.scheduler] });
    const job = entity.submit({ durationUs: 10 });
    first.runtime.runUntilIdle();
    expect([second.mock.idsOf('runJob').includes(job.id), job.finished.signalledAtUs]).toEqual([
      true,
      510,
    ]);
  });

  it('S12: stays where it is while it has something queued or running', () => {
    const first = setUp();
    const second = setUp({ runtime: first.runtime });
    const entity = new Entity({ schedulers: [first.scheduler, second.scheduler] });
    const jobs = [entity.submit({ durationUs: 1000 })];
    for (let i = 0; i < 5; i += 1) first.scheduler.createEntity().submit({ durationUs: 1000 });
    jobs.push(entity.submit({ durationUs: 1000 }));
    first.runtime.runUntilIdle();
    expect(jobs.map((job) => job.finished.status)).toEqual(['ok', 'ok']);
    expect(second.mock.calls).toEqual([]);
  });

  it('S12: stays where it has something running also where its new list is one scheduler that was closed', () => {
    const { runtime, scheduler: a } = setUp();
    const { scheduler: b } = setUp({ runtime });
    const entity = a.createEntity();
    const first = entity.submit({ durationUs: 10 });
    runtime.advanceBy(0);
    void b.close();
    entity.setSchedulers([b]);
    const second = entity.submit({ durationUs: 10 });
    runtime.runUntilIdle();
    expect(outcomes([first, second])).toEqual(['ok', 'ok']);
    // Idle, it has to move, and cannot.
    expect(thrownBy(() => entity.submit({}))).toBe('ERR_CLOSED');
  });

  it('S12: follows a new list when it is idle next', () => {
    const first = setUp();
    const second = setUp({ runtime: first.runtime });
    const entity = new Entity({ schedulers: [first.scheduler] });
    entity.submit({ durationUs: 1000 });
    first.runtime.advanceBy(0);
    entity.setSchedulers([second.scheduler]);
    const stays = entity.submit({ durationUs: 1000 });
    first.runtime.runUntilIdle();
    expect(stays.finished.status).toBe('ok');
    const moves = entity.submit({ durationUs: 1000 });
    first.runtime.runUntilIdle();
    expect(moves.finished.status).toBe('ok');
    expect(second.mock.idsOf('runJob')).toEqual([moves.id]);
  });
});
