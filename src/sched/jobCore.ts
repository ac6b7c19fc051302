import type { FencelineError } from '../base/index.ts';
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
import type { Attempt } from './attempt.ts';
import type { EntityCore } from './entityCore.ts';
import type { Job } from './job.ts';
import { noExtra } from './jobExtra.ts';
import type { JobExtra } from './jobExtra.ts';
import { NO_GRANTS } from './resources.ts';
import type { ResourcePool } from './resources.ts';
import type { Ring } from './ring.ts';
import type { SchedulerCore } from './schedulerCore.ts';

/**
 * The life of a job, by rule (J2, J3, J9, J11). A job is in its entity's order list from submit until its finished fence signals.
 *
 * 1. queued: it waits for its turn to start. Nothing of it is on a ring.
 * 2. running: it is live on a ring, in `ring.attempts`; its hardware fence completes it.
 * 3. dead: it was queued and will never start (cancel, kill, ban, expiry, failed dependency). It waits for its own
 *    dependencies and, in a serial entity, for its predecessors; then its fences signal. It counts nowhere.
 * 4. ended: its attempt is over and the outcome is known, but a predecessor in its serial entity has not finished.
 * 5. finished: both fences have signalled, out of the order list. From running, dead or ended.
 * 6. queued → running at each start; running → queued when a reset takes it innocent and it may run again, and between
 *    two slices (slices.ts).
 * 7. retired is a question of its own: whether its last attempt is off the ring (J11). Freed when finished and retired.
 *
 * It waits for one fence at a time: for a dependency while queued or dead, through its `Waiter`; for its hardware fence
 * while running or not retired, through its current `Attempt`. A job that never waited has neither.
 */
export type Phase = 'queued' | 'running' | 'dead' | 'ended' | 'finished';

// What a job keeps in one small integer: whether `scheduled` has signalled, and for a start; whether `prepareJob` has nothing
// more for its attempt; and its ring, counted from 1.
const SCHEDULED = 1;
const REACHED_HARDWARE = 2;
const PREPARED = 4;
const RING_SHIFT = 3;
const BELOW_RING = (1 << RING_SHIFT) - 1;

/** A queued or dead job on the dependency that it waits for. */
export class Waiter extends CallbackNode {
  readonly #job: JobCore;

  constructor(job: JobCore) {
    super();
    this.#job = job;
  }

  run(): void {
    this.#job.entity.scheduler.fenceSignalled(this.#job);
  }
}

/**
 * The one implementation of `Job`. Small while it is queued: what only some jobs have is in `extra` and `current`.
 *
 * A queue of jobs is as fast as its jobs are small, because the collector moves each of them twice. Times are seconds and
 * nanoseconds: V8 keeps small integers in the object, and any other number in an object of its own.
 */
export class JobCore<P = unknown> implements Job<P>, FenceOwner {
  /** These two are given when the job is accepted. */
  id: number = 0;
  seqno: number = 0;
  readonly payload: P;
  readonly entity: EntityCore;
  extra: JobExtra | null = null;
  phase: Phase = 'queued';
  attempt = 0;
  /** The last attempt, until it is retired and the job finished. */
  current: Attempt | null = null;
  /** Neighbours in the entity's order list. */
  before: JobCore | null = null;
  after: JobCore | null = null;
  #bits = 0;
  /** When it was submitted; from its first start on, when `scheduled` signals or did. */
  #atS: number;
  #atNs: number;
  /** Once somebody asked for it; where it signalled before anybody did, how many nanoseconds after `scheduled`. */
  #finished: FenceCore | number | null = null;

  constructor(entity: EntityCore, payload: P, core: SchedulerCore) {
    this.entity = entity;
    this.payload = payload;
    this.#atS = core.nowS;
    this.#atNs = core.nowNs;
  }

  /** Where the current attempt is, or the last one was. */
  get ring(): number | null {
    const ring = this.#bits >> RING_SHIFT;
    return ring === 0 ? null : ring - 1;
  }

  set ring(ring: number) {
    this.#bits = (this.#bits & BELOW_RING) | ((ring + 1) << RING_SHIFT);
  }

