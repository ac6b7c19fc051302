/** Time for whoever paces a run; tests hand in one of their own. */
export interface Clock {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Resolves at `atMs`, or as soon as `signal` aborts, whichever comes first. */
  sleepUntil(atMs: number, signal: AbortSignal): Promise<void>;
}

/** The clock of the platform. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  sleepUntil(atMs, signal) {
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
      signal.addEventListener('abort', done);
    });
  },
};
