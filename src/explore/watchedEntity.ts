import { FencelineError } from '../base/index.ts';
import type { Fence } from '../fence/index.ts';
import { Entity } from '../sched/index.ts';
import type {
  EntityOptions,
  Job,
  Priority,
  ResourcePool,
  ResourceRequest,
  SubmitOptions,
} from '../sched/index.ts';
import { blameOf, noBlame } from './judge/blame.ts';
import { finishedSignalled, scheduledSignalled } from './judge/finishRules.ts';
import type { Judge } from './judge/judge.ts';
import { isSuspended } from './judge/sliceRules.ts';
import { syncResets } from './judge/resetRules.ts';
import type {
  DependencyRecord,
  EntityRecord,
  JobRecord,
  SchedulerRecord,
} from './judge/records.ts';
import { accused } from './judge/accuse.ts';
import type { WatchedScheduler } from './watchedScheduler.ts';

/** Options of a watched entity. */
export interface WatchedEntityOptions<P> extends EntityOptions {
  readonly schedulers: readonly WatchedScheduler<P>[];
}

/** An entity whose every use the judge sees. Scenarios use it as they would use an `Entity`. */
export class WatchedEntity<P = unknown> {
  readonly record: EntityRecord;
  readonly #judge: Judge;
  readonly #entity: Entity<P>;

