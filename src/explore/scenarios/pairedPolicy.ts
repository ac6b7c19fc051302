import type { Policy, PolicyEntity } from '../../sched/index.ts';
import type { World } from '../world.ts';

/** `policy`, which must be told of each entity once, and of each end as often as of a start (S7, S11). */
export function pairedPolicy(world: World, policy: Policy): Policy {
  const known = new Set<PolicyEntity>();
  let running = 0;
  const fail = (rule: string, message: string): void => world.judge.fail(rule, message);
  world.eventually('S11', () =>
    running === 0 ? null : `the policy was told of ${running} starts more than ends`,
  );
  return {
    name: policy.name,
    pick: (nowUs) => policy.pick(nowUs),
    changed: (entity, nowUs) => policy.changed?.(entity, nowUs),
    add: (entity, nowUs) => {
      if (known.has(entity)) fail('S7', 'the policy is told twice of an entity');
      known.add(entity);
      policy.add(entity, nowUs);
    },
    remove: (entity, nowUs) => {
      if (!known.delete(entity)) fail('S7', 'an entity leaves a policy that does not know it');
      policy.remove(entity, nowUs);
    },
    started: (entity, estimateUs, nowUs) => {
      running += 1;
      policy.started(entity, estimateUs, nowUs);
    },
    ended: (entity, estimateUs, busyUs, nowUs) => {
      running -= 1;
      if (running < 0) fail('S11', 'the policy is told of an end without a start');
      policy.ended(entity, estimateUs, busyUs, nowUs);
    },
  };
}
