// Who is blamed for hangs, and what follows from it (T6).
import { describe, expect, it } from 'vitest';
import { VirtualRuntime } from '../../src/drivers/sim/index.ts';
import { signalledFence } from '../../src/fence/index.ts';
import { ResetDomain } from '../../src/sched/index.ts';
import { eventsOf, outcome, outcomes, setUp, thrownBy } from './fixture.ts';
import type { SetUp, SetUpOptions } from './fixture.ts';

/** Submits a job that hangs and lets the reset it causes pass. */
function hang(env: SetUp, entity: ReturnType<SetUp['scheduler']['createEntity']>): string {
  const job = entity.submit({ hangs: true }, { runTimeoutMs: 1 });
  env.runtime.advanceBy(1001);
  return outcome(job);
}

describe('karma', () => {
  it('T6: grows by one for each guilty job, and bans at banAfter, 3 by default', () => {
    const env = setUp();
    const entity = env.scheduler.createEntity();
    expect([hang(env, entity), hang(env, entity)]).toEqual(['ERR_JOB_TIMEOUT', 'ERR_JOB_TIMEOUT']);
    expect(entity.stats()).toMatchObject({ karma: 2, banned: false });
    hang(env, entity);
    expect(entity.stats()).toMatchObject({ banned: true });
    expect(thrownBy(() => entity.submit({}))).toBe('ERR_CLIENT_BANNED');
  });

  it('T6: is the client’s: its other entities are banned with it, other clients are not', () => {
    const env = setUp({ banAfter: 2 });
    const [a, b] = [1, 2].map(() => env.scheduler.createEntity({ client: 5 }));
    const other = env.scheduler.createEntity({ client: 6 });
    hang(env, a!);
    expect(b!.stats().karma).toBe(1);
    hang(env, b!);
    expect([a, b].map((one) => thrownBy(() => one!.submit({})))).toEqual([
      'ERR_CLIENT_BANNED',
      'ERR_CLIENT_BANNED',
    ]);
    expect(thrownBy(() => other.submit({}))).toBeUndefined();
    expect(thrownBy(() => env.scheduler.createEntity({ client: 5 }).submit({}))).toBe(
      'ERR_CLIENT_BANNED',
    );
  });

  it('T6: is the entity’s where it has no client', () => {
    const env = setUp({ banAfter: 1 });
    const [a, b] = [env.scheduler.createEntity(), env.scheduler.createEntity()];
    hang(env, a);
    expect(thrownBy(() => a.submit({}))).toBe('ERR_CLIENT_BANNED');
    expect(thrownBy(() => b.submit({}))).toBeUndefined();
  });

  it('T6: a ban fails queued jobs with ERR_CLIENT_BANNED, in order', () => {
    const env = setUp({ banAfter: 1, credits: 1 });
    const entity = env.scheduler.createEntity();
    const first = entity.submit({ hangs: true }, { runTimeoutMs: 1 });
    const queued = [entity.submit({}), entity.submit({})];
    const bystander = env.scheduler.createEntity().submit({ durationUs: 5 });
    env.runtime.runUntilIdle();
    expect(outcomes([first, ...queued])).toEqual([
      'ERR_JOB_TIMEOUT',
      'ERR_CLIENT_BANNED',
      'ERR_CLIENT_BANNED',
    ]);
    expect([outcome(bystander), queued.map((job) => job.attempt)]).toEqual(['ok', [0, 0]]);
  });

  it('T4, T6: an innocent job of a client that is banned by the same reset fails with ERR_CLIENT_BANNED', () => {
    const env = setUp({ banAfter: 1 });
    const entity = env.scheduler.createEntity({ client: 5 });
    entity.submit({ hangs: true }, { runTimeoutMs: 1 });
    const behind = env.scheduler.createEntity({ client: 5 }).submit({ durationUs: 5 });
    env.runtime.runUntilIdle();
    expect([outcome(behind), behind.attempt]).toEqual(['ERR_CLIENT_BANNED', 1]);
  });

  it('T6: is reported as an event', () => {
    const env = setUp({ banAfter: 1 });
    hang(env, env.scheduler.createEntity({ client: 5 }));
    expect(eventsOf(env.events, 'ban')).toMatchObject([{ type: 'ban', client: 5, karma: 1 }]);
  });

  it('T6: a minute of clean work takes one away', () => {
    const env = setUp();
    const entity = env.scheduler.createEntity();
    hang(env, entity);
    hang(env, entity);
    entity.submit({ durationUs: 61_000_000 });
    env.runtime.runUntilIdle();
    expect(entity.stats().karma).toBe(1);
    hang(env, entity);
    expect(entity.stats()).toMatchObject({ karma: 2, banned: false });
  });

  it('T6: slices of a job count as clean work when it has ended well, all of them, and else none', () => {
    const env = setUp();
    const entity = env.scheduler.createEntity();
    const slice = { durationUs: 60_000_000, slices: 3 };
    hang(env, entity);
    const guilty = entity.submit(slice);
    env.runtime.advanceBy(120_000_001);
    env.scheduler.fault(guilty);
    env.runtime.advanceBy(10);
    expect([outcome(guilty), entity.stats().karma]).toEqual(['ERR_JOB_TIMEOUT', 2]);
    entity.submit(slice);
    env.runtime.advanceBy(179_999_999);
    expect(entity.stats().karma).toBe(2);
    env.runtime.advanceBy(1);
    expect(entity.stats().karma).toBe(0);
  });

  it('T6: a minute of idleness, or of work that failed, takes none away', () => {
    const env = setUp();
    const entity = env.scheduler.createEntity();
    hang(env, entity);
    env.mock.failNext();
    entity.submit({ durationUs: 61_000_000 });
    env.runtime.runUntilIdle();
    env.runtime.advanceBy(61_000_000);
    expect(entity.stats().karma).toBe(1);
  });

  it('T6: an innocent job that a reset took costs none', () => {
    const env = setUp({ rings: 2 });
    const innocent = env.scheduler.createEntity();
    innocent.submit({});
    hang(env, env.scheduler.createEntity());
    expect(innocent.stats().karma).toBe(0);
  });
});

