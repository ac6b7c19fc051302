import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { deferred, messageOf } from '../../base/index.ts';
import type { Deferred } from '../../base/index.ts';
import { FrameCutter, FrameWriter } from './frames.ts';
import { readFromGpu, WIRE_VERSION, writeToGpu } from './wire.ts';
import type { AdapterName, FromGpu, GpuRequest, ToGpu } from './wire.ts';

/** Who hears from a GPU process: the ring that it executes for, or the pool while it is spare. */
export interface ProcessOwner {
  messageCame(gpu: GpuProcess, message: FromGpu): void;
  /** The process ended by itself, or said something that nobody understands. Called at most once, never after `kill`. */
  died(gpu: GpuProcess, why: string): void;
}

/** How much of what a process wrote before it died is kept. */
const STDERR_MAX = 2000;
/** How long a start takes at most by default: one that takes longer never ends. */
export const START_MS = 20_000;
/** A timer cannot be longer. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** How long a process that died may be survived by its end of the pipe. */
const LAST_WORDS_MS = 1000;

/**
 * The scheduling process's end of one GPU process.
 *
 * 1. starting, until it says that it is ready, for so long and no longer; what is posted before is kept for it.
 * 2. ready.
 * 3. over: it died, and what it had said is heard, refused to open a device, spoke nonsense, was not ready in time, or `kill` was
 *    called. It is heard no more.
 *
 * It keeps the process alive only between `ref` and `unref`, and while it is being killed.
 */
export class GpuProcess {
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  readonly #out = new FrameWriter();
  readonly #cutter = new FrameCutter();
  readonly #exited: Deferred<void> = deferred();
  readonly #isReady: Deferred<void> = deferred();
  readonly #startTimer: ReturnType<typeof setTimeout> | undefined;
  #stderr = '';
  #flushAsked = false;
  #started = false;
  #over = false;
  /** The hardware, once it is ready. */
  adapter: AdapterName | null = null;
  owner: ProcessOwner;

  constructor(request: GpuRequest, owner: ProcessOwner, startTimeoutMs: number) {
    this.owner = owner;
    const { spawn } = process.getBuiltinModule('node:child_process');
    const { fileURLToPath } = process.getBuiltinModule('node:url');
    const script = fileURLToPath(new URL('./gpuProcess.js', import.meta.url));
    this.#child = spawn(process.execPath, [script], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    this.#socket = this.#child.stdio[3] as Socket;
    this.#isReady.promise.catch(() => {});
    this.#socket.on('data', (chunk: Uint8Array) => this.#came(chunk));
    // Its end is told by the exit.
    this.#socket.on('error', () => {});
    this.#child.stderr?.on('data', (chunk: Uint8Array) => {
      this.#stderr = (this.#stderr + String(chunk)).slice(-STDERR_MAX);
    });
    this.#child.on('error', (error) => this.#end(messageOf(error)));
    this.#child.on('exit', (code, signal) => this.#exit(exitReason(code, signal)));
    this.post({ type: 'hello', version: WIRE_VERSION, request });
    this.unref();
    if (startTimeoutMs > TIMER_MS_MAX) return;
    // One turn later: where this thread stood still, what the process said meanwhile is heard first.
    const late = (): unknown => setImmediate(() => this.#late(startTimeoutMs));
    this.#startTimer = setTimeout(late, startTimeoutMs).unref();
  }

  /** Whether its device is open. */
  get ready(): boolean {
    return this.#started;
  }

  /** Resolves when its device is open; rejects if it ends before. */
  get whenReady(): Promise<void> {
    return this.#isReady.promise;
  }

  /** Posts `message`; what is posted in one turn goes together. */
  post(message: ToGpu): void {
    if (this.#over) return;
    writeToGpu(this.#out, message);
    if (this.#flushAsked) return;
    this.#flushAsked = true;
    queueMicrotask(() => {
      this.#flushAsked = false;
      const chunks = this.#out.take();
      if (this.#over) return;
      this.#socket.cork();
      for (const chunk of chunks) this.#socket.write(chunk);
      this.#socket.uncork();
    });
  }

  /** Keeps the process alive. */
  ref(): void {
    this.#child.ref();
    this.#socket.ref();
  }

  /** Lets the process end. */
  unref(): void {
    this.#child.unref();
    this.#socket.unref();
    (this.#child.stderr as Socket | null)?.unref();
  }

  /** Ends it, whatever it does; resolves when it can no longer run. A second call waits for the same. */
  kill(): Promise<void> {
    clearTimeout(this.#startTimer);
    if (!this.#over) {
      this.#over = true;
      this.#isReady.reject(new Error('the GPU process was ended'));
      this.#child.ref();
      this.#child.kill('SIGKILL');
    }
    return this.#exited.promise;
  }

  #late(startTimeoutMs: number): void {
    if (!this.#started && !this.#over) this.#disown(`it was not ready after ${startTimeoutMs} ms`);
  }

  #came(chunk: Uint8Array): void {
    if (this.#over) return;
    try {
      for (const frame of this.#cutter.push(chunk)) {
        this.#take(readFromGpu(frame));
        // What it said may have ended it.
        if (this.#over) return;
      }
    } catch (error) {
      this.#disown(`it said what cannot be understood: ${messageOf(error)}`);
    }
  }

  #take(message: FromGpu): void {
    if (message.type === 'ready') {
      if (message.version !== WIRE_VERSION) {
        this.#disown(`it speaks version ${message.version} of the wire, not ${WIRE_VERSION}`);
        return;
      }
      this.#started = true;
      clearTimeout(this.#startTimer);
      this.adapter = message.adapter;
      this.#isReady.resolve();
    } else if (message.type === 'refused') {
      this.#disown(message.message);
      return;
    }
    this.owner.messageCame(this, message);
  }

  /** It is of no use any more. */
  #disown(why: string): void {
    const { owner } = this;
    this.#isReady.reject(new Error(why));
    void this.kill();
    owner.died(this, why);
  }

  /** It can run no more, but what it said may still be in the pipe, and how that ends. */
  #exit(why: string): void {
    this.#exited.resolve();
    if (this.#over || this.#socket.closed) {
      this.#end(why);
      return;
    }
    const timer = setTimeout(() => this.#socket.destroy(), LAST_WORDS_MS).unref();
    this.#socket.once('close', () => {
      clearTimeout(timer);
      this.#end(why);
    });
  }

  #end(why: string): void {
    clearTimeout(this.#startTimer);
    this.#socket.destroy();
    this.#exited.resolve();
    if (this.#over) return;
    this.#over = true;
    const said = this.#stderr.trim();
    const reason = said === '' ? why : `${why}; it wrote: ${said}`;
    this.#isReady.reject(new Error(reason));
    this.owner.died(this, reason);
  }
}

function exitReason(code: number | null, signal: string | null): string {
  return signal === null ? `it exited with code ${code}` : `it was ended by ${signal}`;
}
