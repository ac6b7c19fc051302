import { invalid } from '../base/index.ts';
import type { EventSink } from './event.ts';

/** A timer that was set. Cancelling it twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * Where time, deferral and timers come from. The core reads no global clock and starts no timer of its own.
 *
 * One runtime serves everything that works together: fences, schedulers, devices. `systemRuntime()` is
 * the real one; `VirtualRuntime` of `fenceline/sim` is cranked by hand.
 */
export interface Runtime {
  /** Monotonic time in microseconds. */
  nowUs(): number;
  /** Runs `fn` after the current call stack; first in, first out; before any timer. */
  defer(fn: () => void): void;
  /** Runs `fn` once, at `atUs` or later. */
  setTimer(atUs: number, fn: () => void): Timer;
  /** Where events of fences, and of everything made with this runtime, go. */
  readonly sink?: EventSink;
  /**
   * Gives out ids that start at 1, so that a virtual run is the same each time. Where it is missing,
   * ids are unique in the process.
   */
  readonly ids?: Ids;
}

/** A runtime that a caller gave. @throws {ERR_INVALID_ARGUMENT} unless it has a clock, deferral and timers */
export function checkedRuntime(what: string, runtime: Runtime): Runtime {
  const { nowUs, defer, setTimer } = (runtime ?? {}) as Partial<Runtime>;
  const fits =
    typeof nowUs === 'function' && typeof defer === 'function' && typeof setTimer === 'function';
  if (fits) return runtime;
  throw invalid(what, 'a Runtime, for example systemRuntime()', runtime);
}

/** Gives out numbers, each once. */
export class Ids {
  #next = 1;

  /** The first of `count` numbers in a row. */
  take(count = 1): number {
    const first = this.#next;
    this.#next += count;
    return first;
  }
}

const processIds = new Ids();

/** The ids of `runtime`, or of the process. */
export function idsOf(runtime: Runtime): Ids {
  return runtime.ids ?? processIds;
}
