// The procedure of a reset: what is stopped, called, bounded, folded in and retried (T3, T5, T7). Whom it fails and what
// runs again: settling.test.ts.
import { describe, expect, it } from 'vitest';
import { ResetDomain, Scheduler } from '../../src/sched/index.ts';
import type { ResetContext } from '../../src/sched/index.ts';
import { MockRing, VirtualRuntime } from '../../src/drivers/sim/index.ts';
import type { MockWork } from '../../src/drivers/sim/index.ts';
import { eventsOf, idsOf, outcome, outcomes, setUp, thrownBy } from './fixture.ts';
import type { SetUp } from './fixture.ts';

const resetsOf = (mock: MockRing): { atUs: number; tries: number | undefined }[] =>
  mock.calls
    .filter((call) => call.hook === 'reset')
    .map((call) => ({ atUs: call.atUs, tries: call.reset?.tries }));

/** Runs one job that hangs on `env`, past its timeout of 1 ms. */
function hangOne(env: SetUp): ReturnType<ReturnType<typeof env.scheduler.createEntity>['submit']> {
  const job = env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
  env.runtime.advanceBy(1000);
  return job;
}

describe('a reset', () => {
  it('T3: tells the driver the guilty, everybody who ran, the rings, the try and its bound', () => {
    const contexts: ResetContext<MockWork>[] = [];
    const env = setUp({
      reset: { timeoutMs: 20 },
      driver: (mock) => ({
        ...mock.without(),
        reset: (context) => {
          contexts.push(context);
          return mock.reset(context);
        },
      }),
    });
    const other = env.scheduler.createEntity();
    const job = env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    const behind = other.submit({ durationUs: 5 });
    env.runtime.advanceBy(1000);
    expect(contexts).toHaveLength(1);
    expect(contexts[0]).toMatchObject({ rings: [0], tries: 1, deadlineUs: 21_000 });
    expect(idsOf(contexts[0]!.guilty)).toEqual([job.id]);
    expect(idsOf(contexts[0]!.running)).toEqual([job.id, behind.id]);
  });

  it('T3: starts nothing while it lasts, and goes on afterwards', () => {
    const env = setUp();
    env.mock.resetUs = 500;
    const hung = hangOne(env);
    const later = env.scheduler.createEntity().submit({ durationUs: 5 });
    env.runtime.advanceBy(499);
    expect([later.state, outcome(hung)]).toEqual(['queued', 'pending']);
    env.runtime.advanceBy(6);
    expect([outcome(later), outcome(hung)]).toEqual(['ok', 'ERR_JOB_TIMEOUT']);
  });

  it('T3: accepts a promise from the driver', async () => {
    let done = (): void => {};
    const env = setUp({
      driver: (mock) => ({
        ...mock.without(),
        reset: (context) => {
          mock.reset(context);
          return new Promise<void>((resolve) => (done = resolve));
        },
      }),
    });
    const hung = hangOne(env);
    await env.runtime.settle(100);
    expect(outcome(hung)).toBe('pending');
    done();
    await env.runtime.settle();
    expect(outcome(hung)).toBe('ERR_JOB_TIMEOUT');
  });

  it('T3: a completion while it lasts is out of reach: the job is settled by the reset', () => {
    const env = setUp({
      driver: (mock) => ({
        ...mock.without(),
        reset: (context) => {
          for (const job of context.running) mock.finish(job);
          return mock.reset(context);
        },
      }),
    });
    const hung = hangOne(env);
    env.runtime.runUntilIdle();
    expect([outcome(hung), env.mock.freedCount(hung)]).toEqual(['ERR_JOB_TIMEOUT', 1]);
  });

  it('T3: calls each distinct driver of the domain once, stops and settles all its schedulers', () => {
    const runtime = new VirtualRuntime();
    const [shared, own] = [new MockRing({ runtime }), new MockRing({ runtime })];
    const resetDomain = new ResetDomain({ label: 'card', runtime });
    const [a, b, c] = [shared, shared, own].map(
      (driver, i) => new Scheduler<MockWork>({ label: `${i}`, driver, runtime, resetDomain }),
    );
    const apart = new MockRing({ runtime });
    const d = new Scheduler<MockWork>({ label: 'apart', driver: apart, runtime });
    const hung = a!.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    const began = [b!, c!].map((one) => one.createEntity().submit({}));
    const kept = d.createEntity().submit({ durationUs: 5000 });
    runtime.advanceBy(1000);
    expect([resetsOf(shared).length, resetsOf(own).length, resetsOf(apart).length]).toEqual([
      1, 1, 0,
    ]);
    expect(outcome(hung)).toBe('ERR_JOB_TIMEOUT');
    // The first on its ring had begun to execute; the one behind the hung job on the shared ring had, for its scheduler.
    for (const job of began) expect(['ERR_JOB_RESET', 'pending']).toContain(outcome(job));
    expect(outcome(began[1]!)).toBe('ERR_JOB_RESET');
    runtime.runUntilIdle();
    expect([outcome(kept), kept.attempt]).toEqual(['ok', 1]);
  });

  it('T3: requests that arrive meanwhile are folded in', () => {
    const env = setUp();
    env.mock.resetUs = 500;
    hangOne(env);
    env.scheduler.fault();
    env.runtime.advanceBy(100);
    env.scheduler.fault();
    env.runtime.runUntilIdle();
    expect([resetsOf(env.mock).length, env.scheduler.stats().resets]).toEqual([1, 1]);
  });

  it('T3: with the scope ring takes only the rings of the guilty; the others go on', () => {
    const env = setUp({ rings: 2, mock: { resetScope: 'ring' } });
    env.mock.resetUs = 500;
    const hung = env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    const other = env.scheduler.createEntity().submit({ durationUs: 1200 });
    env.runtime.runUntilIdle();
    expect(env.mock.calls.find((call) => call.hook === 'reset')?.reset).toMatchObject({
      guilty: [hung.id],
      running: [hung.id],
      rings: [hung.ring],
    });
    expect([outcome(hung), outcome(other), other.attempt]).toEqual(['ERR_JOB_TIMEOUT', 'ok', 1]);
    expect(other.finished.signalledAtUs).toBe(1200);
  });

  it('T3: with the scope device takes the other rings too (control)', () => {
    const env = setUp({ rings: 2 });
    env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    const other = env.scheduler.createEntity().submit({ durationUs: 1200 });
    env.runtime.runUntilIdle();
    expect(outcome(other)).toBe('ERR_JOB_RESET');
  });

  it('T5: a completion of an earlier attempt that arrives late is ignored', () => {
    const env = setUp();
    hangOne(env);
    const guilty = env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    const again = env.scheduler.createEntity().submit({});
    env.runtime.advanceBy(1000);
    expect([outcome(guilty), again.attempt, again.state]).toEqual([
      'ERR_JOB_TIMEOUT',
      2,
      'running',
    ]);
    expect(env.mock.completeLate(again)).toBe(1);
    expect(env.mock.completeLate(guilty)).toBe(1);
    env.runtime.advanceBy(10);
    expect([again.state, outcome(guilty)]).toEqual(['running', 'ERR_JOB_TIMEOUT']);
    expect(env.scheduler.stats().rings[0]).toMatchObject({ running: 1, creditsUsed: 1 });
    env.mock.complete(1);
    env.runtime.advanceBy(0);
    expect([outcome(again), env.mock.freedCount(again)]).toEqual(['ok', 1]);
    expect(env.mock.freedCount(guilty)).toBe(1);
  });

  it('reports its begin and its end', () => {
    const env = setUp();
    env.mock.resetUs = 500;
    const guilty = env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    const innocent = env.scheduler.createEntity().submit({ durationUs: 5 });
    env.runtime.runUntilIdle();
    const ref = (job: typeof guilty): unknown => [job.finished.timeline.id, job.finished.seqno];
    const told = { guilty: [ref(guilty)], innocent: [ref(innocent)], tries: 1 };
    expect(eventsOf(env.events, 'reset-begin')).toEqual([
      { type: 'reset-begin', atUs: 1000, ...told },
    ]);
    expect(eventsOf(env.events, 'reset-end')).toEqual([
      { type: 'reset-end', atUs: 1500, ...told, outcome: 'ok', tookUs: 500 },
    ]);
  });
});

