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

/** The clock of the platform. */
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
      const timer = setTimeout(done, Math.max(0, atMs - performance.now()));
      if (options?.whileOthersDo === true) timer.unref();
      signal.addEventListener('abort', done);
    });
  },
};
