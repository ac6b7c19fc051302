import type { CancelSignal } from '../base/index.ts';
import type { EventSink, SchedEvent } from '../events/index.ts';
import type { Fence } from '../fence/index.ts';
import type {
  EntityStats,
  Job,
  Policy,
  Priority,
  SchedulerCredits,
  SchedulerStats,
  SubmitOptions,
} from '../sched/index.ts';
import type { BufferOptions, DeviceBuffer } from './deviceBuffer.ts';
import type { MemoryStats } from './memoryBooks.ts';
import type { Owned } from './owned.ts';

/** Options of `device.open` and `client.queue`. */
export interface ClientOptions {
  readonly label?: string;
  /** The band of the client's share. Default `normal`. */
  readonly priority?: Priority;
  /** The client's share among those of its band, above 0. Default 1. */
  readonly weight?: number;
  /** How many jobs may be queued, per queue, before `submit` throws `ERR_QUEUE_FULL`. Default: no limit. */
  readonly maxQueued?: number;
  /** Whether the jobs of this queue run one after the other, or may overlap on several rings. Default `serial`. */
  readonly order?: 'serial' | 'parallel';
  /** How much device memory the client may allocate, wherever its contents are (M1). Default: no limit of its own. */
  readonly memoryBudgetBytes?: number;
}

/** Limits that every kind of device takes when it is opened; every fence signals in bounded time because of them (F9). */
export interface DeviceLimits {
  /** Who is served next. An instance of its own; default `fair()`. */
  readonly policy?: Policy;
  /** What may be in flight on each ring (S4): a number of jobs, or a time target. Default 2. */
  readonly credits?: SchedulerCredits;
  /** Per attempt, from the start of execution (T1). Default 30,000; `Infinity` must be written out. */
  readonly runTimeoutMs?: number;
  /** At the head of its queue and blocked by a dependency (J10). Default 60,000; `Infinity` must be written out. */
  readonly dependencyTimeoutMs?: number;
  /** Of the reset procedure (T7): the bound of one try, how many, and the first pause between two. */
  readonly reset?: {
    readonly timeoutMs?: number;
    readonly maxTries?: number;
    readonly backoffMs?: number;
  };
  /** How often a job may be started (T4). Default 3. */
  readonly maxAttempts?: number;
  /** Guilty jobs after which a client is banned (T6). Default 3. */
  readonly banAfter?: number;
  /** How often a driver may say of one job that it is no hang (T2). Default 10. */
  readonly noHangLimit?: number;
  /** Of devices with memory: how much all clients together may have there at a time (M1). Default 1 GiB. */
  readonly memoryBytes?: number;
}

/** Options of `client.close`. */
export interface CloseClientOptions {
  /** How long queued and running jobs may still end by themselves. Default 1000. */
  readonly flushMs?: number;
  /** How long to wait for running jobs to retire after that. Default 5000. */
  readonly closeTimeoutMs?: number;
}

/**
 * A device that several clients share. Made by an `open…Device` function, owned by who opened it.
 *
 * @typeParam W what a piece of work is on this kind of device
 */
