// What callbacks, observers and hooks do in the middle of a step of the scheduler: each job still ends once, and is freed once
// (J2, D3). What they do between the steps is in close.test.ts, kill.test.ts, cancel.test.ts and driverFaults.test.ts.
import { describe, expect, it } from 'vitest';
import { Entity, fifo, ResourcePool } from '../../src/sched/index.ts';
import type { Policy } from '../../src/sched/index.ts';
import type { SchedEvent } from '../../src/events/index.ts';
import type { MockWork } from '../../src/drivers/sim/index.ts';
import { cranked, outcome, outcomes, pendingFence, setUp } from './fixture.ts';
import type { MockJob, SetUp, SetUpOptions } from './fixture.ts';

/** How a user may end something from anywhere. */
const ENDS: Record<string, (entity: Entity<MockWork>, job: MockJob) => void> = {
  'job.cancel': (_entity, job) => void job.cancel(),
  'entity.kill': (entity) => entity.kill(),
};

/** An entity of two schedulers, whose second job goes to the other one in a callback of the first, and is ended there at once. */
function moved(act: (entity: Entity<MockWork>, job: MockJob) => void) {
  const one = setUp();
  const { runtime } = one;
  const other = setUp({ runtime });
  const entity = new Entity<MockWork>({ schedulers: [one.scheduler, other.scheduler] });
  const first = entity.submit({ durationUs: 10 });
  const jobs = [first];
  const busy = one.scheduler.createEntity();
  for (let i = 0; i < 4; i += 1) busy.submit({ durationUs: 1000 });
  first.finished.addCallback(() => {
    const job = entity.submit({ durationUs: 10 });
    jobs.push(job);
    act(entity, job);
  });
  return { one, other, runtime, jobs, first };
}

describe('a job that goes to another scheduler in a callback', () => {
  const codes = { 'job.cancel': 'ERR_JOB_CANCELLED', 'entity.kill': 'ERR_ENTITY_KILLED' };
  for (const [name, act] of Object.entries(ENDS)) {
    it(`J1, S12: and is ended there by ${name} signals, while the first one closes`, async () => {
      const { one, other, runtime, jobs } = moved(act);
      runtime.advanceBy(5);
      void one.scheduler.close({ mode: 'kill' });
      runtime.runUntilIdle();
      expect(outcomes(jobs)).toEqual(['ERR_SCHEDULER_CLOSED', codes[name as keyof typeof codes]]);
      await cranked(runtime, other.scheduler.close());
    });

    it(`D3, S12: and is ended there by ${name} is freed by its own driver`, async () => {
      const { one, other, runtime, jobs, first } = moved(act);
      first.cancel();
      runtime.runUntilIdle();
      const [, second] = jobs as [MockJob, MockJob];
      expect(outcome(second)).toBe(codes[name as keyof typeof codes]);
      expect([one.mock.freedCount(second), other.mock.freedCount(second)]).toEqual([0, 1]);
      expect(other.scheduler.stats().queued).toBe(0);
      await cranked(runtime, other.scheduler.close());
    });
  }
});

/** `fifo`, whose `method` throws at its next call once it is told to. */
function faultyPolicy(method: 'add' | 'remove' | 'started' | 'ended') {
  const policy = fifo();
  const faults = { next: false };
  const original = policy[method].bind(policy) as (...args: unknown[]) => void;
  const faulty = (...args: unknown[]): void => {
    if (!faults.next) return original(...args);
    faults.next = false;
    throw new Error('policy');
  };
  return { policy: Object.assign(policy, { [method]: faulty }) as Policy, faults };
}

/** Lets time pass, and tells what was thrown meanwhile. */
function crank({ runtime }: SetUp, us: number): unknown[] {
  const thrown: unknown[] = [];
  const endUs = runtime.nowUs() + us;
  for (let i = 0; i < 5; i += 1) {
    try {
      runtime.advanceBy(endUs - runtime.nowUs());
    } catch (error) {
      thrown.push((error as Error).message);
    }
  }
  return thrown;
}

