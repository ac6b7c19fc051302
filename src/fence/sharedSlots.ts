import { ERROR_TABLE, invalid, JobError, UsageError } from '../base/index.ts';
import type { ErrorCode, FencelineError } from '../base/index.ts';

/**
 * The memory of a pool of shared fences: a header, then two words a slot. Every step is one atomic operation, so that a
 * thread may die between any two of them.
 *
 * 1. A slot's first word holds all that changes together. From the lowest bit: state (2 bits), released (1), the error
 *    code (6), the thread that must signal (7), the low part of the generation (16). The second holds the high part.
 * 2. A slot is free when it was never used, or has signalled and was released. To take it is one exchange: free with
 *    generation n becomes pending with generation n + 1. So who holds an older handle sees that the slot is no longer its.
 * 3. Where the low part is used up, whoever takes the slot marks it as claimed first, and then counts up the high part.
 * 4. Readers load the first word and then the second: a handle that fits both was good when the first was loaded.
 * 5. To signal is one exchange of a pending word: exactly one thread wins (F2). The outcome stays readable until the
 *    slot is taken again. Slots are taken in turn, so that is as late as can be.
 * 6. A thread's word is free, live, left (it closed the pool) or ending, with a count of how often its number was given out
 *    above that. It is marked before its slots are reaped, and its number is free only afterwards. Whoever takes a slot for
 *    a thread looks at its word before and after: either the reaper has seen the slot, or the taker sees the mark.
 */
const PENDING = 1;
const OK = 2;
const FAILED = 3;
const STATE = 3;
const RELEASED = 4;
const CLAIMED = RELEASED;
const ERROR_SHIFT = 3;
const ERROR_MASK = 63;
const THREAD_SHIFT = 9;
const THREAD_MASK = 127;
const LOW_SHIFT = 16;
const LOW_COUNT = 65_536;

/** Threads that one pool can know at a time, the one that made it included. */
const THREADS_MAX = 128;
/** Slots that one pool can have: 8 MiB. */
export const SLOTS_MAX = 1_048_576;

const THREAD_FREE = 0;
const THREAD_LIVE = 1;
const THREAD_LEFT = 2;
const THREAD_ENDING = 3;
const THREAD_STATE = 3;
const GIVEN_OUT_ONE = 4;

const MAGIC_AT = 0;
const SLOTS_AT = 1;
const BELL_AT = 2;
const THREADS_AT = 8;
const FIRST_SLOT_AT = THREADS_AT + THREADS_MAX;
const CODES = Object.keys(ERROR_TABLE) as ErrorCode[];
/** Two sides that do not know the same layout and codes must not talk. */
const MAGIC = 0x46_4c_02_00 + CODES.length;

/** Names a shared fence to another thread: plain data that can be posted. */
export interface SharedFenceHandle {
  readonly slot: number;
  readonly generation: number;
}

/** The operations on the memory of a pool; see the rules above. */
export class SharedSlots {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly count: number;
  #cursor: number;

  /** Takes memory that `allocate` made; `thread` decides where it begins to look for free slots. */
  constructor(buffer: SharedArrayBuffer, thread: number) {
    this.words = new Int32Array(buffer);
    const magic = this.words.length < FIRST_SLOT_AT ? 0 : this.words[MAGIC_AT];
    if (magic !== MAGIC) {
      throw invalid('SharedFencePool', 'memory of a pool of the same version', magic);
    }
    this.count = this.words[SLOTS_AT] as number;
    this.#cursor = Math.floor((thread * this.count) / THREADS_MAX);
  }

