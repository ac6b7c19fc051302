/** An answer is told at most about this late, so far as it can be foreseen. */
const QUIET_US = 2500;
/** The main thread is told while the jobs that wait are expected to last this long: it needs that to send more. */
const REFILL_US = 200;
/** How much of what is expected of a function its last call makes up. */
const LAST_CALL_PART = 1 / 8;

/**
 * Whether a thread that wrote an answer tells the main thread at once. To be woken costs the main thread as much as many
 * answers do, and takes a processor away from a thread: where jobs are short and others wait, one wake-up serves several.
 *
 * It goes by what the calls of each function took on average. Who judged wrong is corrected by the main thread, which looks
 * into the answers at times (lateAnswers.ts).
 */
export class Quiet {
  readonly #lengthsUs = new Map<unknown, number>();
  /** When the first answer was written that nobody was told of; NaN where there is none. */
  #sinceUs = NaN;

  /** A call of `kernel` took so long. */
  learn(kernel: unknown, lengthUs: number): void {
    const before = this.#lengthsUs.get(kernel) ?? lengthUs;
    this.#lengthsUs.set(kernel, before + (lengthUs - before) * LAST_CALL_PART);
  }

  /** The main thread is being told of all answers, or has heard all before the last one. */
  told(): void {
    this.#sinceUs = NaN;
  }

  /** Whether the answer that was written now is told after the next call, which is of `next`, of `waiting` calls that wait. */
  canWait(nowUs: number, next: unknown, waiting: number): boolean {
    const lengthUs = this.#lengthsUs.get(next);
    if (lengthUs === undefined || lengthUs * (waiting - 1) < REFILL_US) return false;
    if (Number.isNaN(this.#sinceUs)) this.#sinceUs = nowUs;
    return nowUs + lengthUs - this.#sinceUs <= QUIET_US;
  }
}
