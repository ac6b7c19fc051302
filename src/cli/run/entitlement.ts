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
  readonly running: number;
}

/** What the meter knows of a client from the start. */
export interface MeteredClient {
  readonly weight: number;
  /** How many rings it can use at once: 1 for a serial client. */
  readonly rings: number;
}

/** The least length of an interval that is divided. */
const INTERVAL_MS = 1000;

/**
 * Measures what each client was entitled to while it ran, from readings taken many times a second.
 *
 * In an interval of about a second, a client that had jobs queued at every reading wanted all it could use; any other
 * wanted what it used, and where something of it ran at every reading at least one ring: a job that is longer than the
 * interval counts as used only when it ends. The entitlement is the weighted max-min division of the rings' time among these demands.
 */
export class EntitlementMeter {
  readonly #clients: readonly MeteredClient[];
  readonly #rings: number;
  readonly #entitledUs: number[];
  #capacityUs = 0;
  #interval: { readonly startMs: number; readonly before: readonly MeterReading[] } | null = null;
  #isBacklogged: boolean[] = [];
  #isBusy: boolean[] = [];

  constructor(clients: readonly MeteredClient[], rings: number) {
    this.#clients = clients;
    this.#rings = rings;
    this.#entitledUs = clients.map(() => 0);
  }

  /** Takes a reading of every client, in the order in which they were given. `isLast` ends the interval early. */
  read(atMs: number, readings: readonly MeterReading[], isLast = false): void {
    this.#isBacklogged = readings.map(
      ({ queued }, i) => queued > 0 && this.#isBacklogged[i] !== false,
    );
    this.#isBusy = readings.map(({ running }, i) => running > 0 && this.#isBusy[i] !== false);
    const interval = this.#interval;
    if (interval !== null && !isLast && atMs - interval.startMs < INTERVAL_MS) return;
    if (interval !== null && atMs > interval.startMs) {
      this.#divide((atMs - interval.startMs) * 1000, interval.before, readings);
    }
    this.#interval = { startMs: atMs, before: readings };
    this.#isBacklogged = readings.map(({ queued }) => queued > 0);
    this.#isBusy = readings.map(({ running }) => running > 0);
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

  #divide(spanUs: number, before: readonly MeterReading[], now: readonly MeterReading[]): void {
    const claims = this.#clients.map(({ weight, rings }, i) => {
      const most = Math.min(rings, this.#rings) * spanUs;
      const usedUs = (now[i]?.busyUs ?? 0) - (before[i]?.busyUs ?? 0);
      const wantedUs = this.#isBusy[i] === true ? Math.max(usedUs, spanUs) : usedUs;
      return { weight, demand: this.#isBacklogged[i] === true ? most : Math.min(most, wantedUs) };
    });
    maxMinShares(spanUs * this.#rings, claims).forEach((share, i) => {
      this.#entitledUs[i] = (this.#entitledUs[i] ?? 0) + share;
    });
    this.#capacityUs += spanUs * this.#rings;
  }
}
