import { invalid } from '../base/index.ts';
import type { EventSink, SchedEvent } from './event.ts';

/** Options of `new Recorder`. */
export interface RecorderOptions {
  /** How many events it keeps, at least 1. Default 10,000. */
  readonly capacity?: number;
}

/**
 * Keeps the last events that it was handed, and counts those that it had to drop for them.
 *
 * For looking back: give it to `observe`, or to a runtime as its `sink`, and read it when something went wrong. Who made it
 * owns it; nothing closes it. Its memory grows up to `capacity` events and no further. Cost of an event: one store.
 *
 * @example
 * const recorder = new Recorder({ capacity: 1000 });
 * const runtime = new VirtualRuntime({ sink: recorder });
 * const scheduler = new Scheduler({ label: 'sim', driver: new MockRing({ runtime }), runtime });
 * scheduler.createEntity().submit({ durationUs: 500 });
 * runtime.runUntilIdle();
 * const done = recorder.events().find((event) => event.type === 'job-done');
 * console.log(done?.atUs, recorder.dropped); // 500 0
 */
export class Recorder implements EventSink {
  readonly capacity: number;
  /** Full when it has `capacity` events; then `#oldest` is where the next one goes. */
  #events: SchedEvent[] = [];
  #oldest = 0;
  #dropped = 0;

  /** @throws {ERR_INVALID_ARGUMENT} unless the capacity is a whole number, at least 1 */
  constructor(options: RecorderOptions = {}) {
    const { capacity = 10_000 } = options;
    if (!(Number.isSafeInteger(capacity) && capacity >= 1)) {
      throw invalid('Recorder: capacity', 'a number of events, at least 1', capacity);
    }
    this.capacity = capacity;
  }

  /** How many events were dropped, oldest first, because later ones took their place. */
  get dropped(): number {
    return this.#dropped;
  }

  emit(event: SchedEvent): void {
    if (this.#events.length < this.capacity) {
      this.#events.push(event);
      return;
    }
    this.#events[this.#oldest] = event;
    this.#oldest = (this.#oldest + 1) % this.capacity;
    this.#dropped += 1;
  }

  /** What it holds, oldest first; a copy of the list. */
  events(): SchedEvent[] {
    return [...this.#events.slice(this.#oldest), ...this.#events.slice(0, this.#oldest)];
  }

  /** Forgets what it holds, and what it dropped. */
  clear(): void {
    this.#events = [];
    this.#oldest = 0;
    this.#dropped = 0;
  }
}
