// Linux's fair policy, rule by rule, and the hazards that it is copied with (docs/kernel-differences.md). What our own
// `fair` does instead is in policies.test.ts and fairness.prop.test.ts.
import { describe, expect, it } from 'vitest';
import { Timeline } from '../../src/fence/index.ts';
import { fair, linuxFair } from '../../src/sched/index.ts';
import type { Entity, Policy, Priority } from '../../src/sched/index.ts';
import type { MockWork } from '../../src/drivers/sim/index.ts';
import { outcome, setUp } from './fixture.ts';
import type { MockJob, SetUp } from './fixture.ts';

function fill(entity: Entity<MockWork>, count: number, durationUs = 1000): void {
  for (let i = 0; i < count; i += 1) entity.submit({ durationUs });
}

/** What two backlogged entities of these bands got of the first second. */
function sharesOf(first: Priority, second: Priority): [number, number] {
  const env = setUp({ credits: 1, policy: linuxFair() });
  const entities = [first, second].map((priority) => env.scheduler.createEntity({ priority }));
  for (const entity of entities) fill(entity, 1001);
  env.runtime.advanceBy(1_000_000);
  const [a = 0, b = 0] = entities.map((entity) => entity.stats().busyUs / 1_000_000);
  return [a, b];
}

/** Runs `count` jobs of 10 ms one by one, each submitted when the one before has finished. */
function runOneByOne(env: SetUp, entity: Entity<MockWork>, count: number): void {
  for (let i = 0; i < count; i += 1) {
    const job = entity.submit({ durationUs: 10_000 });
    while (job.state !== 'finished') env.runtime.advanceBy(1000);
  }
}

describe('linuxFair', () => {
  it('S2: serves a job that is submitted while the last one before it starts', () => {
    const { scheduler, runtime } = setUp({ policy: linuxFair() });
    const entity = scheduler.createEntity();
    const first = entity.submit({ durationUs: 10 });
    const next: MockJob[] = [];
    first.scheduled.addCallback(() => next.push(entity.submit({ durationUs: 10 })));
    runtime.advanceBy(30);
    expect([first, ...next].map(outcome)).toEqual(['ok', 'ok']);
  });

  it.each([
    ['kernel', 'high', 2 / 3],
    ['high', 'normal', 4 / 5],
    ['normal', 'low', 8 / 9],
    ['high', 'low', 32 / 33],
    ['normal', 'normal', 1 / 2],
  ] as const)('S7: shares %s : %s as Linux does', (first, second, expected) => {
    const [a, b] = sharesOf(first, second);
    expect(a).toBeCloseTo(expected, 2);
    expect(b).toBeCloseTo(1 - expected, 2);
  });

  it('S7: an entity that was idle joins beside the leftmost', () => {
    const env = setUp({ credits: 1, policy: linuxFair() });
    const [busy, late] = [env.scheduler.createEntity(), env.scheduler.createEntity()];
    fill(busy, 500);
    env.runtime.advanceBy(100_500);
    const job = late.submit({ durationUs: 1000 });
    env.runtime.advanceBy(600);
    expect(job.scheduled.signalledAtUs).toBe(101_000);
  });

  it('H-1: charges a client that ran job by job for all of them as soon as it queues two', () => {
    expect(waitOfBurst(linuxFair())).toBeGreaterThan(900_000);
  });

  it('H-1: `fair` does not (control)', () => {
    expect(waitOfBurst(fair())).toBeLessThanOrEqual(20_000);
  });

  it('H-2: lets an entity that was blocked catch up on all that it missed', () => {
    expect(leadAfterBlocking(linuxFair())).toBeGreaterThan(90_000);
  });

  it('H-2: `fair` does not (control)', () => {
    expect(leadAfterBlocking(fair())).toBeLessThanOrEqual(3000);
  });

  it('S7: forgets an entity that was killed while it was blocked', () => {
    const env = setUp({ credits: 1, policy: linuxFair() });
    const [blocked, busy] = [env.scheduler.createEntity(), env.scheduler.createEntity()];
    const gate = new Timeline({ driver: 'test', label: 'gate', runtime: env.runtime });
    fill(blocked, 1);
    blocked.submit({ durationUs: 1000 }, { after: [gate.createFence().fence] });
    fill(busy, 100);
    env.runtime.advanceBy(50_000);
    blocked.kill();
    const late = env.scheduler.createEntity();
    fill(late, 100);
    env.runtime.advanceBy(20_000);
    expect(late.stats().busyUs).toBeLessThanOrEqual(11_000);
  });
});

/** The longest time that a burst of 5 jobs stands still, after 100 jobs one by one, beside a client that is backlogged. */
function waitOfBurst(policy: Policy): number {
  const env = setUp({ credits: 1, policy });
  const [client, other] = [env.scheduler.createEntity(), env.scheduler.createEntity()];
  fill(other, 500, 10_000);
  runOneByOne(env, client, 100);
  let lastUs = env.runtime.nowUs();
  const burst = Array.from({ length: 5 }, () => client.submit({ durationUs: 10_000 }));
  env.runtime.runUntilIdle();
  let worstUs = 0;
  for (const job of burst) {
    worstUs = Math.max(worstUs, job.scheduled.signalledAtUs! - lastUs);
    lastUs = job.finished.signalledAtUs!;
  }
  return worstUs;
}

/** By how much one that was blocked for 200 ms is ahead of its equal, after both were backlogged for 200 ms. */
function leadAfterBlocking(policy: Policy): number {
  const env = setUp({ credits: 1, policy });
  const [blocked, other] = [env.scheduler.createEntity(), env.scheduler.createEntity()];
  const gate = new Timeline({ driver: 'test', label: 'gate', runtime: env.runtime }).createFence();
  blocked.submit({ durationUs: 1000 });
  blocked.submit({ durationUs: 1000 }, { after: [gate.fence] });
  fill(blocked, 400);
  fill(other, 800);
  env.runtime.advanceBy(200_000);
  gate.signal();
  const [before, otherBefore] = [blocked.stats().busyUs, other.stats().busyUs];
  env.runtime.advanceBy(200_000);
  return blocked.stats().busyUs - before - (other.stats().busyUs - otherBefore);
}
