import type { Fence } from '../../fence/index.ts';
import type { Job, ResourcePool } from '../../sched/index.ts';
import type { ExploreRuntime } from '../exploreRuntime.ts';
import { blameOf, noteAccused } from './blame.ts';
import { isSuspended } from './sliceRules.ts';
import type {
  AttemptRecord,
  DomainRecord,
  EntityRecord,
  Finding,
  JobRecord,
  RingRecord,
  SchedulerRecord,
} from './records.ts';

/**
 * Holds what is known of the judged, and what was found. The rules are in the files beside it, one subject each.
 *
 * It shares no code with the core: it knows what clients asked for, what drivers were called with, how fences
 * signalled, and the public state and statistics. From these it keeps its own account of what must be true.
 */
export class Judge {
  readonly runtime: ExploreRuntime;
  readonly findings: Finding[] = [];
  readonly schedulers: SchedulerRecord[] = [];
  readonly domains: DomainRecord[] = [];
  readonly entities: EntityRecord[] = [];
  readonly jobs: JobRecord[] = [];
  readonly byJob: Map<Job<never>, JobRecord> = new Map();
  readonly byFence: Map<Fence, { job: JobRecord; which: 'scheduled' | 'finished' }> = new Map();
  readonly hardware: Map<Fence, AttemptRecord> = new Map();
  readonly slots: Map<ResourcePool, Map<number, JobRecord>> = new Map();
  /** Whether this step only signals a fence, so that whatever happens in it happens inside callbacks. */
  inSignal = false;
  /** Jobs that nobody listens to: looked at after each step. */
  readonly unwatched: Set<JobRecord> = new Set();
  readonly pools: Set<ResourcePool> = new Set();
  /** Pools where not every free slot is for everybody. */
  readonly reservedPools: Set<ResourcePool> = new Set();
  /** Where jobs of entities with several schedulers were queued, as far as the counters of those tell. */
  readonly places: Map<JobRecord, SchedulerRecord> = new Map();
  /** How many abort listeners are set. */
  readonly listeners: () => number;
  /** Whether busy time is only what the clock says: no driver measures it. */
  countsTime = true;
  /** The longest that an attempt has kept its ring busy. */
  longestUs = 0;
  #callbacks = 0;
  /** What the step did, for trails; `null` where nobody reads it. */
  told: string[] | null = null;

  /** A callback for a fence that must refuse it (F4). */
  readonly refused = (): void => this.fail('F4', 'a callback that was refused runs');

  constructor(runtime: ExploreRuntime, listeners: () => number) {
    this.runtime = runtime;
    this.listeners = listeners;
  }

  /** A law does not hold. */
  fail(rule: string, message: string): void {
    this.findings.push({ rule, message });
  }

  /** Finds that `rule` is broken unless `holds`; the message is made only then. */
  check(holds: boolean, rule: string, message: () => string): void {
    if (!holds) this.findings.push({ rule, message: message() });
  }

  /** Whether somebody reads what steps do. */
  get isTold(): boolean {
    return this.told !== null;
  }

  /** Adds a line to what the step did; called only where `isTold`, so that texts nobody reads are not made. */
  tell(text: string): void {
    this.told?.push(text);
  }

  /** What is known of `job`. */
  recordOf(job: Job<never>): JobRecord {
    const record = this.byJob.get(job);
    if (record !== undefined) return record;
    this.fail('S2', `a hook is called for ${job.label} inside its own submit`);
    throw new Error('the job is not known yet');
  }

  /** Whether the finished fence of a job has signalled; asks the fence only where somebody has made it before. */
  isFinished(record: JobRecord): boolean {
    if (this.unwatched.has(record)) return record.job.state === 'finished';
    return record.job.finished.status !== 'pending';
  }

  /** Runs what a scenario does in a callback; callbacks do not nest (F5). */
  inCallback(fn: () => void): void {
    this.noteInCallback(fn, undefined);
  }

