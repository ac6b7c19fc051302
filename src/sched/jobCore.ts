import type { CancelSignal, FencelineError, JobError } from '../base/index.ts';
import type { FenceRef, Runtime } from '../events/index.ts';
import {
  attach,
  bornSignalled,
  CallbackNode,
  deadlineOf,
  detach,
  FenceCore,
  signalFence,
} from '../fence/index.ts';
import type { Fence, FenceOwner, TimelineInfo } from '../fence/index.ts';
import type { Deadline } from './deadlines.ts';
import type { EntityCore } from './entityCore.ts';
import type { Job } from './job.ts';
import { NO_GRANTS } from './resources.ts';
import type { ResourcePool } from './resources.ts';
import type { Ring } from './ring.ts';

/**
 * The life of a job, by rule (J2, J3, J9, J11). A job is in its entity's order list from submit until its finished fence signals.
 *
 * 1. queued: it waits for its turn to start. Nothing of it is on a ring.
 * 2. running: it is live on a ring, in `ring.attempts`; its hardware fence completes it.
 * 3. dead: it was queued and will never start (cancel, kill, ban, expiry, failed dependency). It waits for its own
 *    dependencies and, in a serial entity, for its predecessors; then its fences signal. It counts nowhere.
 * 4. ended: its attempt is over and the outcome is known, but a predecessor in its serial entity has not finished.
 * 5. finished: both fences have signalled, out of the order list. From running, dead or ended.
 * 6. queued → running at each start; running → queued when a reset takes it innocent and it may run again.
 * 7. retired is a question of its own: whether its last attempt is off the ring (J11). Freed when finished and retired.
 *
 * It waits for one fence at a time: for a dependency while queued or dead, through its `Waiter`; for its hardware fence
 * while running or not retired, through its current `Attempt`. A job that never waited has neither.
 */
export type Phase = 'queued' | 'running' | 'dead' | 'ended' | 'finished';

/** What only some jobs have. Made when the first of it is needed, so that a plain job pays one empty field. */
export interface JobExtra {
  label: string | null;
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
  deadlineUs: number | null;
  resubmit: boolean | null;
  signal: CancelSignal | null;
  onAbort: (() => void) | null;
  cancelError: JobError | null;
  noHangs: number;
  prepared: boolean;
  resources: ReadonlyMap<ResourcePool, number> | null;
  grants: ReadonlyMap<ResourcePool, readonly number[]> | null;
  waitsForResources: boolean;
  resourceTurn: number;
  timesPassed: number;
  waiter: Waiter | null;
}

/** A queued or dead job on the dependency that it waits for. */
class Waiter extends CallbackNode {
  readonly #job: JobCore;

  constructor(job: JobCore) {
    super();
    this.#job = job;
  }

  run(): void {
    this.#job.entity.scheduler.fenceSignalled(this.#job);
  }
}

/** One try of a job on a ring, and what hears its hardware fence. Each start makes a new one; the job keeps the last. */
export class Attempt extends CallbackNode {
  readonly job: JobCore;
  readonly number: number;
  /** The ring, until the attempt is retired (J11). */
  ring: Ring | null;
  readonly startedAtUs: number;
  /** What the policy was charged at the start. */
  readonly estimateUs: number;
  /** Of this attempt and those before it, as far as they have ended. */
  busyUs: number;
  /** Whether its time has been settled. */
  charged = false;
  /** Out of reach of completion handling: its driver is asked about its timeout, or a reset has it (T2, T3). */
  suspect = false;
  hardware: FenceCore | null = null;
  /** Whether its driver was asked to end it early: it is asked once. */
  cancelAsked = false;

  constructor(job: JobCore, ring: Ring, estimateUs: number, nowUs: number) {
    super();
    const last = job.current;
    this.job = job;
    this.number = job.attempt + 1;
    this.ring = ring;
    this.startedAtUs = nowUs;
    this.estimateUs = estimateUs;
    this.busyUs = last === null ? 0 : last.busyUs;
  }

  run(): void {
    this.job.entity.scheduler.fenceSignalled(this.job);
  }
}

/** The one implementation of `Job`. Small while it is queued: what only some jobs have is in `extra` and `current`. */
export class JobCore<P = unknown> implements Job<P>, FenceOwner {
  /** Given when the job is accepted. */
  id: number = 0;
  readonly payload: P;
  readonly entity: EntityCore;
  readonly seqno: number;
  readonly submittedAtUs: number;
  readonly credits: number;
  extra: JobExtra | null = null;
  phase: Phase = 'queued';
  attempt = 0;
  ring: number | null = null;
  /**
   * The last attempt, until it is retired and the job finished. It is let go then, because a job that was promoted to the
   * old generation would keep its short-lived attempt from being collected young.
   */
  current: Attempt | null = null;
  /** Neighbours in the entity's order list. */
  before: JobCore | null = null;
  after: JobCore | null = null;
  outcome: FencelineError | null = null;
  /** When its fences signalled; `NaN` before. Numbers that are no integers from the start are changed in place. */
  #scheduledAtUs = NaN;
  #finishedAtUs = NaN;
  /** Once somebody asked for them. */
  #scheduled: FenceCore | null = null;
  #finished: FenceCore | null = null;
  #reachedHardware = false;

  constructor(entity: EntityCore, seqno: number, payload: P, credits: number, nowUs: number) {
    this.entity = entity;
    this.seqno = seqno;
    this.payload = payload;
    this.credits = credits;
    this.submittedAtUs = nowUs;
  }