describe('a reset that fails', () => {
  const reset = { timeoutMs: 10, maxTries: 3, backoffMs: 5 };

  it('T7: is tried again after a back-off', () => {
    const env = setUp({ reset });
    env.mock.failReset(1);
    const hung = hangOne(env);
    expect(outcome(hung)).toBe('pending');
    env.runtime.runUntilIdle();
    expect(resetsOf(env.mock).map((one) => one.tries)).toEqual([1, 2]);
    expect(resetsOf(env.mock)[1]!.atUs - resetsOf(env.mock)[0]!.atUs).toBeGreaterThanOrEqual(5000);
    expect(outcome(hung)).toBe('ERR_JOB_TIMEOUT');
    const next = env.scheduler.createEntity().submit({ durationUs: 5 });
    env.runtime.runUntilIdle();
    expect(outcome(next)).toBe('ok');
  });

  it('T7: goes on to its last try, however many there may be', () => {
    const env = setUp({ reset: { timeoutMs: 10, maxTries: 1100, backoffMs: 0 } });
    env.mock.failReset(1050);
    const hung = hangOne(env);
    env.runtime.runUntilIdle();
    expect(outcome(hung)).toBe('ERR_JOB_TIMEOUT');
  });

  it('T7: refuses a pause that never ends', () => {
    for (const backoffMs of [Infinity, 1e306, -1, NaN]) {
      expect(thrownBy(() => setUp({ reset: { backoffMs } }))).toBe('ERR_INVALID_ARGUMENT');
    }
    expect(thrownBy(() => setUp({ reset: { backoffMs: 60_000 } }))).toBeUndefined();
  });

  it('T7: as often as its budget says leaves the device gone', () => {
    const env = setUp({ reset });
    env.mock.failReset(3);
    const hung = env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    const entity = env.scheduler.createEntity();
    const others = [entity.submit({}), entity.submit({}), entity.submit({})];
    env.runtime.runUntilIdle();
    expect(resetsOf(env.mock)).toHaveLength(3);
    expect(outcomes([hung, ...others])).toEqual(Array(4).fill('ERR_DEVICE_GONE'));
    for (const job of [hung, ...others])
      expect([job.retired, env.mock.freedCount(job)]).toEqual([true, 1]);
    expect(env.runtime.pendingTimers).toBe(0);
  });

  it('T7: one try less than the budget recovers (control)', () => {
    const env = setUp({ reset });
    env.mock.failReset(2);
    const hung = hangOne(env);
    env.runtime.runUntilIdle();
    expect([resetsOf(env.mock).length, outcome(hung)]).toEqual([3, 'ERR_JOB_TIMEOUT']);
    expect(eventsOf(env.events, 'reset-end').map((event) => event.outcome)).toEqual([
      'failed',
      'failed',
      'ok',
    ]);
  });

  it('T7: one that overruns its timeout counts as failed, and is tried again only after it settled', () => {
    const env = setUp({ reset });
    env.mock.resetUs = 30_000;
    const hung = hangOne(env);
    env.runtime.advanceBy(10_001);
    env.mock.resetUs = 0;
    expect([resetsOf(env.mock).length, outcome(hung)]).toEqual([1, 'pending']);
    env.runtime.advanceBy(15_000);
    expect(resetsOf(env.mock)).toHaveLength(1);
    env.runtime.runUntilIdle();
    expect(resetsOf(env.mock)).toHaveLength(2);
    expect(resetsOf(env.mock)[1]!.atUs).toBeGreaterThanOrEqual(31_000);
    expect(eventsOf(env.events, 'reset-end').map((event) => event.outcome)).toEqual(['late', 'ok']);
    expect(outcome(hung)).toBe('ERR_JOB_TIMEOUT');
  });

  it('T7, F9: one that never settles leaves the device gone in bounded time', () => {
    const env = setUp({
      reset,
      driver: (mock) => ({ ...mock.without(), reset: () => new Promise<void>(() => {}) }),
    });
    const hung = hangOne(env);
    const queued = env.scheduler.createEntity().submit({});
    env.runtime.runUntilIdle();
    expect(['ERR_DEVICE_GONE', 'ERR_JOB_TIMEOUT']).toContain(outcome(hung));
    expect(outcome(queued)).toBe('ERR_DEVICE_GONE');
  });

  it('T7: a rejected promise is a failed try', async () => {
    let tries = 0;
    const env = setUp({
      reset,
      driver: (mock) => ({
        ...mock.without(),
        reset: (context) => {
          tries += 1;
          mock.reset(context);
          return tries === 1 ? Promise.reject(new Error('no answer')) : Promise.resolve();
        },
      }),
    });
    const hung = hangOne(env);
    await env.runtime.settle(20_000);
    expect([tries, outcome(hung)]).toEqual([2, 'ERR_JOB_TIMEOUT']);
  });
});
