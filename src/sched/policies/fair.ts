import type { Policy, PolicyEntity } from '../policy.ts';
import { Accounts } from './accounts.ts';
import type { Flow } from './flow.ts';

/**
 * Weighted max-min sharing of measured busy time by account, and by entity within an account (S8 to S11).
 *
 * 1. How time is shared is in sharing.ts; accounts share the device in that way, and the entities of an account what it gets.
 * 2. `kernel` entities share among themselves, and go before all others.
 * 3. Only who has something to do, or is ahead of the others, is known: the rest costs neither time nor memory.
 *
 * The bound, what it takes for granted and its derivation: docs/fairness.md.
 * Cost: O(log n) in accounts, and in entities of one account, that are ready.
 */
export function fair(): Policy {
  const kernel = new Accounts();
  const shared = new Accounts();
  const homeOf = (entity: PolicyEntity): Accounts =>
    entity.priority === 'kernel' ? kernel : shared;
  const add = (entity: PolicyEntity, nowUs: number): void => {
    const flow = flowOf(entity);
    const home = homeOf(entity);
    if (flow !== undefined && flow.home !== home) home.take(flow, flow.home);
    home.add(entity, nowUs);
  };
  const remove = (entity: PolicyEntity): void => {
    const flow = flowOf(entity);
    flow?.home.remove(flow);
  };
  return {
    name: 'fair',
    add,
    remove,
    pick: (nowUs) => kernel.pick(nowUs) ?? shared.pick(nowUs),
    started(entity, estimateUs) {
      const flow = flowOf(entity);
      flow?.home.started(flow, estimateUs);
    },
    ended(entity, estimateUs, busyUs) {
      const flow = flowOf(entity);
      flow?.home.ended(flow, entity, estimateUs, busyUs);
    },
    changed(entity, nowUs) {
      const flow = flowOf(entity);
      if (flow === undefined) return;
      if (flow.home === homeOf(entity)) {
        flow.home.changed(flow);
      } else {
        remove(entity);
        add(entity, nowUs);
      }
    },
  };
}

function flowOf(entity: PolicyEntity): Flow | undefined {
  return entity.state as Flow | undefined;
}
