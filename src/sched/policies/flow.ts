import type { HeapItem } from '../../base/index.ts';
import { shareOf } from '../account.ts';
import type { PolicyEntity } from '../policy.ts';
import type { Accounts } from './accounts.ts';
import type { Sharing } from './sharing.ts';

/** The running average keeps three quarters of what it was. */
const NEW_SAMPLE = 1 / 4;

/**
 * One that takes part in a sharing: an account, or an entity within an account that has several.
 *
 * It exists while it is ready, has jobs on the hardware, or is ahead of the sharing's virtual time. Times are in
 * microseconds of the device; those called virtual are divided by the share.
 */
export class Flow implements HeapItem {
  heapIndex: number = -1;
  state: 'out' | 'waiting' | 'eligible' | 'fresh' | 'resting' = 'out';
  readonly home: Accounts;
  readonly accountId: number;
  /** Whose it is; `null` for an account that has several entities. */
  entity: PolicyEntity | null;
  /** The account that it is a part of; `null` for an account. */
  readonly account: Flow | null;
  /** How the entities of an account share it, where it has several. */
  lanes: Sharing | null = null;
  share = 1;
  /** Virtual time of what it used, as measured. */
  settledUs: number = -Infinity;
  /** Its jobs on the hardware, and what they are said to take. */
  pending = 0;
  pendingUs = 0;
  /** What its jobs took on average; 0 before the first one ended. */
  averageUs = 0;
  /** Whether it has come back after it had nothing to do, and was not served since. */
  fresh = false;
  /** How many had been served when it last ran out of work; -1: it never had any. */
  servedBefore: number = -1;
  /** As it was placed: virtual time with what is pending, once as said and once as far as it can be trusted. */
  positionUs = 0;
  trustedUs = 0;

  constructor(home: Accounts, accountId: number, entity: PolicyEntity, account: Flow | null) {
    this.home = home;
    this.accountId = accountId;
    this.entity = entity;
    this.account = account;
  }

  get isReady(): boolean {
    return this.state !== 'out' && this.state !== 'resting';
  }

  /** The entity that is served where this flow is. */
  head(nowUs: number): PolicyEntity {
    return this.entity ?? ((this.lanes as Sharing).choose(nowUs) as Flow).head(nowUs);
  }

  /** Its part beside the others of its sharing. */
  shareOf(head: PolicyEntity): number {
    return this.account === null ? head.account.share : shareOf(head.weight, head.priority);
  }

  /** A job of it started. */
  charge(estimateUs: number): void {
    this.pending += 1;
    this.pendingUs += estimateUs;
    this.fresh = false;
  }

  /** A job of it ended. */
  settle(estimateUs: number, busyUs: number): void {
    this.pending -= 1;
    this.pendingUs = this.pending === 0 ? 0 : Math.max(0, this.pendingUs - estimateUs);
    this.settledUs += busyUs / this.share;
    this.averageUs += (busyUs - this.averageUs) * (this.averageUs === 0 ? 1 : NEW_SAMPLE);
  }

  /** Notes where it is. */
  position(): void {
    const { share } = this;
    this.positionUs = this.settledUs + this.pendingUs / share;
    const believedUs = Math.min(this.pendingUs, this.pending * this.averageUs);
    this.trustedUs = this.settledUs + believedUs / share;
  }
}