/** Two schedulers over one device: one reset domain. */
function twoOnOneDevice(options: SetUpOptions = {}): [SetUp, SetUp] {
  const runtime = new VirtualRuntime();
  const resetDomain = new ResetDomain({ label: 'card', runtime });
  const make = (label: string): SetUp => setUp({ label, runtime, resetDomain, ...options });
  return [make('gfx'), make('copy')];
}

describe('karma on several schedulers', () => {
  it('T6: of an entity without a client is its own, wherever it runs', () => {
    const runtime = new VirtualRuntime();
    const [first, second] = [setUp({ runtime, banAfter: 2 }), setUp({ runtime, banAfter: 2 })];
    const entity = first.scheduler.createEntity();
    hang(first, entity);
    entity.setSchedulers([second.scheduler]);
    expect(entity.stats()).toMatchObject({ karma: 1, banned: false });
    hang(second, entity);
    expect(entity.stats()).toMatchObject({ karma: 2, banned: true });
    entity.setSchedulers([first.scheduler]);
    expect(thrownBy(() => entity.submit({}))).toBe('ERR_CLIENT_BANNED');
    expect(thrownBy(() => first.scheduler.createEntity().submit({}))).toBeUndefined();
  });

  it('T6: of a client counts on all schedulers of a reset domain, and on no other', () => {
    const [gfx, copy] = twoOnOneDevice({ banAfter: 2 });
    const elsewhere = setUp({ runtime: gfx.runtime, banAfter: 2 });
    const [a, b, c] = [gfx, copy, elsewhere].map(({ scheduler }) =>
      scheduler.createEntity({ client: 5 }),
    );
    hang(gfx, a!);
    expect([a, b, c].map((one) => one!.stats().karma)).toEqual([1, 1, 0]);
    hang(copy, b!);
    expect([a, b, c].map((one) => one!.stats().banned)).toEqual([true, true, false]);
    expect([a, b, c].map((one) => thrownBy(() => one!.submit({})))).toEqual([
      'ERR_CLIENT_BANNED',
      'ERR_CLIENT_BANNED',
      undefined,
    ]);
  });

  it('T6: a ban fails the queued jobs of the client on every scheduler of the domain', () => {
    const [gfx, copy] = twoOnOneDevice({ banAfter: 1, credits: 1 });
    const other = copy.scheduler.createEntity({ client: 6 });
    const theirs = copy.scheduler.createEntity({ client: 5 });
    const running = other.submit({ durationUs: 5000 }, { resubmit: true });
    const queued = theirs.submit({ durationUs: 5 });
    const bystander = other.submit({ durationUs: 5 });
    hang(gfx, gfx.scheduler.createEntity({ client: 5 }));
    expect([outcome(queued), queued.attempt]).toEqual(['ERR_CLIENT_BANNED', 0]);
    gfx.runtime.runUntilIdle();
    expect(outcomes([running, bystander])).toEqual(['ok', 'ok']);
  });

  it('T4: an innocent job that runs on another scheduler of the domain fails with ERR_CLIENT_BANNED', () => {
    const [gfx, copy] = twoOnOneDevice({ banAfter: 1 });
    const theirs = copy.scheduler.createEntity({ client: 5 });
    const running = theirs.submit({ durationUs: 5000 }, { resubmit: true });
    hang(gfx, gfx.scheduler.createEntity({ client: 5 }));
    expect([outcome(running), running.attempt]).toEqual(['ERR_CLIENT_BANNED', 1]);
  });

  it('T6: clean work on another scheduler of the domain takes it away', () => {
    const [gfx, copy] = twoOnOneDevice();
    const [a, b] = [gfx, copy].map(({ scheduler }) => scheduler.createEntity({ client: 5 }));
    hang(gfx, a!);
    b!.submit({ durationUs: 61_000_000 });
    gfx.runtime.runUntilIdle();
    expect([a, b].map((one) => one!.stats().karma)).toEqual([0, 0]);
  });
});

