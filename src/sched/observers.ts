import type { FencelineError } from '../base/index.ts';
import { publisher } from '../events/index.ts';
import type { EventSink, FenceRef, Runtime, SchedEvent } from '../events/index.ts';
import { rethrowLater } from '../fence/index.ts';

/**
 * Who listens to a scheduler: its own observers, the runtime's sink, and while it is wanted the process's publisher.
 *
 * Callers ask `listening` before they build an event, so that nothing is built where nobody listens.
 */
export class Observers {
  readonly #runtime: Runtime;
  #own: EventSink[] = [];
  #all: EventSink[] = [];
  #isPublished = false;
  /** False for a scheduler that nobody opened. */
  #isPublic = true;
  #listening = false;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#gather();
    this.refresh();
  }

  /** Publishes nothing from now on. */
  hide(): void {
    this.#isPublic = false;
    this.refresh();
  }

  /** Looks whether somebody has subscribed where the process publishes, or does no longer. */
  refresh(): void {
    const isPublished = this.#isPublic && publisher !== null && publisher.wanted;
    if (isPublished === this.#isPublished) return;
    this.#isPublished = isPublished;
    this.#gather();
  }

  get listening(): boolean {
    return this.#listening;
  }

  /** Adds `sink`; returns how to stop, which may be called twice. */
  add(sink: EventSink): () => void {
    // A wrapper, so that a sink that is added twice is removed once at a time.
    const entry: EventSink = { emit: (event) => sink.emit(event) };
    this.#own.push(entry);
    this.#gather();
    return () => {
      this.#own = this.#own.filter((other) => other !== entry);
      this.#gather();
    };
  }

  emit(event: SchedEvent): void {
    for (const sink of this.#all) this.#hand(sink, event);
  }

  /** Tells the scheduler's own observers that a job's fence signalled; the fence itself tells the runtime's sink. */
  fenceSignalled(fence: FenceRef, error: FencelineError | null): void {
    for (const sink of this.#own) this.#hand(sink, this.#signal(fence, error));
  }

  /** The same for the runtime's sink, where there is no fence object to do it. */
  fenceSignalledToRuntime(fence: FenceRef, error: FencelineError | null): void {
    const { sink } = this.#runtime;
    if (sink !== undefined) this.#hand(sink, this.#signal(fence, error));
  }

  #signal(fence: FenceRef, error: FencelineError | null): SchedEvent {
    return { type: 'fence-signal', atUs: this.#runtime.nowUs(), fence, error: error?.code ?? null };
  }

  #hand(sink: EventSink, event: SchedEvent): void {
    try {
      sink.emit(event);
    } catch (error) {
      rethrowLater(this.#runtime, error);
    }
  }

  #gather(): void {
    const { sink } = this.#runtime;
    this.#all = [...this.#own];
    if (this.#isPublished && publisher !== null) this.#all.unshift(publisher);
    if (sink !== undefined) this.#all.unshift(sink);
    this.#listening = this.#all.length > 0;
  }
}
