import type { MessagePort } from 'node:worker_threads';
import { CANCELLED } from './protocol.ts';
import type { CallMessage, FromThread } from './protocol.ts';
import type { WorkerContext } from './work.ts';

/** The one implementation of `WorkerContext`; lives in the thread, for one job. */
export class JobContext implements WorkerContext {
  /** Of the slice that executes, or was the last one to. */
  id: number;
  readonly #isHeard: boolean;
  readonly #port: MessagePort;
  readonly #status: Int32Array;
  #transfer: object[] = [];
  #abort: AbortController | null = null;
  #asked = false;
  #ended = false;

  constructor(job: CallMessage, port: MessagePort, status: Int32Array) {
    this.id = job.id;
    this.#isHeard = job.progress;
    this.#port = port;
    this.#status = status;
  }

  get cancelled(): boolean {
    return this.#asked || Atomics.load(this.#status, CANCELLED) === this.id;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.cancelled) this.abort();
    return this.#abort.signal;
  }

  progress(value: unknown): void {
    if (this.#ended || !this.#isHeard) return;
    const mayBeUnreadable = typeof value === 'object' && value !== null;
    if (mayBeUnreadable) this.#post({ type: 'tells' });
    try {
      this.#post({ type: 'progress', id: this.id, value });
    } catch (error) {
      if (mayBeUnreadable) this.#post({ type: 'wake' });
      throw error;
    }
  }

  transfer(...objects: readonly object[]): void {
    this.#transfer.push(...objects);
  }

  /** The job was asked to end early. */
  abort(): void {
    this.#asked = true;
    this.#abort?.abort(new Error('the job was cancelled'));
  }

  /** The job has ended; gives what moves with its result. */
  end(): readonly object[] {
    this.#ended = true;
    return this.#transfer;
  }
  #post(message: FromThread): void {
    this.#port.postMessage(message);
  }
}