describe('onFault kill-queue', () => {
  it('T6: the first guilty job kills its entity', () => {
    const env = setUp({ credits: 1 });
    const entity = env.scheduler.createEntity({ onFault: 'kill-queue' });
    const guilty = entity.submit({ hangs: true }, { runTimeoutMs: 1 });
    const queued = entity.submit({ durationUs: 5 });
    env.runtime.runUntilIdle();
    expect(outcomes([guilty, queued])).toEqual(['ERR_JOB_TIMEOUT', 'ERR_ENTITY_KILLED']);
    expect(thrownBy(() => entity.submit({}))).toBe('ERR_CLOSED');
  });

  it('T6: by default the queue goes on (control)', () => {
    const env = setUp({ credits: 1 });
    const entity = env.scheduler.createEntity();
    entity.submit({ hangs: true }, { runTimeoutMs: 1 });
    const queued = entity.submit({ durationUs: 5 });
    env.runtime.runUntilIdle();
    expect(outcome(queued)).toBe('ok');
  });
});

describe('fault', () => {
  it('T6: without a job blames the one that was alone on its ring', () => {
    const env = setUp();
    const entity = env.scheduler.createEntity();
    const job = entity.submit({});
    env.runtime.advanceBy(10);
    env.scheduler.fault();
    env.runtime.runUntilIdle();
    expect(entity.stats().karma).toBe(1);
    expect(['ok', 'pending']).not.toContain(outcome(job));
  });

  it('T6: without a job blames nobody where several shared the ring', () => {
    const env = setUp();
    const entities = [env.scheduler.createEntity(), env.scheduler.createEntity()];
    const [began, waited] = entities.map((entity) => entity.submit({ durationUs: 50 }));
    env.runtime.advanceBy(10);
    env.scheduler.fault();
    env.runtime.runUntilIdle();
    expect(entities.map((entity) => entity.stats().karma)).toEqual([0, 0]);
    expect([outcome(began!), outcome(waited!)]).toEqual(['ERR_JOB_RESET', 'ok']);
  });

  it('T6: a recovery blames nobody, not even a job that was alone', () => {
    const env = setUp();
    const entity = env.scheduler.createEntity();
    const job = entity.submit({ durationUs: 50 });
    const again = env.scheduler.createEntity().submit({ durationUs: 5 });
    env.runtime.advanceBy(10);
    env.scheduler.recover();
    env.runtime.runUntilIdle();
    expect([entity.stats().karma, outcome(job), outcome(again)]).toEqual([
      0,
      'ERR_JOB_RESET',
      'ok',
    ]);
    expect(env.scheduler.stats().resets).toBe(1);
  });

  it('T6: on an idle scheduler blames nobody', () => {
    const env = setUp();
    const entity = env.scheduler.createEntity();
    env.scheduler.fault();
    env.runtime.runUntilIdle();
    const job = entity.submit({ durationUs: 5 });
    env.runtime.runUntilIdle();
    expect([entity.stats().karma, outcome(job)]).toEqual([0, 'ok']);
  });

  it('T6: of a job that has finished blames nobody', () => {
    const env = setUp();
    const entity = env.scheduler.createEntity();
    const job = entity.submit({ durationUs: 5 });
    env.runtime.runUntilIdle();
    env.scheduler.fault(job);
    env.runtime.runUntilIdle();
    expect([outcome(job), env.mock.freedCount(job), entity.stats().karma]).toEqual(['ok', 1, 0]);
  });

  it('T6: inside the scheduled callback of a job that is complete already blames it', () => {
    const env = setUp({
      driver: (mock, runtime) => ({ ...mock.without(), runJob: () => signalledFence(runtime) }),
    });
    const job = env.scheduler.createEntity().submit({});
    job.scheduled.addCallback(() => env.scheduler.fault(job));
    env.runtime.runUntilIdle();
    expect([outcome(job), env.mock.freedCount(job)]).toEqual(['ERR_JOB_TIMEOUT', 1]);
  });

  it('T6: a device that is removed on purpose is nobody’s fault', () => {
    const env = setUp();
    const entity = env.scheduler.createEntity();
    entity.submit({});
    env.runtime.advanceBy(10);
    env.scheduler.removeDevice();
    env.runtime.runUntilIdle();
    expect(entity.stats()).toMatchObject({ karma: 0, banned: false });
  });
});

describe('a closed entity', () => {
  it('T6: still tells its karma and its ban', async () => {
    const { scheduler, runtime } = setUp({ banAfter: 1 });
    const entity = scheduler.createEntity();
    entity.submit({ hangs: true }, { runTimeoutMs: 1 });
    runtime.runUntilIdle();
    const closed = entity.close();
    await runtime.settle();
    await closed;
    expect(entity.stats()).toMatchObject({ karma: 1, banned: true });
  });
});
