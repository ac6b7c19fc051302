import type { EventTurns } from '../../host/index.ts';

/** A turn of the event loop that takes longer did something. */
const WORK_US = 30;
/** After so long without news this thread has nothing else to do. */
const QUIET_US = 30;
/** After so long without news the GPU is at a long job. */
const LONG_US = 1000;
/** Jobs that usually end so long after each other are long. */
const USUALLY_LONG_US = 500;
/** How long the thread is held still between two turns at most, and which part of the time that the GPU has work for. */
const STILL_US_MAX = 40;
const STILL_PART = 1 / 4;

/** What a lookout is made of. */
export interface LookoutOptions {
  readonly nowUs: () => number;
  /** How many jobs the GPU has; where it has any, the bindings ask it. */
  readonly inFlight: () => number;
  /** `null`: there are none, and it never rests. */
  readonly turns: EventTurns | null;
}

/**
 * Lets this thread rest while it only waits for the GPU.
 *
 * In Node the bindings of WebGPU ask the GPU in each turn of the event loop whether it is done, without a pause. That takes a
 * whole processor, which a GPU in software needs itself; and each turn makes garbage, whose collection stops the thread: `fenceline
 * bench webgpu-latency` shows what that costs a client. So in turns in which nothing happens this thread sleeps for some 0.2 ms.
 *
 * 1. It rests where jobs usually end long after each other, or the one that is executed takes long: of short jobs each answer counts.
 * 2. News is a job that begins, or is done, or a turn in which the application did something: a thread that is used does not rest.
 * 3. It looks in each turn while the GPU is busy, and not at all otherwise.
 * 4. Between short jobs it holds the thread still for a moment after a turn without news, where the GPU has more jobs than the one that is
 *    awaited, so that it does not run dry. The turns that are left out would have made garbage and found nothing. It is no sleep:
 *    that takes several times as long as is asked for.
 */
export class Lookout {
  readonly #options: LookoutOptions;
  #newsUs = 0;
  /** When the last job ended, or the first began. */
  #endUs = 0;
  /** How long after each other jobs usually end. */
  #usuallyUs = 0;
  /** When the turn before was looked at. */
  #lookedUs = 0;
  #isLooking = false;

  constructor(options: LookoutOptions) {
    this.#options = options;
  }

  /** A job is on the GPU. */
  began(): void {
    const { nowUs, turns } = this.#options;
    this.#newsUs = nowUs();
    if (this.#isLooking || turns === null) return;
    this.#isLooking = true;
    this.#endUs = this.#newsUs;
    this.#lookedUs = this.#newsUs;
    turns.next(this.#look);
  }

  /** A job is done. */
  ended(): void {
    const atUs = this.#options.nowUs();
    const afterUs = Math.min(atUs - this.#endUs, 4 * USUALLY_LONG_US);
    this.#usuallyUs += (afterUs - this.#usuallyUs) / 4;
    this.#newsUs = atUs;
    this.#endUs = atUs;
  }

  /** How long after each other jobs usually end, in microseconds. */
  get usuallyUs(): number {
    return this.#usuallyUs;
  }

  readonly #look = (): void => {
    const { nowUs, turns, inFlight } = this.#options;
    const count = inFlight();
    if (turns === null || count === 0) {
      this.#isLooking = false;
      return;
    }
    const atUs = nowUs();
    if (atUs - this.#lookedUs > WORK_US) this.#newsUs = atUs;
    const quietUs = atUs - this.#newsUs;
    const isLong = this.#usuallyUs > USUALLY_LONG_US;
    const rests = quietUs > (isLong ? QUIET_US : LONG_US);
    const holds = !rests && !isLong && quietUs > 0 && count > 1;
    if (rests) turns.rest();
    else if (holds) turns.holdStill(Math.min(STILL_US_MAX, STILL_PART * count * this.#usuallyUs));
    this.#lookedUs = rests || holds ? nowUs() : atUs;
    turns.next(this.#look);
  };
}