  static allocate(count: number): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(4 * (FIRST_SLOT_AT + 2 * count));
    const words = new Int32Array(buffer);
    words[SLOTS_AT] = count;
    words[THREADS_AT] = THREAD_LIVE;
    words[MAGIC_AT] = MAGIC;
    return buffer;
  }

  /** Where the first word of a slot is. */
  indexOf(slot: number): number {
    return FIRST_SLOT_AT + 2 * slot;
  }

  /** Takes a free slot, pending, to be signalled by `thread` (rules 2 and 3); `null` if none is free. */
  take(thread: number): SharedFenceHandle | null {
    for (let tries = 0; tries < this.count; tries += 1) {
      const slot = this.#cursor;
      this.#cursor = slot + 1 === this.count ? 0 : slot + 1;
      const at = this.indexOf(slot);
      const word = Atomics.load(this.words, at);
      if (!isFree(word)) continue;
      const low = (word >>> LOW_SHIFT) + 1;
      const next = (thread << THREAD_SHIFT) | PENDING | ((low % LOW_COUNT) << LOW_SHIFT);
      const claimed = (word & (-1 << LOW_SHIFT)) | (thread << THREAD_SHIFT) | CLAIMED;
      const step = low === LOW_COUNT ? claimed : next;
      if (Atomics.compareExchange(this.words, at, word, step) !== word) continue;
      if (step === claimed) {
        Atomics.add(this.words, at + 1, 1);
        Atomics.store(this.words, at, next);
      }
      const high = Atomics.load(this.words, at + 1) >>> 0;
      return { slot, generation: high * LOW_COUNT + (low % LOW_COUNT) };
    }
    return null;
  }

  /**
   * The first word of the slot that `handle` names (rule 4), for the functions below; 0, which says stale, where the slot is
   * no longer that fence's.
   */
  wordOf(handle: SharedFenceHandle): number {
    const at = this.indexOf(handle.slot);
    const word = Atomics.load(this.words, at);
    const high = Atomics.load(this.words, at + 1) >>> 0;
    return high * LOW_COUNT + (word >>> LOW_SHIFT) === handle.generation ? word : 0;
  }

  /** Signals and wakes (rule 5); false where it has signalled, or is stale. */
  signal(handle: SharedFenceHandle, error: FencelineError | null): boolean {
    return this.signalFrom(this.wordOf(handle), handle.slot, error);
  }

  /** As `signal`, where the word was read before. */
  signalFrom(word: number, slot: number, error: FencelineError | null): boolean {
    if ((word & STATE) !== PENDING) return false;
    const outcome = error === null ? OK : FAILED | (CODES.indexOf(error.code) << ERROR_SHIFT);
    const at = this.indexOf(slot);
    const signalled = (word & ~STATE) | outcome;
    if (Atomics.compareExchange(this.words, at, word, signalled) !== word) return false;
    Atomics.notify(this.words, at);
    return true;
  }

  /** Gives a signalled slot back (rule 2); does nothing where it is pending or stale. */
  release(handle: SharedFenceHandle): void {
    const word = this.wordOf(handle);
    if (!hasSignalled(word)) return;
    Atomics.compareExchange(this.words, this.indexOf(handle.slot), word, word | RELEASED);
  }

  /**
   * Fails what `thread` had to signal, gives back all of its slots, and wakes everybody: it may have died after it
   * signalled and before it woke who waits. Returns how many failed.
   */
  reap(thread: number, error: FencelineError): number {
    let failed = 0;
    for (let slot = 0; slot < this.count; slot += 1) {
      const at = this.indexOf(slot);
      const word = Atomics.load(this.words, at);
      if (threadOf(word) === thread && !isFree(word)) {
        const high = Atomics.load(this.words, at + 1) >>> 0;
        const handle = { slot, generation: high * LOW_COUNT + (word >>> LOW_SHIFT) };
        if ((word & STATE) === 0) {
          // Claimed when the thread died: the high part may have been counted up, or not; once more is as good.
          Atomics.add(this.words, at + 1, 1);
          Atomics.store(this.words, at, 0);
        } else if (this.signal(handle, error)) {
          failed += 1;
        }
        this.release(handle);
      }
      Atomics.notify(this.words, at);
    }
    return failed;
  }

  /** How many slots are in use. */
  countUsed(): number {
    let used = 0;
    for (let slot = 0; slot < this.count; slot += 1) {
      if (!isFree(Atomics.load(this.words, this.indexOf(slot)))) used += 1;
    }
    return used;
  }

  /** Takes a number for one more thread. */
  addThread(): number {
    for (let thread = 1; thread < THREADS_MAX; thread += 1) {
      const word = this.threadWord(thread);
      if ((word & THREAD_STATE) !== THREAD_FREE) continue;
      if (this.#move(thread, word, (word + GIVEN_OUT_ONE) | THREAD_LIVE)) return thread;
    }
    const message = `a pool of shared fences knows at most ${THREADS_MAX} threads at a time`;
    throw new UsageError('ERR_QUEUE_FULL', `${message}; tell it of those that ended`);
  }

  /** The word of a thread (rule 6), for the functions below; that of a free one where `thread` is no number of a thread. */
  threadWord(thread: number): number {
    const isNumber = Number.isInteger(thread) && thread >= 0 && thread < THREADS_MAX;
    return isNumber ? Atomics.load(this.words, THREADS_AT + thread) : THREAD_FREE;
  }

  /** Marks a live thread as left, with its number still taken; false where `word` is not its word any more. */
  leave(thread: number, word: number): boolean {
    return isLive(word) && this.#move(thread, word, (word & ~THREAD_STATE) | THREAD_LEFT);
  }

  /** Marks a thread as ending; false where it is not live and has not left, or `word` is not its word any more. */
  beginEnd(thread: number, word: number): boolean {
    const state = word & THREAD_STATE;
    if (state !== THREAD_LIVE && state !== THREAD_LEFT) return false;
    return this.#move(thread, word, word | THREAD_ENDING);
  }

  /** Its slots are reaped: frees the number of a thread that was marked as ending. */
  freeThread(thread: number): void {
    Atomics.and(this.words, THREADS_AT + thread, ~THREAD_STATE);
  }

  /** The first thread never ends: it is again what `word` says. */
  restoreThread(thread: number, word: number): void {
    Atomics.store(this.words, THREADS_AT + thread, word);
  }

  #move(thread: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.words, THREADS_AT + thread, from, to) === from;
  }

  /** Whether some thread, ever, needed to be told by a message that a slot changed. */
  get wantsBell(): boolean {
    return Atomics.load(this.words, BELL_AT) === 1;
  }

  wantBell(): void {
    Atomics.store(this.words, BELL_AT, 1);
  }
}

