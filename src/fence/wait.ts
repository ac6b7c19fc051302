import { deferred, FencelineError, invalid, JobError } from '../base/index.ts';
import type { CancelSignal, Deferred, Fence, WaitOptions } from '../base/index.ts';
import { idsOf } from '../events/index.ts';
import type { Runtime, Timer } from '../events/index.ts';
import { CallbackNode } from './callback.ts';
// oxlint-disable-next-line import/no-cycle -- see fence.ts
import type { FenceCore } from './fence.ts';
import { attach, detach, report } from './fence.ts';
import { summary } from './summary.ts';

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
  const { timeoutMs, signal, interruptible = false } = options;
  if (timeoutMs !== undefined && !(timeoutMs >= 0)) {
    throw invalid('wait: timeoutMs', 'milliseconds, at least 0', timeoutMs);
  }
  if (runtime === null) return settled(fence.error);
  if (signal?.aborted === true) return settled(signal.reason, true);
  if (timeoutMs === 0) return settled(timedOut(fence, 0));
  if (interruptible) {
    for (const resetDone of interrupts) return settled(interrupted(resetDone));
  }
  if (!interruptible && signal === undefined && timeoutMs === undefined) {
    if (runtime.sink === undefined) return plainWait(fence);
  }
  const wait = new Wait(fence, runtime, signal ?? null, timeoutMs ?? Infinity);
  if (interruptible) interruptibleWaits.add(wait);
  return wait.promise;
}

/** A wait without options that nobody observes is no more than a promise and a callback. */
function plainWait(fence: FenceCore): Promise<void> {
  return new Promise((resolve, reject) => attach(fence, new PlainWait(resolve, reject)));
}

class PlainWait extends CallbackNode {
  readonly #resolve: () => void;
  readonly #reject: (reason: unknown) => void;

  constructor(resolve: () => void, reject: (reason: unknown) => void) {
    super();
    this.#resolve = resolve;
    this.#reject = reject;
  }

  run(fence: Fence): void {
    if (fence.error === null) this.#resolve();
    else this.#reject(fence.error);
  }
}

/** One wait with all that may be asked of it: a callback on the fence, and a timer and a listener where they were asked for. */
class Wait extends CallbackNode {
  readonly #done: Deferred<void> = deferred();
  readonly #target: FenceCore;
  readonly #runtime: Runtime;
  readonly #signal: CancelSignal | null;
  readonly #onAbort: () => void;
  readonly #timer: Timer | null;
  readonly #id: number;

  constructor(fence: FenceCore, runtime: Runtime, signal: CancelSignal | null, timeoutMs: number) {
    super();
    this.#target = fence;
    this.#runtime = runtime;
    this.#signal = signal;
    this.#id = runtime.sink === undefined ? 0 : idsOf(runtime).take();
    this.#report('fence-wait-begin', null);
    this.#onAbort = () => this.end(signal?.reason);
    signal?.addEventListener('abort', this.#onAbort);
    this.#timer = Number.isFinite(timeoutMs)
      ? runtime.setTimer(runtime.nowUs() + timeoutMs * 1000, () =>
          this.end(timedOut(fence, timeoutMs)),
        )
      : null;
    attach(fence, this);
  }

  get promise(): Promise<void> {
    return this.#done.promise;
  }

  run(fence: Fence): void {
    this.#cleanUp();
    this.#report('fence-wait-end', fence.error);
    if (fence.error === null) this.#done.resolve();
    else this.#done.reject(fence.error);
  }

  /** Ends the wait early; the fence is untouched. */
  end(reason: unknown): void {
    if (!detach(this.#target, this)) return;
    this.#cleanUp();
    this.#report('fence-wait-end', reason);
    this.#done.reject(reason);
  }

  #cleanUp(): void {
    this.#timer?.cancel();
    this.#signal?.removeEventListener('abort', this.#onAbort);
    interruptibleWaits.delete(this);
  }

  #report(type: 'fence-wait-begin' | 'fence-wait-end', error: unknown): void {
    if (this.#runtime.sink === undefined) return;
    report(this.#runtime, {
      type,
      atUs: this.#runtime.nowUs(),
      fence: [this.#target.timeline.id, this.#target.seqno],
      error: error instanceof FencelineError ? error.code : null,
      waiter: this.#id,
    });
  }
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
