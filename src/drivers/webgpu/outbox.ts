import { FrameWriter } from './frames.ts';
import { writeFromGpu } from './wire.ts';
import type { FromGpu } from './wire.ts';

/** An answer waits so long for others to go with it. */
const HOLD_US = 200;

/** What an outbox is made of. */
export interface OutboxOptions {
  readonly nowUs: () => number;
  /** How many jobs are not answered yet. */
  readonly inFlight: () => number;
  /** How long after each other jobs usually end, in microseconds. */
  readonly usuallyUs: () => number;
  /** Calls `fn` after the call stack. */
  readonly soon: (fn: () => void) => void;
  /** Calls `fn` in the next turn of the event loop. */
  readonly nextTurn: (fn: () => void) => void;
  /** Takes what goes to the other end. */
  readonly deliver: (chunks: readonly Uint8Array[]) => void;
}

/**
 * What the GPU process tells: several messages go together, because each delivery wakes the other end, which costs it more
 * than what it is told.
 *
 * 1. What is sent goes after the call stack, or now, with all that was written until then, in that order.
 * 2. The answer of a short job may be held: until as many jobs are answered as are still on the GPU, which has enough to do until
 *    there is more, and for `HOLD_US` at most.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #writer = new FrameWriter();
  #flushAsked = false;
  /** How many answers are held, and since when the first of them is. */
  #held = 0;
  #heldUs = 0;
  #releaseAsked = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Rule 1. */
  send(message: FromGpu): void {
    writeFromGpu(this.#writer, message);
    if (this.#flushAsked) return;
    this.#flushAsked = true;
    this.#options.soon(() => this.#flush());
  }

  /** Sends `message` at once, with all that was written until now: what this process does next may end it. */
  sendNow(message: FromGpu): void {
    writeFromGpu(this.#writer, message);
    this.#flush();
  }

  /** Sends the answer of a job that ended just now, or holds it (rule 2). */
  answer(message: FromGpu): void {
    const { nowUs, inFlight, usuallyUs } = this.#options;
    this.#held += 1;
    if (this.#held >= inFlight() || usuallyUs() > HOLD_US / 2) {
      this.send(message);
      return;
    }
    writeFromGpu(this.#writer, message);
    if (this.#held === 1) this.#heldUs = nowUs();
    this.#askRelease();
  }

  #askRelease(): void {
    if (this.#releaseAsked) return;
    this.#releaseAsked = true;
    this.#options.nextTurn(() => this.#release());
  }

  /** Sends what is held, when it is time. */
  #release(): void {
    const { nowUs, inFlight } = this.#options;
    this.#releaseAsked = false;
    if (this.#held === 0) return;
    if (this.#held < inFlight() && nowUs() - this.#heldUs < HOLD_US) this.#askRelease();
    else this.#flush();
  }

  #flush(): void {
    this.#flushAsked = false;
    this.#held = 0;
    this.#options.deliver(this.#writer.take());
  }
}
