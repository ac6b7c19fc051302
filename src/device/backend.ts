import type { FencelineError, JobError } from '../base/index.ts';
import type { Driver, Job } from '../sched/index.ts';

/**
 * What the jobs of a device carry: the encoded work, and the place for its result.
 *
 * The driver stores the result before it signals the hardware fence of the attempt; it is handed out if the job's finished
 * fence is ok, and never where it failed.
 */
export interface Task<P> {
  readonly work: P;
  result: unknown;
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
  /**
   * Takes out of the caller's hands what the work gives away; called inside `submit`, once the job was accepted and
   * before it can start. A throw cancels the job and reaches the caller.
   */
  takeOver?(work: P): void;
  /** Ends the hardware, whatever it does; called once, when every fence of the device has signalled. */
  close(): Promise<void>;
}
