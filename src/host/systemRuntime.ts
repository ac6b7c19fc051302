import { checkedOptions, invalid } from '../base/index.ts';
import { checkedRuntime } from '../events/index.ts';
import type { Runtime, Timer } from '../events/index.ts';

/** The longest delay that the platform's timers take; they fire at once where it is longer. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** What was deferred, from `nextDeferred` on; shared by all users, so that deferral is first in, first out. */
let deferredFns: (() => void)[] = [];
let nextDeferred = 0;
let draining = false;

/**
 * The platform's runtime: monotonic time to the nanosecond, as jobs keep it, microtasks for deferral, one native timer per `setTimer`.
 *
 * Stateless for its users: every call returns the same object, without a `sink`. A timer keeps the process alive until
 * it fires or is cancelled. What is deferred runs before timers and I/O: who defers without end must go through
 * `setTimer(now)` at times (S2).
 *
 * @example
 * const runtime = systemRuntime();
 * runtime.setTimer(runtime.nowUs() + 5_000, () => console.log('five milliseconds later'));
 */
export function systemRuntime(): Runtime {
  return RUNTIME;
}

/**
 * The runtime that `options` of the function `what` name, or else the platform's. For those who open devices, before they begin anything.
 *
 * @throws {ERR_INVALID_ARGUMENT} when `options` are no object, or what they name is no runtime
 */
export function runtimeOf(what: string, options: { readonly runtime?: Runtime }): Runtime {
  const { runtime = RUNTIME } = checkedOptions(`${what}: options`, options);
  return checkedRuntime(`${what}: runtime`, runtime);
}

const RUNTIME: Runtime = Object.freeze({
  nowUs,
  defer(fn: () => void): void {
    if (typeof fn !== 'function') throw invalid('defer', 'a function', fn);
    deferredFns.push(fn);
    if (draining) return;
    draining = true;
    queueMicrotask(drain);
  },
  setTimer(atUs: number, fn: () => void): Timer {
    if (!Number.isFinite(atUs)) {
      throw invalid('setTimer: atUs', 'a time in microseconds, not later than for ever', atUs);
    }
    if (typeof fn !== 'function') throw invalid('setTimer: fn', 'a function', fn);
    return atUs <= nowUs() ? new SoonTimer(fn) : new NativeTimer(atUs, fn);
  },
});

/** Kept, because Node gives the global out through a getter, which costs a quarter of a reading. */
const clock = performance;

function nowUs(): number {
  return Math.round(clock.now() * 1e6) / 1000;
}

/**
 * Runs what was deferred, also what is deferred meanwhile. A function that throws ends this microtask, so that the error
 * reaches the uncaught-error handling; the rest goes on in the next one.
 */
function drain(): void {
  try {
    while (nextDeferred < deferredFns.length) {
      const fn = deferredFns[nextDeferred] as () => void;
      nextDeferred += 1;
      if (nextDeferred === 1024) {
        deferredFns = deferredFns.slice(1024);
        nextDeferred = 0;
      }
      fn();
    }
    deferredFns = [];
    nextDeferred = 0;
    draining = false;
  } finally {
    if (draining) queueMicrotask(drain);
  }
}

/** A timer in the future. Fires at `atUs` or later, never early, however far away that is. */
class NativeTimer implements Timer {
  readonly #atUs: number;
  readonly #fn: () => void;
  #native: ReturnType<typeof setTimeout> | null = null;

  constructor(atUs: number, fn: () => void) {
    this.#atUs = atUs;
    this.#fn = fn;
    this.#arm();
  }

  cancel(): void {
    if (this.#native === null) return;
    clearTimeout(this.#native);
    this.#native = null;
  }

  #arm(): void {
    const delayMs = Math.ceil((this.#atUs - nowUs()) / 1000);
    this.#native = setTimeout(() => this.#fire(), Math.min(delayMs, DELAY_MS_MAX));
  }

  /** The platform may be up to a millisecond early, and long delays come in pieces: then it is armed again. */
  #fire(): void {
    if (nowUs() < this.#atUs) {
      this.#arm();
      return;
    }
    this.#native = null;
    (0, this.#fn)();
  }
}

/**
 * A timer that is due already: runs after pending I/O, without the millisecond that `setTimeout` waits at least. It is
 * how a long pass continues without starving timers (S2).
 */
class SoonTimer implements Timer {
  #takeBack: (() => void) | null;

  constructor(fn: () => void) {
    this.#takeBack = nextTurn(() => {
      this.#takeBack = null;
      fn();
    });
  }

  cancel(): void {
    this.#takeBack?.();
    this.#takeBack = null;
  }
}

/**
 * Calls `fn` in one of the next turns, as soon as the platform can; what it returns takes that back. Browsers have no
 * `setImmediate`, and make nested timeouts wait for 4 ms, but no message.
 */
function nextTurn(fn: () => void): () => void {
  if (typeof setImmediate === 'function') {
    const native = setImmediate(fn);
    return () => clearImmediate(native);
  }
  if (typeof MessageChannel === 'function') {
    const { port1, port2 } = new MessageChannel();
    // The port is closed each time: an open one would keep a process alive.
    const onmessage = (): void => {
      port1.close();
      fn();
    };
    Object.assign(port1, { onmessage });
    port2.postMessage(null);
    return () => port1.close();
  }
  const native = setTimeout(fn, 0);
  return () => clearTimeout(native);
}
