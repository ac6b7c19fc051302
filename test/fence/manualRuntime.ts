import { Ids } from '../../src/events/index.ts';
import type { EventSink, Runtime, SchedEvent, Timer } from '../../src/events/index.ts';

/** A runtime cranked by hand, for the tests of this folder, which must not lean on the simulator's rooms. */
export class ManualRuntime implements Runtime {
  readonly ids: Ids = new Ids();
  readonly events: SchedEvent[] = [];
  readonly sink?: EventSink;
  readonly #timers = new Map<object, { atUs: number; fn: () => void }>();
  #deferred: (() => void)[] = [];
  #nowUs = 0;

  constructor(options: { events?: boolean; sink?: EventSink } = {}) {
    if (options.sink !== undefined) this.sink = options.sink;
    else if (options.events === true) this.sink = { emit: (event) => this.events.push(event) };
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }

  nowUs(): number {
    return this.#nowUs;
  }

  defer(fn: () => void): void {
    this.#deferred.push(fn);
  }

  setTimer(atUs: number, fn: () => void): Timer {
    const key = {};
    this.#timers.set(key, { atUs, fn });
    return { cancel: () => void this.#timers.delete(key) };
  }

  /** Lets time pass and fires what is due, in order of time. */
  advanceBy(us: number): void {
    const endUs = this.#nowUs + us;
    for (;;) {
      let next: [object, { atUs: number; fn: () => void }] | null = null;
      for (const entry of this.#timers) {
        if (entry[1].atUs <= endUs && (next === null || entry[1].atUs < next[1].atUs)) next = entry;
      }
      if (next === null) break;
      this.#timers.delete(next[0]);
      this.#nowUs = Math.max(this.#nowUs, next[1].atUs);
      next[1].fn();
    }
    this.#nowUs = endUs;
  }

  /** Runs what was deferred; gives what it threw. */
  runDeferred(): unknown[] {
    const thrown: unknown[] = [];
    for (let fn = this.#deferred.shift(); fn !== undefined; fn = this.#deferred.shift()) {
      try {
        fn();
      } catch (error) {
        thrown.push(error);
      }
    }
    return thrown;
  }
}

/** What an event names and says, without its time. */
export function brief(events: readonly SchedEvent[]): string[] {
  return events.map((event) => {
    const fence = 'fence' in event && event.fence !== null ? ` ${event.fence.join(':')}` : '';
    const error = 'error' in event && event.error !== null ? ` ${event.error}` : '';
    return `${event.type}${fence}${error}`;
  });
}
