import type { CancelSignal } from '../base/index.ts';
import type { Fence } from '../fence/index.ts';
import type { ResourceRequest } from './resources.ts';

/** Options of a submit. Every limit is optional (J10); `Infinity` is no limit, written out. */
export interface SubmitOptions {
  /** Fences that must have signalled before the job starts (J5, J6). */
  readonly after?: readonly Fence[];
  /** What the job takes of a ring's credits, at least 1. Default 1. */
  readonly credits?: number;
  readonly label?: string;
  /** Slots of pools that it holds while it runs: all or none (S6). */
  readonly resources?: readonly ResourceRequest[];
  /** Aborting it cancels the job. An aborted one makes `submit` throw its reason. */
  readonly signal?: CancelSignal;
  /** What the job is expected to take, where the caller knows better than the running average. */
  readonly estimateMs?: number;
  /** From submission to the first start; then `ERR_QUEUE_TIMEOUT`. */
  readonly queueTimeoutMs?: number;
  /** At the head of its queue and blocked by a dependency; then `ERR_DEPENDENCY_FAILED`. */
  readonly dependencyTimeoutMs?: number;
  /** Per attempt (of a sliced job per slice), from the start of execution; then a reset, and `ERR_JOB_TIMEOUT`. */
  readonly runTimeoutMs?: number;
  /** For all slices of an attempt together, as measured (S14). Default: no limit. */
  readonly totalRunTimeoutMs?: number;
  /** Whether it has a ring for itself: it starts where nothing is, and nothing starts behind it. Default false. */
  readonly exclusive?: boolean;
  /** A hint for the policy, from submission; never kills. */
  readonly deadlineMs?: number;
  /** What happens to it when a reset takes it innocent (T4): true runs it again also if it had begun, false never. */
  readonly resubmit?: boolean;
  /** What a failed dependency does: the job runs anyway, or fails with `ERR_DEPENDENCY_FAILED` (J5). */
  readonly onDependencyError?: 'run' | 'fail';
}