describe('a policy that throws', () => {
  it('T7: when a reset charges a job does not keep the reset from going on', () => {
    const { policy, faults } = faultyPolicy('ended');
    const env = setUp({ policy, runTimeoutMs: 5 });
    const entity = env.scheduler.createEntity();
    const jobs = [entity.submit({ hangs: true }), entity.submit({ durationUs: 10 })];
    env.runtime.advanceBy(10);
    faults.next = true;
    expect(crank(env, 10_000)).toEqual(['policy']);
    expect(outcomes(jobs)).toEqual(['ERR_JOB_TIMEOUT', 'ok']);
  });

  it('T6: when a job completes does not make that job a late one', () => {
    const { policy, faults } = faultyPolicy('ended');
    const env = setUp({ policy, runTimeoutMs: 5 });
    const entity = env.scheduler.createEntity();
    const job = entity.submit({ durationUs: 100 });
    env.runtime.advanceBy(10);
    faults.next = true;
    expect(crank(env, 90)).toEqual(['policy']);
    expect(outcome(job)).toBe('ok');
    env.runtime.runUntilIdle();
    expect([entity.stats().karma, env.mock.freedCount(job)]).toEqual([0, 1]);
  });

  it('F9: when a job starts does not keep it from the driver', () => {
    const { policy, faults } = faultyPolicy('started');
    const env = setUp({ policy });
    const job = env.scheduler.createEntity().submit({ durationUs: 100 });
    faults.next = true;
    expect(crank(env, 100)).toEqual(['policy']);
    expect(outcome(job)).toBe('ok');
  });

  for (const method of ['ended', 'remove'] as const) {
    it(`E3: in ${method}, when the scheduler closes, keeps no fence from signalling`, async () => {
      const { policy, faults } = faultyPolicy(method);
      const env = setUp({ policy, credits: 1 });
      const entity = env.scheduler.createEntity();
      const jobs = [entity.submit({}), entity.submit({})];
      env.runtime.advanceBy(10);
      faults.next = true;
      const closed = env.scheduler.close({ mode: 'kill' });
      expect(outcomes(jobs)).toEqual(['ERR_SCHEDULER_CLOSED', 'ERR_SCHEDULER_CLOSED']);
      expect(crank(env, 0)).toEqual(['policy']);
      await cranked(env.runtime, closed);
    });
  }
});

/** Ways to end a job, its entity, the scheduler or the device. */
const ACTS: Record<string, (env: SetUp, entity: Entity<MockWork>, job: MockJob) => void> = {
  cancel: (_env, _entity, job) => void job.cancel(),
  kill: (_env, entity) => entity.kill(),
  close: (env) => void env.scheduler.close({ mode: 'kill' }),
  removeDevice: (env) => env.scheduler.removeDevice(),
};

/** What must be true of jobs that ended, and of everything else, when nothing is left to do. */
function expectAtRest(env: SetUp, entity: Entity<MockWork>, jobs: readonly MockJob[]): void {
  env.runtime.runUntilIdle();
  for (const job of jobs) expect([job.state, env.mock.freedCount(job)]).toEqual(['finished', 1]);
  expect([entity.queued, entity.running]).toEqual([0, 0]);
  const { queued, running, rings } = env.scheduler.stats();
  expect([queued, running, rings[0]?.running, rings[0]?.creditsUsed]).toEqual([0, 0, 0, 0]);
  expect(env.runtime.pendingTimers).toBe(0);
}

/** Has `act` run once, at the first event of `type`. */
function atFirst({ scheduler }: SetUp, type: SchedEvent['type'], act: () => void): void {
  const stop = scheduler.observe({
    emit: (event) => {
      if (event.type !== type) return;
      stop();
      act();
    },
  });
}

/** A set-up whose driver does `act` once, when `hook` is called first, before it answers. */
function inHook(hook: 'isSliced' | 'kindOf' | 'nextSlice' | 'measure', options: SetUpOptions = {}) {
  const acts: (() => void)[] = [];
  const answers = { isSliced: true, kindOf: 'kind', nextSlice: null, measure: null };
  const env = setUp({
    ...options,
    driver: (mock) => ({
      ...mock.without(),
      isSliced: () => true,
      [hook]: () => {
        acts.shift()?.();
        return answers[hook];
      },
    }),
  });
  return { env, acts };
}

