/** What one client may claim of a capacity. */
export interface Claim {
  /** Its weight times the factor of its band. */
  readonly weight: number;
  /** The most that it can use. */
  readonly demand: number;
}

/** The factor of each band, as the fair policy has it (S8). */
export const BAND_FACTOR: Readonly<Record<'high' | 'normal' | 'low', number>> = {
  high: 4,
  normal: 1,
  low: 1 / 8,
};

/**
 * The weighted max-min fair division of `capacity`: nobody gets more than its demand, and what one leaves is divided
 * among the others by weight.
 */
export function maxMinShares(capacity: number, claims: readonly Claim[]): number[] {
  const shares = claims.map(() => 0);
  let open = claims.map((claim, i) => ({ ...claim, i })).filter(({ weight }) => weight > 0);
  let left = capacity;
  while (open.length > 0) {
    const perWeight = left / open.reduce((sum, { weight }) => sum + weight, 0);
    const sated = open.filter(({ weight, demand }) => demand <= perWeight * weight);
    if (sated.length === 0) {
      for (const { i, weight } of open) shares[i] = perWeight * weight;
      break;
    }
    for (const { i, demand } of sated) {
      shares[i] = demand;
      left -= demand;
    }
    open = open.filter((claim) => !sated.includes(claim));
  }
  return shares;
}

/** A client as the meter sees it at one moment. */
export interface MeterReading {
  readonly busyUs: number;
  readonly queued: number;
}

/** What the meter knows of a client from the start. */
export interface MeteredClient {
  readonly weight: number;
  /** How many rings it can use at once: 1 for a serial client. */
  readonly rings: number;
}

/**
 * Measures what each client was entitled to while it ran, from readings taken about once a second.
 *
 * Between two readings, a client that had jobs queued at both ends wanted all it could use; any other wanted what it
 * used. The entitlement of the interval is the weighted max-min division of the rings' time among these demands.
 */
export class EntitlementMeter {
  readonly #clients: readonly MeteredClient[];
  readonly #rings: number;
  readonly #entitledUs: number[];
  #capacityUs = 0;
  #last: { atMs: number; readings: readonly MeterReading[] } | null = null;

  constructor(clients: readonly MeteredClient[], rings: number) {
    this.#clients = clients;
    this.#rings = rings;
    this.#entitledUs = clients.map(() => 0);
  }

  /** Takes a reading of every client, in the order in which they were given. */
  read(atMs: number, readings: readonly MeterReading[]): void {
    const last = this.#last;
    this.#last = { atMs, readings };
    if (last === null || atMs <= last.atMs) return;
    const spanUs = (atMs - last.atMs) * 1000;
    const claims = this.#clients.map(({ weight, rings }, i) => {
      const before = last.readings[i] ?? { busyUs: 0, queued: 0 };
      const now = readings[i] ?? before;
      const most = Math.min(rings, this.#rings) * spanUs;
      const isBacklogged = before.queued > 0 && now.queued > 0;
      return { weight, demand: isBacklogged ? most : Math.min(most, now.busyUs - before.busyUs) };
    });
    maxMinShares(spanUs * this.#rings, claims).forEach((share, i) => {
      this.#entitledUs[i] = (this.#entitledUs[i] ?? 0) + share;
    });
    this.#capacityUs += spanUs * this.#rings;
  }

  /** The time that all rings had, from the first to the last reading. */
  get capacityUs(): number {
    return this.#capacityUs;
  }

  /** What each client was entitled to, in percent of the capacity. */
  entitledPct(): number[] {
    return this.#entitledUs.map((us) =>
      this.#capacityUs === 0 ? 0 : (100 * us) / this.#capacityUs,
    );
  }
}
