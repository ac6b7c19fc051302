import type { EventTurns } from '../../host/index.ts';

/** After so long without news the GPU is at a long job, and this thread has nothing else to do. */
const QUIET_US = 100;
/** A turn of the event loop that takes longer did something. */
const WORK_US = 30;

/** What a lookout is made of. */
export interface LookoutOptions {
  readonly nowUs: () => number;
  /** Whether the bindings ask the GPU now. */
  readonly isBusy: () => boolean;
  /** `null`: there are none, and it never rests. */
  readonly turns: EventTurns | null;
}

/**
 * Lets this thread rest while it only waits for the GPU.
 *
 * In Node the bindings of WebGPU ask the GPU in each turn of the event loop whether it is done, without a pause. That takes a
 * whole processor, which a GPU in software needs itself; and each turn makes garbage, whose collection stopped the thread for 20 ms
 * five times a second. So after a moment without news this thread sleeps about 0.1 ms in each turn.
 *
 * 1. News is a job that begins, or is done, or a turn in which the application did something: a thread that is used does not rest.
 * 2. It looks in each turn while the GPU is busy, and not at all otherwise.
 */
export class Lookout {
  readonly #options: LookoutOptions;
  #newsUs = 0;
  /** When the turn before was looked at. */
  #lookedUs = 0;
  #isLooking = false;

  constructor(options: LookoutOptions) {
    this.#options = options;
  }

  /** Something began on the GPU, or is done. */
  news(): void {
    const { nowUs, turns } = this.#options;
    this.#newsUs = nowUs();
    if (this.#isLooking || turns === null) return;
    this.#isLooking = true;
    this.#lookedUs = this.#newsUs;
    turns.next(this.#look);
  }

  readonly #look = (): void => {
    const { nowUs, turns, isBusy } = this.#options;
    if (turns === null || !isBusy()) {
      this.#isLooking = false;
      return;
    }
    const atUs = nowUs();
    if (atUs - this.#lookedUs > WORK_US) this.#newsUs = atUs;
    const rests = atUs - this.#newsUs > QUIET_US;
    if (rests) turns.rest();
    this.#lookedUs = rests ? nowUs() : atUs;
    turns.next(this.#look);
  };
}
