import type { receiveMessageOnPort, ResourceLimits, Worker } from 'node:worker_threads';
import { deferred } from '../../base/index.ts';
import type { Deferred } from '../../base/index.ts';
import { AnswerLog } from './answerLog.ts';
import { CANCELLED, CANCELS, EXECUTING, HALTED, WORDS } from './protocol.ts';
import type {
  FromThread,
  JobMessage,
  ThreadStart,
  ToThread,
  UnreadableMessage,
} from './protocol.ts';
import type { Movable, Transferable } from './work.ts';

/** How a thread ended that nobody stopped. */
export interface Death {
  readonly exitCode: number;
  /** What was thrown outside of a job's call, or that the heap is exhausted; `null` after `process.exit`. */
  readonly error: unknown;
}

/** Who hears from a thread: the ring that it executes for, or the pool while it is spare. */
export interface ThreadOwner {
  /** Messages have come; `thread.receive()` gives them. Called once for many. */
  messagesCame(thread: ThreadHandle): void;
  /** The thread ended by itself; what it posted before is still to be received. Called at most once, never after `stop`. */
  died(thread: ThreadHandle, death: Death): void;
}

/**
 * The main thread's end of one thread.
 *
 * 1. starting, until it says that it is ready; what is posted before is kept for it.
 * 2. ready.
 * 3. over: it died by itself, or `stop` was called. It answers nothing any more; nothing is posted to it.
 *
 * It keeps the process alive only between `ref` and `unref`, and while it is being stopped.
 */
export class ThreadHandle {
  readonly #worker: Worker;
  readonly #port: ThreadStart['port'];
  readonly #status: Int32Array;
  readonly #receiveMessageOnPort: typeof receiveMessageOnPort;
  readonly #exited: Deferred<void> = deferred();
  readonly #isReady: Deferred<void> = deferred();
  readonly #log = new AnswerLog();
  readonly #inbox: (FromThread | UnreadableMessage)[] = [];
  /** Of the next job that is posted. */
  #nextId = 1;
  /** Of the last job whose answer is in the inbox, or was. */
  #answeredId = 0;
  /** The next message is progress. */
  #tells = false;
  #error: unknown = null;
  #over = false;
  #closed = false;
  #started = false;
  owner: ThreadOwner;

