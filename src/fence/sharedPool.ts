import { FencelineError, invalid, JobError, UsageError } from '../base/index.ts';
import type { Fence, TimelineInfo } from '../base/index.ts';
import type { Runtime } from '../events/index.ts';
import { checkedFence } from './composite.ts';
import { SharedFence } from './sharedFence.ts';
import type { SharedFenceHost } from './sharedFence.ts';
import { isLive, isPending, SharedSlots, SLOTS_MAX, threadOf } from './sharedSlots.ts';
import type { SharedFenceHandle } from './sharedSlots.ts';
import { ALL_SLOTS, SharedWatch } from './sharedWatch.ts';
import type { FenceName, SharedFencePlatform, WatchContext } from './sharedWatch.ts';
import { newTimelineInfo } from './timeline.ts';

/** What both ways to get a pool need. */
export interface SharedFencePoolJoinOptions {
  readonly runtime: Runtime;
  /** `threadPlatform()` of the package, or one's own. */
  readonly platform: SharedFencePlatform;
  /** Whether `waitSync` may block this thread. Default: false for who makes the pool, true for who joins it. */
  readonly mayBlock?: boolean;
}

/** Options of `new SharedFencePool`. */
export interface SharedFencePoolOptions extends SharedFencePoolJoinOptions {
  /** How many fences can be in use at a time, up to 1,048,576; each takes 8 bytes. Default 1024. */
  readonly slots?: number;
  /** Names it in messages. Default `shared`. */
  readonly label?: string;
}

/** What one thread is sent to join a pool: plain data. For one thread each, because it carries that thread's number. */
export interface SharedFencePoolTicket {
  readonly buffer: SharedArrayBuffer;
  readonly thread: number;
  readonly pool: string;
  readonly label: string;
}

/** The producer's end of a shared fence, in the thread that must signal it or that made it. */
export interface SharedFenceSource {
  readonly fence: SharedFence;
  /**
   * Signals the fence, ok or with `error`, of which the code travels. True: newly signalled (F2). Wakes who waits.
   *
   * @throws {ERR_INVALID_ARGUMENT} in another thread than the one that must signal it
   */
  signal(error?: FencelineError): boolean;
  /**
   * Gives the slot back when all who need the fence have looked; a pending fence fails first. Until the slot is
   * taken again the outcome stays readable; afterwards old handles read as failed.
   */
  release(): void;
}

/**
 * Fences that threads share, in the slots of one SharedArrayBuffer (F13).
 *
 * One thread makes the pool, and sends each other thread a ticket of its own to join it. Any of them creates fences, and says
 * who must signal each; handles are posted. When a thread has ended, whoever made the pool calls `threadEnded`, which
 * fails what that thread left unsignalled: no fence stays pending because a thread died. A thread that closes its pool keeps
 * its number until then.
 *
 * Whoever holds the buffer can forge signals: one pool per trust domain.
 *
 * Cost: to create, one atomic exchange as long as most slots are free; to signal, one exchange and one notify.
 */
export class SharedFencePool {
  /** The number of this thread in the pool; 0 made it. */
  readonly thread: number;
  readonly #host: SharedFenceHost;
  readonly #info: TimelineInfo;
  /** What the memory says of this thread while it has not left. */
  readonly #threadWord: number;
  #lastSeqno = 0;
  #closed = false;
  readonly #watches: Map<number, { generation: number; watch: SharedWatch }> = new Map();

  /** @throws {ERR_INVALID_ARGUMENT} when `slots` is not a whole number from 1 to 1,048,576 */
  constructor(options: SharedFencePoolOptions, ticket: SharedFencePoolTicket = newTicket(options)) {
    const { runtime, platform, mayBlock = ticket.thread !== 0 } = options;
    if (typeof platform?.keepAlive !== 'function') {
      throw invalid('SharedFencePool: platform', 'a SharedFencePlatform', platform);
    }
    const { label, pool, thread } = ticket;
    const slots = new SharedSlots(ticket.buffer, thread);
    const context: WatchContext = { slots, runtime, platform, label, pool };
    this.thread = thread;
    this.#threadWord = slots.threadWord(thread);
    this.#info = newTimelineInfo(runtime, 'shared', label, false);
    this.#host = { context, thread, mayBlock, watch: (handle) => this.#watch(handle) };
  }