describe('a hook that is asked at a start', () => {
  for (const order of ['serial', 'parallel'] as const) {
    for (const [name, act] of Object.entries(ACTS)) {
      it(`J2, T8: may ${name} its own job, which is not started (isSliced, ${order})`, () => {
        const { env, acts } = inHook('isSliced');
        const entity = env.scheduler.createEntity({ order });
        const jobs = [1, 2, 3].map(() => entity.submit({ durationUs: 10 }));
        acts.push(() => act(env, entity, jobs[0]!));
        expectAtRest(env, entity, jobs);
        expect(env.mock.idsOf('runJob')).not.toContain(jobs[0]!.id);
      });

      it(`J2, T8: may ${name} its own job, which is not started (kindOf, ${order})`, () => {
        const { env, acts } = inHook('kindOf', { credits: { targetMs: 5 } });
        const entity = env.scheduler.createEntity({ order });
        const jobs = [1, 2, 3].map(() => entity.submit({ durationUs: 10 }));
        acts.push(() => act(env, entity, jobs[0]!));
        expectAtRest(env, entity, jobs);
        expect(env.mock.idsOf('runJob')).not.toContain(jobs[0]!.id);
      });
    }
  }
});

describe('a hook that is asked when a job completed', () => {
  for (const hook of ['nextSlice', 'measure', 'kindOf'] as const) {
    it(`T6: may report a fault of it, which is the reset's then (${hook})`, () => {
      const { env, acts } = inHook(hook, hook === 'kindOf' ? { credits: { targetMs: 5 } } : {});
      const entity = env.scheduler.createEntity();
      const jobs = [entity.submit({ durationUs: 10 }), entity.submit({ durationUs: 10 })];
      if (hook === 'kindOf') acts.push(() => {});
      acts.push(() => env.scheduler.fault(jobs[0]));
      expectAtRest(env, entity, jobs);
      expect(outcomes(jobs)).toEqual(['ERR_JOB_TIMEOUT', 'ok']);
      expect([entity.stats().karma, env.scheduler.stats().resets]).toEqual([1, 1]);
    });
  }

  it('T2, S8: may do so where nothing resets: its time is settled once', () => {
    const ended: number[] = [];
    const policy = fifo();
    policy.ended = (_entity, _estimateUs, busyUs) => void ended.push(busyUs);
    let fault = (): void => {};
    const env = setUp({
      policy,
      driver: (mock) => ({
        ...mock.without('reset'),
        isSliced: () => true,
        nextSlice: () => {
          fault();
          return 'any-ring';
        },
      }),
    });
    const entity = env.scheduler.createEntity();
    const job = entity.submit({ durationUs: 10 });
    fault = () => env.scheduler.fault(job);
    expectAtRest(env, entity, [job]);
    expect([outcome(job), ended]).toEqual(['ERR_JOB_TIMEOUT', [10]]);
  });

  it('T8: is not asked where another one removed the device', () => {
    const { env, acts } = inHook('measure');
    const entity = env.scheduler.createEntity();
    const job = entity.submit({ durationUs: 10, slices: 2 });
    acts.push(() => env.scheduler.removeDevice());
    expectAtRest(env, entity, [job]);
    expect(env.mock.idsOf('nextSlice')).toEqual([]);
  });
});