  constructor(judge: Judge, options: WatchedEntityOptions<P>) {
    const {
      schedulers,
      label = String.fromCharCode(65 + judge.entities.length),
      ...rest
    } = options;
    this.#judge = judge;
    this.#entity = new Entity<P>({
      label,
      schedulers: schedulers.map((one) => one.scheduler),
      ...rest,
    });
    this.record = {
      entity: this.#entity as unknown as Entity<never>,
      label,
      serial: options.order !== 'parallel',
      fails: options.onDependencyError === 'fail',
      client: options.client ?? null,
      blame: noBlame(),
      priority: options.priority ?? options.account?.priority ?? 'normal',
      killsOnFault: options.onFault === 'kill-queue',
      maxQueued: options.maxQueued ?? Infinity,
      jobs: [],
      schedulers: schedulers.map((one) => one.record),
      firstUnfinished: 0,
      killed: false,
      closing: false,
      lastFinished: 0,
      busyUs: 0,
    };
    judge.entities.push(this.record);
  }

  get entity(): Entity<P> {
    return this.#entity;
  }

  /** As `Entity.submit`, and listens to the job's fences unless `unheard`; `null` where the submit was refused, as it had to be. */
  submit(payload: P, options: SubmitOptions = {}, unheard = false): WatchedJob<P> | null {
    const judge = this.#judge;
    const allowed = this.#refusals(options);
    // Of one scheduler it is known where the job will be.
    const before = judge.schedulers.length > 1 ? queuedOf(judge) : [];
    let job: Job<P>;
    try {
      job = this.#entity.submit(payload, options);
    } catch (error) {
      const code = error instanceof FencelineError ? error.code : 'aborted';
      if (judge.isTold) judge.tell(`submit to ${this.record.label}: ${code}`);
      if (!(allowed.includes(code) || this.#possibleRefusals().includes(code)))
        judge.fail('J1', `submit to ${this.record.label} throws ${code} (${String(error)})`);
      return null;
    }
    if (allowed.length !== 0)
      judge.fail(
        'J1',
        `submit to ${this.record.label} is accepted, and must throw ${allowed.join(' or ')}`,
      );
    const record = this.#recordOf(job, options);
    if (judge.schedulers.length > 1) {
      const at = queuedOf(judge).findIndex((count, index) => count > (before[index] ?? 0));
      const place = judge.schedulers[at];
      if (place !== undefined) judge.places.set(record, place);
    }
    if (judge.isTold) judge.tell(`submit ${record.label}`);
    if (unheard) judge.unwatched.add(record);
    else this.#listen(job, record);
    return new WatchedJob(judge, job, record);
  }

  /** As `Entity.kill`. */
  kill(): void {
    const { record } = this;
    if (this.#judge.isTold) this.#judge.tell(`kill ${record.label}`);
    this.#markKilled();
    this.#entity.kill();
  }

  setPriority(priority: Priority): void {
    if (this.#judge.isTold) this.#judge.tell(`${this.record.label} gets priority ${priority}`);
    this.record.priority = priority;
    this.#entity.setPriority(priority);
  }

  setSchedulers(schedulers: readonly WatchedScheduler<P>[]): void {
    const names = schedulers.map((one) => one.record.label).join(', ');
    if (this.#judge.isTold) this.#judge.tell(`${this.record.label} may use ${names}`);
    this.record.schedulers = schedulers.map((one) => one.record);
    this.#entity.setSchedulers(schedulers.map((one) => one.scheduler));
  }

  #markKilled(): void {
    const { record } = this;
    if (record.killed) return;
    record.killed = true;
    for (const job of record.jobs) {
      if (job.dead === null && job.job.state === 'queued') job.dead = 'killed';
    }
  }

  /** The codes that a submit must throw one of now; empty where it must be accepted (J1). */
  #refusals(options: SubmitOptions): string[] {
    const { record } = this;
    const [only] = record.schedulers;
    const codes: string[] = [];
    if (record.killed) codes.push('ERR_CLOSED');
    if (record.closing) codes.push('ERR_CLOSED');
    for (const one of record.schedulers) {
      const { accused, leastToBan } = blameOf(record, one.domain);
      const isOnly = record.schedulers.length === 1;
      if (accused >= leastToBan && isOnly && this.#entity.stats().banned) {
        codes.push('ERR_CLIENT_BANNED');
      }
      // Where it has work it stays, whatever its list says (S12).
      if (!isOnly || this.#hasWork(true)) continue;
      if (one.state === 'gone' || one.domain.mayBeGone) codes.push('ERR_DEVICE_GONE');
      if (one.wasClosed) codes.push('ERR_CLOSED');
    }
    if (record.schedulers.length > 1 && !this.#hasWork(true)) {
      const open = record.schedulers.filter(({ state }) => state === 'open');
      if (open.length === 0) codes.push('ERR_NO_SCHEDULER', 'ERR_CLOSED');
    }
    if (this.#hasWork(false)) codes.push('ERR_CLOSED');
    if (only === undefined) codes.push('ERR_NO_SCHEDULER');
    if (this.#entity.queued >= record.maxQueued) codes.push('ERR_QUEUE_FULL');
    if (options.signal?.aborted === true) codes.push('aborted');
    return codes;
  }

  /** The codes that a submit may throw, because the scheduler may know already what the judge has yet to see. */
  #possibleRefusals(): string[] {
    const { record } = this;
    const isGone = record.schedulers.some((one) => this.#judge.mayBeGone(one));
    const isKilled = this.#judge.mayBeKilled(record);
    return [
      ...(isGone ? ['ERR_DEVICE_GONE', 'ERR_NO_SCHEDULER', 'ERR_CLOSED'] : []),
      ...(isKilled ? ['ERR_CLOSED', 'ERR_CLIENT_BANNED'] : []),
    ];
  }

  /** Whether a scheduler that takes jobs, or one that takes no more, still has work of it. */
  #hasWork(whereOpen: boolean): boolean {
    return this.record.jobs.some((job) => {
      const place = this.#judge.placeOf(job);
      const isOver = job.job.state === 'finished' && job.job.retired;
      return !isOver && place !== null && (place.state === 'open') === whereOpen;
    });
  }

  #recordOf(job: Job<P>, options: SubmitOptions): JobRecord {
    const judge = this.#judge;
    const { record: entity } = this;
    const { queueTimeoutMs, dependencyTimeoutMs, runTimeoutMs } = options;
    const record: JobRecord = {
      job: job as unknown as Job<never>,
      label: `${entity.label}${entity.jobs.length + 1}`,
      entity,
      seqno: entity.jobs.length + 1,
      after: options.after?.map((fence, _, all) => this.#dependency(fence, all)) ?? NO_DEPENDENCIES,
      failsOnError:
        options.onDependencyError === undefined
          ? entity.fails
          : options.onDependencyError === 'fail',
      credits: options.credits ?? 1,
      hintUs: judge.runtime.nowUs() + (options.deadlineMs ?? Infinity) * 1000,
      resources: options.resources === undefined ? NO_RESOURCES : totals(options.resources),
      resubmit: options.resubmit ?? null,
      submittedAtUs: judge.runtime.nowUs(),
      queueTimeoutUs: (queueTimeoutMs ?? Infinity) * 1000,
      dependencyTimeoutUs: dependencyTimeoutMs === undefined ? null : dependencyTimeoutMs * 1000,
      runTimeoutUs: runTimeoutMs === undefined ? null : runTimeoutMs * 1000,
      attempts: [],
      prepared: [],
      isPrepared: false,
      dead: null,
      cancelled: false,
      hookThrew: false,
      reusedFence: false,
      sliced: false,
      accused: false,
      captured: false,
      waiting: null,
      hadSlots: false,
      timeouts: 0,
      signals: '',
      freed: 0,
      blocked: null,
    };
    entity.jobs.push(record);
    judge.jobs.push(record);
    judge.byJob.set(record.job, record);
    return record;
  }

  /** Listens to both fences; every fourth job also tries what callbacks promise (F4). */
  #listen(job: Job<P>, record: JobRecord): void {
    const judge = this.#judge;
    const { scheduled, finished } = job;
    judge.byFence.set(finished, { job: record, which: 'finished' });
    judge.byFence.set(scheduled, { job: record, which: 'scheduled' });
    scheduled.addCallback(() => judge.noteInCallback(scheduledSignalled, record));
    finished.addCallback(() => judge.noteInCallback(finishedSignalled, record));
    if (record.seqno % 4 === 0) tryCallbacks(judge, finished, record);
  }

  #dependency(fence: Fence, all: readonly Fence[]): DependencyRecord {
    const known = this.#judge.byFence.get(fence) ?? this.#unheardOwner(fence);
    const isDropped =
      fence.status === 'pending' &&
      fence.timeline.ordered &&
      all.some((other) => other.timeline === fence.timeline && other.seqno > fence.seqno);
    return { fence, of: known?.job ?? null, which: known?.which ?? null, isDropped };
  }

  /** The job whose fence this is, among those that nobody listens to and whose fences are made when they are asked for. */
  #unheardOwner(fence: Fence): { job: JobRecord; which: 'scheduled' | 'finished' } | null {
    for (const job of this.#judge.unwatched) {
      if (job.seqno !== fence.seqno || fence.timeline.label !== job.entity.label) continue;
      if (job.job.finished === fence) return { job, which: 'finished' };
      if (job.job.scheduled === fence) return { job, which: 'scheduled' };
    }
    return null;
  }
}

/** Tries what callbacks promise: one that was removed does not run, and one that was added later runs later (F4). */
function tryCallbacks(judge: Judge, finished: Fence, record: JobRecord): void {
  const removed = finished.addCallback(() => judge.fail('F4', 'a callback that was removed runs'));
  finished.addCallback(() => {
    const isNext = record.signals.endsWith('f');
    if (!isNext) judge.fail('F4', 'callbacks run in another order than they were added in');
  });
  if (removed !== null) finished.removeCallback(removed);
}

/** How many jobs each scheduler counts as queued. */
function queuedOf(judge: Judge): number[] {
  return judge.schedulers.map((one) => one.scheduler.stats().queued);
}

const NO_DEPENDENCIES: readonly DependencyRecord[] = [];
const NO_RESOURCES: ReadonlyMap<ResourcePool, number> = new Map();

/** What is asked for of each pool. */
function totals(requests: readonly ResourceRequest[]): Map<ResourcePool, number> {
  const counts = new Map<ResourcePool, number>();
  for (const { pool, count = 1 } of requests) counts.set(pool, (counts.get(pool) ?? 0) + count);
  return counts;
}

/** A job of a watched entity. */
export class WatchedJob<P = unknown> {
  readonly job: Job<P>;
  readonly record: JobRecord;
  readonly #judge: Judge;

  constructor(judge: Judge, job: Job<P>, record: JobRecord) {
    this.#judge = judge;
    this.job = job;
    this.record = record;
  }

  /** As `Job.cancel`; what it says is judged (J9). */
  cancel(): 'dequeued' | 'requested' | 'finished' {
    const judge = this.#judge;
    const { record, job } = this;
    const { state } = job;
    syncResets(judge);
    const isOver = this.#isOver();
    // Between two slices it waits, and has run.
    const isWaiting = state === 'queued' && !isSuspended(record);
    const expected = isOver ? 'finished' : isWaiting ? 'dequeued' : 'requested';
    const wasQueued = this.record.entity.entity.queued;
    const wereSubmitted = this.record.entity.jobs.length;
    const place = judge.placeOf(record);
    const wasDead =
      judge.isDead(record) || place === null || place.state === 'closed' || judge.mayBeGone(place);
    // The driver may be asked, and the fences may signal, inside the call.
    record.cancelled = record.cancelled || !isOver;
    if (expected !== 'finished' && state === 'queued') record.dead ??= 'cancelled';
    const said = job.cancel();
    if (said === 'requested') record.cancelled = true;
    if (judge.isTold) judge.tell(`cancel ${record.label}: ${said}`);
    // It may have completed inside this very start, before the scheduler could hear of it.
    const hasEnded = place !== null && (place.state === 'closed' || judge.mayBeGone(place));
    const isAsGood = state === 'running' && ((isOver && said === 'requested') || hasEnded);
    if (!(said === expected || isAsGood))
      judge.fail('J9', `cancel of ${record.label}, which is ${state}, says ${said}`);
    if (said === 'dequeued' && !wasDead && wereSubmitted === record.entity.jobs.length) {
      const { entity, label } = record.entity;
      if (entity.queued >= wasQueued)
        judge.fail(
          'J9',
          `${record.label} was dequeued, and ${label} counts ${entity.queued} queued jobs after ${wasQueued}`,
        );
    }
    return said;
  }

  /** Whether its outcome is known, as far as the judge can tell. */
  #isOver(): boolean {
    const { record, job } = this;
    if (job.state !== 'running') return job.state === 'finished';
    if (record.hookThrew || record.reusedFence) return true;
    const attempt = record.attempts.at(-1);
    return attempt?.over === true && (attempt.taken === 'no' || attempt.retired);
  }

  /** The signal that it was submitted with is about to abort: it is cancelled then, whatever it is doing (J9). */
  willBeAborted(): void {
    const { record, job } = this;
    if (job.state === 'finished') return;
    record.cancelled = true;
    if (job.state === 'queued') record.dead ??= 'cancelled';
  }

  /** The driver saw a fault of this job (T6). */
  fault(): void {
    const judge = this.#judge;
    const { record } = this;
    const attempt = record.attempts.at(-1);
    syncResets(judge);
    judge.settleHeard();
    const scheduler: SchedulerRecord | null = judge.placeOf(record);
    if (scheduler === null) return;
    if (judge.isTold) judge.tell(`fault of ${record.label}`);
    if (attempt !== undefined && !attempt.over && record.job.state === 'running') {
      if (scheduler.state === 'open' || scheduler.state === 'draining') {
        accused(judge, scheduler, record, attempt);
      }
    }
    scheduler.scheduler.fault(record.job);
  }
}
