import type { Runtime, Timer } from '../../events/index.ts';

/** An answer that nobody was told of is heard at most so late, however long the next job takes. */
const LATE_US = 10_000;

/** What it looks into. */
export interface AnswerSource {
  /** Takes the answers that are there. */
  look(): void;
  /** Whether there may be others later that nobody is told of. */
  readonly mayBeQuiet: boolean;
}

/**
 * Hears the answers that nobody was told of (quiet.ts).
 *
 * 1. Whenever one thread wakes the main thread, the answers of all are taken: the others need not wake it for these.
 * 2. It looks by itself where none did for long, while jobs are with threads that may be answered without a word: a thread that
 *    took the next job for a short one may be wrong, and then cannot say so before that ends.
 */
export class LateAnswers {
  readonly #runtime: Runtime;
  readonly #sources: readonly AnswerSource[];
  #timer: Timer | null = null;
  #lookedUs = -Infinity;
  #closed = false;

  /** `sources` may still be filled. */
  constructor(runtime: Runtime, sources: readonly AnswerSource[]) {
    this.#runtime = runtime;
    this.#sources = sources;
  }

  /** Some of the jobs that were posted may be answered without a word. */
  expect(): void {
    if (this.#timer === null && !this.#closed) this.#arm(this.#runtime.nowUs() + LATE_US);
  }

  /** Takes the answers that are there. */
  look(): void {
    this.#lookedUs = this.#runtime.nowUs();
    for (const source of this.#sources) source.look();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #arm(atUs: number): void {
    this.#timer = this.#runtime.setTimer(atUs, () => {
      this.#timer = null;
      if (this.#runtime.nowUs() >= this.#lookedUs + LATE_US) this.look();
      const more = !this.#closed && this.#sources.some((source) => source.mayBeQuiet);
      if (more) this.#arm(this.#lookedUs + LATE_US);
    });
  }
}
