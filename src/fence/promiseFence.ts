import { checkedOptions, invalid, JobError } from '../base/index.ts';
import type { Fence } from '../base/index.ts';
import type { Runtime } from '../events/index.ts';
import { Timeline } from './timeline.ts';
import { setTimerIn } from './waitLimits.ts';

/** Options of `promiseFence`. */
export interface PromiseFenceOptions {
  /** Milliseconds from now after which the fence fails with `ERR_WAIT_TIMEOUT`. Required (F9). */
  readonly deadlineMs: number;
  /** Names the fence's timeline. Default `promise`. */
  readonly label?: string;
  readonly runtime: Runtime;
}

/**
 * A fence that follows a promise, with a deadline: whatever the promise does, the fence signals in bounded time (F9).
 *
 * Ok when the promise is fulfilled; `ERR_DEPENDENCY_FAILED` with the cause when it is rejected;
 * `ERR_WAIT_TIMEOUT` past the deadline. Cost: one timeline, one timer until it is settled.
 *
 * @throws {ERR_INVALID_ARGUMENT} without a finite deadline
 */
export function promiseFence(promise: PromiseLike<unknown>, options: PromiseFenceOptions): Fence {
  const { deadlineMs, label = 'promise', runtime } = checkedOptions('promiseFence', options);
  if (typeof promise?.then !== 'function') throw invalid('promiseFence', 'a promise', promise);
  if (!(Number.isFinite(deadlineMs) && deadlineMs >= 0)) {
    throw invalid(
      'promiseFence: deadlineMs',
      'a finite number of milliseconds, because a fence must signal in bounded time (F9)',
      deadlineMs,
    );
  }
  const source = new Timeline({ driver: 'promise', label, runtime }).createFence();
  const timer = setTimerIn(runtime, deadlineMs, () => {
    const message = `the promise was not settled within ${deadlineMs} ms`;
    source.signal(new JobError('ERR_WAIT_TIMEOUT', message, { label }));
  });
  const reject = (cause: unknown): void => {
    timer?.cancel();
    const message = 'the promise was rejected';
    source.signal(new JobError('ERR_DEPENDENCY_FAILED', message, { cause, label }));
  };
  try {
    promise.then(() => {
      timer?.cancel();
      source.signal();
    }, reject);
  } catch (error) {
    reject(error);
  }
  return source.fence;
}