describe('an observer', () => {
  for (const type of ['job-retire', 'job-done', 'job-run', 'pass-begin', 'hook-exit'] as const) {
    for (const name of ['close', 'removeDevice'] as const) {
      it(`D3: may ${name} in ${type}, and each job is freed once`, () => {
        const env = setUp();
        const entity = env.scheduler.createEntity();
        const jobs = [entity.submit({ durationUs: 10 }), entity.submit({ durationUs: 10 })];
        atFirst(env, type, () => ACTS[name]!(env, entity, jobs[0]!));
        expectAtRest(env, entity, jobs);
      });
    }
  }

  it('D3: may remove the device in job-done of a job that failed on time', () => {
    const env = setUp({ runTimeoutMs: 1 });
    env.mock.verdict = 'fail';
    const entity = env.scheduler.createEntity();
    const job = entity.submit({ hangs: true });
    atFirst(env, 'job-done', () => env.scheduler.removeDevice());
    expectAtRest(env, entity, [job]);
  });

  for (const [name, act] of Object.entries(ACTS)) {
    it(`J2, S14: may ${name} in job-slice, and no further slice starts`, () => {
      const env = setUp();
      const entity = env.scheduler.createEntity();
      const job = entity.submit({ durationUs: 10, slices: 3 });
      atFirst(env, 'job-slice', () => act(env, entity, job));
      expectAtRest(env, entity, [job]);
      expect(env.mock.idsOf('runJob')).toEqual([job.id]);
      expect([job.finished.status, job.finished.signalledAtUs]).toEqual(['failed', 10]);
    });
  }

  it('J4: may close in job-done: the finished fences keep their order', () => {
    const env = setUp({ credits: 1 });
    const entity = env.scheduler.createEntity();
    const jobs = [1, 2, 3].map(() => entity.submit({ durationUs: 10 }));
    const order: number[] = [];
    jobs.forEach((job, index) => job.finished.addCallback(() => order.push(index)));
    atFirst(env, 'job-done', () => void env.scheduler.close({ mode: 'kill' }));
    expectAtRest(env, entity, jobs);
    expect(order).toEqual([0, 1, 2]);
  });

  it('J9: may end a job in job-cancel: the answer says what is true then', () => {
    const env = setUp();
    const entity = env.scheduler.createEntity();
    const job = entity.submit({ durationUs: 10 });
    atFirst(env, 'job-cancel', () => void env.scheduler.close({ mode: 'kill' }));
    expect(job.cancel()).toBe('finished');
    expectAtRest(env, entity, [job]);
  });

  it('S2: may free the credits that a job waits for as it hears of that, and no wake-up is lost', () => {
    const env = setUp({ credits: 1 });
    const entity = env.scheduler.createEntity();
    const first = entity.submit({});
    env.runtime.advanceBy(0);
    const next = entity.submit({ durationUs: 10 });
    atFirst(env, 'job-blocked', () => void env.mock.finish(first));
    expectAtRest(env, entity, [first, next]);
  });

  it('S4: may remove the device in gone once more, and what ran counts as ended', () => {
    const env = setUp();
    const entity = env.scheduler.createEntity();
    const job = entity.submit({});
    env.runtime.advanceBy(10);
    atFirst(env, 'gone', () => env.scheduler.removeDevice());
    env.scheduler.removeDevice();
    expectAtRest(env, entity, [job]);
    expect(entity.stats().busyUs).toBe(10);
  });

  it('T1: may close in job-blocked, and no timer is left', () => {
    const env = setUp();
    const entity = env.scheduler.createEntity();
    const { fence } = pendingFence(env.runtime);
    const job = entity.submit({}, { after: [fence], dependencyTimeoutMs: 60_000 });
    atFirst(env, 'job-blocked', () => void env.scheduler.close({ mode: 'kill' }));
    env.runtime.advanceBy(10);
    expect(env.runtime.pendingTimers).toBe(0);
    expectAtRest(env, entity, [job]);
  });

  for (const order of ['serial', 'parallel'] as const) {
    it(`J2: may cancel a job while the kill of its ${order} entity gives slots back`, () => {
      const env = setUp({ credits: 1 });
      const pool = new ResourcePool({ label: 'ids', slots: 1 });
      const busy = env.scheduler.createEntity().submit({ durationUs: 100 });
      env.runtime.advanceBy(0);
      const entity = env.scheduler.createEntity({ order });
      const asking = entity.submit({}, { resources: [{ pool }] });
      const jobs = [asking, entity.submit({}), entity.submit({})];
      env.runtime.advanceBy(0);
      expect(pool.free).toBe(0);
      atFirst(env, 'release', () => void jobs[1]!.cancel());
      entity.kill();
      expectAtRest(env, entity, [busy, ...jobs]);
      const killed = 'ERR_ENTITY_KILLED';
      expect(outcomes(jobs)).toEqual([killed, 'ERR_JOB_CANCELLED', killed]);
      expect(entity.stats().failed).toBe(3);
    });
  }

  it('S6: may cancel a job that is given slots, and they go back', () => {
    const env = setUp();
    const pools = ['a', 'b'].map((label) => new ResourcePool({ label, slots: 1 }));
    const entity = env.scheduler.createEntity();
    const job = entity.submit({}, { resources: pools.map((pool) => ({ pool })) });
    atFirst(env, 'grant', () => void job.cancel());
    expectAtRest(env, entity, [job]);
    expect(pools.map((pool) => pool.free)).toEqual([1, 1]);
  });
});