/** Whether the thread of a thread's word can signal. */
export function isLive(threadWord: number): boolean {
  return (threadWord & THREAD_STATE) === THREAD_LIVE;
}

/** Whether the fence of a word is pending. */
export function isPending(word: number): boolean {
  return (word & STATE) === PENDING;
}

/** The thread that must signal the fence of a word. */
export function threadOf(word: number): number {
  return (word >>> THREAD_SHIFT) & THREAD_MASK;
}

/** The error of a word that is not pending: that which travelled as a code, or that the handle is stale. */
export function errorOf(word: number, label: string): FencelineError | null {
  if ((word & STATE) === OK) return null;
  if ((word & STATE) === FAILED) {
    const code = CODES[(word >>> ERROR_SHIFT) & ERROR_MASK] ?? 'ERR_DRIVER';
    return new JobError(code, undefined, { label });
  }
  const message =
    'the slot of this shared fence was given to another fence; release a fence when all have read it';
  return new JobError('ERR_PRODUCER_CLOSED', message, { label });
}

function hasSignalled(word: number): boolean {
  return (word & STATE) === OK || (word & STATE) === FAILED;
}

function isFree(word: number): boolean {
  if ((word & STATE) === 0) return (word & CLAIMED) === 0;
  return hasSignalled(word) && (word & RELEASED) !== 0;
}
