import { deferred } from '../base/index.ts';
import type { CancelSignal, Deferred, Fence, FencelineError } from '../base/index.ts';
import type { Runtime } from '../events/index.ts';
import { stopListening } from '../fence/index.ts';
import type { Job } from '../sched/index.ts';
import type { Task, TaskOwner } from './backend.ts';
import type { Submission } from './device.ts';

/**
 * The one implementation of `Submission`.
 *
 * The result follows the finished fence, with one exception: a job that was dequeued rejects at once, while its fences signal
 * later, in order (J9).
 */
export class SubmissionCore<R, P> implements Submission<R>, TaskOwner {
  readonly job: Job<Task<P>>;
  #result: Deferred<R> | null = null;
  #dequeued: FencelineError | null = null;

  constructor(job: Job<Task<P>>) {
    this.job = job;
    job.payload.owner = this;
  }

  get scheduled(): Fence {
    return this.job.scheduled;
  }

  get finished(): Fence {
    return this.job.finished;
  }

  get result(): Promise<R> {
    if (this.#result === null) {
      this.#result = deferred();
      if (this.#dequeued !== null) this.#result.reject(this.#dequeued);
      else if (this.finished.addCallback(() => this.#settle()) === null) this.#settle();
    }
    return this.#result.promise;
  }

  cancel(reason?: unknown): 'dequeued' | 'requested' | 'finished' {
    return this.job.cancel(reason);
  }

  dequeued(error: FencelineError): void {
    if (this.#dequeued !== null) return;
    this.#dequeued = error;
    this.#result?.reject(error);
  }

  #settle(): void {
    const { error } = this.finished;
    if (error === null) this.#result?.resolve(this.job.payload.result as R);
    else this.#result?.reject(error);
  }
}

/**
 * The submission of the job that `submit` makes, which an abort of `signal` cancels. Listens before there is a job: a signal that is
 * not the platform's may throw, and then nothing has changed (J1).
 *
 * @throws what `submit` and `signal` throw, and the signal's reason where it has aborted
 */
export function submitUntil<R, P>(
  signal: CancelSignal,
  submit: () => Job<Task<P>>,
  runtime: Runtime,
): SubmissionCore<R, P> {
  if (signal.aborted) throw signal.reason;
  let submission: SubmissionCore<R, P> | null = null;
  // Heard while there is no job yet.
  let aborted: { readonly reason: unknown } | null = null;
  const onAbort = (): void => {
    if (submission === null) aborted = { reason: signal.reason };
    else submission.cancel(signal.reason);
  };
  const stop = (): void => stopListening(runtime, signal, onAbort);
  try {
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    submission = new SubmissionCore<R, P>(submit());
  } catch (error) {
    stop();
    throw error;
  }
  if (aborted !== null) submission.cancel((aborted as { readonly reason: unknown }).reason);
  if (submission.finished.addCallback(stop) === null) stop();
  return submission;
}
