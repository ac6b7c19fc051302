import type { DoneMessage } from './protocol.ts';

const WRITTEN = 0;
const READ = 1;
const COUNTS = 2;
const ENTRIES = 1024;
/** Id, start, end, kind, value. */
const ENTRY_WORDS = 5;
/** The result of an entry of kind `n` is `PLAIN[n]`; beyond, it is the number that stands beside it. */
const PLAIN: readonly unknown[] = [undefined, null, false, true];

/**
 * Plain answers of a thread, in memory that it shares with the main thread: they are safe as soon as they are written, also
 * where the thread hangs or is killed before anybody was told.
 *
 * 1. One thread writes, one reads; both have an object of this class over the same memory.
 * 2. The writer publishes an entry by raising `WRITTEN`, the reader frees it by raising `READ`. They wrap; their difference counts.
 * 3. An entry says that a job of no generator function succeeded with a number, a boolean, `null` or nothing.
 */
export class AnswerLog {
  /** What to hand to the other side. */
  readonly memory: SharedArrayBuffer;
  readonly #counts: Int32Array;
  readonly #entries: Float64Array;

  constructor(
    memory: SharedArrayBuffer = new SharedArrayBuffer(8 * (COUNTS + ENTRIES * ENTRY_WORDS)),
  ) {
    this.memory = memory;
    this.#counts = new Int32Array(memory, 0, COUNTS);
    this.#entries = new Float64Array(memory, 8 * COUNTS);
  }

  /** Writes an answer; false where it does not fit: then nothing was written. */
  write(id: number, startUs: number, endUs: number, value: unknown): boolean {
    const kind = typeof value === 'number' ? PLAIN.length : PLAIN.indexOf(value);
    const written = Atomics.load(this.#counts, WRITTEN);
    if (kind < 0 || ((written - Atomics.load(this.#counts, READ)) | 0) === ENTRIES) return false;
    const at = offsetOf(written);
    const entries = this.#entries;
    entries[at] = id;
    entries[at + 1] = startUs;
    entries[at + 2] = endUs;
    entries[at + 3] = kind;
    entries[at + 4] = kind === PLAIN.length ? (value as number) : 0;
    Atomics.store(this.#counts, WRITTEN, written + 1);
    return true;
  }

  /** How many answers were written and not taken out yet. */
  get unread(): number {
    return (Atomics.load(this.#counts, WRITTEN) - Atomics.load(this.#counts, READ)) | 0;
  }

  /** How many answers were written, ever. */
  get written(): number {
    return Atomics.load(this.#counts, WRITTEN);
  }

  /**
   * Takes the next answer out, if it is among the first `written` and of a job before `id`; else `null`. More than the first `written`
   * may have been taken already.
   */
  take(written: number, id: number): DoneMessage | null {
    const read = this.#counts[READ] as number;
    const at = offsetOf(read);
    const entries = this.#entries;
    if (((written - read) | 0) <= 0 || (entries[at] as number) >= id) return null;
    const kind = entries[at + 3] as number;
    const answer: DoneMessage = {
      type: 'done',
      id: entries[at] as number,
      startUs: entries[at + 1] as number,
      endUs: entries[at + 2] as number,
      value: kind === PLAIN.length ? entries[at + 4] : PLAIN[kind],
      isGenerator: false,
    };
    Atomics.store(this.#counts, READ, read + 1);
    return answer;
  }
}

/** Where an entry begins. `ENTRIES` divides 2^32, so that this holds when the counts wrap. */
function offsetOf(count: number): number {
  return (count & (ENTRIES - 1)) * ENTRY_WORDS;
}
