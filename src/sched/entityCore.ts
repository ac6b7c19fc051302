import { JobError } from '../base/index.ts';
import type { FencelineError } from '../base/index.ts';
import type { TimelineInfo } from '../fence/index.ts';
import { Account, setShare } from './account.ts';
import type { Blame } from './blame.ts';
import { stopDependencyClock } from './dependencies.ts';
import type { EntitySetup } from './entityOptions.ts';
import type { JobCore } from './jobCore.ts';
import type { PolicyEntity, Priority } from './policy.ts';
import { openRing } from './queueAgain.ts';
import { askResourcesAgain, returnResources } from './resources.ts';
import type { SchedulerCore } from './schedulerCore.ts';
import { EntityCounters } from './stats.ts';

/** What a job counts as of which nothing is known. */
const UNKNOWN_US = 1000;

const ADVANCING = 1;
const FINISHING = 2;

/**
 * The mechanism of an entity: its jobs in submission order, and what the policy sees of it.
 *
 * The order list holds every job whose finished fence has not signalled. `nextStart` is the first of them that is
 * queued: a cursor, so that a job which a reset puts back is in its place at once, in order (T4). In a parallel entity it passes over
 * those that wait for room on the one ring where they can go on (S14).
 */
export class EntityCore implements PolicyEntity {
  /** Also the id of its timeline of scheduled fences; the next number is that of the finished ones. */
  readonly id: number;
  /** Shared with other entities of equal options: replaced, never written. */
  setup: EntitySetup;
  scheduler: SchedulerCore;
  first: JobCore | null = null;
  last: JobCore | null = null;
  nextStart: JobCore | null = null;
  /** Jobs in phase `queued`. */
  queued = 0;
  /** Jobs in phase `running` or `ended`. */
  running = 0;
  /** Attempts that are not retired. */
  unretired = 0;
  /** Whether the policy knows it. */
  listed = false;
  /** Whether the next pass looks at it. */
  checkAsked = false;
  /** Of `advancing` and `finishing`: in one small integer, because there may be very many entities. */
  #steps = 0;
  /** The policy's own. */
  state: unknown = undefined;
  ends: EntityEnds | null = null;
  #use: EntityUse | null = null;

  constructor(id: number, setup: EntitySetup, scheduler: SchedulerCore) {
    this.id = id;
    this.setup = setup;
    this.scheduler = scheduler;
  }