  constructor(name: string, owner: ThreadOwner, resourceLimits: ResourceLimits) {
    const threads = process.getBuiltinModule('node:worker_threads');
    const { port1, port2 } = new threads.MessageChannel();
    this.owner = owner;
    this.#port = port1;
    this.#receiveMessageOnPort = threads.receiveMessageOnPort;
    this.#status = new Int32Array(new SharedArrayBuffer(4 * WORDS));
    this.#worker = new threads.Worker(new URL('./thread.js', import.meta.url), {
      name,
      workerData: {
        port: port2,
        status: this.#status,
        answers: this.#log.memory,
      } satisfies ThreadStart,
      transferList: [port2],
      resourceLimits,
      ...flagsForThreads(),
    });
    this.#isReady.promise.catch(() => {});
    port1.on('message', (message: FromThread) => this.#came(message));
    port1.on('messageerror', (error: unknown) => {
      if (this.#over) return;
      this.#keepUnreadable(error);
      this.owner.messagesCame(this);
    });
    port1.unref();
    this.#worker.unref();
    this.#worker.on('error', (error: unknown) => {
      this.#error = error;
    });
    this.#worker.on('exit', (exitCode) => this.#exit(exitCode));
  }

  /** Whether it has said that it is ready. */
  get ready(): boolean {
    return this.#started;
  }

  /** Resolves when it is ready; rejects if it ends before. */
  get whenReady(): Promise<void> {
    return this.#isReady.promise;
  }

  /** The id of the job that executes there now, or 0. */
  get executing(): number {
    return Atomics.load(this.#status, EXECUTING);
  }

  /** Whether it has begun a job, ever. */
  get hasWorked(): boolean {
    return this.#answeredId > 0 || this.executing !== 0;
  }

  /** The id of the first job of the next `postJobs`; those after it count on. */
  get nextId(): number {
    return this.#nextId;
  }

  /** Posts `jobs` as one message. Throws as `post` does. */
  postJobs(jobs: readonly JobMessage[], transfer: readonly Transferable[]): void {
    this.post({ type: 'jobs', jobs }, transfer);
    this.#nextId += jobs.length;
  }

  /** Begins anew with the id of a job that the thread could not read. */
  sendAgain(id: number): void {
    this.#nextId = id;
    if (Atomics.load(this.#status, CANCELLED) >= id) Atomics.store(this.#status, CANCELLED, 0);
    this.post({ type: 'again' }, []);
  }

  /** @throws what `postMessage` throws when a message cannot be cloned; then nothing was posted */
  post(message: ToThread, transfer: readonly Transferable[]): void {
    if (transfer.length === 0) this.#port.postMessage(message);
    else this.#port.postMessage(message, transfer as Movable[]);
  }

  /** Asks the thread to end a job early; `executes` where it may have begun. */
  cancel(id: number, executes: boolean): void {
    if (executes) Atomics.store(this.#status, CANCELLED, id);
    this.post({ type: 'cancel', id }, []);
    Atomics.add(this.#status, CANCELS, 1);
  }

  /**
   * Whether job `id` executes there, or none with 0. If so, nothing begins after it until `goOn`, so that who stops the thread finds what
   * was behind it as it was judged to be: not begun (T4). If not, the thread goes on.
   */
  halt(id: number): boolean {
    Atomics.store(this.#status, HALTED, 1);
    if (this.executing === id) return true;
    this.goOn();
    return false;
  }

  /** Lets it begin jobs again. */
  goOn(): void {
    Atomics.store(this.#status, HALTED, 0);
    Atomics.notify(this.#status, HALTED);
  }

  /** Whether it has answered a job that `receive` did not give yet, also where the event loop did not come round to it. */
  hasAnswers(): boolean {
    this.#pull();
    return this.#inbox.some((message) => message.type !== 'progress');
  }

  /** Whether there are answers in its log. */
  get hasWritten(): boolean {
    return this.#log.unread > 0;
  }

  /** What it has posted so far, also what the event loop has not delivered yet. */
  receive(): readonly (FromThread | UnreadableMessage)[] {
    this.#pull();
    return this.#inbox.splice(0);
  }

  /** Keeps the process alive. */
  ref(): void {
    this.#worker.ref();
  }

  /** Lets the process end. */
  unref(): void {
    this.#worker.unref();
  }

  /** Ends the thread, whatever it does; resolves when it can no longer run. A second call waits for the same. */
  stop(): Promise<void> {
    if (!this.#over) {
      this.#over = true;
      Atomics.store(this.#status, HALTED, 1);
      this.#worker.ref();
      void this.#worker.terminate();
    }
    return this.#exited.promise;
  }

  #came(message: FromThread): void {
    if (this.#over) return;
    this.#keep(message);
    this.owner.messagesCame(this);
  }

  /**
   * What was posted about a job before its answer was written into the log is read before that answer. A `wake` that is read may be
   * for answers that were written since it was looked: then it is looked again.
   */
  #pull(): void {
    let written: number;
    do {
      written = this.#log.written;
      this.#readPort();
      this.#readLog(written, Infinity);
    } while (this.#log.written !== written);
  }

  #readPort(): void {
    while (!this.#closed) {
      let next: { message: unknown } | undefined;
      try {
        next = this.#receiveMessageOnPort(this.#port) as typeof next;
      } catch (error) {
        this.#keepUnreadable(error);
        continue;
      }
      if (next === undefined) return;
      this.#keep(next.message as FromThread);
    }
  }

  #keep(message: FromThread): void {
    this.#tells = message.type === 'tells';
    if (message.type === 'ready') {
      this.#started = true;
      this.#isReady.resolve();
    } else if (message.type !== 'wake' && message.type !== 'tells') {
      this.#readLog(this.#log.written, message.id);
      this.#inbox.push(message);
      if (message.type !== 'progress' && message.type !== 'resend') this.#answeredId = message.id;
    }
  }

  /** Progress that cannot be read is not told. An answer is: the jobs before it were answered in the log, where they are next. */
  #keepUnreadable(cause: unknown): void {
    if (this.#tells) {
      this.#tells = false;
      return;
    }
    let before: number;
    do {
      before = this.#answeredId;
      this.#readLog(this.#log.written, before + 2);
    } while (this.#answeredId !== before);
    this.#answeredId += 1;
    this.#inbox.push({ type: 'unreadable', id: this.#answeredId, cause });
  }

  /** Takes the answers out of the log that are among the first `written`, and of jobs before `id`. */
  #readLog(written: number, id: number): void {
    for (;;) {
      const answer = this.#log.take(written, id);
      if (answer === null) return;
      this.#inbox.push(answer);
      this.#answeredId = answer.id;
    }
  }

  #exit(exitCode: number): void {
    this.#pull();
    this.#closed = true;
    this.#port.close();
    const died = !this.#over;
    this.#over = true;
    this.#isReady.reject(this.#error ?? new Error(`the thread ended with exit code ${exitCode}`));
    if (died) this.owner.died(this, { exitCode, error: this.#error });
    this.#exited.resolve();
  }
}

/**
 * Threads take over the flags of the process, except where it was started as `node --input-type=module -e …`: that flag is an
 * error for a thread, whose script is a file, and so are most others once they are listed.
 */
function flagsForThreads(): { execArgv?: string[] } {
  return process.execArgv.some((flag) => flag.startsWith('--input-type')) ? { execArgv: [] } : {};
}