  /** Joins a pool in the thread that was sent `ticket`. */
  static join(ticket: SharedFencePoolTicket, options: SharedFencePoolJoinOptions): SharedFencePool {
    if (!(ticket?.buffer instanceof SharedArrayBuffer)) {
      throw invalid('SharedFencePool.join', 'what pool.ticket() returned', ticket);
    }
    return new SharedFencePool(options, ticket);
  }

  /** How many slots are in use. Cost: O(slots). */
  get used(): number {
    return this.#slots.countUsed();
  }

  /**
   * Takes a number for one more thread, and makes what that thread joins by.
   *
   * @throws {ERR_QUEUE_FULL} when 128 threads are known that have not ended
   */
  ticket(): SharedFencePoolTicket {
    const { label, pool, slots } = this.#host.context;
    return { buffer: slots.words.buffer, thread: slots.addThread(), pool, label };
  }

  /**
   * Makes a pending fence that thread `signaller` (default: this one) must signal.
   *
   * @throws {ERR_INVALID_ARGUMENT} where that thread has left the pool, or ended
   * @throws {ERR_QUEUE_FULL} when no slot is free; release fences, or make a larger pool
   * @throws {ERR_CLOSED} after `close`
   */
  create(signaller: number = this.thread): SharedFenceSource {
    this.#checkOpen('create');
    const slots = this.#slots;
    const word = slots.threadWord(signaller);
    if (!isLive(word)) throw notAThread('create', signaller);
    const handle = slots.take(signaller);
    if (handle === null) {
      throw new UsageError(
        'ERR_QUEUE_FULL',
        `all ${slots.count} slots of the pool ${this.#host.context.label} are in use; ` +
          'release fences that all have read, or make a larger pool',
      );
    }
    const source = this.source(handle);
    if (slots.threadWord(signaller) === word) return source;
    // It ended meanwhile, and who reaped its fences may have missed this one.
    source.release();
    throw notAThread('create', signaller);
  }

