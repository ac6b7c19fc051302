import { deferred, InvariantError, JobError, UsageError } from '../base/index.ts';
import type { Abort, CancelSignal, Deferred, FencelineError, FenceSource } from '../base/index.ts';
import type { Runtime } from '../events/index.ts';
import { stopListening } from '../fence/index.ts';
import type { Fence, Timeline } from '../fence/index.ts';
import { endBetweenSlices } from '../sched/index.ts';
import type { Job } from '../sched/index.ts';
import type { Task } from './backend.ts';
import type { Lease, LeaseSignal } from './device.ts';

/** What a lease needs of its device. */
export interface LeaseHost {
  readonly runtime: Runtime;
  /** Whether somebody else waits for a ring. */
  readonly contended: boolean;
  /** Of the hardware fences of all leases. */
  readonly leaseTimeline: Timeline;
  newAbort(): Abort;
  /** What a slice waits for at its end: what its holder submitted may still be on the hardware. `null`: nothing. */
  whenIdle(): Promise<void> | null;
}

/**
 * The one implementation of `Lease`, and the work of its job.
 *
 * 1. waiting: its job is queued, for the first time or in a `yield`; `#turn` is the promise for its turn.
 * 2. held: its job runs, alone on a ring; `#slice` is the source of the hardware fence. Left by `yield` where somebody waits,
 *    by `release`, by the timer (the lease is revoked), by a cancel, or because the ring was reset or the device is gone.
 * 3. over: its job has finished. `signal` has aborted, unless it was released.
 */
export class LeaseCore<P> implements Lease, Task<P> {
  result: unknown = undefined;
  readonly owner = null;
  readonly #host: LeaseHost;
  readonly #label: string;
  readonly #maxUs: number;
  readonly #abort: Abort;
  #job: Job | null = null;
  #turn: Deferred<void> | null;
  #slice: FenceSource | null = null;
  #timer: { cancel(): void } | null = null;
  /** Whether the slice that ends now is not the last. */
  #goesOn = false;
  #isReleased = false;
  #isOver = false;

  constructor(host: LeaseHost, label: string, maxUs: number) {
    this.#host = host;
    this.#label = label;
    this.#maxUs = maxUs;
    this.#abort = host.newAbort();
    this.#turn = deferred();
  }

  get work(): P {
    throw new InvariantError('a lease has no work; its driver is the device');
  }

  get signal(): LeaseSignal {
    return this.#abort.signal as LeaseSignal;
  }

  /**
   * Resolves when the first turn comes of the job that `submit` makes. Listens to `signal` before there is a job: one that is not
   * the platform's may throw, and then nothing has changed (J1).
   */
  async granted(submit: () => Job, signal: CancelSignal | undefined): Promise<Lease> {
    const turn = this.#turn as Deferred<void>;
    let aborted: { readonly reason: unknown } | null = null;
    const onAbort = (): void => {
      aborted ??= { reason: signal?.reason };
      if (this.#job === null) return;
      // First, because the job that is cancelled may finish at once, and would reject with its own error.
      turn.reject(aborted.reason);
      this.#job.cancel(aborted.reason);
    };
    try {
      signal?.addEventListener('abort', onAbort);
      if (signal?.aborted === true) onAbort();
      const job = submit();
      this.#job = job;
      const { finished } = job;
      if (aborted !== null) onAbort();
      // It may have ended already.
      if (finished.addCallback((fence) => this.#end(fence.error)) === null)
        this.#end(finished.error);
      await turn.promise;
      // Its turn came, and the abort before anybody had it.
      if (aborted !== null) throw (aborted as { readonly reason: unknown }).reason;
    } finally {
      stopListening(this.#host.runtime, signal, onAbort);
    }
    return this;
  }

  yield(): Promise<void> {
    if (this.#turn !== null) return this.#turn.promise;
    if (this.#slice === null) {
      const released = new UsageError('ERR_CLOSED', 'yield: it was released');
      const { aborted, reason } = this.#abort.signal;
      return Promise.reject(this.#job?.finished.error ?? (aborted ? reason : released));
    }
    if (!this.#host.contended) {
      this.#startTimer();
      return Promise.resolve();
    }
    const turn = deferred<void>();
    // Who does not wait for the turn hears of the end by `signal`.
    turn.promise.catch(() => {});
    this.#turn = turn;
    this.#goesOn = true;
    this.#endSlice();
    return turn.promise;
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#goesOn = false;
    if (this.#slice !== null) this.#endSlice();
    else if (!this.#isOver && this.#job !== null) endBetweenSlices(this.#job);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  // What the device's driver calls.

  /** Its turn has come; gives the hardware fence of the slice. */
  begin(): Fence {
    const slice = this.#host.leaseTimeline.createFence();
    this.#slice = slice;
    this.#goesOn = false;
    this.#startTimer();
    this.#turn?.resolve();
    this.#turn = null;
    return slice.fence;
  }

  /** Whether it wants a further slice. */
  get goesOn(): boolean {
    return this.#goesOn;
  }

  /** Asked to end early. */
  cancel(): void {
    if (this.#slice === null) this.#job?.cancel();
    else this.#endSlice(new JobError('ERR_JOB_CANCELLED', undefined, { label: this.#label }));
  }

  #startTimer(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#maxUs === Infinity) return;
    const { runtime } = this.#host;
    this.#timer = runtime.setTimer(runtime.nowUs() + this.#maxUs, () => this.#revoke());
  }

  #revoke(): void {
    const heldMs = this.#maxUs / 1000;
    const message = `the lease of ${this.#label} was held for longer than its ${heldMs} ms; call yield or release in time`;
    const error = new JobError('ERR_JOB_TIMEOUT', message, { label: this.#label });
    this.#endSlice(error);
    // At once, also where the hardware is still at what the holder submitted.
    this.#abort.abort(error);
  }

  #endSlice(error?: FencelineError): void {
    const slice = this.#slice;
    this.#slice = null;
    this.#timer?.cancel();
    this.#timer = null;
    if (slice === null) return;
    // The next client would be blamed for what the hardware is still at (J11, S11).
    const idle = this.#host.whenIdle();
    if (idle === null) slice.signal(error);
    else void idle.then(() => slice.signal(error));
  }

  /** Its job has finished, whoever ended it. */
  #end(error: FencelineError | null): void {
    this.#isOver = true;
    this.#endSlice();
    if (error !== null && !this.#isReleased) this.#abort.abort(error);
    this.#turn?.reject(error ?? new UsageError('ERR_CLOSED', 'lease: it was released'));
    this.#turn = null;
  }
}
