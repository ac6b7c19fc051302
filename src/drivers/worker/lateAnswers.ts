import type { Runtime, Timer } from '../../events/index.ts';

/**
 * Where answers were found it looks again so soon. A thread of short jobs that has work for 4 ms need not wake the main thread
 * then: in a virtual machine that takes it longer than all else that it does for a job, and it cannot execute meanwhile.
 */
const SOON_US = 2000;
/** An answer that nobody was told of is heard at most so late, however long the next job takes. */
const LATE_US = 10_000;

/** What it looks into. */
export interface AnswerSource {
  /** Takes the answers that are there; whether there were any. */
  look(): boolean;
  /** Whether there may be others later that nobody is told of. */
  readonly mayBeQuiet: boolean;
}

/**
 * Hears the answers that nobody was told of (quiet.ts).
 *
 * 1. Whenever one thread wakes the main thread, the answers of all are taken: the others need not wake it for these.
 * 2. It looks by itself where none did for a while, as long as jobs are with threads that may be answered without a word: soon
 *    after answers were found; else at times, because a thread that took the next job for a short one may be wrong, and
 *    then cannot say so before that ends.
 */
export class LateAnswers {
  readonly #runtime: Runtime;
  readonly #sources: readonly AnswerSource[];
  #timer: Timer | null = null;
  /** When it looks by itself, if no thread tells before. */
  #dueUs = 0;
  #closed = false;

  /** `sources` may still be filled. */
  constructor(runtime: Runtime, sources: readonly AnswerSource[]) {
    this.#runtime = runtime;
    this.#sources = sources;
  }

  /** Some of the jobs that were posted may be answered without a word. */
  expect(): void {
    if (this.#timer !== null || this.#closed) return;
    this.#dueUs = this.#runtime.nowUs() + LATE_US;
    this.#arm();
  }

  /** A thread told: takes the answers of all. */
  told(): void {
    this.#look();
    this.#dueUs = this.#runtime.nowUs() + SOON_US;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #arm(): void {
    this.#timer = this.#runtime.setTimer(this.#dueUs, () => {
      this.#timer = null;
      const nowUs = this.#runtime.nowUs();
      if (nowUs >= this.#dueUs) this.#dueUs = nowUs + (this.#look() ? SOON_US : LATE_US);
      const more = this.#sources.some((source) => source.mayBeQuiet);
      if (more && !this.#closed) this.#arm();
    });
  }

  #look(): boolean {
    let found = false;
    for (const source of this.#sources) if (source.look()) found = true;
    return found;
  }
}