  /** Whether `advance` is at work on it further up the stack. */
  get advancing(): boolean {
    return (this.#steps & ADVANCING) !== 0;
  }

  set advancing(isSo: boolean) {
    this.#steps = isSo ? this.#steps | ADVANCING : this.#steps & ~ADVANCING;
  }

  /** Whether a job of it has left the list, and its finished fence has not signalled yet. */
  get finishing(): boolean {
    return (this.#steps & FINISHING) !== 0;
  }

  set finishing(isSo: boolean) {
    this.#steps = isSo ? this.#steps | FINISHING : this.#steps & ~FINISHING;
  }

  get label(): string {
    return this.setup.label ?? `entity ${this.id}`;
  }

  get serial(): boolean {
    return this.setup.serial;
  }

  /** What it needs from its first job on. */
  get use(): EntityUse {
    this.#use ??= new EntityUse();
    return this.#use;
  }

  get scheduledInfo(): TimelineInfo {
    this.use.scheduledInfo ??= this.#info(this.id, false);
    return this.use.scheduledInfo;
  }

  get finishedInfo(): TimelineInfo {
    this.use.finishedInfo ??= this.#info(this.id + 1, this.serial);
    return this.use.finishedInfo;
  }

  /** Why it takes no more jobs; `null` while it does. */
  get killed(): FencelineError | null {
    return this.ends === null ? null : this.ends.killed;
  }

  /** What is about its end; made when somebody first waits for it, closes it or kills it. */
  needEnds(): EntityEnds {
    this.ends ??= new EntityEnds();
    return this.ends;
  }

  // What a policy sees.

  get priority(): Priority {
    return this.setup.priority;
  }

  get weight(): number {
    return this.setup.weight;
  }

  get account(): Account {
    const { account, weight, priority } = this.setup;
    if (account !== null) return account;
    this.use.account ??= new Account({ label: this.label, weight, priority });
    return this.use.account;
  }

  get queuedAtUs(): number {
    return this.nextStart?.submittedAtUs ?? 0;
  }

  get headJobId(): number {
    return this.nextStart?.id ?? 0;
  }

  get estimateUs(): number {
    return this.nextStart === null ? 0 : this.estimateOf(this.nextStart);
  }

  get deadlineUs(): number | null {
    return this.nextStart?.hintUs ?? null;
  }

  /** What `job` is expected to take: what its submitter said, else the entity's average, else the scheduler's. */
  estimateOf(job: JobCore): number {
    const said = job.extra?.estimateUs ?? -1;
    if (said >= 0) return said;
    return this.use.estimate.or(this.scheduler.estimate.or(UNKNOWN_US));
  }

  /** How long `job` may keep a ring busy: what its submitter says counts as much as it proved to before (S4). */
  lengthOf(job: JobCore): number {
    const said = job.extra?.estimateUs ?? -1;
    if (said < 0) return this.#lengthOfKind(job);
    const { overrun } = this.use;
    if (overrun === null) return Math.max(said, this.scheduler.estimate.or(UNKNOWN_US));
    return Math.max(said, overrun.or(1) * Math.max(said, 1));
  }

  /** Quick jobs of others, or of other kinds, do not vouch for the first of an entity, or of a kind. */
  #lengthOfKind(job: JobCore): number {
    const kind = this.scheduler.hooks.kindOf(job);
    if (kind !== undefined) {
      const known = this.use.kinds?.get(kind)?.or(UNKNOWN_US);
      return known ?? Math.max(this.estimateOf(job), UNKNOWN_US);
    }
    return this.use.estimate.or(Math.max(this.scheduler.estimate.or(0), UNKNOWN_US));
  }

  // Its place in the world.

  /** Whether every job has finished. */
  get idle(): boolean {
    return this.first === null;
  }

  setWeight(weight: number): void {
    this.setup = { ...this.setup, weight };
    this.#shareChanged();
  }

  setPriority(priority: Priority): void {
    this.setup = { ...this.setup, priority };
    this.#shareChanged();
  }

  // The order list.

  append(job: JobCore): void {
    job.before = this.last;
    if (this.last === null) this.first = job;
    else this.last.after = job;
    this.last = job;
    this.nextStart ??= job;
    this.queued += 1;
  }

  unlink(job: JobCore): void {
    if (job.before === null) this.first = job.after;
    else job.before.after = job.after;
    if (job.after === null) this.last = job.before;
    else job.after.before = job.before;
    job.before = null;
    job.after = null;
  }

  /** Moves the cursor past `job`, which is no longer queued. */
  skip(job: JobCore): void {
    if (this.nextStart !== job) return;
    let next = job.after;
    while (next !== null && next.phase !== 'queued') next = next.after;
    this.nextStart = next;
  }

  /** Moves the cursor past `job`, which is queued and waits for its ring, to those behind it; `putBack` brings it back. */
  passOver(job: JobCore): void {
    this.#displace(job);
    this.skip(job);
  }

  /** Moves the cursor back to `job`, which is queued, if it comes before. */
  putBack(job: JobCore): void {
    const displaced = this.nextStart;
    if (displaced !== null && displaced.seqno <= job.seqno) return;
    this.nextStart = job;
    if (displaced === null) return;
    this.#displace(displaced);
    openRing(this.scheduler, displaced);
  }

  #displace(job: JobCore): void {
    returnResources(job);
    stopDependencyClock(this.scheduler, job);
  }

  /** The error of jobs that can no longer start because the entity was killed. */
  get killError(): FencelineError {
    return this.killed ?? new JobError('ERR_ENTITY_KILLED', undefined, { label: this.label });
  }

  #shareChanged(): void {
    const { account, weight, priority } = this.setup;
    if (account === null && this.#use !== null && this.#use.account !== null) {
      setShare(this.#use.account, weight, priority);
    }
    if (this.nextStart !== null) askResourcesAgain(this.nextStart);
    this.scheduler.askCheck(this);
  }

  #info(id: number, ordered: boolean): TimelineInfo {
    return Object.freeze({ id, driver: this.scheduler.label, label: this.label, ordered });
  }
}

/** What an entity needs from its first job on; an idle one that never had a job does without. */
class EntityUse extends EntityCounters {
  scheduledInfo: TimelineInfo | null = null;
  finishedInfo: TimelineInfo | null = null;
  lastError: FencelineError | null = null;
  /** Its own account, where it was given none. */
  account: Account | null = null;
  /** What it did to devices, where it has no client (T6). */
  blame: Blame | null = null;
}

/** What is about the end of an entity. */
class EntityEnds {
  killed: FencelineError | null = null;
  closing = false;
  closed: Promise<void> | null = null;
  /** Called once nothing is unfinished; of `retiredWaiters` once nothing is unretired either. */
  idleWaiters: (() => void)[] = [];
  retiredWaiters: (() => void)[] = [];
}
