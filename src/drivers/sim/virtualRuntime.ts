import { Heap, invalid, UsageError } from '../../base/index.ts';
import type { HeapItem } from '../../base/index.ts';
import { Ids } from '../../events/index.ts';
import type { EventSink, Runtime, Timer } from '../../events/index.ts';

/** Options of `new VirtualRuntime`. */
export interface VirtualRuntimeOptions {
  /** Where events of everything made with this runtime go. */
  readonly sink?: EventSink;
  /** The time at which the clock starts, in microseconds. Default 0. */
  readonly startUs?: number;
}

/** So many callbacks at one moment are a loop: an error says so, where the test would hang. */
const CALLBACKS_PER_MOMENT_MAX = 10_000_000;
/** How many turns of the microtask queue must pass with nothing to do before promises count as settled. */
const QUIET_TURNS = 100;
const HOUR_US = 3_600_000_000;

/**
 * A runtime whose time stands still until it is cranked: nothing in it waits, and every run is the same.
 *
 * 1. Nothing runs by itself. `advanceBy`, `runUntilIdle` and `settle` crank it; cranks do not nest.
 * 2. What was deferred runs first in, first out, before any timer; also what is deferred meanwhile.
 * 3. Timers fire in order of their time; those of one time in the order in which they were set. The clock shows a
 *    timer's time while it fires, and what it deferred runs before the next timer.
 * 4. What a callback throws comes out of the crank, at the time at which it was thrown; what has not run
 *    stays, and the next crank goes on with it.
 *
 * The whole of a simulation shares one: fences, scheduler and driver.
 *
 * @example
 * const runtime = new VirtualRuntime();
 * runtime.setTimer(500, () => console.log(runtime.nowUs())); // 500
 * runtime.advanceBy(1000);
 */
export class VirtualRuntime implements Runtime {
  readonly sink?: EventSink;
  /** Ids start at 1 in each runtime, so that they are the same in each run. */
  readonly ids: Ids = new Ids();
  #nowUs: number;
  #deferred: (() => void)[] = [];
  #deferredDone = 0;
  readonly #timers: Heap<VirtualTimer> = new Heap();
  #timersSet = 0;
  #cranking = false;
  #callbacksNow = 0;

  constructor(options: VirtualRuntimeOptions = {}) {
    const { sink, startUs = 0 } = options;
    if (!Number.isFinite(startUs))
      throw invalid('VirtualRuntime: startUs', 'microseconds', startUs);
    this.#nowUs = startUs;
    if (sink !== undefined) this.sink = sink;
  }

  nowUs(): number {
    return this.#nowUs;
  }

  /** How many timers are set and have neither fired nor been cancelled: 0 after a test that leaks none. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** How many deferred functions have yet to run. */
  get pendingDeferred(): number {
    return this.#deferred.length - this.#deferredDone;
  }

  /** When the next timer is due; `null` if none is set. */
  get nextTimerAtUs(): number | null {
    return this.#timers.peek()?.atUs ?? null;
  }

  defer(fn: () => void): void {
    if (typeof fn !== 'function') throw invalid('defer', 'a function', fn);
    this.#deferred.push(fn);
  }

