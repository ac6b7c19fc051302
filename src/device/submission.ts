import { deferred, JobError } from '../base/index.ts';
import type { CancelSignal, Deferred, Fence, FencelineError } from '../base/index.ts';
import type { Job } from '../sched/index.ts';
import type { Task } from './backend.ts';
import type { Submission } from './device.ts';

/**
 * The one implementation of `Submission`.
 *
 * The result follows the finished fence, with one exception: a job that was dequeued rejects at once, while its fences signal
 * later, in order (J9). The signal is listened to here and not by the entity, so that both ways of cancelling are one.
 */
export class SubmissionCore<R, P> implements Submission<R> {
  readonly job: Job<Task<P>>;
  #result: Deferred<R> | null = null;
  #dequeued: FencelineError | null = null;

  constructor(job: Job<Task<P>>) {
    this.job = job;
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
    const outcome = this.job.cancel(reason);
    if (outcome === 'dequeued' && this.#dequeued === null) {
      const { label } = this.job;
      const message = `job ${label} was cancelled before it started`;
      const details = reason === undefined ? { label } : { label, cause: reason };
      this.#dequeued = new JobError('ERR_JOB_CANCELLED', message, details);
      this.#result?.reject(this.#dequeued);
    }
    return outcome;
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
): SubmissionCore<R, P> {
  if (signal.aborted) throw signal.reason;
  let submission: SubmissionCore<R, P> | null = null;
  const onAbort = (): void => void submission?.cancel(signal.reason);
  const stop = (): void => signal.removeEventListener('abort', onAbort);
  try {
    signal.addEventListener('abort', onAbort);
    submission = new SubmissionCore<R, P>(submit());
  } catch (error) {
    stop();
    throw error;
  }
  submission.finished.addCallback(stop);
  // It was not heard while there was no job.
  if (signal.aborted) onAbort();
  return submission;
}
