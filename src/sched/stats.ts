import { Histogram } from '../base/index.ts';
import type { Distribution } from '../base/index.ts';

/** What an entity did, in plain JSON. Times in microseconds. */
export interface EntityStats {
  label: string;
  /** Jobs that wait to start now. */
  queued: number;
  /** Jobs that run now. */
  running: number;
  submitted: number;
  /** Jobs whose finished fence is ok. */
  completed: number;
  /** Jobs whose finished fence failed, for whatever reason. */
  failed: number;
  /** Starts, those after a reset included. */
  attempts: number;
  /** Time on rings, as the union of intervals (S13), failed attempts included (S11). */
  busyUs: number;
  /** From submission to the first start. */
  waitUs: Distribution;
  /** From submission to the finished fence. */
  turnaroundUs: Distribution;
  karma: number;
  banned: boolean;
}

/** What a scheduler did, in plain JSON. */
export interface SchedulerStats {
  label: string;
  queued: number;
  running: number;
  /** Entities that are open. */
  entities: number;
  timeouts: number;
  resets: number;
  rings: RingStats[];
}

/** What one ring did and holds. */
export interface RingStats {
  busyUs: number;
  /** Attempts that are not retired. */
  running: number;
  creditsUsed: number;
  creditsLimit: number;
  /** Whether it holds a job that failed on time while the hardware still works on it (T2). */
  hung: boolean;
}

/** The running average keeps three quarters of what it was, as the kernel's does. */
const NEW_SAMPLE = 1 / 4;

/** A running average of job lengths; the first sample is taken as it is. */
export class Estimate {
  #us = NaN;

  add(busyUs: number): void {
    this.#us = Number.isNaN(this.#us) ? busyUs : this.#us + (busyUs - this.#us) * NEW_SAMPLE;
  }

  /** The average, or `otherwise` before the first sample. */
  or(otherwise: number): number {
    return Number.isNaN(this.#us) ? otherwise : this.#us;
  }
}

/** Of how many kinds of work an entity keeps what its jobs took: a client that names ever new ones takes no more room. */
const KINDS_MAX = 64;

/** The counters of one entity. Running jobs keep them alive: accounting after a close is safe (S13). */
export class EntityCounters {
  /** Also the seqno of the last job. */
  submitted = 0;
  completed = 0;
  failed = 0;
  attempts = 0;
  busyUs = 0;
  readonly estimate: Estimate = new Estimate();
  /** What its jobs took, by what was said of them; `null` while nothing was said. */
  overrun: Estimate | null = null;
  /** What its jobs took, by the kind that their driver named; `null` while it named none. */
  kinds: Map<unknown, Estimate> | null = null;
  readonly waitUs: Histogram = new Histogram();
  readonly turnaroundUs: Histogram = new Histogram();

  /** A job of `kind` took `busyUs`; `undefined`: nobody told its kind. */
  learnKind(kind: unknown, busyUs: number): void {
    if (kind === undefined) return;
    this.kinds ??= new Map();
    let estimate = this.kinds.get(kind);
    if (estimate === undefined) {
      if (this.kinds.size === KINDS_MAX) return;
      estimate = new Estimate();
      this.kinds.set(kind, estimate);
    }
    estimate.add(busyUs);
  }
}