  /** A time that has passed is taken as now. @throws {ERR_INVALID_ARGUMENT} when `atUs` is not finite */
  setTimer(atUs: number, fn: () => void): Timer {
    if (!Number.isFinite(atUs)) throw invalid('setTimer: atUs', 'a time in microseconds', atUs);
    if (typeof fn !== 'function') throw invalid('setTimer', 'a function', fn);
    this.#timersSet += 1;
    const timer = new VirtualTimer(this.#timers, Math.max(atUs, this.#nowUs), this.#timersSet, fn);
    this.#timers.push(timer, timer.atUs, timer.order);
    return timer;
  }

  /**
   * Runs what is deferred, then everything that is due within the next `us` microseconds; ends at that time. With 0,
   * runs what can run without time passing.
   *
   * @throws {ERR_INVALID_ARGUMENT} from inside a callback, or when `us` is not a finite number of at least 0
   */
  advanceBy(us: number): void {
    this.#crankTo(this.#nowUs + checkedSpan('advanceBy', us));
  }

  /**
   * Runs until nothing is deferred and no timer is set; the clock then shows when the last one fired. Gives up
   * `limitUs` (default one hour) from now, because something may set timers for ever.
   *
   * Returns whether it is idle.
   */
  runUntilIdle(limitUs: number = HOUR_US): boolean {
    const endUs = this.#nowUs + checkedSpan('runUntilIdle', limitUs);
    this.#crank(() => {
      while (this.#fireNext(endUs));
    });
    if (this.#timers.size === 0) return true;
    this.#moveTo(endUs);
    return false;
  }

  /**
   * Lets promises run, too: runs what is deferred and due, and turns the microtask queue, until nothing was deferred or due
   * for 100 turns: nobody can ask that queue whether it is empty. So a chain of more than 100 `await`s that touches this
   * runtime only at its end needs another `settle`. With `advanceUs`, does the same after each moment of the next
   * `advanceUs` microseconds.
   *
   * It does not wait for what the platform does (files, threads, real timers).
   */
  async settle(advanceUs = 0): Promise<void> {
    const endUs = this.#nowUs + checkedSpan('settle', advanceUs);
    await this.#settleNow();
    for (let nextUs = this.nextTimerAtUs; nextUs !== null && nextUs <= endUs;) {
      this.#crankTo(Math.max(nextUs, this.#nowUs));
      await this.#settleNow();
      nextUs = this.nextTimerAtUs;
    }
    if (endUs > this.#nowUs) this.#crankTo(endUs);
  }

  async #settleNow(): Promise<void> {
    for (let quietTurns = 0; quietTurns < QUIET_TURNS; quietTurns += 1) {
      if (this.#hasWorkNow()) {
        this.#crankTo(this.#nowUs);
        quietTurns = 0;
      }
      await Promise.resolve();
    }
  }

  #hasWorkNow(): boolean {
    return this.pendingDeferred > 0 || (this.#timers.peek()?.atUs ?? Infinity) <= this.#nowUs;
  }

  #crankTo(endUs: number): void {
    this.#crank(() => {
      while (this.#fireNext(endUs));
      this.#moveTo(endUs);
    });
  }

  #crank(run: () => void): void {
    if (this.#cranking) {
      throw new UsageError(
        'ERR_INVALID_ARGUMENT',
        'VirtualRuntime: expected a call from outside, got one from inside a callback that it runs; ' +
          'defer, or set a timer, instead',
      );
    }
    this.#cranking = true;
    this.#callbacksNow = 0;
    try {
      run();
    } finally {
      this.#cranking = false;
    }
  }

  /** Drains, then fires the next timer if it is due by `endUs`; false if none was. */
  #fireNext(endUs: number): boolean {
    this.#drain();
    const timer = this.#timers.peek();
    if (timer === undefined || timer.atUs > endUs) return false;
    this.#moveTo(timer.atUs);
    this.#timers.pop();
    this.#countCallback();
    timer.fn();
    this.#drain();
    return true;
  }

  #drain(): void {
    while (this.#deferredDone < this.#deferred.length) {
      const fn = this.#deferred[this.#deferredDone] as () => void;
      this.#deferredDone += 1;
      if (this.#deferredDone === this.#deferred.length) {
        this.#deferred = [];
        this.#deferredDone = 0;
      }
      this.#countCallback();
      fn();
    }
  }

  #moveTo(atUs: number): void {
    if (atUs > this.#nowUs) this.#callbacksNow = 0;
    this.#nowUs = Math.max(this.#nowUs, atUs);
  }

  #countCallback(): void {
    this.#callbacksNow += 1;
    if (this.#callbacksNow <= CALLBACKS_PER_MOMENT_MAX) return;
    throw new UsageError(
      'ERR_INVALID_ARGUMENT',
      `VirtualRuntime: expected time to pass, got ${CALLBACKS_PER_MOMENT_MAX} callbacks at ` +
        `${this.#nowUs} µs; something defers, or sets a timer for now, for ever`,
    );
  }
}

/** A timer in the heap of its runtime. */
class VirtualTimer implements Timer, HeapItem {
  heapIndex = -1;
  readonly atUs: number;
  readonly order: number;
  readonly fn: () => void;
  readonly #timers: Heap<VirtualTimer>;

  constructor(timers: Heap<VirtualTimer>, atUs: number, order: number, fn: () => void) {
    this.#timers = timers;
    this.atUs = atUs;
    this.order = order;
    this.fn = fn;
  }

  cancel(): void {
    this.#timers.remove(this);
  }
}

function checkedSpan(what: string, us: number): number {
  if (!(Number.isFinite(us) && us >= 0)) {
    throw invalid(`VirtualRuntime: ${what}`, 'a finite number of microseconds, at least 0', us);
  }
  return us;
}