export interface Device<W> {
  readonly label: string;
  readonly driver: string;
  readonly rings: number;
  /** Opens a client, like opening a device file. @throws {ERR_CLOSED, ERR_DEVICE_GONE} */
  open(options?: ClientOptions): Client<W>;
  /** What happens from now on; bounded by `capacity` (default 10,000), with a `dropped` event where some were lost. */
  events(options?: { capacity?: number }): AsyncIterable<SchedEvent>;
  stats(): DeviceStats;
  /** Hands every event to `sink`, synchronously; returns how to stop. */
  observe(sink: EventSink): () => void;
  /** Ok after an ordinary close, failed when the device was lost for good; before the jobs that fail with it. */
  readonly gone: Fence;
  /**
   * Ends the device, and its clients with it; `drain` (default) lets everything finish, `kill` fails it. Resolves when every fence
   * has signalled.
   */
  close(options?: { mode?: 'drain' | 'kill' }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A queue of a client: what it submits runs in order (or in parallel), under the client's share. */
export interface Queue<W> {
  readonly label: string;
  /**
   * Accepts `work`, or throws with nothing changed (J1).
   *
   * @throws {ERR_INVALID_ARGUMENT, ERR_CLOSED, ERR_QUEUE_FULL, ERR_CLIENT_BANNED, ERR_DEVICE_GONE}
   */
  submit<R = unknown>(work: W, options?: SubmitOptions): Submission<R>;
  /**
   * Asks for a turn on the device, for code that submits to it by itself (S14). Resolves when the turn comes: the holder has
   * one ring for itself, until it releases the lease, yields, or holds it for too long. It counts as a job of this queue.
   *
   * Rejects with the reason of `options.signal`, or with what ended the queue or the device.
   * @throws {ERR_INVALID_ARGUMENT, ERR_CLOSED, ERR_QUEUE_FULL, ERR_CLIENT_BANNED, ERR_DEVICE_GONE} as a rejection
   */
  lease(options?: LeaseOptions): Promise<Lease>;
  /**
   * Changes the weight: of a client its share among those of its band, of one more queue its part of what the client gets. Holds for
   * what is queued, too; jobs that run go on.
   *
   * @throws {ERR_INVALID_ARGUMENT} unless it is a number above 0
   */
  setWeight(weight: number): void;
  /**
   * Changes the band: of a client that of its share, and of its queues that were given none of their own; of one more queue its own,
   * beside the client's others. Holds for what is queued, too; jobs that run go on.
   *
   * @throws {ERR_INVALID_ARGUMENT} unless it is `'high'`, `'normal'` or `'low'`
   * @example
   * const device = await openWorkerDevice({ threads: 1 });
   * device.observe({
   *   emit(event) {
   *     if (event.type === 'client-close') console.log(event.label, event.priority, event.weight);
   *   },
   * });
   * const client = device.open({ label: 'embeddings', priority: 'low' });
   * client.setPriority('high'); // somebody waits for them now
   * client.setWeight(2);
   * await device.close(); // embeddings high 2
   */
  setPriority(priority: Priority): void;
  stats(): ClientStats;
  /** Winds down: accepts no more, waits, then kills (E4). Bounded; may be called twice. */
  close(options?: CloseClientOptions): Promise<void>;
  /** Waits as `close` does. */
  [Symbol.asyncDispose](): Promise<void>;
  /** Kills at once. */
  [Symbol.dispose](): void;
}

/** One who uses a device; who is blamed for its jobs. */
export interface Client<W> extends Queue<W> {
  readonly id: number;
  /** Opens one more queue under the same share. @throws {ERR_INVALID_ARGUMENT, ERR_CLOSED, ERR_CLIENT_BANNED, ERR_DEVICE_GONE} */
  queue(options?: ClientOptions): Queue<W>;
  /**
   * Reserves memory on the device, zeroed; who gets it releases it. What is idle may be evicted to the host for it, and comes back
   * when it is needed.
   *
   * @throws {ERR_INVALID_ARGUMENT} where the device has no memory for clients
   * @throws {ERR_CLOSED, ERR_DEVICE_GONE} as they say
   * @throws {ERR_OUT_OF_MEMORY} with who holds what; nothing changed
   */
  allocate(options: BufferOptions): Owned<DeviceBuffer>;
}

/** Options of `queue.lease`. */
export interface LeaseOptions {
  /** How long it is expected to be held, for the policy. Default: the queue's average. */
  readonly estimateMs?: number;
  /** How long it may be held before it yields or is released. Default 1000; `Infinity` must be written out. */
  readonly maxMs?: number;
  /** Ends the wait for the turn; afterwards it does nothing. */
  readonly signal?: CancelSignal;
}

/** `AbortSignal` where the platform's types know it. */
// oxlint-disable-next-line no-restricted-globals -- a type: nothing of the platform is used
export type LeaseSignal = typeof globalThis extends { AbortSignal: { prototype: infer Signal } }
  ? Signal
  : CancelSignal;

/**
 * A turn on a device, whose length its holder decides (S14). Made by `queue.lease`; the holder must release it.
 *
 * A lease that is held for longer than its `maxMs` is revoked: `signal` aborts with `ERR_JOB_TIMEOUT`, and others are served. Code
 * that goes on all the same is not stopped. Nobody is blamed; the time is charged.
 *
 * @example
 * const device = await openWorkerDevice({ threads: 1 });
 * const lease = await device.open().lease({ maxMs: 5000 });
 * let steps = 0;
 * while (steps < 3 && !lease.signal.aborted) {
 *   steps += 1; // here the holder uses the device
 *   await lease.yield();
 * }
 * lease.release();
 * console.log(steps); // 3
 * await device.close();
 */
export interface Lease {
  /** Aborts when the lease was taken away; never because it was released. */
  readonly signal: LeaseSignal;
  /**
   * Lets others have the ring where somebody waits and the policy says so; resolves when it is the holder's turn again, at once
   * where nobody waits. The time until the lease is overdue starts anew. Rejects where the lease is over.
   */
  yield(): Promise<void>;
  /** Gives the ring back. May be called twice, and while a `yield` waits. */
  release(): void;
  [Symbol.dispose](): void;
}

/** One submitted piece of work. */
export interface Submission<R> {
  readonly job: Job;
  readonly scheduled: Fence;
  readonly finished: Fence;
  /** The result, or the job's error. Made on first access: a result that nobody asks for raises no unhandled rejection. */
  readonly result: Promise<R>;
  /** As `job.cancel`: what happened, honestly (J9). */
  cancel(reason?: unknown): ReturnType<Job['cancel']>;
}

/** What a client used, all its queues together, in plain JSON. Times in microseconds. */
export interface ClientStats extends EntityStats {
  client: number;
  /** One entry a queue. */
  queues: EntityStats[];
  /** What it holds of the device's memory, where clients may. */
  memory?: MemoryStats;
}

/** What a device did, in plain JSON. */
export interface DeviceStats {
  label: string;
  driver: string;
  scheduler: SchedulerStats;
  clients: ClientStats[];
  /** Of devices with memory for clients. */
  memory?: { capacityBytes: number; residentBytes: number };
  /** How execution times are known, where the driver measures them itself; its room describes the shape. */
  timing?: object;
}
