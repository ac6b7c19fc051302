/** Why a run submits no more: its time was up, or the user interrupted it. */
export type StopReason = 'duration' | 'interrupt';

/** Whether a run goes on. The first reason that ends it may be followed by a stronger one, `interrupt`. */
export class Stop {
  #reason: StopReason | null = null;
  readonly #abort = new AbortController();

  /** Aborts at the first reason. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get reason(): StopReason | null {
    return this.#reason;
  }

  /** Nothing more may be submitted, not even the rest of a round. */
  get isInterrupted(): boolean {
    return this.#reason === 'interrupt';
  }

  stop(reason: StopReason): void {
    if (this.#reason !== 'interrupt') this.#reason = reason;
    this.#abort.abort();
  }
}
