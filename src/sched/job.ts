import type { Fence } from '../fence/index.ts';
import type { ResourcePool } from './resources.ts';

/**
 * One unit of work, from submit to free (J1 to J11). Made by `entity.submit` only.
 *
 * States: `queued → running → finished`; back to `queued` once per reset. A dequeued job whose fences have not
 * signalled yet still says `queued`.
 *
 * Idea: `struct drm_sched_job`, without the window between arm and push.
 */
export interface Job<P = unknown> {
  /** Grows in submission order. */
  readonly id: number;
  readonly label: string;
  readonly payload: P;
  /** Signals at the first start, or with the job's error if it never reached hardware (J3). */
  readonly scheduled: Fence;
  /** Signals when the job has ended, never before `scheduled` (J3). */
  readonly finished: Fence;
  readonly state: 'queued' | 'running' | 'finished';
  /** 0 before the first start; the first is 1. */
  readonly attempt: number;
  /** Where the current attempt is, or the last one was. */
  readonly ring: number | null;
  /**
   * Whether the hardware can no longer touch anything of the last attempt (J11): also while the job is queued again, after a
   * reset or between two slices. Of a job that was never started: whether it has finished.
   */
  readonly retired: boolean;
  /** The slots that it holds of each pool that it asked for, from before `runJob` until its attempt is retired (S6). */
  readonly grants: ReadonlyMap<ResourcePool, readonly number[]>;
  /**
   * Asks that the job does not go on, and says honestly what that meant (J9): `dequeued` (it was queued, has left the queue, and
   * runs no more), `requested` (it runs, and the driver was asked; or it is between two slices), `finished` (too late).
   *
   * A job that a reset put back is queued, too: `attempt` tells whether it was started before, and with `resubmit: true` that
   * attempt may have had effects.
   */
  cancel(reason?: unknown): 'dequeued' | 'requested' | 'finished';
}