  /** Whether `prepareJob` has said that nothing is left to wait for (J8). */
  get isPrepared(): boolean {
    return (this.#bits & PREPARED) !== 0;
  }

  set isPrepared(isPrepared: boolean) {
    this.#bits = isPrepared ? this.#bits | PREPARED : this.#bits & ~PREPARED;
  }

  get outcome(): FencelineError | null {
    return this.extra === null ? null : this.extra.outcome;
  }

  set outcome(outcome: FencelineError | null) {
    if (this.extra !== null || outcome !== null) this.need().outcome = outcome;
  }

  /** When it was submitted. Not to be asked of a job that is freed. */
  get submittedAtUs(): number {
    const { current } = this;
    if (current === null) return this.#timeAfter(0);
    return (current.submittedS * 1e9 + current.submittedNs) / 1000;
  }

  /** How long ago it was submitted. Not to be asked of a job that is freed. */
  ageUs({ nowS, nowNs }: SchedulerCore): number {
    const { current } = this;
    const seconds = current === null ? this.#atS : current.submittedS;
    const ns = current === null ? this.#atNs : current.submittedNs;
    return ((nowS - seconds) * 1e9 + nowNs - ns) / 1000;
  }

  get label(): string {
    return this.extra?.label ?? `${this.entity.label}#${this.seqno}`;
  }

  /** What it takes of a ring's credits (S4). */
  get credits(): number {
    return this.extra === null ? 1 : this.extra.credits;
  }

  get state(): 'queued' | 'running' | 'finished' {
    if (this.phase === 'finished') return 'finished';
    return this.phase === 'queued' || this.phase === 'dead' ? 'queued' : 'running';
  }

  get retired(): boolean {
    return this.onRing === null && (this.attempt > 0 || this.phase === 'finished');
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

  /** Whether it waits between two slices (S14). */
  get isSuspended(): boolean {
    return this.extra?.slicing?.isSuspended === true;
  }

  get isSuspect(): boolean {
    return this.current !== null && this.current.suspect;
  }

  get runTimeoutUs(): number {
    const { extra } = this;
    const { runTimeoutUs } = this.entity.scheduler.setup;
    if (extra === null) return runTimeoutUs;
    // Of a sliced job: its own limit for each slice, or what is left of that of all (S14).
    const leftUs = extra.totalRunTimeoutUs - (extra.slicing?.usedUs ?? 0);
    return Math.min(extra.runTimeoutUs ?? runTimeoutUs, Math.max(0, leftUs));
  }

  /** The name of the job in events: its finished fence. */
  get ref(): FenceRef {
    return [this.entity.finishedInfo.id, this.seqno];
  }

  get runtime(): Runtime {
    return this.entity.scheduler.runtime;
  }

  get scheduled(): Fence {
    const extra = this.need();
    if (extra.scheduled === null) {
      const error = (this.#bits & REACHED_HARDWARE) === 0 ? this.outcome : null;
      extra.scheduled =
        (this.#bits & SCHEDULED) === 0
          ? new FenceCore(this, this.seqno)
          : bornSignalled(this.entity.scheduledInfo, this.seqno, error, this.#timeAfter(0));
    }
    return extra.scheduled;
  }

  get finished(): Fence {
    const known = this.#finished;
    if (known !== null && typeof known !== 'number') return known;
    const finished =
      known === null
        ? new FenceCore(this, this.seqno)
        : bornSignalled(this.entity.finishedInfo, this.seqno, this.outcome, this.#timeAfter(known));
    this.#finished = finished;
    return finished;
  }

  /** The deadline hint on the finished fence, if somebody asked for one. */
  get hintUs(): number | null {
    const own = this.extra?.deadlineUs ?? null;
    const finished = this.#finishedFence;
    const hint = finished === null ? null : deadlineOf(finished);
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
    return fence === this.extra?.scheduled ? this.entity.scheduledInfo : this.entity.finishedInfo;
  }

  signalled(fence: Fence): void {
    const { observers } = this.entity.scheduler;
    if (!observers.listening) return;
    observers.fenceSignalled([this.infoOf(fence).id, this.seqno], fence.error);
  }

  hinted(fence: Fence, atUs: number): void {
    if (fence !== this.#finished) return;
    this.current?.hardware?.setDeadline(atUs);
    this.entity.scheduler.hintChanged(this);
  }

  /** Whether its scheduled fence has signalled. */
  get wasScheduled(): boolean {
    return (this.#bits & SCHEDULED) !== 0;
  }

  /** Signals `scheduled`, once: ok at the first start, with the outcome where it never reached hardware (J3). */
  signalScheduled(core: SchedulerCore, reachedHardware: boolean): void {
    if (this.wasScheduled) return;
    this.#bits |= reachedHardware ? SCHEDULED | REACHED_HARDWARE : SCHEDULED;
    const { extra } = this;
    if (!reachedHardware) this.#noteTime(core);
    const error = reachedHardware ? null : this.outcome;
    const fence = extra === null ? null : extra.scheduled;
    if (fence !== null) signalFence(fence, error, this.#timeAfter(0));
    else if (core.observers.listening) this.#report(core, this.entity.scheduledInfo, error);
  }

  /** Signals `finished` with the outcome. */
  signalFinished(core: SchedulerCore): void {
    const { entity, outcome } = this;
    const fence = this.#finishedFence;
    if (fence !== null) {
      signalFence(fence, outcome, core.nowUs);
      return;
    }
    this.#finished = (core.nowS - this.#atS) * 1e9 + core.nowNs - this.#atNs;
    if (core.observers.listening) this.#report(core, entity.finishedInfo, outcome);
  }

  get #finishedFence(): FenceCore | null {
    return typeof this.#finished === 'number' ? null : this.#finished;
  }

  /** Its first attempt begins, and keeps for it when it was submitted. */
  tellSubmitted(attempt: Attempt): void {
    attempt.submittedS = this.#atS;
    attempt.submittedNs = this.#atNs;
  }

  /** After `tellSubmitted`. A job that is put back before `scheduled` has signalled starts once more. */
  noteStart(core: SchedulerCore): void {
    if (!this.wasScheduled) this.#noteTime(core);
  }

  #noteTime(core: SchedulerCore): void {
    this.#atS = core.nowS;
    this.#atNs = core.nowNs;
  }

  /** What `#atS` and `#atNs` say, and `ns` nanoseconds. */
  #timeAfter(ns: number): number {
    return (this.#atS * 1e9 + this.#atNs + ns) / 1000;
  }

  /** A fence that nobody asked for yet is only reported. */
  #report({ observers }: SchedulerCore, info: TimelineInfo, error: FencelineError | null): void {
    observers.fenceSignalled([info.id, this.seqno], error);
    observers.fenceSignalledToRuntime([info.id, this.seqno], error);
  }
}

function leave(node: CallbackNode | null): void {
  if (node !== null && node.attachedTo !== null) detach(node.attachedTo as FenceCore, node);
}
