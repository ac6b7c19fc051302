import type { CancelSignal, FencelineError, JobError } from '../base/index.ts';
import type { Fence, FenceCore } from '../fence/index.ts';
import type { Deadline } from './deadlines.ts';
import type { Waiter } from './jobCore.ts';
import type { Priority } from './policy.ts';
import type { ResourcePool } from './resources.ts';
import type { Ring } from './ring.ts';

/** What a job has that is served slice by slice (slices.ts). */
export interface Slicing {
  /** Queued between two slices. */
  isSuspended: boolean;
  /** The ring that holds what the next slice needs; `null`: any will do. */
  pinned: Ring | null;
  /** How many slices of this attempt have ended. */
  ended: number;
  /** Their time. */
  usedUs: number;
}

/** What only some jobs have. Made when the first of it is needed, so that a plain job pays one empty field. */
export interface JobExtra {
  label: string | null;
  /** Its scheduled fence, once somebody asked for it. */
  scheduled: FenceCore | null;
  /** Why it failed. */
  outcome: FencelineError | null;
  credits: number;
  /** Deduplicated (J6); kept until the job finishes, because each attempt asks them anew. */
  after: readonly Fence[] | null;
  nextAfter: number;
  /** Whether a dependency was left to the ring's order (J7): looked at again at the start, because a reset may come between. */
  pipelined: boolean;
  /** The error of a dependency that was dropped or has signalled (J5, J6). */
  dependencyError: FencelineError | null;
  failOnDependencyError: boolean;
  /** `null`: the scheduler's. */
  dependencyTimeoutUs: number | null;
  dependencyDeadline: Deadline | null;
  /** Past its dependency timeout: it waits for no dependency any more. */
  stopWaiting: boolean;
  queueDeadline: Deadline | null;
  /** -1: nobody said. */
  estimateUs: number;
  /** `null`: the scheduler's. */
  runTimeoutUs: number | null;
  /** For all slices of an attempt together. */
  totalRunTimeoutUs: number;
  deadlineUs: number | null;
  resubmit: boolean | null;
  signal: CancelSignal | null;
  onAbort: (() => void) | null;
  cancelError: JobError | null;
  noHangs: number;
  resources: ReadonlyMap<ResourcePool, number> | null;
  /** Its entity's priority when it was submitted: the one for which the request was checked. */
  resourcePriority: Priority;
  grants: ReadonlyMap<ResourcePool, readonly number[]> | null;
  waitsForResources: boolean;
  resourceTurn: number;
  timesPassed: number;
  /** Whether it has its ring for itself. */
  exclusive: boolean;
  slicing: Slicing | null;
  waiter: Waiter | null;
}

/** A job that asked for nothing yet. */
export function noExtra(): JobExtra {
  return {
    label: null,
    scheduled: null,
    outcome: null,
    credits: 1,
    after: null,
    nextAfter: 0,
    pipelined: false,
    dependencyError: null,
    failOnDependencyError: false,
    dependencyTimeoutUs: null,
    dependencyDeadline: null,
    stopWaiting: false,
    queueDeadline: null,
    estimateUs: -1,
    runTimeoutUs: null,
    totalRunTimeoutUs: Infinity,
    deadlineUs: null,
    resubmit: null,
    signal: null,
    onAbort: null,
    cancelError: null,
    noHangs: 0,
    resources: null,
    resourcePriority: 'normal',
    grants: null,
    waitsForResources: false,
    resourceTurn: 0,
    timesPassed: 0,
    exclusive: false,
    slicing: null,
    waiter: null,
  };
}
