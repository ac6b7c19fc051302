import type { Runtime, Timer } from '../../events/index.ts';

/** An answer that nobody was told of is heard at most so late, however long the next job takes. */
const LATE_US = 10_000;

/** What it looks into. */
export interface AnswerSource {
  /** Takes the answers that are there; whether there may be others later that it is not told of. */
  look(): boolean;
}

/**
 * Looks into the answers of all threads at times, while jobs are with them that may be answered without a word (quiet.ts): a thread
 * that took the next job for a short one may be wrong, and then cannot say so before that ends.
 */
export class LateAnswers {
  readonly #runtime: Runtime;
  readonly #sources: readonly AnswerSource[];
  #timer: Timer | null = null;
  #closed = false;

  /** `sources` may still be filled. */
  constructor(runtime: Runtime, sources: readonly AnswerSource[]) {
    this.#runtime = runtime;
    this.#sources = sources;
  }

  /** Some of the jobs that were posted may be answered without a word. */
  expect(): void {
    if (this.#timer !== null || this.#closed) return;
    this.#timer = this.#runtime.setTimer(this.#runtime.nowUs() + LATE_US, () => {
      this.#timer = null;
      const more = this.#sources.map((source) => source.look());
      if (more.includes(true)) this.expect();
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = null;
  }
}
