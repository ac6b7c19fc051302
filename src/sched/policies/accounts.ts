import { shareOf } from '../account.ts';
import type { PolicyEntity } from '../policy.ts';
import { Flow } from './flow.ts';
import { Sharing } from './sharing.ts';

/**
 * The accounts that share a device, and the entities that share an account.
 *
 * 1. An account with one entity is one flow. With the second one each gets a flow of its own, in a sharing of the account's.
 * 2. `entity.state` is the entity's flow while it is known here, else `undefined`.
 */
export class Accounts {
  readonly #sharing = new Sharing((flow) => this.#forget(flow));
  readonly #byId = new Map<number, Flow>();

  add(entity: PolicyEntity, nowUs: number): void {
    const flow = this.#flowOf(entity);
    const { account } = flow;
    if (account === null) {
      this.#sharing.join(flow, nowUs);
      return;
    }
    account.lanes?.join(flow, nowUs);
    if (account.isReady) this.#sharing.touch(account);
    else this.#sharing.join(account, nowUs);
  }

  remove(flow: Flow): void {
    const { account } = flow;
    account?.lanes?.leave(flow);
    if (account !== null && account.lanes?.size !== 0) this.#sharing.touch(account);
    else this.#sharing.leave(account ?? flow);
  }

  pick(nowUs: number): PolicyEntity | null {
    return this.#sharing.choose(nowUs)?.head(nowUs) ?? null;
  }

  started(flow: Flow, estimateUs: number): void {
    flow.account?.lanes?.started(flow, estimateUs);
    this.#sharing.started(flow.account ?? flow, estimateUs);
  }

  ended(flow: Flow, entity: PolicyEntity, estimateUs: number, busyUs: number): void {
    const lanes = flow.account?.lanes ?? null;
    if (lanes !== null) {
      lanes.ended(flow, shareOf(entity.weight, entity.priority), estimateUs, busyUs);
    }
    this.#sharing.ended(flow.account ?? flow, entity.account.share, estimateUs, busyUs);
  }

  /** The share, the next job or its deadline is another one. */
  changed(flow: Flow): void {
    flow.account?.lanes?.touch(flow);
    this.#sharing.touch(flow.account ?? flow);
  }

  /** Takes over `flow`, which is not ready, from `before`: what its entity has on the hardware counts here from now on. */
  take(flow: Flow, before: Accounts): void {
    const entity = flow.entity as PolicyEntity;
    const { pending, pendingUs } = flow;
    entity.state = undefined;
    const mine = this.#flowOf(entity);
    before.#move(flow, -pending, -pendingUs);
    this.#move(mine, pending, pendingUs);
  }

  #move(flow: Flow, jobs: number, us: number): void {
    flow.account?.lanes?.move(flow, jobs, us);
    this.#sharing.move(flow.account ?? flow, jobs, us);
  }

  /** Rule 1. */
  #flowOf(entity: PolicyEntity): Flow {
    if (entity.state !== undefined) return entity.state as Flow;
    const { id } = entity.account;
    let account = this.#byId.get(id);
    if (account === undefined) {
      account = new Flow(this, id, entity, null);
      this.#byId.set(id, account);
    } else if (account.entity !== entity) {
      if (account.lanes === null) this.#divide(account);
      const lane = new Flow(this, id, entity, account);
      entity.state = lane;
      return lane;
    }
    entity.state = account;
    return account;
  }

  /** Gives the one entity of `account` a flow of its own. */
  #divide(account: Flow): void {
    const first = account.entity as PolicyEntity;
    const lanes = new Sharing(forgetState);
    account.entity = null;
    account.lanes = lanes;
    if (first.state !== account) return;
    const lane = new Flow(this, account.accountId, first, account);
    first.state = lane;
    lanes.move(lane, account.pending, account.pendingUs);
    if (account.isReady) lanes.join(lane, 0);
    else lanes.leave(lane);
  }

  #forget(account: Flow): void {
    this.#byId.delete(account.accountId);
    if (account.lanes === null) forgetState(account);
    else account.lanes.forgetAll();
  }
}

/** Rule 2. */
function forgetState(flow: Flow): void {
  if (flow.entity !== null && flow.entity.state === flow) flow.entity.state = undefined;
}
