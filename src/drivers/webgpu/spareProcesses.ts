import type { GpuProcess, ProcessOwner } from './processHandle.ts';

/** How a pool starts a process, and whom it tells that one died that executed nothing. */
export interface SpareProcessesOptions {
  /** How many processes wait, ready, beyond the one that the ring uses. */
  readonly spares: number;
  readonly start: (owner: ProcessOwner) => GpuProcess;
  readonly onDeath: (why: string) => void;
}

/**
 * GPU processes that are started and wait to take over, so that nobody waits for a start (about 130 ms).
 *
 * It holds `spares` processes, and one for the ring while that has none. It also remembers which are being killed, so that a
 * close can wait for them.
 */
export class SpareProcesses implements ProcessOwner {
  readonly #options: SpareProcessesOptions;
  readonly #waiting: GpuProcess[] = [];
  readonly #ending = new Set<Promise<void>>();
  #closed = false;

  constructor(options: SpareProcessesOptions) {
    this.#options = options;
  }

  /** The processes that wait. */
  get waiting(): readonly GpuProcess[] {
    return this.#waiting;
  }

  /** Starts as many as are to wait. */
  fill(): void {
    while (!this.#closed && this.#waiting.length < this.#options.spares) {
      this.#waiting.push(this.#options.start(this));
    }
  }

  /** Gives a process to the ring: a ready one if there is one. Another is started in its place. */
  take(owner: ProcessOwner): GpuProcess {
    const ready = this.#waiting.findIndex((gpu) => gpu.ready);
    const [gpu = this.#options.start(owner)] = this.#waiting.splice(Math.max(0, ready), 1);
    gpu.owner = owner;
    return gpu;
  }

  /** Ends a process that the ring gave up; resolves when it can no longer run. */
  end(gpu: GpuProcess): Promise<void> {
    const ended = gpu.kill();
    this.#ending.add(ended);
    void ended.then(() => this.#ending.delete(ended));
    return ended;
  }

  /** Ends all that wait; resolves when these, and all that were being ended, can no longer run. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const gpu of this.#waiting.splice(0)) void this.end(gpu);
    await Promise.all(this.#ending);
  }

  messageCame(gpu: GpuProcess, message: { readonly type: string }): void {
    if (message.type === 'lost') this.#drop(gpu, 'its device was lost while it waited');
  }

  died(gpu: GpuProcess, why: string): void {
    this.#drop(gpu, why);
  }

  /** The next one is started when it is needed, or after the next take-over: one that cannot live is not started again and again. */
  #drop(gpu: GpuProcess, why: string): void {
    const index = this.#waiting.indexOf(gpu);
    if (index === -1) return;
    this.#waiting.splice(index, 1);
    void this.end(gpu);
    this.#options.onDeath(why);
  }
}