describe('who hears that a job is blocked', () => {
  it.each(Object.keys(ENDS))(
    'E2, F9: and has that signal lets a job end that is dead by %s',
    (how) => {
      const env = setUp();
      const gate = pendingFence(env.runtime);
      env.scheduler.observe({
        emit: (event) => void (event.type === 'job-blocked' && gate.signal()),
      });
      const entity = env.scheduler.createEntity();
      const job = entity.submit({ durationUs: 10 }, { after: [gate.fence] });
      ENDS[how]!(entity, job);
      env.runtime.runUntilIdle();
      expect([job.state, env.mock.freedCount(job)]).toEqual(['finished', 1]);
    },
  );
});

describe('a job that is accused in its own runJob', () => {
  it.each([true, false])(
    'T1, S13: does not hold up the job behind it (in the hook: %s)',
    (inHook) => {
      const env = setUp({ mock: { resetScope: 'ring', rings: 2 }, rings: 2, credits: 4 });
      env.mock.resetUs = 1_000_000;
      const late = env.scheduler.createEntity().submit({ durationUs: 1000 });
      env.runtime.advanceBy(10);
      env.scheduler.fault(late);
      env.runtime.advanceBy(10);
      const run = env.mock.runJob.bind(env.mock);
      env.mock.runJob = (job, ring) => {
        const fence = run(job, ring);
        if (inHook && job.label === 'bad') env.scheduler.fault(job);
        return fence;
      };
      const entity = env.scheduler.createEntity();
      const bad = entity.submit({ durationUs: 100 }, { label: 'bad' });
      const behind = env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 10 });
      env.runtime.advanceBy(50);
      if (!inHook) env.scheduler.fault(bad);
      env.runtime.advanceBy(20_000);
      expect(entity.stats().busyUs).toBe(100);
      env.runtime.runUntilIdle();
      expect(outcomes([bad, behind])).toEqual(['ERR_JOB_TIMEOUT', 'ERR_JOB_TIMEOUT']);
      expect(behind.attempt).toBe(1);
    },
  );
});

describe('a signal', () => {
  const calling = (fn: () => void) => ({
    aborted: false,
    reason: null,
    addEventListener: () => {},
    removeEventListener: fn,
  });

  it('J4: may close when it is let go: the finished fences keep their order', () => {
    const env = setUp({ credits: 1 });
    const entity = env.scheduler.createEntity();
    const signal = calling(() => void env.scheduler.close({ mode: 'kill' }));
    const jobs = [entity.submit({ durationUs: 10 }, { signal }), entity.submit({ durationUs: 10 })];
    const order: number[] = [];
    jobs.forEach((job, index) => job.finished.addCallback(() => order.push(index)));
    expectAtRest(env, entity, jobs);
    expect(order).toEqual([0, 1]);
  });

  it('D3: may let the hardware complete when it is let go, and the job is freed once', () => {
    const env = setUp();
    env.mock.ignoresCancel = true;
    const entity = env.scheduler.createEntity();
    const job: MockJob = entity.submit({}, { signal: calling(() => env.mock.finish(job)) });
    env.runtime.advanceBy(10);
    void env.scheduler.close({ mode: 'kill' });
    expectAtRest(env, entity, [job]);
  });
});
