/** The turns of an event loop that something keeps turning without a pause, and a rest in one of them. */
export interface EventTurns {
  /** Calls `fn` in the next turn. Keeps the process alive until then. */
  next(fn: () => void): void;
  /** Stops this thread for about 0.2 ms: timers of the system are no finer. */
  rest(): void;
  /** Holds this thread still for `us` microseconds, without sleep: for times that are shorter than a rest. */
  holdStill(us: number): void;
}

/** What the system makes of less is not much less. */
const REST_MS = 0.1;

/** The turns of Node's event loop; `null` elsewhere, where pages may not be stopped and nothing polls in turns. */
export function eventTurns(): EventTurns | null {
  if (!isNode()) return null;
  const cell = new Int32Array(new SharedArrayBuffer(4));
  return {
    next: (fn) => void setImmediate(fn),
    rest: () => void Atomics.wait(cell, 0, 0, REST_MS),
    holdStill(us) {
      const untilMs = performance.now() + us / 1000;
      while (performance.now() < untilMs);
    },
  };
}

/** Whether this is Node itself. Deno and Bun have the names of its modules, and other processes behind them. */
export function isNode(): boolean {
  const { process, Deno, Bun } = globalThis as {
    process?: { release?: { name?: string } };
    Deno?: unknown;
    Bun?: unknown;
  };
  return process?.release?.name === 'node' && Deno === undefined && Bun === undefined;
}
