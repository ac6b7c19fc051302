/** Time for whoever paces a run; tests hand in one of their own. */
export interface Clock {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /**
   * Resolves at `atMs`, or as soon as `signal` aborts, whichever comes first. `whileOthersDo`: it does not keep the process
   * alive.
   */
  sleepUntil(
    atMs: number,
    signal: AbortSignal,
    options?: { readonly whileOthersDo: boolean },
  ): Promise<void>;
}

/** The longest delay that Node's timers take; they fire at once where it is longer. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/**
 * The clock of the platform. Sleeps of any length: the longest come in pieces. Not the timers of `systemRuntime()`, which always keep the
 * process alive.
 */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  sleepUntil(atMs, signal, options) {
    return new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      let timer: NodeJS.Timeout;
      const sleep = (): void => {
        const restMs = Math.max(0, atMs - performance.now());
        timer = setTimeout(restMs > DELAY_MS_MAX ? sleep : done, Math.min(restMs, DELAY_MS_MAX));
        if (options?.whileOthersDo === true) timer.unref();
      };
      sleep();
      signal.addEventListener('abort', done);
    });
  },
};
