import { invalid, UsageError } from '../base/index.ts';
import type { FencelineError } from '../base/index.ts';
import { Account, checkedWeight, setShare } from '../sched/index.ts';
import type { EntityStats, Priority, Scheduler, SubmitOptions } from '../sched/index.ts';
import type { DeviceBackend, Task } from './backend.ts';
import { checkedBand, checkedClientOptions, checkedClose } from './clientOptions.ts';
import { add, sumOf } from './clientStats.ts';
import type {
  Client,
  ClientOptions,
  ClientStats,
  CloseClientOptions,
  Lease,
  LeaseOptions,
  Queue,
  Submission,
} from './device.ts';
import type { BufferOptions, DeviceBuffer } from './deviceBuffer.ts';
import { MemoryBook } from './memoryBooks.ts';
import type { Owned } from './owned.ts';
import { QueueCore } from './queueCore.ts';
import type { QueueHost } from './queueCore.ts';

/** What a client needs of its device. */
export interface ClientHost<W, P> extends QueueHost {
  readonly scheduler: Scheduler<Task<P>>;
  readonly backend: DeviceBackend<W, P>;
  /** @throws {ERR_DEVICE_GONE} */
  refuseIfGone(call: string): void;
  /** @throws {ERR_DEVICE_GONE, ERR_CLOSED} */
  refuseIfEnded(call: string): void;
  /** The client opens, and its first queue next. Called once; only its id, label and account are to be asked for. */
  clientOpens(client: ClientCore<W, P>): void;
  /** The client is closed. Called once. */
  clientClosed(client: ClientCore<W, P>): void;
}

/**
 * The one implementation of `Client`.
 *
 * 1. open: from `device.open` on.
 * 2. closing: it takes no more work; its queues flush, then are killed, then wait for attempts to retire (E4).
 * 3. closed: the device has forgotten it. From closing when that is over, or given up; from open by `dispose`; from both when
 *    the device has closed, in whose statistics it then stays.
 */
export class ClientCore<W, P> implements Client<W> {
  readonly id: number;
  readonly account: Account;
  readonly #host: ClientHost<W, P>;
  readonly #main: QueueCore<W, P>;
  /** What it holds of the device's memory. */
  readonly #book: MemoryBook | null;
  /** Queues that are open or closing, `#main` included. */
  readonly #queues = new Set<QueueCore<W, P>>();
  /** Queues that are closed, and of which something is still unfinished or on the hardware: what they did may still change (S13). */
  readonly #ending = new Set<QueueCore<W, P>>();
  /** What the other queues that are closed did. */
  #past: EntityStats | null = null;
  #queueCount = 0;
  #closing: Promise<void> | null = null;
  #isClosed = false;