  /** The fence that `handle` names. */
  fence(handle: SharedFenceHandle): SharedFence {
    const { slot, generation } = handle ?? {};
    const isSlot = Number.isInteger(slot) && slot >= 0 && slot < this.#slots.count;
    if (!isSlot || !Number.isSafeInteger(generation)) {
      throw invalid('SharedFencePool', 'the handle of a fence of this pool', handle);
    }
    return new SharedFence(this.#host, { slot, generation });
  }

  /** The producer's end of the fence that `handle` names. */
  source(handle: SharedFenceHandle): SharedFenceSource {
    const fence = this.fence(handle);
    return {
      fence,
      signal: (error) => this.#signal(fence, error),
      release: () => {
        const { handle } = fence;
        if (fence.status === 'pending') {
          this.#slots.signal(handle, new JobError('ERR_PRODUCER_CLOSED'));
          this.#changed(handle.slot);
        }
        this.#slots.release(handle);
      },
    };
  }

  /** A shared fence that signals when `fence`, of this thread, does. Release it when all have looked. */
  share(fence: Fence): SharedFenceSource {
    checkedFence('SharedFencePool.share', fence);
    const source = this.create();
    const forward = (): void => void source.signal(fence.error ?? undefined);
    if (fence.addCallback(forward) === null) forward();
    return source;
  }

  /**
   * Fails, with `error` (default `ERR_PRODUCER_CLOSED`), every fence that thread `thread` had to signal and did not, and gives
   * back all of its slots and its number. Returns how many fences failed. Cost: O(slots).
   *
   * Call it once, when the thread has ended, however it ended (in Node: in the worker's `exit` event), also where it had closed
   * its pool before.
   *
   * @throws {ERR_INVALID_ARGUMENT} where no thread of this number is known that has not ended
   */
  threadEnded(thread: number, error?: FencelineError): number {
    const why = error ?? new JobError('ERR_PRODUCER_CLOSED', 'the thread that had to signal ended');
    if (!(why instanceof FencelineError)) {
      throw invalid('SharedFencePool.threadEnded', 'nothing, or a FencelineError', why);
    }
    const slots = this.#slots;
    const word = slots.threadWord(thread);
    if (!slots.beginEnd(thread, word)) throw notAThread('threadEnded', thread);
    const failed = this.#reap(thread, why);
    if (thread === 0) slots.restoreThread(thread, word);
    else slots.freeThread(thread);
    return failed;
  }

  /**
   * Takes this thread out of the pool: fails what it had to signal and did not, as `threadEnded` does, and stops looking:
   * what `toFence` made here, and waits, fail with `ERR_PRODUCER_CLOSED`. States can still be read. Twice does nothing.
   * Its number is given to no other thread before `threadEnded` frees it.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { label } = this.#host.context;
    const why = new JobError('ERR_PRODUCER_CLOSED', 'this thread left the pool', { label });
    // Where it counts as ended already, the number may be another thread's.
    if (this.#slots.leave(this.thread, this.#threadWord)) this.#reap(this.thread, why);
    for (const { watch } of [...this.#watches.values()]) watch.abandon(why);
  }

  get #slots(): SharedSlots {
    return this.#host.context.slots;
  }

  #signal(fence: SharedFence, error?: FencelineError): boolean {
    if (error !== undefined && !(error instanceof FencelineError)) {
      throw invalid('signal', 'nothing, or a FencelineError (for example a JobError)', error);
    }
    const { handle } = fence;
    const word = this.#slots.wordOf(handle);
    if (isPending(word) && threadOf(word) !== this.thread) {
      const expected = `a call in thread ${threadOf(word)}, which must signal this fence`;
      throw invalid('signal', expected, this.thread);
    }
    if (!this.#slots.signalFrom(word, handle.slot, error ?? null)) return false;
    this.#changed(handle.slot);
    return true;
  }

  /** Tells those whom `Atomics.notify` does not reach: this thread at once, others by a message. */
  #changed(slot: number): void {
    const { platform, pool } = this.#host.context;
    if (this.#slots.wantsBell) platform.ring(pool, slot);
    if (this.#watches.size > 0) this.#watches.get(slot)?.watch.look();
  }

  #watch(handle: SharedFenceHandle): SharedWatch {
    const { slot, generation } = handle;
    this.#checkOpen('wait');
    const held = this.#watches.get(slot);
    if (held !== undefined && held.generation === generation) return held.watch;
    // A watch on an older fence of the slot has yet to hear that it is stale.
    held?.watch.look();
    const watch: SharedWatch = new SharedWatch(this.#host.context, handle, this.#name(), () => {
      if (this.#watches.get(slot)?.generation === generation) this.#watches.delete(slot);
    });
    if (watch.fence.status === 'pending') this.#watches.set(slot, { generation, watch });
    return watch;
  }

  /** Names the next fence that this thread makes of a shared one (F1). */
  #name(): FenceName {
    this.#lastSeqno += 1;
    return { info: this.#info, seqno: this.#lastSeqno };
  }

  #checkOpen(what: string): void {
    if (!this.#closed) return;
    const message = `SharedFencePool.${what}: this thread has left the pool`;
    throw new UsageError('ERR_CLOSED', message);
  }

  /** Fails and gives back what `thread` has, and tells everybody; returns how many failed. */
  #reap(thread: number, why: FencelineError): number {
    const failed = this.#slots.reap(thread, why);
    const { platform, pool } = this.#host.context;
    if (this.#slots.wantsBell) platform.ring(pool, ALL_SLOTS);
    for (const { watch } of [...this.#watches.values()]) watch.look();
    return failed;
  }
}

function notAThread(what: string, thread: number): UsageError {
  return invalid(`SharedFencePool.${what}`, 'the number of a thread of this pool', thread);
}

let poolsMade = 0;

function newTicket(
  options: SharedFencePoolOptions | SharedFencePoolJoinOptions,
): SharedFencePoolTicket {
  const { slots = 1024, label = 'shared' } = options as SharedFencePoolOptions;
  if (!(Number.isInteger(slots) && slots >= 1 && slots <= SLOTS_MAX)) {
    throw invalid('SharedFencePool: slots', `a whole number from 1 to ${SLOTS_MAX}`, slots);
  }
  poolsMade += 1;
  const pool = `fenceline:${label}:${options.runtime.nowUs()}:${poolsMade}`;
  return { buffer: SharedSlots.allocate(slots), thread: 0, pool, label };
}
