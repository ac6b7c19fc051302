import type { Fence } from '../fence/index.ts';
import type { Job } from './job.ts';

/**
 * The code that knows one kind of device: the contract between it and the scheduler (D1 to D5).
 *
 * The scheduler decides what runs, where and when, and carries out recovery; the driver starts work, says when it ended,
 * and answers questions. Hooks are called synchronously and must return soon: a hook that waits for a fence would wait
 * for itself (T9). A hook that throws cannot stop the scheduler (D4).
 *
 * Idea: `struct drm_sched_backend_ops`.
 */
export interface Driver<P = unknown> {
  /** Whether each ring executes in submission order. Default true. Decides about pipelining (J4, J7). */
  readonly ordered?: boolean;

  /**
   * What a reset takes with it. `device` (default): every ring of every scheduler of the reset domain. `ring`: only the
   * rings whose jobs are to blame; the others go on executing, and `ResetContext.rings` names those to reset.
   */
  readonly resetScope?: 'device' | 'ring';

  /** Whether interruptible waits step aside while this driver resets (T11). Default false. */
  readonly interruptWaits?: boolean;

  /**
   * Starts `job` on `ring`; called once per attempt (of a sliced job once per slice), in submission order of its entity, only after every dependency
   * has signalled and `prepareJob` returned `null`. The job is `running`, its credits and grants are taken.
   *
   * Returns the hardware fence of this attempt (D2): a new fence each time, which the driver signals, ok or failed, when
   * the hardware will no longer touch anything of this attempt. Work that is already complete returns a signalled fence.
   * A throw means that nothing was submitted; it, or anything but a fence, fails the job with `ERR_DRIVER`; a fence
   * that was returned before fails it with `ERR_FENCE_REUSED`.
   */
  runJob(job: Job<P>, ring: number): Fence;

  /**
   * Asked when every dependency of a queued job has signalled, again and again until it returns `null`; each fence
   * that it returns is waited for (J8). Asked anew at each attempt, and after a reset. After 1,000 signalled fences in
   * a row, or on a throw, the job fails with `ERR_DRIVER`.
   */
  prepareJob?(job: Job<P>): Fence | null;

  /**
   * Asked when an attempt starts: whether `job` may come back for a further slice (S14). If so, nothing of its serial
   * entity starts behind it before it ended. Without this hook, in a driver that has `nextSlice`, every job may.
   */
  isSliced?(job: Job<P>): boolean;

  /**
   * Asked where credits are a time target (S4), when an attempt starts and when it has ended: which kind of work `job` is. Two are
   * of one kind where `Map` takes what is returned for the same key. What the jobs of an entity took is kept for its first
   * 64 kinds, so that the time target knows how long the next one may take: a kind must not be made anew for each job. Without
   * this hook, or where it returns `undefined` or throws (a warning tells), a job counts as the average of its entity.
   */
  kindOf?(job: Job<P>): unknown;

  /**
   * Asked when the hardware fence of a sliced job signalled ok, before its credits go back: `null`, the job is over; `any-ring` or
   * `same-ring`, it goes on in a further slice when the policy chooses it again, on any ring or where it was. Then
   * `runJob` is called once more for the same `job.attempt`, and returns a new hardware fence. A throw fails the job with
   * `ERR_DRIVER`. A job that ends between two slices (cancelled, killed, reset, closed) is only freed.
   */
  nextSlice?(job: Job<P>): 'any-ring' | 'same-ring' | null;

  /**
   * Asked when a running job is past its deadline, once per expiry. The job is out of reach of completion handling meanwhile (T2).
   *
   * `no-hang`: it progresses; its clock starts anew. `waits`: the hardware has not begun it, through no fault of its own;
   * its clock starts anew, and this does not count against `noHangLimit`, so the driver has to bound it. `reset`: begin a
   * reset with this job guilty. `gone`: the device is lost for good. `fail`: nothing can stop it; it fails now, guilty, without a reset, and its ring is hung until its
   * hardware fence signals (J11), which the driver has to bound. Without this hook, or if it throws, the verdict is `reset`.
   */
  timedOut?(job: Job<P>): Verdict;

  /**
   * Stops the hardware and makes it ready again (T3). Called once per try for each driver of the domain, while its rings
   * are stopped and their jobs detached; no other hook is called for those jobs before it has settled, except `freeJob`.
   *
   * May return a promise, or a fence (which stays in virtual time); a throw, a rejection or a failed fence is a failed
   * try. Must settle before `context.deadlineUs`; a later success counts as failed (T7). After success nothing of
   * `context.running` may execute any more, and the hardware fences of those attempts may be left unsignalled.
   */
  reset?(context: ResetContext<P>): Fence | Promise<void> | void;

  /**
   * Asked to end a running job early (J9), or by a close that kills (E3), at most once per attempt, while the driver has it: not before
   * `runJob` has returned, nor during a reset that covers it. Best effort: the driver fails the hardware fence with
   * `ERR_JOB_CANCELLED` if it did stop it, or lets it complete.
   */
  cancelJob?(job: Job<P>): void;

  /**
   * Called exactly once per job that `submit` returned, after its finished fence has signalled and its last attempt is
   * retired, never inside a fence callback (D3). The driver must not touch the job afterwards.
   */
  freeJob?(job: Job<P>): void;

  /**
   * Asked for each guilty job when its reset begins (T10): copy what a crash dump needs into memory that was reserved
   * for it. Must neither wait nor allocate device memory. What it returns is handed to `SchedulerOptions.onCrash`
   * after the fences have signalled.
   */
  capture?(job: Job<P>): unknown;

  /**
   * Asked when an attempt ended, before its finished fence signals: when its execution really began and ended, in
   * microseconds of the runtime, where the driver measures better than the scheduler can (S13). The scheduler clamps
   * it to the attempt and to what the ring has counted already. Without it, an attempt begins at the later of its start and
   * the end of its predecessor on the ring, and ends when its hardware fence signals.
   */
  measure?(job: Job<P>): { readonly startUs: number; readonly endUs: number } | null;
}

/** What a driver says of a job past its deadline (T2). */
export type Verdict = 'no-hang' | 'waits' | 'reset' | 'gone' | 'fail';

/** What a driver's `reset` is told. */
export interface ResetContext<P = unknown> {
  /** The jobs to blame, of those in `running`. */
  readonly guilty: readonly Job<P>[];
  /**
   * Every job that the reset takes with it, guilty ones included, in the order in which they were started; also finished ones
   * that are not retired, of schedulers that were closed, too.
   */
  readonly running: readonly Job<P>[];
  /** The rings to reset, of the scheduler whose driver is called, in ascending order. */
  readonly rings: readonly number[];
  /** Which try this is; the first is 1. */
  readonly tries: number;
  /** When the try counts as failed, in microseconds of the runtime. */
  readonly deadlineUs: number;
}
