// What callbacks, observers and hooks do in the middle of a step of the scheduler: each job still ends once, and is freed once
// (J2, D3). What they do between the steps is in close.test.ts, kill.test.ts, cancel.test.ts and driverFaults.test.ts.
import { describe, expect, it } from 'vitest';
import { Entity, fifo } from '../../src/sched/index.ts';
import type { Policy } from '../../src/sched/index.ts';
import type { MockWork } from '../../src/drivers/sim/index.ts';
import { cranked, outcome, outcomes, setUp } from './fixture.ts';
import type { MockJob, SetUp } from './fixture.ts';

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
