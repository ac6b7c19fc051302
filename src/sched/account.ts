import { checkedOptions, invalid } from '../base/index.ts';
import type { Priority } from './policy.ts';

/** Options of `new Account`. */
export interface AccountOptions {
  readonly label?: string;
  /** The account's part among those of its band, above 0. Default 1. */
  readonly weight?: number;
  /** Its band. Default `normal`. */
  readonly priority?: Priority;
}

/** What a band's weight is multiplied with: high : normal : low is 32 : 8 : 1 (S8). `kernel` is strict; its factor orders kernel accounts among themselves. */
const BAND_FACTOR: Readonly<Record<Priority, number>> = {
  kernel: 1,
  high: 4,
  normal: 1,
  low: 1 / 8,
};

/** Counts time on a ring for `account`. Called by the scheduler alone. */
export let chargeAccount: (account: Account, busyUs: number) => void;
/** Changes the share of an account. The entities that are counted there must be told: see `Entity.setWeight` and `setPriority`. */
export let setShare: (account: Account, weight: number, priority: Priority) => void;

let lastId = 0;

/**
 * What a share is counted for (S8): several entities may name one, so that opening more queues buys no share.
 *
 * An entity that names none is its own account. It lives as long as somebody holds it; nothing closes it.
 */
export class Account {
  /** Unique in the process; for policies and traces. */
  readonly id: number;
  readonly label: string;
  #weight: number;
  #priority: Priority;
  #busyUs = 0;

  /** @throws {ERR_INVALID_ARGUMENT} naming the option that does not fit */
  constructor(options: AccountOptions = {}) {
    const { label, weight = 1, priority = 'normal' } = checkedOptions('Account: options', options);
    if (label !== undefined && typeof label !== 'string') {
      throw invalid('Account: label', 'a string', label);
    }
    this.#weight = checkedWeight('Account: weight', weight);
    this.#priority = checkedPriority('Account: priority', priority);
    lastId += 1;
    this.id = lastId;
    this.label = label ?? `account ${this.id}`;
  }

  /** Microseconds that jobs of this account kept rings busy, counted when an attempt ends. */
  get busyUs(): number {
    return this.#busyUs;
  }

  get weight(): number {
    return this.#weight;
  }

  get priority(): Priority {
    return this.#priority;
  }

  /** Weight times the band's factor: what the account's time is divided by. */
  get share(): number {
    return shareOf(this.#weight, this.#priority);
  }

  static {
    chargeAccount = (account, busyUs) => {
      account.#busyUs += busyUs;
    };
    setShare = (account, weight, priority) => {
      account.#weight = weight;
      account.#priority = priority;
    };
  }
}

/** Weight times the band's factor: of an account beside others, and of an entity beside others of its account (S8). */
export function shareOf(weight: number, priority: Priority): number {
  return weight * BAND_FACTOR[priority];
}

/** @throws {ERR_INVALID_ARGUMENT} unless `weight` is a finite number above 0 */
export function checkedWeight(what: string, weight: unknown): number {
  if (typeof weight === 'number' && Number.isFinite(weight) && weight > 0) return weight;
  throw invalid(what, 'a number above 0', weight);
}

/** @throws {ERR_INVALID_ARGUMENT} unless `priority` is one of the four bands */
export function checkedPriority(what: string, priority: unknown): Priority {
  if (typeof priority === 'string' && Object.hasOwn(BAND_FACTOR, priority)) {
    return priority as Priority;
  }
  throw invalid(what, `'kernel', 'high', 'normal' or 'low'`, priority);
}
