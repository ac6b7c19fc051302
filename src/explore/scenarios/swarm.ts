import { fair, fifo, roundRobin, strictPriority } from '../../sched/index.ts';
import type { ResetDomain, ResourcePool } from '../../sched/index.ts';
import type { ModelDevice, ModelHook, ModelWork } from '../modelDevice.ts';
import type { Scenario } from '../scenario.ts';
import type { WatchedEntity } from '../watchedEntity.ts';
import type { WatchedScheduler } from '../watchedScheduler.ts';
import type { World } from '../world.ts';
import { addFaults } from './faults.ts';
import { drawFeatures } from './features.ts';
import type { FeatureName, Features } from './features.ts';
import { addActs } from './swarmActs.ts';
import { SwarmJobs } from './swarmJobs.ts';

/** A drawn world: what it has, and what was made. */
export interface Swarm {
  readonly world: World;
  readonly features: Features;
  readonly devices: readonly ModelDevice[];
  readonly schedulers: readonly WatchedScheduler<ModelWork>[];
  readonly entities: readonly WatchedEntity<ModelWork>[];
  readonly pools: readonly ResourcePool[];
}

/**
 * Worlds that are drawn: devices, schedulers, clients and jobs with the features named, and each of the others in one world
 * of `oneIn` (0: never).
 */
export function swarm(
  name: string,
  about: string,
  named: readonly FeatureName[],
  oneIn = 8,
): Scenario {
  return {
    name,
    about,
    build(world, scope) {
      const features = drawFeatures(world, named, oneIn);
      world.faultBudget = 1 + world.draw(5);
      const made = makeSchedulers(world, features);
      const pools = features.pools ? makePools(world) : [];
      const entities: WatchedEntity<ModelWork>[] = [];
      for (let at = 0; at < scope.entities; at += 1) {
        entities.push(makeEntity(world, features, made.schedulers));
      }
      const swarmed: Swarm = { world, features, ...made, pools, entities };
      const jobs = new SwarmJobs(swarmed);
      for (const entity of entities) {
        const steps = Array.from({ length: scope.jobs }, () => jobs.step(entity));
        world.client(`client ${entity.record.label}`, steps);
      }
      addActs(swarmed, jobs);
      world.holds('F12', () => lostHint(world, made.devices));
    },
  };
}

/** A job on a ring whose deadline its hardware fence was not told of. */
function lostHint(world: World, devices: readonly ModelDevice[]): string | null {
  for (const { rings } of world.judge.schedulers) {
    for (const { attempts } of rings) {
      for (const attempt of attempts) {
        const { job, hardware } = attempt;
        if (job.hintUs === Infinity || job.attempts.at(-1) !== attempt) continue;
        if (hardware.status !== 'pending') continue;
        const isKnown = devices.some((device) => device.hintOf(hardware) <= job.hintUs);
        if (!isKnown) return `the hardware fence of ${job.label} does not know its deadline`;
      }
    }
  }
  return null;
}

function makeSchedulers(
  world: World,
  features: Features,
): { devices: ModelDevice[]; schedulers: WatchedScheduler<ModelWork>[] } {
  const devices: ModelDevice[] = [];
  const schedulers: WatchedScheduler<ModelWork>[] = [];
  const count = features.moves ? 2 + world.draw(2) : 1;
  const domain = features.moves && world.draw(2) === 1 ? world.resetDomain('shared') : null;
  for (let at = 0; at < count; at += 1) {
    const device = makeDevice(world, features, domain !== null);
    devices.push(device);
    schedulers.push(makeScheduler(world, features, device, domain));
    addFaults(world, device, {
      hang: features.runTimeouts || features.resets || features.blame,
      completions: features.completions,
      resets: features.resets,
      verdicts: features.resets && features.runTimeouts,
      throws: features.throws
        ? ['runJob', 'prepareJob', 'timedOut', 'reset', 'cancelJob', 'freeJob', 'capture']
        : [],
      reuse: features.throws,
      unstoppable: features.unstoppable,
    });
  }
  return { devices, schedulers };
}

function makeDevice(world: World, features: Features, isShared: boolean): ModelDevice {
  const lacks: ModelHook[] = [];
  if (features.lacks) {
    const hooks: ModelHook[] = ['reset', 'timedOut', 'cancelJob', 'prepareJob', 'freeJob'];
    for (const hook of hooks) {
      // Who has no reset of its own is reset by the others, which cannot be told from outside.
      const isWanted = world.draw(3) === 1;
      if (isWanted && !(isShared && hook === 'reset')) lacks.push(hook);
    }
  }
  // Whether `prepareJob` is asked for each slice anew is left open.
  if (features.slices) lacks.push('prepareJob');
  return world.device({
    rings: features.rings ? 1 + world.draw(3) : 1,
    ordered: !(features.rings && world.draw(4) === 3),
    resetScope: features.rings && world.draw(2) === 1 ? 'ring' : 'device',
    slowReset: world.draw(2) === 1,
    honoursCancel: world.draw(3) !== 2,
    lacks,
    sliced: features.slices,
  });
}

function makeScheduler(
  world: World,
  features: Features,
  device: ModelDevice,
  resetDomain: ResetDomain | null,
): WatchedScheduler<ModelWork> {
  const policy = world.oneOf(fair, fifo, roundRobin, strictPriority);
  const hasTimeouts = features.runTimeouts || features.resets || features.blame;
  const gpu = world.scheduler<ModelWork>({
    driver: device.driver,
    rings: device.rings,
    credits: world.oneOf(2, 1, 3, 4),
    policy: policy(),
    reset: { timeoutMs: 5, maxTries: world.oneOf(3, 2, 1), backoffMs: 1 },
    maxAttempts: world.oneOf(3, 2),
    banAfter: features.blame ? world.oneOf(2, 1, 3) : 1000,
    noHangLimit: world.oneOf(10, 1, 0),
    ...(hasTimeouts && { runTimeoutMs: 1 }),
    ...(features.queueLimits && world.draw(2) === 1 && { dependencyTimeoutMs: 3 }),
    ...(resetDomain !== null && { resetDomain }),
  });
  // Some code only runs, and some orders only arise, where somebody listens.
  if (world.draw(3) === 2) gpu.scheduler.observe({ emit: () => {} });
  return gpu;
}

function makeEntity(
  world: World,
  features: Features,
  schedulers: readonly WatchedScheduler<ModelWork>[],
): WatchedEntity<ModelWork> {
  const mine =
    schedulers.length === 1 || world.draw(3) === 0 ? schedulers : [world.oneOf(...schedulers)];
  return world.entity<ModelWork>({
    schedulers: mine,
    order: features.rings && world.draw(3) === 2 ? 'parallel' : 'serial',
    onDependencyError: features.dependencies && world.draw(3) === 2 ? 'fail' : 'run',
    ...(features.priorities && {
      priority: world.oneOf('normal', 'high', 'low', 'kernel'),
      weight: world.oneOf(1, 3),
    }),
    ...(features.blame && world.draw(2) === 1 && { client: 1 + world.draw(2) }),
    ...(features.blame && world.draw(3) === 2 && { onFault: 'kill-queue' }),
    ...(features.queueLimits && world.draw(3) === 2 && { maxQueued: 2 }),
  });
}

function makePools(world: World): ResourcePool[] {
  const count = 1 + world.draw(2);
  return Array.from({ length: count }, (_, at) => {
    const slots = 1 + world.draw(3);
    const isReserved = slots > 2 && world.draw(2) === 1;
    return world.pool({ label: `pool${at}`, slots, ...(isReserved && { reserve: { high: 1 } }) });
  });
}
