import type { Priority } from '../../sched/index.ts';
import type { Judge } from './judge.ts';
import type { EntityRecord } from './records.ts';

/** What a band's weight is multiplied with (S8). */
const BAND_FACTOR: Readonly<Record<Priority, number>> = {
  kernel: 1,
  high: 4,
  normal: 1,
  low: 1 / 8,
};

/** What a job is expected to take before anything is known, in microseconds. */
const UNKNOWN_US = 1000;

/** An account, as it is seen from outside. */
interface Holder {
  readonly share: number;
  readonly entities: EntityRecord[];
  /** Microseconds that it kept rings busy, what executes now included, as of the last look. */
  gotUs: number;
  isBacklogged: boolean;
}

/** The least and the most by which two accounts differed since both were backlogged. */
interface Spread {
  least: number;
  most: number;
}

/**
 * S8, S9: while two accounts are backlogged, what each got by its share differs by at most (2K + 1) · L · (1/a + 1/b) over any
 * interval: the theorem of docs/fairness.md, held to after every step.
 *
 * K is how many jobs fit on the device, L the longest that any took or was said to take. It knows clients with plain jobs:
 * who has one queued has one that could start, were there room. Made by a scenario, for one run.
 */
export class FairShares {
  readonly #judge: Judge;
  readonly #slots: number;
  readonly #holders: Holder[] = [];
  readonly #spreads: (Spread | null)[] = [];
  #longestSaidUs = UNKNOWN_US;

  constructor(judge: Judge, slots: number) {
    this.#judge = judge;
    this.#slots = slots;
  }

  /** An account with these entities. */
  add(entities: readonly EntityRecord[], weight: number, priority: Priority): void {
    const share = weight * BAND_FACTOR[priority];
    this.#holders.push({ share, entities: [...entities], gotUs: 0, isBacklogged: false });
  }

  /** Somebody says that a job takes so long. */
  said(us: number): void {
    this.#longestSaidUs = Math.max(this.#longestSaidUs, us);
  }

  /** Looks at every pair, and gives what is wrong; to be called after every step. */
  wrong(): string | null {
    let longestUs = Math.max(this.#longestSaidUs, this.#judge.longestUs);
    for (const holder of this.#holders) look(holder);
    for (const { rings } of this.#judge.schedulers) {
      for (const ring of rings) {
        const attempt = this.#judge.executing(ring);
        if (attempt === null) continue;
        const us = this.#judge.executedUs(attempt);
        longestUs = Math.max(longestUs, us);
        for (const holder of this.#holders) {
          if (holder.entities.includes(attempt.job.entity)) holder.gotUs += us;
        }
      }
    }
    return this.#wrongNow(longestUs);
  }

  #wrongNow(longestUs: number): string | null {
    for (let a = 0; a < this.#holders.length; a += 1) {
      for (let b = 0; b < a; b += 1) {
        const wrong = this.#wrongBetween(a, b, longestUs);
        if (wrong !== null) return wrong;
      }
    }
    return null;
  }

  #wrongBetween(a: number, b: number, longestUs: number): string | null {
    const [one, other] = [this.#holders[a] as Holder, this.#holders[b] as Holder];
    const pair = (a * (a - 1)) / 2 + b;
    if (!one.isBacklogged || !other.isBacklogged) {
      this.#spreads[pair] = null;
      return null;
    }
    const difference = one.gotUs / one.share - other.gotUs / other.share;
    const spread = (this.#spreads[pair] ??= { least: difference, most: difference });
    spread.least = Math.min(spread.least, difference);
    spread.most = Math.max(spread.most, difference);
    const bound = (2 * this.#slots + 1) * longestUs * (1 / one.share + 1 / other.share);
    if (spread.most - spread.least <= bound * (1 + 1e-9)) return null;
    return (
      `while accounts ${b + 1} and ${a + 1} both had work, what they got by their shares came to differ by ` +
      `${(spread.most - spread.least).toFixed(0)} microseconds, and ${bound.toFixed(0)} is the bound`
    );
  }
}

function look(holder: Holder): void {
  holder.gotUs = 0;
  holder.isBacklogged = false;
  for (const { busyUs, entity } of holder.entities) {
    holder.gotUs += busyUs;
    if (entity.queued > 0) holder.isBacklogged = true;
  }
}
