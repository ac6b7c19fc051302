/** The streams of one run, so that taking a fault away shifts neither the workload nor the schedule. */
export type StreamName = 'workload' | 'faults' | 'schedule';

const SALT: Readonly<Record<StreamName, number>> = { workload: 1, faults: 2, schedule: 3 };

/**
 * A seeded generator of numbers; the same seed and stream give the same numbers.
 *
 * Not for secrets. Idea: splitmix32.
 */
export class Random {
  #state: number;

  constructor(seed: number, stream: StreamName) {
    this.#state =
      Math.imul(seed ^ (seed / 2 ** 32), 0x9e3779b1) ^ Math.imul(SALT[stream], 0x85ebca6b);
    for (let warm = 0; warm < 3; warm += 1) this.next();
  }

  /** 32 bits, unsigned. */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let mixed = this.#state ^ (this.#state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }

  /** A whole number from 0 to `bound - 1`. */
  below(bound: number): number {
    return Math.floor((this.next() / 2 ** 32) * bound);
  }

  /** True with the given chance, from 0 to 1. */
  chance(chance: number): boolean {
    return this.next() < chance * 2 ** 32;
  }
}