  get label(): string {
    return this.extra?.label ?? `${this.entity.label}#${this.seqno}`;
  }

  get state(): 'queued' | 'running' | 'finished' {
    if (this.phase === 'finished') return 'finished';
    return this.phase === 'queued' || this.phase === 'dead' ? 'queued' : 'running';
  }

  get retired(): boolean {
    return this.onRing === null && (this.phase === 'finished' || this.phase === 'ended');
  }

  get grants(): ReadonlyMap<ResourcePool, readonly number[]> {
    return this.extra?.grants ?? NO_GRANTS;
  }

  /** Where its attempt is that is not retired. */
  get onRing(): Ring | null {
    return this.current === null ? null : this.current.ring;
  }

  /** Whether its attempt executes, or waits to, as far as the scheduler knows. */
  get isLive(): boolean {
    return this.phase === 'running';
  }

  get isSuspect(): boolean {
    return this.current !== null && this.current.suspect;
  }

  get runTimeoutUs(): number {
    return this.extra?.runTimeoutUs ?? this.entity.scheduler.setup.runTimeoutUs;
  }

  /** The name of the job in events: its finished fence. */
  get ref(): FenceRef {
    return [this.entity.finishedInfo.id, this.seqno];
  }

  get runtime(): Runtime {
    return this.entity.scheduler.runtime;
  }

  get scheduled(): Fence {
    if (this.#scheduled === null) {
      const error = this.#reachedHardware ? null : this.outcome;
      this.#scheduled = this.#make(this.entity.scheduledInfo, this.#scheduledAtUs, error);
    }
    return this.#scheduled;
  }

  get finished(): Fence {
    if (this.#finished === null) {
      this.#finished = this.#make(this.entity.finishedInfo, this.#finishedAtUs, this.outcome);
    }
    return this.#finished;
  }

  /** The deadline hint on the finished fence, if somebody asked for one. */
  get hintUs(): number | null {
    const own = this.extra?.deadlineUs ?? null;
    const hint = this.#finished === null ? null : deadlineOf(this.#finished);
    return own === null || hint === null ? (own ?? hint) : Math.min(own, hint);
  }

  cancel(reason?: unknown): 'dequeued' | 'requested' | 'finished' {
    return this.entity.scheduler.cancel(this, reason);
  }

  /** The part of the job that only some have. */
  need(): JobExtra {
    this.extra ??= noExtra();
    return this.extra;
  }

  /** The fence that a queued or dead job waits for, if any. */
  get waitsFor(): Fence | null {
    return this.extra?.waiter?.attachedTo ?? null;
  }

  /** Has a queued or dead job wait for `fence`; false where it has signalled. */
  waitFor(fence: FenceCore): boolean {
    const extra = this.need();
    extra.waiter ??= new Waiter(this);
    return attach(fence, extra.waiter);
  }

  /** Takes the job off the fence that it waits for: a dependency, or its hardware fence. */
  leaveFence(): void {
    leave(this.extra?.waiter ?? null);
    leave(this.current);
  }

  infoOf(fence: Fence): TimelineInfo {
    return fence === this.#scheduled ? this.entity.scheduledInfo : this.entity.finishedInfo;
  }

  signalled(fence: Fence): void {
    const info = this.infoOf(fence);
    this.entity.scheduler.observers.fenceSignalled([info.id, this.seqno], fence.error);
  }

  hinted(fence: Fence, atUs: number): void {
    if (fence !== this.#finished) return;
    this.current?.hardware?.setDeadline(atUs);
    this.entity.scheduler.hintChanged(this);
  }

  /** Whether its scheduled fence has signalled. */
  get wasScheduled(): boolean {
    return !Number.isNaN(this.#scheduledAtUs);
  }

  /** Signals `scheduled`, once: ok at the first start, with the outcome where it never reached hardware (J3). */
  signalScheduled(reachedHardware: boolean, nowUs: number): void {
    if (this.wasScheduled) return;
    this.#scheduledAtUs = nowUs;
    this.#reachedHardware = reachedHardware;
    const error = reachedHardware ? null : this.outcome;
    this.#announce(this.#scheduled, this.entity.scheduledInfo, error);
  }

  /** Signals `finished` with the outcome. */
  signalFinished(nowUs: number): void {
    this.#finishedAtUs = nowUs;
    this.#announce(this.#finished, this.entity.finishedInfo, this.outcome);
  }

  /** A fence that nobody asked for yet is only reported. */
  #announce(fence: FenceCore | null, info: TimelineInfo, error: FencelineError | null): void {
    if (fence !== null) {
      signalFence(fence, error);
      return;
    }
    const { observers } = this.entity.scheduler;
    if (!observers.listening) return;
    observers.fenceSignalled([info.id, this.seqno], error);
    observers.fenceSignalledToRuntime([info.id, this.seqno], error);
  }

  #make(info: TimelineInfo, atUs: number, error: FencelineError | null): FenceCore {
    return Number.isNaN(atUs)
      ? new FenceCore(this, this.seqno)
      : bornSignalled(info, this.seqno, error, atUs);
  }
}

function leave(node: CallbackNode | null): void {
  if (node !== null && node.attachedTo !== null) detach(node.attachedTo as FenceCore, node);
}

function noExtra(): JobExtra {
  return {
    label: null,
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
    deadlineUs: null,
    resubmit: null,
    signal: null,
    onAbort: null,
    cancelError: null,
    noHangs: 0,
    prepared: false,
    resources: null,
    grants: null,
    waitsForResources: false,
    resourceTurn: 0,
    timesPassed: 0,
    waiter: null,
  };
}