  constructor(host: ClientHost<W, P>, id: number, options: ClientOptions) {
    const { label = `client ${id}`, weight, priority } = checkedClientOptions('open', options);
    this.#host = host;
    this.id = id;
    this.account = new Account({
      label,
      ...(weight === undefined ? {} : { weight }),
      ...(priority === undefined ? {} : { priority }),
    });
    this.#book = this.#openBook(options);
    host.clientOpens(this);
    // The weight and the band are those of the account.
    const { order, maxQueued } = options;
    this.#main = this.#openQueue({
      label,
      ...(order === undefined ? {} : { order }),
      ...(maxQueued === undefined ? {} : { maxQueued }),
    });
  }

  get label(): string {
    return this.account.label;
  }

  /** Whether it has something on a ring, or what could be there if there were room. */
  get waits(): boolean {
    for (const { entity } of this.#queues) if (entity.running > 0 || entity.ready) return true;
    return false;
  }

  submit<R = unknown>(work: W, options?: SubmitOptions): Submission<R> {
    return this.#main.submit<R>(work, options);
  }

  lease(options?: LeaseOptions): Promise<Lease> {
    return this.#main.lease(options);
  }

  queue(options: ClientOptions = {}): Queue<W> {
    this.#refuseIfClosed('queue');
    this.#host.refuseIfEnded('queue');
    if (this.#main.stats().banned) {
      throw new UsageError('ERR_CLIENT_BANNED', undefined, { label: this.label });
    }
    const { label = `${this.label}/queue ${this.#queueCount + 1}` } = checkedClientOptions(
      'queue',
      options,
    );
    this.#queueCount += 1;
    const queue = this.#openQueue({ ...options, label });
    try {
      // Whoever was told of the queue may have closed the client.
      this.#refuseIfClosed('queue');
    } catch (error) {
      this.killQueue(queue);
      throw error;
    }
    return new SideQueue(this, queue, label);
  }

  setWeight(weight: number): void {
    this.#setShare(checkedWeight('setWeight', weight), this.account.priority);
    if (this.#book !== null) this.#book.weight = weight;
  }

  setPriority(priority: Priority): void {
    this.#setShare(this.account.weight, checkedBand('setPriority', priority));
  }

  stats(): ClientStats {
    const [first, ...others] = this.#queues;
    const queues = [first ?? this.#main, ...others].map((queue) => queue.stats());
    const closed = [...this.#ending].map((queue) => queue.stats());
    if (this.#past !== null) closed.push(this.#past);
    const stats = sumOf(this, queues, closed);
    return this.#book === null ? stats : { ...stats, memory: this.#book.stats() };
  }

  allocate(options: BufferOptions): Owned<DeviceBuffer> {
    const { memory } = this.#host;
    if (memory === null) throw invalid('allocate', 'a device with memory for clients', this.label);
    this.#refuseIfClosed('allocate');
    this.#host.refuseIfGone('allocate');
    return memory.allocate(this.id, options);
  }

  close(options: CloseClientOptions = {}): Promise<void> {
    const { flushMs, boundUs } = checkedClose(options);
    if (this.#isClosed) return Promise.resolve();
    this.#closing ??= this.#close([...this.#queues], flushMs, boundUs).then(() => this.#closed());
    return this.#closing;
  }

  /** Closes one queue of several; the client stays open. */
  async closeQueue(queue: QueueCore<W, P>, flushMs: number, boundUs: number): Promise<void> {
    await this.#close([queue], flushMs, boundUs);
    this.#forgetQueue(queue);
  }

  /** Kills one queue of several. */
  killQueue(queue: QueueCore<W, P>): void {
    queue.kill();
    this.#forgetQueue(queue);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.dispose](): void {
    for (const queue of this.#queues) queue.kill();
    this.#closed();
  }

  /** Its device has closed, and every job has finished; `error` is why, where the device was gone before. */
  async endWithDevice(error: FencelineError | null): Promise<void> {
    await Promise.all([...this.#queues].map((queue) => queue.end(error)));
    this.#closed();
  }

  #refuseIfClosed(call: string): void {
    if (this.#closing === null && !this.#isClosed) return;
    throw new UsageError('ERR_CLOSED', `${call}: the client ${this.label} was closed`);
  }

  #setShare(weight: number, priority: Priority): void {
    setShare(this.account, weight, priority);
    for (const queue of this.#queues) queue.shareChanged(this.account);
  }

  #openQueue(options: ClientOptions & { label: string }): QueueCore<W, P> {
    const { label, weight, priority, order, maxQueued } = options;
    const { scheduler, backend } = this.#host;
    const entity = scheduler.createEntity({
      label,
      client: this.id,
      account: this.account,
      onDependencyError: 'fail',
      ...(weight === undefined ? {} : { weight }),
      ...(priority === undefined ? {} : { priority }),
      ...(order === undefined ? {} : { order }),
      ...(maxQueued === undefined ? {} : { maxQueued }),
    });
    const queue = new QueueCore(this.id, entity, priority ?? null, backend, this.#host);
    this.#queues.add(queue);
    return queue;
  }

  #openBook({ memoryBudgetBytes = Infinity }: ClientOptions): MemoryBook | null {
    const { memory } = this.#host;
    if (memory === null) return null;
    const book = new MemoryBook(this.id, {
      label: this.label,
      weight: this.account.weight,
      budgetBytes: memoryBudgetBytes,
      isBanned: () => this.#main.stats().banned,
    });
    memory.openClient(book);
    return book;
  }

  /** Bounded, whatever the jobs do: the time of all steps together is one timer. */
  async #close(
    queues: readonly QueueCore<W, P>[],
    flushMs: number,
    boundUs: number,
  ): Promise<void> {
    const closed = Promise.all(queues.map((queue) => queue.close(flushMs)));
    if (boundUs === Infinity) {
      await closed;
      return;
    }
    const { runtime } = this.#host;
    await new Promise<void>((resolve) => {
      const timer = runtime.setTimer(runtime.nowUs() + boundUs, () => {
        // Where the thread stood still past both bounds, this one may be told first.
        for (const queue of queues) queue.kill();
        resolve();
      });
      void closed.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  #closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#host.memory?.closeClient(this.id);
    this.#host.clientClosed(this);
  }

  #forgetQueue(queue: QueueCore<W, P>): void {
    if (!this.#queues.delete(queue)) return;
    this.#ending.add(queue);
    queue.entity.whenRetired(() => {
      this.#ending.delete(queue);
      const stats = queue.stats();
      this.#past = this.#past === null ? stats : add(this.#past, stats);
    });
  }
}

/** One more queue of a client. */
class SideQueue<W, P> implements Queue<W> {
  readonly label: string;
  readonly #client: ClientCore<W, P>;
  readonly #queue: QueueCore<W, P>;
  #closing: Promise<void> | null = null;

  constructor(client: ClientCore<W, P>, queue: QueueCore<W, P>, label: string) {
    this.label = label;
    this.#client = client;
    this.#queue = queue;
  }

  submit<R = unknown>(work: W, options?: SubmitOptions): Submission<R> {
    return this.#queue.submit<R>(work, options);
  }

  lease(options?: LeaseOptions): Promise<Lease> {
    return this.#queue.lease(options);
  }

  setWeight(weight: number): void {
    this.#queue.setWeight(weight);
  }

  setPriority(priority: Priority): void {
    this.#queue.setPriority(priority);
  }

  stats(): ClientStats {
    return sumOf({ label: this.label, id: this.#client.id }, [this.#queue.stats()], []);
  }

  close(options: CloseClientOptions = {}): Promise<void> {
    const { flushMs, boundUs } = checkedClose(options);
    this.#closing ??= this.#client.closeQueue(this.#queue, flushMs, boundUs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.dispose](): void {
    this.#client.killQueue(this.#queue);
  }
}
