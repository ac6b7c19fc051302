import { checkedOptions, JobError, UsageError } from '../base/index.ts';
import type { Fence, FencelineError, FenceStatus, WaitOptions } from '../base/index.ts';
import { errorOf, isPending, threadOf } from './sharedSlots.ts';
import type { SharedFenceHandle, SharedSlots } from './sharedSlots.ts';
import type { SharedWatch, WatchContext } from './sharedWatch.ts';
import { checkLimits, checkTimeout } from './waitLimits.ts';

/** What a shared fence needs of its pool. */
export interface SharedFenceHost {
  readonly context: WatchContext;
  /** The number of this thread. */
  readonly thread: number;
  readonly mayBlock: boolean;
  /** The watch of this thread on a pending shared fence. */
  watch(handle: SharedFenceHandle): SharedWatch;
}

/**
 * A fence that lives in memory which threads share (F13), as one thread sees it.
 *
 * Cost: to look, one atomic load or two. What this object has once seen stays as it is, also when the slot is given to
 * another fence; an object that looks too late reads as failed, never as that other fence.
 */
export class SharedFence {
  /** What to post to another thread: `pool.fence(handle)` there is the same fence. */
  readonly handle: SharedFenceHandle;
  readonly #host: SharedFenceHost;
  #outcome: { readonly error: FencelineError | null } | null = null;

  constructor(host: SharedFenceHost, handle: SharedFenceHandle) {
    this.#host = host;
    this.handle = handle;
  }

  get status(): FenceStatus {
    const outcome = this.#look();
    if (outcome === null) return 'pending';
    return outcome.error === null ? 'ok' : 'failed';
  }

  /** Why it failed: an error with the code that it failed with, `ERR_PRODUCER_CLOSED` where the handle is too old. */
  get error(): FencelineError | null {
    return this.#look()?.error ?? null;
  }

  /** The number of the thread that must signal it. */
  get signaller(): number {
    return threadOf(this.#slots.wordOf(this.handle));
  }

  /**
   * Blocks this thread until the fence has signalled: returns when it is ok, throws its error when it failed. Anything
   * else that this thread should do meanwhile waits, too.
   *
   * @throws {ERR_WAIT_TIMEOUT} past `timeoutMs`
   * @throws {ERR_INVALID_ARGUMENT} on a thread that must not block, or on the one that must signal this fence
   */
  waitSync(options: { readonly timeoutMs?: number } = {}): void {
    const { timeoutMs = Infinity } = checkedOptions('waitSync', options);
    checkTimeout('waitSync', timeoutMs);
    const word = this.#slots.wordOf(this.handle);
    if (isPending(word)) {
      this.#checkMayBlock(threadOf(word));
      this.#block(word, timeoutMs);
    }
    const error = this.#look()?.error ?? null;
    if (error !== null) throw error;
  }

  /**
   * As `fence.wait`, on any thread: resolves when it is ok, rejects with its error when it failed (F8). While it lasts, it
   * keeps the process alive.
   *
   * @throws {ERR_CLOSED} while it is pending, after `pool.close()`
   */
  wait(options: WaitOptions = {}): Promise<void> {
    checkLimits('wait', options);
    if (this.#look() !== null) return this.#settled();
    const watch = this.#host.watch(this.handle);
    watch.use(1);
    let done: Promise<void>;
    try {
      done = watch.fence.wait(options);
    } catch (error) {
      watch.use(-1);
      throw error;
    }
    return done.finally(() => watch.use(-1));
  }

  /**
   * A fence of this thread that signals when this one does: for callbacks, composites and dependencies of jobs. Keeps the
   * process alive until it has signalled. Its producer may be any thread, so whoever uses it as a dependency of a job
   * sees to a bound (F9).
   */
  toFence(): Fence {
    const watch = this.#host.watch(this.handle);
    watch.use(1);
    return watch.fence;
  }

  toJSON(): SharedFenceHandle & { status: FenceStatus } {
    return { ...this.handle, status: this.status };
  }

  get #slots(): SharedSlots {
    return this.#host.context.slots;
  }

  #look(): { readonly error: FencelineError | null } | null {
    if (this.#outcome !== null) return this.#outcome;
    const word = this.#slots.wordOf(this.handle);
    if (isPending(word)) return null;
    this.#outcome = { error: errorOf(word, this.#host.context.label) };
    return this.#outcome;
  }

  #settled(): Promise<void> {
    const error = this.#look()?.error ?? null;
    return error === null ? Promise.resolve() : Promise.reject(error);
  }

  #checkMayBlock(signaller: number): void {
    if (signaller === this.#host.thread) {
      throw new UsageError(
        'ERR_INVALID_ARGUMENT',
        `waitSync: this thread (${signaller}) must signal the fence itself, so it would wait for ever; ` +
          'use wait(), or let another thread signal it',
      );
    }
    if (this.#host.mayBlock) return;
    throw new UsageError(
      'ERR_INVALID_ARGUMENT',
      'waitSync: this thread must not block; use wait(), or make the pool with mayBlock: true',
    );
  }

  #block(word: number, timeoutMs: number): void {
    const { slots, runtime } = this.#host.context;
    const at = slots.indexOf(this.handle.slot);
    const hasEnd = timeoutMs !== Infinity;
    const endUs = hasEnd ? runtime.nowUs() + timeoutMs * 1000 : Infinity;
    let leftMs = timeoutMs;
    while (this.#look() === null) {
      if (leftMs <= 0) {
        const message = `the shared fence did not signal within ${timeoutMs} ms`;
        throw new JobError('ERR_WAIT_TIMEOUT', message, { label: this.#host.context.label });
      }
      // The runtime's clock may stand still while this thread does.
      if (blockOn(slots.words, at, word, leftMs) === 'timed-out') leftMs = 0;
      else if (hasEnd) leftMs = (endUs - runtime.nowUs()) / 1000;
    }
  }
}

/** `Atomics.wait`, which throws where the platform does not let a thread block. */
function blockOn(
  words: Int32Array,
  at: number,
  word: number,
  timeoutMs: number,
): 'ok' | 'not-equal' | 'timed-out' {
  try {
    return Atomics.wait(words, at, word, timeoutMs);
  } catch (cause) {
    const message = 'waitSync: the platform does not let this thread block; use wait()';
    throw new UsageError('ERR_INVALID_ARGUMENT', message, { cause });
  }
}
