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

const MAGIC_AT = 0;
const SLOTS_AT = 1;
const BELL_AT = 2;
const THREADS_AT = 8;
const FIRST_SLOT_AT = THREADS_AT + THREADS_MAX;
const CODES = Object.keys(ERROR_TABLE) as ErrorCode[];
/** Two sides that do not know the same layout and codes must not talk. */
const MAGIC = 0x46_4c_01_00 + CODES.length;

/** Names a shared fence to another thread: plain data that can be posted. */
export interface SharedFenceHandle {
  readonly slot: number;
  readonly generation: number;
}

/** What a slot says to the holder of a handle; `stale`: the slot is no longer that fence's. */
export interface SlotState {
  readonly status: 'pending' | 'ok' | 'failed' | 'stale';
  readonly code: ErrorCode | null;
  readonly thread: number;
  /** The first word as it was read, to wait on. */
  readonly word: number;
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
    words[THREADS_AT] = 1;
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

  /** What the slot says to `handle` (rule 4). */
  read(handle: SharedFenceHandle): SlotState {
    const at = this.indexOf(handle.slot);
    const word = Atomics.load(this.words, at);
    const high = Atomics.load(this.words, at + 1) >>> 0;
    const isOurs = high * LOW_COUNT + (word >>> LOW_SHIFT) === handle.generation;
    const state = isOurs ? word & STATE : 0;
    const status =
      state === PENDING ? 'pending' : state === OK ? 'ok' : state === FAILED ? 'failed' : 'stale';
    const code = status === 'failed' ? codeAt((word >>> ERROR_SHIFT) & ERROR_MASK) : null;
    return { status, code, thread: (word >>> THREAD_SHIFT) & THREAD_MASK, word };
  }

  /** Signals and wakes (rule 5); false where it has signalled, or is stale. */
  signal(handle: SharedFenceHandle, error: FencelineError | null): boolean {
    const { status, word } = this.read(handle);
    if (status !== 'pending') return false;
    const outcome = error === null ? OK : FAILED | (indexOfCode(error.code) << ERROR_SHIFT);
    const at = this.indexOf(handle.slot);
    if (Atomics.compareExchange(this.words, at, word, (word & ~STATE) | outcome) !== word) {
      return false;
    }
    Atomics.notify(this.words, at);
    return true;
  }

  /** Gives a signalled slot back (rule 2); does nothing where it is pending or stale. */
  release(handle: SharedFenceHandle): void {
    const { status, word } = this.read(handle);
    if (status !== 'ok' && status !== 'failed') return;
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
      if (((word >>> THREAD_SHIFT) & THREAD_MASK) === thread && !isFree(word)) {
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
      if (Atomics.compareExchange(this.words, THREADS_AT + thread, 0, 1) === 0) return thread;
    }
    const message = `a pool of shared fences knows at most ${THREADS_MAX} threads at a time`;
    throw new UsageError('ERR_QUEUE_FULL', `${message}; tell it of those that ended`);
  }

  hasThread(thread: number): boolean {
    const isNumber = Number.isInteger(thread) && thread >= 0 && thread < THREADS_MAX;
    return isNumber && Atomics.load(this.words, THREADS_AT + thread) === 1;
  }

  removeThread(thread: number): void {
    Atomics.store(this.words, THREADS_AT + thread, 0);
  }

  /** Whether some thread, ever, needed to be told by a message that a slot changed. */
  get wantsBell(): boolean {
    return Atomics.load(this.words, BELL_AT) === 1;
  }

  wantBell(): void {
    Atomics.store(this.words, BELL_AT, 1);
  }
}

/** The error that travelled as a code. */
export function errorOf(state: SlotState, label: string): FencelineError {
  if (state.status === 'stale') {
    const message =
      'the slot of this shared fence was given to another fence; keep it until all have read it';
    return new JobError('ERR_PRODUCER_CLOSED', message, { label });
  }
  return new JobError(state.code ?? 'ERR_DRIVER', undefined, { label });
}

function isFree(word: number): boolean {
  const state = word & STATE;
  return state === 0 ? (word & CLAIMED) === 0 : state !== PENDING && (word & RELEASED) !== 0;
}

function codeAt(index: number): ErrorCode {
  return CODES[index] ?? 'ERR_DRIVER';
}

function indexOfCode(code: ErrorCode): number {
  return CODES.indexOf(code);
}
