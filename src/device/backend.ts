import type { FencelineError, JobError } from '../base/index.ts';
import type { Driver, Job } from '../sched/index.ts';
import type { DeviceBuffer } from './deviceBuffer.ts';

/**
 * What the jobs of a device carry: the encoded work, and the place for its result.
 *
 * The driver stores the result before it signals the hardware fence of the attempt; it is handed out if the job's finished
 * fence is ok, and never where it failed.
 */
export interface Task<P> {
  readonly work: P;
  result: unknown;
  /** Who hands out the result, once there is somebody. */
  owner: TaskOwner | null;
}

/** Who hands out the result of a task. */
export interface TaskOwner {
  /** A cancel took the job out of the queue; its fences fail with `error`, later (J9). */
  dequeued(error: FencelineError): void;
}

/**
 * Memory of a device, as its backend manages it. A handle is a number that is never used again.
 *
 * The memory of a device calls these; all of them only begin, none waits. After the device was lost every handle means nothing.
 */
export interface MemoryBackend {
  /** How much one buffer may have, where that is known. */
  readonly maxBufferBytes?: number | null;
  /** Makes `bytes` zeroed bytes under `handle`; resolves to why the device had them not, `null` where it had. */
  create(handle: number, bytes: number): Promise<string | null>;
  /** Fills a buffer that no job uses. */
  write(handle: number, contents: Uint8Array<ArrayBuffer>): void;
  /** Copies a buffer that no job uses to the host. */
  read(handle: number, bytes: number): Promise<Uint8Array<ArrayBuffer>>;
  destroy(handle: number): void;
}

/** What a device offers its backend, from `attach` on. */
export interface DeviceHost<P> {
  /** `job` broke the hardware: it is guilty, and fails with `error` in the reset that follows (T6). */
  fault(job: Job<Task<P>>, error: JobError): void;
  /**
   * The hardware lost its state and can be had again: a reset follows. Nobody can be named; with `lonely` a job that was alone on
   * the hardware is blamed (T6).
   */
  broke(blame: 'lonely' | 'nobody'): void;
  /** Everything in the device's memory is lost, and nothing can be made there until `memoryBack`. */
  memoryLost(): void;
  /** There is a device again. */
  memoryBack(): void;
  /** The hardware is lost for good, with `cause` as the reason (T8). */
  lost(cause: FencelineError): void;
}

/**
 * What makes a kind of device: a driver, and how work is encoded for it. Made by an `open…Device` function, owned by the device.
 *
 * @typeParam W a piece of work, as users write it
 * @typeParam P the same, encoded: what the driver finds in `job.payload.work`
 */
export interface DeviceBackend<W, P> {
  /** The kind, for example `worker`. */
  readonly name: string;
  readonly driver: Driver<Task<P>>;
  /** Called once, before anything is submitted. */
  attach(host: DeviceHost<P>): void;
  /**
   * Checks and encodes `work`, with nothing of the caller changed; called inside `submit`, before the job exists (J1).
   *
   * @throws {ERR_INVALID_ARGUMENT} when the work does not fit
   */
  encode(work: W): P;
  /** Whether `takeOver` has something to do for this work. Left out: never. */
  givesAway?(work: P): boolean;
  /**
   * Takes out of the caller's hands what the work gives away, or throws with nothing taken; called inside `submit` for work that
   * gives something away, when everything else was checked and the job does not exist yet (J1). The throw reaches the caller.
   */
  takeOver?(work: P): void;
  /** The device's memory, where clients may have buffers there. */
  readonly memory?: MemoryBackend;
  /** The buffers that a piece of work names. */
  buffersOf?(work: P): readonly DeviceBuffer[];
  /**
   * Resolves when the hardware is done with what code outside of jobs has submitted until now, in bounded time; never rejects. `null`:
   * there can be none. A slice of a lease ends then.
   */
  whenIdle?(): Promise<void> | null;
  /** How the execution times of this device are known, in plain JSON. */
  timing?(): object;
  /** Ends the hardware, whatever it does; called once, when every fence of the device has signalled. */
  close(): Promise<void>;
}
