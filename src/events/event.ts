import type { ErrorCode } from '../base/index.ts';

/** The version of the vocabulary below. It grows; what stands keeps its meaning. */
export const EVENT_VERSION = 1;

/** A fence by name: the id of its timeline, and its seqno there. A job is named by its finished fence. */
export type FenceRef = readonly [timelineId: number, seqno: number];

/** What every event has: the time in microseconds of its runtime. */
interface At {
  readonly atUs: number;
}

/** A job was accepted (drm_sched_job_queue). `queued` and `inFlight` count the scheduler's jobs after it. */
export interface JobQueueEvent extends At {
  readonly type: 'job-queue';
  readonly device: string;
  readonly scheduler: string;
  readonly client: number | null;
  readonly entity: number;
  readonly job: number;
  readonly fence: FenceRef;
  readonly label: string;
  readonly queued: number;
  readonly inFlight: number;
}

/** A job was given a dependency (drm_sched_job_add_dep). */
export interface JobDependencyEvent extends At {
  readonly type: 'job-dependency';
  readonly fence: FenceRef;
  readonly on: FenceRef;
}

/** A job at the head of its queue cannot start (drm_sched_job_unschedulable): on a fence, or why else. */
export interface JobBlockedEvent extends At {
  readonly type: 'job-blocked';
  readonly fence: FenceRef;
  readonly on?: FenceRef;
  readonly why?: 'credits' | 'resource' | 'order';
}

/** An attempt of a job was handed to a ring (drm_sched_job_run). */
export interface JobRunEvent extends At {
  readonly type: 'job-run';
  readonly fence: FenceRef;
  readonly hardware: FenceRef;
  readonly ring: number;
  readonly client: number | null;
  readonly attempt: number;
  readonly queued: number;
  readonly inFlight: number;
}

/** A job finished (drm_sched_job_done); `ring` is `null`, and `busyUs` 0, if it never ran. */
export interface JobDoneEvent extends At {
  readonly type: 'job-done';
  readonly fence: FenceRef;
  readonly error: ErrorCode | null;
  readonly busyUs: number;
  readonly ring: number | null;
}

/** A step in the life of an attempt that needs no more than its name. */
export interface JobStepEvent extends At {
  readonly type: 'job-requeue' | 'job-cancel' | 'job-retire' | 'job-free' | 'job-slice';
  readonly fence: FenceRef;
  readonly attempt: number;
}

/** A fence signalled (dma_fence_signaled). */
export interface FenceSignalEvent extends At {
  readonly type: 'fence-signal';
  readonly fence: FenceRef;
  readonly error: ErrorCode | null;
}

/** Somebody began, or ended, to wait for a fence (dma_fence_wait_start, dma_fence_wait_end). */
export interface FenceWaitEvent extends At {
  readonly type: 'fence-wait-begin' | 'fence-wait-end';
  readonly fence: FenceRef;
  readonly error: ErrorCode | null;
  /** Names the wait, so that a begin finds its end. */
  readonly waiter: number;
}

/** A job was past its deadline, and this is what its driver said. */
export interface TimeoutEvent extends At {
  readonly type: 'timeout';
  readonly fence: FenceRef;
  readonly client: number | null;
  readonly ring: number;
  readonly verdict: 'no-hang' | 'reset' | 'gone' | 'fail';
}

/** A reset began. */
export interface ResetBeginEvent extends At {
  readonly type: 'reset-begin';
  readonly guilty: readonly FenceRef[];
  readonly innocent: readonly FenceRef[];
  readonly tries: number;
}

/** A try of a reset ended. */
export interface ResetEndEvent extends At {
  readonly type: 'reset-end';
  readonly guilty: readonly FenceRef[];
  readonly innocent: readonly FenceRef[];
  readonly tries: number;
  readonly outcome: 'ok' | 'failed' | 'late';
  readonly tookUs: number;
}

/** A client (or an entity that has none) was banned. */
export interface BanEvent extends At {
  readonly type: 'ban';
  readonly client: number | null;
  readonly entity: number;
  readonly karma: number;
}

/** A device is gone for good. */
export interface GoneEvent extends At {
  readonly type: 'gone';
  readonly device: string;
  readonly error: ErrorCode | null;
}

/** An entity was opened, killed or closed. */
export interface EntityEvent extends At {
  readonly type: 'entity-open' | 'entity-kill' | 'entity-close';
  readonly entity: number;
  readonly client: number | null;
  readonly account: number;
  readonly label: string;
  readonly weight: number;
  readonly priority: string;
}

/** A client of a device was opened or closed. */
export interface ClientEvent extends At {
  readonly type: 'client-open' | 'client-close';
  readonly client: number;
  readonly account: number;
  readonly label: string;
  readonly weight: number;
  readonly priority: string;
}

/** Slots of a pool were granted to a job, or given back. */
export interface GrantEvent extends At {
  readonly type: 'grant' | 'release';
  readonly pool: string;
  readonly slots: readonly number[];
  readonly fence: FenceRef;
}

/** A pass of a scheduler was asked for, began, or ended after `started` starts. */
export interface PassEvent extends At {
  readonly type: 'pass-request' | 'pass-begin' | 'pass-end';
  readonly scheduler: string;
  readonly started: number;
}

/** The scheduler called a hook of a driver, or the hook returned. */
export interface HookEvent extends At {
  readonly type: 'hook-enter' | 'hook-exit';
  readonly hook: string;
  readonly fence: FenceRef | null;
  /** Of `hook-exit`: `ok`, or `threw`. */
  readonly outcome: 'ok' | 'threw' | null;
}

/** Locks, memory and ownership, for the validator. */
export interface OwnershipEvent extends At {
  readonly type: 'lock-acquire' | 'lock-release' | 'alloc' | 'owned-get' | 'owned-put';
  readonly name?: string;
  readonly bytes?: number;
  readonly mayEvict?: boolean;
  readonly owner?: string;
}

/** Something that a person should look at; `dropped` says how many events a bounded reader lost. */
export interface WarningEvent extends At {
  readonly type: 'warning' | 'dropped';
  readonly message: string;
  readonly count: number;
}

/**
 * What happens, in one vocabulary. Observers must ignore types that they do not know.
 *
 * Linux's gpu_scheduler tracepoint names and meanings are kept where there is one.
 */
export type SchedEvent =
  | JobQueueEvent
  | JobDependencyEvent
  | JobBlockedEvent
  | JobRunEvent
  | JobDoneEvent
  | JobStepEvent
  | FenceSignalEvent
  | FenceWaitEvent
  | TimeoutEvent
  | ResetBeginEvent
  | ResetEndEvent
  | BanEvent
  | GoneEvent
  | EntityEvent
  | ClientEvent
  | GrantEvent
  | PassEvent
  | HookEvent
  | OwnershipEvent
  | WarningEvent;

/**
 * Where events go. `emit` is called synchronously, in the middle of what it reports: it must be short, and
 * must not call back into what it observes. A throw is deferred to the platform's uncaught-error handling.
 */
export interface EventSink {
  emit(event: SchedEvent): void;
}
