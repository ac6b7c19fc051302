import { deferred } from '../base/index.ts';
import type { Deferred } from '../base/index.ts';
import type { EventSink, Runtime, SchedEvent } from '../events/index.ts';

/** How a read of a stream ends. */
type Read = IteratorResult<SchedEvent, undefined>;

/**
 * Events as an async iterable of bounded memory.
 *
 * It keeps up to `capacity` events that were not read yet. Those that come while it is full are lost, and counted: a
 * `dropped` event stands in their place. It ends when its device does, after what it holds was read, or when the reader stops.
 */
export class EventStream implements EventSink, AsyncIterableIterator<SchedEvent, undefined> {
  readonly #runtime: Runtime;
  readonly #capacity: number;
  readonly #onStop: (stream: EventStream) => void;
  #events: SchedEvent[] = [];
  #next = 0;
  #dropped = 0;
  #ended = false;
  readonly #readers: Deferred<Read>[] = [];

  constructor(runtime: Runtime, capacity: number, onStop: (stream: EventStream) => void) {
    this.#runtime = runtime;
    this.#capacity = capacity;
    this.#onStop = onStop;
  }

  emit(event: SchedEvent): void {
    // Whoever heard of the event before may have ended the stream.
    if (this.#ended) return;
    const reader = this.#readers.shift();
    if (reader !== undefined) reader.resolve({ done: false, value: event });
    else if (this.#events.length - this.#next >= this.#capacity) this.#dropped += 1;
    else {
      this.#markDropped();
      this.#events.push(event);
    }
  }

  /** No more events come. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onStop(this);
    for (const reader of this.#readers.splice(0)) reader.resolve({ done: true, value: undefined });
  }

  next(): Promise<Read> {
    if (this.#next === this.#events.length) this.#markDropped();
    if (this.#next < this.#events.length)
      return Promise.resolve({ done: false, value: this.#shift() });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    const reader = deferred<Read>();
    this.#readers.push(reader);
    return reader.promise;
  }

  return(): Promise<Read> {
    this.#events = [];
    this.#next = 0;
    this.#dropped = 0;
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #shift(): SchedEvent {
    const event = this.#events[this.#next] as SchedEvent;
    this.#next += 1;
    if (this.#next >= 1024) {
      this.#events = this.#events.slice(this.#next);
      this.#next = 0;
    }
    return event;
  }

  #markDropped(): void {
    const count = this.#dropped;
    if (count === 0) return;
    this.#dropped = 0;
    const message = `${count} events were lost here: the reader was slower than the device`;
    this.#events.push({ type: 'dropped', atUs: this.#runtime.nowUs(), message, count });
  }
}
