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
  return new FairPolicy();
}

/** A class, so that all schedulers call the same functions: the engine compiles them once, and keeps them for the next one. */
class FairPolicy implements Policy {
  readonly name: string = 'fair';
  readonly #kernel = new Accounts();
  readonly #shared = new Accounts();

  add(entity: PolicyEntity, nowUs: number): void {
    const flow = flowOf(entity);
    const home = this.#homeOf(entity);
    if (flow !== undefined && flow.home !== home) home.take(flow, flow.home);
    home.add(entity, nowUs);
  }

  remove(entity: PolicyEntity): void {
    const flow = flowOf(entity);
    flow?.home.remove(flow);
  }

  pick(nowUs: number): PolicyEntity | null {
    return this.#kernel.pick(nowUs) ?? this.#shared.pick(nowUs);
  }

  started(entity: PolicyEntity, estimateUs: number): void {
    const flow = flowOf(entity);
    flow?.home.started(flow, estimateUs);
  }

  ended(entity: PolicyEntity, estimateUs: number, busyUs: number): void {
    const flow = flowOf(entity);
    flow?.home.ended(flow, entity, estimateUs, busyUs);
  }

  changed(entity: PolicyEntity, nowUs: number): void {
    const flow = flowOf(entity);
    if (flow === undefined) return;
    if (flow.home === this.#homeOf(entity)) {
      flow.home.changed(flow);
    } else {
      this.remove(entity);
      this.add(entity, nowUs);
    }
  }

  #homeOf(entity: PolicyEntity): Accounts {
    return entity.priority === 'kernel' ? this.#kernel : this.#shared;
  }
}

function flowOf(entity: PolicyEntity): Flow | undefined {
  return entity.state as Flow | undefined;
}
