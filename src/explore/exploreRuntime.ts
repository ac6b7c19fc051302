import { Ids } from '../events/index.ts';
import type { EventSink, Runtime, Timer } from '../events/index.ts';

/**
 * The runtime of an explored run: nothing in it runs by itself, and each deferred function and each timer is a step of its own.
 *
 * 1. Deferred functions run one at a time, first in, first out, and before any timer (the contract of `Runtime`). Between
 *    two of them others may act, as microtasks of a user may.
 * 2. A timer fires when the explorer chooses, at its time or later; those that are due fire in order. The clock never
 *    goes back; it moves when a timer fires and when hardware says that work took time.
 */
export class ExploreRuntime implements Runtime {
  readonly sink?: EventSink;
  readonly ids: Ids = new Ids();
  #nowUs = 0;
  #deferred: (() => void)[] = [];
  #deferredDone = 0;
  /** In the order in which they fire. */
  readonly #timers: ExploreTimer[] = [];
  #lastFiredForUs = -Infinity;

  constructor(sink: EventSink | null) {
    if (sink !== null) this.sink = sink;
  }

  nowUs(): number {
    return this.#nowUs;
  }

  defer(fn: () => void): void {
    this.#deferred.push(fn);
  }

  setTimer(atUs: number, fn: () => void): Timer {
    const timer = new ExploreTimer(this.#timers, atUs, fn);
    let place = this.#timers.length;
    while (place > 0 && (this.#timers[place - 1] as ExploreTimer).atUs > atUs) place -= 1;
    this.#timers.splice(place, 0, timer);
    return timer;
  }

  // What the explorer does with it.

  get deferredCount(): number {
    return this.#deferred.length - this.#deferredDone;
  }

  get timerCount(): number {
    return this.#timers.length;
  }

  /** When the next timer is due; `Infinity` if none is set. */
  get nextTimerAtUs(): number {
    return this.#timers[0]?.atUs ?? Infinity;
  }

  /** The latest time for which a timer has fired; `-Infinity` before the first. */
  get lastFiredForUs(): number {
    return this.#lastFiredForUs;
  }

  /** Whether a timer is due now. */
  get isTimerDue(): boolean {
    return this.nextTimerAtUs <= this.#nowUs;
  }

  /** What waits to run, for the hash of a state: kinds of deferred functions, and the times that are left of timers. */
  pending(add: (part: number) => void): void {
    for (let at = this.#deferredDone; at < this.#deferred.length; at += 1) {
      const fn = this.#deferred[at] as () => void;
      // A bound step of a scheduler has a name; the others are told apart by their text.
      add(fn.name === '' ? fn.toString().length : fn.name.length + 100_000);
    }
    add(-1);
    for (const timer of this.#timers) {
      add(Math.max(-1, timer.atUs - this.#nowUs));
      add(timer.fn.toString().length);
    }
  }

  /** Runs the next deferred function. */
  runDeferred(): void {
    const fn = this.#deferred[this.#deferredDone] as () => void;
    this.#deferredDone += 1;
    if (this.#deferredDone === this.#deferred.length) {
      this.#deferred = [];
      this.#deferredDone = 0;
    }
    fn();
  }

  /** Moves the clock to the next timer, unless it is past that, and fires it. */
  fireTimer(): void {
    const timer = this.#timers.shift() as ExploreTimer;
    this.#nowUs = Math.max(this.#nowUs, timer.atUs);
    this.#lastFiredForUs = Math.max(this.#lastFiredForUs, timer.atUs);
    timer.fn();
  }

  /** Lets time pass; timers that become due stay where they are until they are chosen. */
  pass(us: number): void {
    this.#nowUs += us;
  }
}

class ExploreTimer implements Timer {
  readonly atUs: number;
  readonly fn: () => void;
  readonly #timers: ExploreTimer[];

  constructor(timers: ExploreTimer[], atUs: number, fn: () => void) {
    this.#timers = timers;
    this.atUs = atUs;
    this.fn = fn;
  }

  cancel(): void {
    const at = this.#timers.indexOf(this);
    if (at !== -1) this.#timers.splice(at, 1);
  }
}
