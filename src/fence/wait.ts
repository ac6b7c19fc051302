import { FencelineError, JobError } from '../base/index.ts';
import type { CancelSignal, Fence, WaitOptions } from '../base/index.ts';
import { idsOf } from '../events/index.ts';
import type { Runtime, Timer } from '../events/index.ts';
import { CallbackNode } from './callback.ts';
// oxlint-disable-next-line import/no-cycle -- see fence.ts
import type { FenceCore } from './fence.ts';
import { attach, detach, settleWith } from './fence.ts';
import { report, stopListening } from './report.ts';
import { summary } from './summary.ts';
import { checkLimits, setTimerIn } from './waitLimits.ts';

/** Resets that ask interruptible waits to step aside (T11), and the waits that may be asked. */
const interrupts = new Set<Fence>();
const interruptibleWaits = new Set<Wait>();

/**
 * Makes interruptible waits, old and new, on any device, fail with `ERR_WAIT_INTERRUPTED` until `resetDone`
 * signals (T11).
 */
export function interruptWaits(resetDone: Fence): void {
  interrupts.add(resetDone);
  if (resetDone.addCallback(() => interrupts.delete(resetDone)) === null) {
    interrupts.delete(resetDone);
    return;
  }
  for (const wait of [...interruptibleWaits]) wait.end(interrupted(resetDone));
}

/** The promise of `fence.wait`; `runtime` is `null` where the fence has signalled. */
export function waitFor(
  fence: FenceCore,
  runtime: Runtime | null,
  options: WaitOptions,
): Promise<void> {
  checkLimits('wait', options);
  const { timeoutMs, signal, interruptible = false } = options;
  if (runtime === null) return settled(fence.error);
  if (signal?.aborted === true) return settled(signal.reason, true);
  if (timeoutMs === 0) return settled(timedOut(fence, 0));
  if (interruptible) {
    for (const resetDone of interrupts) return settled(interrupted(resetDone));
  }
  const isPlain = signal === undefined && timeoutMs === undefined && !interruptible;
  const promise = new Promise<void>(hold);
  const { resolve, reject } = held;
  held.resolve = ignore;
  held.reject = ignore;
  // Nothing ends it early and nobody observes it, as with most waits: no object but the promise.
  if (isPlain && runtime.sink === undefined && settleWith(fence, resolve)) return promise;
  const wait = new Wait(fence, runtime, resolve, reject);
  if (!isPlain) wait.limit(options);
  wait.begin(signal);
  return promise;
}

function ignore(): void {}

/** What settles the promise that is being made. One function makes them all: one for each would cost as much as the promise. */
const held: {
  resolve: (value?: Promise<void>) => void;
  reject: (reason: unknown) => void;
} = { resolve: ignore, reject: ignore };

function hold(resolve: (value?: Promise<void>) => void, reject: (reason: unknown) => void): void {
  held.resolve = resolve;
  held.reject = reject;
}

/** One wait: a callback on the fence, and a timer and a listener where they were asked for. */
class Wait extends CallbackNode {
  readonly #target: FenceCore;
  readonly #runtime: Runtime;
  readonly #resolve: () => void;
  readonly #reject: (reason: unknown) => void;
  /** Names the wait in events. */
  readonly #id: number;
  /** Takes back the timer and the listener. */
  #unlimit: (() => void) | null = null;

  constructor(
    fence: FenceCore,
    runtime: Runtime,
    resolve: () => void,
    reject: (reason: unknown) => void,
  ) {
    super();
    this.#target = fence;
    this.#runtime = runtime;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#id = runtime.sink === undefined ? 0 : idsOf(runtime).take();
  }

  /** Sets what may end the wait early; where the signal throws, nothing is set (F8). */
  limit({ timeoutMs = Infinity, signal, interruptible = false }: WaitOptions): void {
    const runtime = this.#runtime;
    const onAbort = (): void => this.end(signal?.reason);
    let timer: Timer | null = null;
    // Named first: V8 would keep a function that is made where it is assigned to a property until a full collection.
    const unlimit = (): void => {
      timer?.cancel();
      interruptibleWaits.delete(this);
      stopListening(runtime, signal, onAbort);
    };
    this.#unlimit = unlimit;
    timer = setTimerIn(runtime, timeoutMs, () => this.end(timedOut(this.#target, timeoutMs)));
    try {
      signal?.addEventListener('abort', onAbort);
    } catch (error) {
      timer?.cancel();
      throw error;
    }
    if (interruptible) interruptibleWaits.add(this);
  }

  /** From here it is settled once. The signal and the observer are the user's: they may have ended it already. */
  begin(signal: CancelSignal | undefined): void {
    const isPending = attach(this.#target, this);
    reportWait(this.#runtime, 'fence-wait-begin', this.#target, this.#id, null);
    if (!isPending) this.run(this.#target);
    else if (signal?.aborted === true) this.end(signal.reason);
  }

  run(fence: Fence): void {
    this.#unlimit?.();
    reportWait(this.#runtime, 'fence-wait-end', fence, this.#id, fence.error);
    if (fence.error === null) this.#resolve();
    else this.#reject(fence.error);
  }

  /** Ends the wait early; the fence is untouched. */
  end(reason: unknown): void {
    if (!detach(this.#target, this)) return;
    this.#unlimit?.();
    reportWait(this.#runtime, 'fence-wait-end', this.#target, this.#id, reason);
    this.#reject(reason);
  }
}

function reportWait(
  runtime: Runtime,
  type: 'fence-wait-begin' | 'fence-wait-end',
  fence: Fence,
  waiter: number,
  error: unknown,
): void {
  if (runtime.sink === undefined) return;
  report(runtime, {
    type,
    atUs: runtime.nowUs(),
    fence: [fence.timeline.id, fence.seqno],
    error: error instanceof FencelineError ? error.code : null,
    waiter,
  });
}

function settled(reason: unknown, failed = reason !== null): Promise<void> {
  return failed ? Promise.reject(reason) : Promise.resolve();
}

function timedOut(fence: Fence, timeoutMs: number): JobError {
  const message = `the fence did not signal within ${timeoutMs} ms: ${summary(fence)}`;
  return new JobError('ERR_WAIT_TIMEOUT', message, { label: fence.timeline.label });
}

function interrupted(resetDone: Fence): JobError {
  return new JobError('ERR_WAIT_INTERRUPTED', undefined, { resetDone });
}
