/** Timers and I/O have their turn after this many starts, or so much time in passes (S2). */
const STARTS_MAX = 256;
const BUSY_US_MAX = 2000;
/** Passes that lie so far apart have the event loop turn between them. */
const PAUSE_US = 100;

/**
 * What a scheduler may still do before timers and I/O have their turn (S2).
 *
 * Passes are deferred: where jobs end at once and others are submitted for them, pass follows pass without a turn of the event loop. So
 * what counts is what all of them do together.
 */
export class Turn {
  #starts = 0;
  #busyUs = 0;
  #beganUs = 0;
  #endedUs = 0;

  /** A pass begins. */
  begin(nowUs: number): void {
    if (nowUs - this.#endedUs > PAUSE_US) this.renew();
    this.#beganUs = nowUs;
  }

  /** A job was started. */
  started(): void {
    this.#starts += 1;
  }

  isOver(nowUs: number): boolean {
    return this.#starts >= STARTS_MAX || this.#busyUs + nowUs - this.#beganUs > BUSY_US_MAX;
  }

  /** The pass ends. */
  end(nowUs: number): void {
    this.#busyUs += nowUs - this.#beganUs;
    this.#endedUs = nowUs;
  }

  /** The event loop turns before the next pass. */
  renew(): void {
    this.#starts = 0;
    this.#busyUs = 0;
  }
}
