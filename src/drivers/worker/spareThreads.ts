import type { Death, ThreadHandle, ThreadOwner } from './threadHandle.ts';

/** How a pool starts a thread, and whom it tells that threads cannot live here. */
export interface SpareThreadsOptions {
  /** How many threads wait, ready, beyond those that rings use. */
  readonly spares: number;
  readonly start: (owner: ThreadOwner) => ThreadHandle;
  /** A thread that executed nothing died. */
  readonly onDeath: (death: Death) => void;
}

/**
 * Threads that are started and wait to take over for one that hung or died, so that nobody waits for a start (about 20 ms).
 *
 * It holds `spares` threads, and one more for each ring that has none. It also remembers which threads are being
 * stopped, so that a close can wait for them.
 */
export class SpareThreads implements ThreadOwner {
  readonly #options: SpareThreadsOptions;
  readonly #waiting: ThreadHandle[] = [];
  readonly #stopping = new Map<ThreadHandle, Promise<void>>();
  #wanted: number;
  #closed = false;

  constructor(options: SpareThreadsOptions) {
    this.#options = options;
    this.#wanted = options.spares;
  }

  /** The threads that wait; for the one who opens the device and waits for all. */
  get waiting(): readonly ThreadHandle[] {
    return this.#waiting;
  }

  /** A ring has no thread: one more is kept for it. */
  owe(): void {
    this.#wanted += 1;
    this.#fill();
  }

  /** Gives a thread to a ring that has none: a ready one if there is one. */
  take(owner: ThreadOwner): ThreadHandle {
    const index = Math.max(
      0,
      this.#waiting.findIndex((thread) => thread.ready),
    );
    const [thread = this.#options.start(owner)] = this.#waiting.splice(index, 1);
    thread.owner = owner;
    this.#wanted -= 1;
    return thread;
  }

  /** Ends a thread that a ring gave up; resolves when it can no longer run. */
  stop(thread: ThreadHandle): Promise<void> {
    const stopped = thread.stop();
    this.#stopping.set(thread, stopped);
    void stopped.then(() => this.#stopping.delete(thread));
    return stopped;
  }

  /** Ends all that wait; resolves when these, and all that were being stopped, can no longer run. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const thread of this.#waiting.splice(0)) void this.stop(thread);
    await Promise.all(this.#stopping.values());
  }

  /** Lets the process end although threads have not stopped. */
  abandon(): void {
    for (const thread of this.#stopping.keys()) thread.unref();
  }

  messagesCame(): void {}

  died(thread: ThreadHandle, death: Death): void {
    this.#waiting.splice(this.#waiting.indexOf(thread), 1);
    this.#options.onDeath(death);
    this.#fill();
  }

  #fill(): void {
    while (!this.#closed && this.#waiting.length < this.#wanted) {
      this.#waiting.push(this.#options.start(this));
    }
  }
}
