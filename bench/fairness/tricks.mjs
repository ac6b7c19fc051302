import { openWorld } from './world.mjs';
import { Account, Timeline } from '../../dist/index.js';

/** What a client might try against an equal one that is backlogged; each gives what it gained, in milliseconds of the device. */

const JOB_US = 2000;
const ME = 'me';
const OTHER = 'other';

function openPair(policy, options = {}) {
  const world = openWorld({ policy, ...options });
  const [me, other] = [ME, OTHER].map((label) => world.scheduler.createEntity({ label }));
  fill(other, 6000, OTHER);
  return { world, me, other };
}

function fill(entity, jobs, client, options) {
  for (let job = 0; job < jobs; job += 1) entity.submit({ us: JOB_US, client }, options);
}

/** By how much `me` is ahead of its equal from `fromUs` to `toUs`. */
function leadMs(world, fromUs, toUs) {
  const { device } = world;
  return (device.executedUs(ME, fromUs, toUs) - device.executedUs(OTHER, fromUs, toUs)) / 1000;
}

/** Sleeps for a second, then wants as much as it can get. Measured in jobs of its own: one is its due quantum. */
export function sleeperGain(policy) {
  const { world, me } = openPair(policy);
  fill(me, 1, ME);
  world.runtime.advanceBy(1_000_000);
  fill(me, 500, ME);
  let worst = 0;
  for (let us = 10_000; us <= 500_000; us += 10_000) {
    world.runtime.advanceBy(10_000);
    worst = Math.max(worst, leadMs(world, 1_000_000, 1_000_000 + us));
  }
  return worst;
}

/** Says for 10 s that its jobs take almost no time. */
export function underestimateGain(policy) {
  const { world, me } = openPair(policy, { credits: 2 });
  fill(me, 6000, ME, { estimateMs: 0.001 });
  world.runtime.advanceBy(10_000_000);
  return leadMs(world, 0, 10_000_000);
}

/** Is alone at first and says that its jobs take an hour, so that who comes later would be far behind. */
export function overestimateGain(policy) {
  const world = openWorld({ policy, credits: 4 });
  const me = world.scheduler.createEntity({ order: 'parallel' });
  fill(me, 6000, ME, { estimateMs: 3_600_000 });
  world.runtime.advanceBy(1_000_000);
  fill(world.scheduler.createEntity(), 6000, OTHER);
  world.runtime.advanceBy(10_000_000);
  return leadMs(world, 1_000_000, 11_000_000);
}

/** Opens ten queues in one account. */
export function queuesGain(policy) {
  const { world } = openPair(policy);
  const account = new Account();
  for (let queue = 0; queue < 10; queue += 1) {
    fill(world.scheduler.createEntity({ account }), 600, ME);
  }
  world.runtime.advanceBy(10_000_000);
  return leadMs(world, 0, 10_000_000);
}

/** Is blocked for a second with a full queue, then not. */
export function blockedGain(policy) {
  const { world, me } = openPair(policy);
  const gate = new Timeline({ driver: 'bench', label: 'gate', runtime: world.runtime });
  const source = gate.createFence();
  fill(me, 1, ME);
  fill(me, 1, ME, { after: [source.fence] });
  fill(me, 1000, ME);
  world.runtime.advanceBy(1_000_000);
  source.signal();
  world.runtime.advanceBy(1_000_000);
  return leadMs(world, 1_000_000, 2_000_000);
}

/** What newcomers lose, or gain, by one that is blocked with a full queue: two of them, a second apart, should get the same. */
export function heldBackBlocked(policy) {
  const { world, me, other } = openPair(policy);
  const gate = new Timeline({ driver: 'bench', label: 'gate', runtime: world.runtime });
  fill(me, 1, ME);
  fill(me, 1, ME, { after: [gate.createFence().fence] });
  world.runtime.advanceBy(1_000_000);
  const late = world.scheduler.createEntity();
  fill(late, 1000, 'late');
  world.runtime.advanceBy(1_000_000);
  const { device } = world;
  const gained = device.executedUs('late', 1e6, 2e6) - device.executedUs(OTHER, 1e6, 2e6);
  return other.queued > 0 ? Math.abs(gained) / 1000 : NaN;
}