  /** Runs a rule of the judge's own in a callback. */
  noteInCallback<Of>(rule: (judge: Judge, of: Of) => void, of: Of): void {
    if (this.#callbacks !== 0) this.fail('F5', 'a callback runs inside another one');
    this.#callbacks += 1;
    try {
      rule(this, of);
    } finally {
      this.#callbacks -= 1;
    }
  }

  /** The clock of a scheduler's timeouts: it stands still while they are suspended (T1). */
  clockOf(scheduler: SchedulerRecord): number {
    return (scheduler.suspendedAtUs ?? this.runtime.nowUs()) - scheduler.stoodStillUs;
  }

  /** The scheduler that a job is with; `null` where that cannot be told from outside. */
  placeOf(job: JobRecord): SchedulerRecord | null {
    const attempt = job.attempts.at(-1);
    if (attempt !== undefined) return attempt.scheduler;
    const { schedulers } = job.entity;
    return this.places.get(job) ?? (schedulers.length === 1 ? (schedulers[0] ?? null) : null);
  }

  /** The scheduler that a job is with, or those that it may be with. */
  placesOf(job: JobRecord): readonly SchedulerRecord[] {
    const place = this.placeOf(job);
    return place === null ? job.entity.schedulers : [place];
  }

  dependencyTimeoutOf(job: JobRecord): number {
    if (job.dependencyTimeoutUs !== null) return job.dependencyTimeoutUs;
    let leastUs = Infinity;
    for (const one of job.entity.schedulers) leastUs = Math.min(leastUs, one.dependencyTimeoutUs);
    return Math.min(leastUs, this.placeOf(job)?.dependencyTimeoutUs ?? Infinity);
  }

  /** Whether the time since its submission was enough for a limit of the queue to have ended `job`. */
  mayHaveExpired(job: JobRecord): boolean {
    const waitedUs = this.runtime.nowUs() - job.submittedAtUs;
    if (job.attempts.length === 0 && waitedUs >= job.queueTimeoutUs) return true;
    if (job.hookThrew) return true;
    if (waitedUs > 0 && waitedUs >= this.dependencyTimeoutOf(job)) return true;
    return this.hasFailedDependency(job);
  }

  /** Whether a dependency whose failure counts for `job` has failed (J5, J6). */
  hasFailedDependency(job: JobRecord): boolean {
    return (
      job.failsOnError &&
      job.after.some(({ fence, isDropped }) => fence.status === 'failed' && !isDropped)
    );
  }

  /** Whether `job` may never run again, as far as can be told from outside. */
  isDead(job: JobRecord): boolean {
    return isOver(job) || this.mayBeKilled(job.entity) || this.mayHaveExpired(job);
  }

  /** Whether an entity was killed, or may have been for a guilty job (T6). */
  mayBeKilled(entity: EntityRecord): boolean {
    if (entity.killed) return true;
    if (entity.killsOnFault && entity.jobs.some((job) => this.#mayBeGuilty(job))) return true;
    for (const one of this.schedulers) if (this.mayBeBanned(entity, one)) return true;
    return false;
  }

  #mayBeGuilty({ accused, attempts }: JobRecord): boolean {
    const last = attempts.at(-1);
    return accused || (last !== undefined && !last.over && this.isPastItsTime(last));
  }

  /** Whether an attempt is on its ring and may complete. */
  isOnRing(attempt: AttemptRecord | undefined): attempt is AttemptRecord {
    return attempt !== undefined && !attempt.retired && !attempt.over && !attempt.detached;
  }

  /** What executes on `ring` now. */
  executing(ring: RingRecord): AttemptRecord | null {
    for (const attempt of ring.attempts) {
      if (!attempt.over && !attempt.charged) return attempt;
      if (attempt.hung) return null;
    }
    return null;
  }

  /** Everything that executes on `ring`: where it keeps no order, all that has not ended. */
  executingAll(scheduler: SchedulerRecord, ring: RingRecord): AttemptRecord[] {
    if (!scheduler.ordered) return ring.attempts.filter(({ over, charged }) => !over && !charged);
    const executing = this.executing(ring);
    return executing === null ? [] : [executing];
  }

  /** Whether nobody could be asked about it and its own time is up (T2). */
  isPastItsTime(attempt: AttemptRecord): boolean {
    const { scheduler, job, execClockUs } = attempt;
    const limitUs = job.runTimeoutUs ?? scheduler.runTimeoutUs;
    return !scheduler.hasTimedOut && this.clockOf(scheduler) - execClockUs >= limitUs;
  }

  /** Starts the clock of what executes on `ring` now (T1). */
  updateExecution(scheduler: SchedulerRecord, ring: RingRecord): void {
    for (const attempt of this.executingAll(scheduler, ring)) {
      if (Number.isNaN(attempt.execClockUs)) attempt.execClockUs = this.clockOf(scheduler);
    }
  }

  /** Counts the time of an attempt that ends (S11, S13). */
  charge(attempt: AttemptRecord, used: boolean): void {
    if (attempt.charged) return;
    attempt.charged = true;
    if (!used) return;
    const { ring } = attempt;
    const busyUs = this.executedUs(attempt);
    ring.busyUs += busyUs;
    attempt.job.entity.busyUs += busyUs;
    this.longestUs = Math.max(this.longestUs, busyUs);
    ring.lastEndUs = Math.max(ring.lastEndUs, this.runtime.nowUs());
  }

  /** For how long an attempt that is the first on its ring has executed by now: since its start, or since the one before it ended. */
  executedUs({ startedAtUs, ring }: AttemptRecord): number {
    return Math.max(0, this.runtime.nowUs() - Math.max(startedAtUs, ring.lastEndUs));
  }

  /** Attempts whose hardware fence had signalled when `runJob` returned it: the scheduler hears of them a little later. */
  readonly instant: AttemptRecord[] = [];

  /** Notes what the scheduler must have heard of by now. */
  settleInstant(): void {
    if (this.instant.length === 0) return;
    for (const attempt of this.instant.splice(0)) this.hardwareSignalled(attempt);
  }

  /** As `settleInstant`, of what the scheduler says that it has heard: in the middle of a step it may be at any of them. */
  settleHeard(): void {
    for (const attempt of [...this.instant]) {
      if (!attempt.job.job.retired) continue;
      this.instant.splice(this.instant.indexOf(attempt), 1);
      this.hardwareSignalled(attempt);
    }
  }

  /** The hardware told that an attempt is over. */
  hardwareSignalled(attempt: AttemptRecord): void {
    if (this.isTold)
      this.tell(`hardware fence of ${attempt.job.label}: ${attempt.hardware.error?.code ?? 'ok'}`);
    if (attempt.job.accused) this.accusedEnded(attempt);
    if (attempt.detached || attempt.retired) return;
    const { entity, seqno } = attempt.job;
    // It waits for its predecessor, and who depends on it does not see it on the ring any more.
    if (entity.serial && entity.lastFinished < seqno - 1) attempt.scheduler.wasDisturbed = true;
    this.charge(attempt, true);
    attempt.over = true;
    this.retire(attempt);
  }

  /** The hardware is done with an accused attempt before a reset took it: what is behind it executes (T1, S13). */
  accusedEnded(attempt: AttemptRecord): void {
    if (attempt.over || attempt.retired || attempt.taken !== 'no') return;
    this.charge(attempt, true);
    this.updateExecution(attempt.scheduler, attempt.ring);
  }

  /** The hardware worked on after the job had failed on time (S11). */
  #chargeHungTime({ ring, job }: AttemptRecord): void {
    const nowUs = this.runtime.nowUs();
    const busyUs = Math.max(0, nowUs - ring.lastEndUs);
    ring.busyUs += busyUs;
    job.entity.busyUs += busyUs;
    ring.lastEndUs = nowUs;
  }

  /** The hardware can touch nothing of it any more (J11). */
  retire(attempt: AttemptRecord): void {
    if (attempt.retired) return;
    attempt.retired = true;
    attempt.over = true;
    if (attempt.hung) this.#chargeHungTime(attempt);
    const { attempts } = attempt.ring;
    attempts.splice(attempts.indexOf(attempt), 1);
    for (const holders of this.slots.values()) {
      for (const [slot, holder] of holders) if (holder === attempt.job) holders.delete(slot);
    }
    this.updateExecution(attempt.scheduler, attempt.ring);
  }

  /** Counts a guilty job (T6). */
  accuse(job: JobRecord, scheduler: SchedulerRecord): void {
    if (job.accused) return;
    job.accused = true;
    noteAccused(blameOf(job.entity, scheduler.domain), scheduler.banAfter);
  }

  mayBeBanned(entity: EntityRecord, scheduler: SchedulerRecord): boolean {
    const who = entity.client ?? entity;
    const guilty = { ...blameOf(entity, scheduler.domain) };
    for (const { hasTimedOut, rings, banAfter } of scheduler.domain.members) {
      if (hasTimedOut) continue;
      for (const attempt of rings.flatMap(({ attempts }) => attempts)) {
        const { job } = attempt;
        const isTheirs = (job.entity.client ?? job.entity) === who;
        if (isTheirs && !job.accused && this.isPastItsTime(attempt)) noteAccused(guilty, banAfter);
      }
    }
    return guilty.accused >= guilty.leastToBan;
  }

  /** Whether as many of its jobs have failed as guilty as make a ban. */
  isBanned(entity: EntityRecord, scheduler: SchedulerRecord): boolean {
    const { convicted, mostToBan } = blameOf(entity, scheduler.domain);
    return convicted > 0 && convicted >= mostToBan;
  }

  /** Whether the device of `scheduler` was removed, was called gone, or could not be reset within the budget (T7, T8). */
  mayBeGone(scheduler: SchedulerRecord): boolean {
    const { domain } = scheduler;
    if (scheduler.state === 'gone' || domain.mayBeGone) return true;
    if (!domain.resetting) return false;
    // The budget is that of the scheduler whose job began the reset.
    const budget = Math.min(...domain.members.map(({ maxTries }) => maxTries));
    if (!hasFailed(this, domain)) return false;
    // One that does not end counts again each time that its time has passed.
    const timeoutUs = Math.min(...domain.members.map(({ resetTimeoutUs }) => resetTimeoutUs));
    const overrunUs = Math.max(0, this.runtime.lastFiredForUs - domain.deadlineUs);
    return domain.tries + Math.floor(overrunUs / timeoutUs) >= budget;
  }

  /** The device of `domain` is lost: nothing of it runs any more (T8). */
  lose(domain: DomainRecord): void {
    domain.mayBeGone = true;
    domain.resetting = false;
    for (const scheduler of domain.members) {
      scheduler.resets = scheduler.scheduler.stats().resets;
      if (scheduler.state !== 'closed') scheduler.state = 'gone';
      this.#endAll(scheduler, true);
    }
  }

  /** The scheduler was closed with `kill` (E3). */
  closeKilled(scheduler: SchedulerRecord): void {
    if (scheduler.state === 'closed' || scheduler.state === 'gone') return;
    scheduler.state = 'closed';
    this.#endAll(scheduler, false);
  }

  #endAll(scheduler: SchedulerRecord, retired: boolean): void {
    for (const ring of scheduler.rings) {
      const executing = this.executingAll(scheduler, ring);
      // It may have been found guilty, and its client banned, in the same step and without a word.
      for (const attempt of executing) {
        if (this.isPastItsTime(attempt)) this.accuse(attempt.job, scheduler);
      }
      for (const attempt of [...ring.attempts]) {
        this.charge(attempt, executing.includes(attempt));
      }
      for (const attempt of [...ring.attempts]) {
        attempt.over = true;
        const waitsForReset = attempt.taken !== 'no';
        const told = attempt.hardware.status !== 'pending' && !waitsForReset;
        if (!waitsForReset) attempt.detached = false;
        if (retired || told) this.retire(attempt);
      }
    }
  }
}

/** Whether the try of a reset that is going on, or was the last, has failed or overrun its time (T7). */
export function hasFailed({ runtime }: Judge, { failed, deadlineUs }: DomainRecord): boolean {
  return failed || runtime.lastFiredForUs >= deadlineUs;
}

/** Whether `job`, which does not run, never will again: it only waits for what must signal before it (E2, J7). */
export function isOver(job: JobRecord): boolean {
  if (job.dead !== null || job.accused || job.reusedFence) return true;
  if (job.cancelled && job.attempts.length > 0) return true;
  return mayNotRunAgain(job) && !isSuspended(job);
}

/** Whether a reset took the last attempt of `job`, and it may not have another one (T4). */
export function mayNotRunAgain({ attempts, resubmit }: JobRecord): boolean {
  const last = attempts.at(-1);
  if (last === undefined || last.taken === 'no') return false;
  const may = resubmit === true || (resubmit === null && last.taken === 'waiting');
  return !may || last.number >= last.scheduler.maxAttempts;
}
