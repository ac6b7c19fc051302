import type { FencelineError } from '../base/index.ts';
import { idsOf } from '../events/index.ts';
import type { Ids } from '../events/index.ts';
import type { Attempt } from './attempt.ts';
import { fenceSignalled, start } from './attempts.ts';
import { cancel } from './cancel.ts';
import { Clock } from './clock.ts';
import { Deadline, Deadlines } from './deadlines.ts';
import { recheckPipelined, resolveDependencies, startDependencyClock } from './dependencies.ts';
import type { Driver } from './driver.ts';
import { die } from './endings.ts';
import type { EntityCore } from './entityCore.ts';
import { isSameSetup } from './entityOptions.ts';
import type { EntitySetup } from './entityOptions.ts';
import { expire } from './expiry.ts';
import { failAll } from './failAll.ts';
import { FreeList } from './freeList.ts';
import { Hooks } from './hooks.ts';
import type { JobCore } from './jobCore.ts';
import { Listing } from './listing.ts';
import { Observers } from './observers.ts';
import { boundRing, isHeldByOrder, isKeptWithSlots, keepRing, nextOnKept } from './placement.ts';
import type { Policy } from './policy.ts';
import { openRing } from './queueAgain.ts';
import type { DomainCore } from './resetDomain.ts';
import { holdsResources } from './resources.ts';
import { allStopped, leastLoaded, Ring } from './ring.ts';
import type { SchedulerSetup } from './schedulerOptions.ts';
import { Estimate } from './stats.ts';
import { Turn } from './turn.ts';

/**
 * The mechanism of a scheduler: who is ready, what starts where, and what happens when an attempt ends.
 *
 * 1. Whatever makes an entity ready or frees a credit calls `askCheck` or `requestPass`; a pass runs once after the call
 *    stack, for however many asked (S2). So no wake-up is lost.
 * 2. A pass first looks at every entity whose head changed or was woken: it is listed with the policy exactly while its
 *    head job can start. Then it starts what the policy picks until a job does not fit (S5) or nobody is left.
 * 3. A job is charged when it starts and settled when its attempt ends, whichever way it ends (S8, S11).
 * 4. Counters, lists and credits are right before any fence is signalled, because callbacks run inside `signal`.
 */
export class SchedulerCore extends Clock {
  readonly label: string;
  readonly device: string;
  readonly ids: Ids;
  readonly driver: Driver;
  readonly setup: SchedulerSetup;
  readonly hooks: Hooks;
  readonly observers: Observers;
  readonly policy: Policy;
  readonly rings: readonly Ring[];
  readonly deadlines: Deadlines;
  readonly domain: DomainCore;
  readonly estimate: Estimate = new Estimate();
  /** Whether its rings execute in the order of starts. */
  readonly ordered: boolean;
  /** Whether dependencies on running jobs may be left to the ring's order (J7). */
  readonly pipelines: boolean;
  /** Whether its driver runs jobs in slices (S14). */
  readonly slices: boolean;
  /** Jobs between two slices. */
  readonly suspended: Set<JobCore> = new Set();
  /** Whether only what a job asked for can hold it back: one ring that keeps order, nothing to prepare, no slices. */
  readonly #startsPlainly: boolean;
  state: 'open' | 'draining' | 'closed' | 'gone' = 'open';
  goneError: FencelineError | null = null;
  /** Entities with a job that has not finished. */
  readonly active: Set<EntityCore> = new Set();
  /** Jobs in phase `queued`. */
  queued = 0;
  /** Jobs in phase `running`. */
  inFlight = 0;
  openEntities = 0;
  /** This scheduler as a list, which entities that use no other share. */
  readonly alone: readonly SchedulerCore[] = [this];
  #lastSetup: EntitySetup | null = null;
  timeouts = 0;
  resets = 0;
  /** Called once, after the call stack, when it has ended: no fence is unsignalled, what could be freed is. */
  onEnd: () => void = () => {};
  /** Called once where the device is gone, before the first job fails with it. */
  onGone: (error: FencelineError) => void = () => {};
  /** Attempts whose jobs were freed, for the next starts. */
  readonly spareAttempts: Attempt[] = [];
  readonly freeList: FreeList = new FreeList(this);
  #checks: EntityCore[] = [];
  readonly #listing: Listing = new Listing(this);
  #nextCheck = 0;
  #passAsked = false;
  /** The job that did not fit, which ends the pass: told when the pass is over, so that whoever is told can ask for the next one. */
  #blocked: JobCore | null = null;
  readonly #turn = new Turn();
  readonly #pass = (): void => this.#runPass();

  constructor(setup: SchedulerSetup, domain: DomainCore) {
    super(setup.runtime);
    this.setup = setup;
    this.label = setup.label;
    this.device = setup.device;
    this.ids = idsOf(setup.runtime);
    this.driver = setup.driver;
    this.policy = setup.policy;
    this.domain = domain;
    this.observers = new Observers(setup.runtime);
    this.hooks = new Hooks(setup.driver, this.observers, () => setup.runtime.nowUs());
    this.deadlines = new Deadlines(setup.runtime, (due) => expire(this, due));
    this.rings = Array.from({ length: setup.rings }, (_, index) => {
      const ring = new Ring(index, setup.credits, new Deadline('run', null));
      ring.deadline.ring = ring;
      return ring;
    });
    this.slices = setup.driver.nextSlice !== undefined;
    this.ordered = setup.driver.ordered !== false;
    this.pipelines = setup.rings === 1 && this.ordered;
    this.#startsPlainly = this.pipelines && !this.slices && setup.driver.prepareJob === undefined;
  }

  get ended(): boolean {
    return this.state === 'closed' || this.state === 'gone';
  }

  /** The setup of the entity that was opened last, where it equals `setup`: many entities are opened alike. */
  sameSetup(setup: EntitySetup): EntitySetup {
    const last = this.#lastSetup;
    if (last !== null && isSameSetup(last, setup)) return last;
    this.#lastSetup = setup;
    return setup;
  }

  // Passes.

  /** Has the next pass look at `entity`: its head changed, or what it waited for happened. */
  askCheck(entity: EntityCore): void {
    this.noteCheck(entity);
    this.requestPass();
  }

  /** The same, in whatever pass is next. */
  noteCheck(entity: EntityCore): void {
    if (entity.checkAsked) return;
    entity.checkAsked = true;
    this.#checks.push(entity);
  }

  requestPass(): void {
    if (this.#passAsked || this.ended) return;
    this.#passAsked = true;
    this.#reportPass('pass-request', 0);
    this.runtime.defer(this.#pass);
  }

  /** Whether a pass is due. For tests of S2 and the explorer's invariants. */
  get passPending(): boolean {
    return this.#passAsked;
  }

  #runPass(): void {
    if (this.ended) return;
    this.observers.refresh();
    this.#reportPass('pass-begin', 0);
    this.readClock();
    const turn = this.#turn;
    turn.begin(this.nowUs);
    let started = 0;
    let later = false;
    // Until it ends, this pass sees whatever a request would be for; what throws in it must not stop the next one.
    try {
      for (;;) {
        if (this.ended || allStopped(this.rings)) break;
        later = turn.isOver(this.nowUs);
        if (later) break;
        const beforeUs = this.nowUs;
        const entity = this.#checks[this.#nextCheck];
        if (entity !== undefined) this.#checkNext(entity);
        else if (this.#startNext()) {
          started += 1;
          turn.started();
        } else break;
        // A job that ended at once has told the time.
        if (this.nowUs === beforeUs) this.readClock();
      }
    } finally {
      this.#passAsked = false;
      turn.end(this.nowUs);
      if (later) {
        turn.renew();
        // Where the platform has no timer, the next request asks again.
        this.runtime.setTimer(this.runtime.nowUs(), this.#pass);
        this.#passAsked = true;
      }
    }
    const blocked = this.#blocked;
    this.#blocked = null;
    if (blocked !== null) this.#reportBlocked(blocked, 'credits');
    this.deadlines.settle();
    this.#reportPass('pass-end', started);
    this.#listing.passEnded();
  }

  #checkNext(entity: EntityCore): void {
    this.#nextCheck += 1;
    if (this.#nextCheck === this.#checks.length) {
      this.#checks.length = 0;
      this.#nextCheck = 0;
    }
    // It has moved since it was asked for, and its new scheduler looks at it.
    if (entity.scheduler !== this) return;
    entity.checkAsked = false;
    this.#check(entity);
  }

  /** Lists `entity` with the policy exactly while its head can start (rule 2). */
  #check(entity: EntityCore): void {
    const can = this.#canStart(entity);
    if (this.ended) return;
    if (can) this.#listing.add(entity);
    else this.unlist(entity);
  }

  unlist(entity: EntityCore): void {
    this.#listing.remove(entity);
  }

  #canStart(entity: EntityCore): boolean {
    for (;;) {
      const job = entity.nextStart;
      // A job that ended in here may be followed by one that was submitted, in a callback, to another scheduler (S12).
      if (job === null || entity.scheduler !== this) return false;
      // Nothing can hold back a plain job, as most are.
      if (job.extra === null && this.#startsPlainly) return true;
      if (job.waitsFor !== null) {
        startDependencyClock(this, job);
        return false;
      }
      const found = resolveDependencies(this, job);
      if (found === 'ready') {
        // A hook that was asked may have put another one before it: nobody but the head holds slots (S6).
        if (job !== entity.nextStart) continue;
        if (isHeldByOrder(this, entity, job)) {
          // Those behind it may start elsewhere (S3); it is put back when its ring has room, which whoever is told may make.
          const waits = entity.serial || isKeptWithSlots(this.rings, job);
          if (!waits) entity.passOver(job);
          this.#reportBlocked(job, 'order');
          if (waits) return false;
          continue;
        }
        if (holdsResources(job)) return true;
        // Who heard of the grant may have ended it.
        if (job !== entity.nextStart) continue;
        openRing(this, job);
        this.#reportBlocked(job, 'resource');
        return false;
      }
      if (found !== 'blocked') {
        // As a start counts, and the pass looks at the next one by itself: a callback may submit the same again for ever (S2).
        this.#turn.started();
        die(this, job, found);
        return false;
      }
      if (job === entity.nextStart) return false;
    }
  }

  /** Starts what the policy picks; false where nobody is ready, or the job does not fit (S5). */
  #startNext(): boolean {
    // A ring is kept for jobs between two slices alone.
    const kept = this.suspended.size === 0 ? null : nextOnKept(this.rings);
    const entity = kept ?? this.#listing.pick();
    if (entity === null) return false;
    const job = entity.nextStart as JobCore;
    if (recheckPipelined(job)) {
      const can = this.#canStart(entity);
      if (!can) this.unlist(entity);
      if (!can || entity.nextStart !== job) return true;
    }
    const bound = this.rings.length === 1 ? null : boundRing(this, entity, job);
    if (bound !== null && !bound.hasRoom(job)) {
      // Others filled its ring: it waits for that ring, and holds nobody back elsewhere.
      keepRing(bound, job);
      this.unlist(entity);
      this.askCheck(entity);
      return true;
    }
    const ring = bound ?? leastLoaded(this.rings, job);
    if (ring === null) {
      this.#blocked = job;
      return false;
    }
    start(this, entity, job, ring);
    if (!this.#canStart(entity)) this.unlist(entity);
    return true;
  }

  // What users and the recovery do.

  /** Whether an entity waits for room with a job that can start, or may have one. */
  get contended(): boolean {
    return this.#listing.count > 0 || this.#checks.length > 0;
  }

  /** The fence that `job` waited for signalled: see the rules of JobCore. */
  fenceSignalled(job: JobCore): void {
    fenceSignalled(this, job);
  }

  cancel(job: JobCore, reason: unknown): 'dequeued' | 'requested' | 'finished' {
    return cancel(this, job, reason);
  }

  /** Ends everything at once (E3). */
  close(error: FencelineError): void {
    this.state = 'closed';
    failAll(this, error, false);
    this.#end();
  }

  /** Ends as soon as the last job has finished (E3). */
  closeWhenDrained(): void {
    if (this.state !== 'draining' || this.active.size > 0) return;
    this.state = 'closed';
    this.#end();
  }

  /** The device is gone (T8): it takes no job and starts none any more. */
  markGone(error: FencelineError): void {
    this.state = 'gone';
    this.goneError = error;
  }

  /** Fails every job, once all of the reset domain are marked. */
  failAsGone(error: FencelineError): void {
    failAll(this, error, true);
    this.#end();
  }

  /** What is due is freed first (E5), after the call stack, because this may be inside a fence callback (D3). */
  #end(): void {
    this.deadlines.clearAll();
    this.domain.leave(this);
    this.runtime.defer(() => {
      this.freeList.flush();
      this.onEnd();
    });
  }

  /** `entity` has no unfinished job left. */
  entityIdle(entity: EntityCore): void {
    this.left(entity);
    const { ends } = entity;
    if (ends !== null) {
      for (const waiter of ends.idleWaiters.splice(0)) this.runtime.defer(waiter);
      this.tellRetired(entity);
    }
  }

  /** `entity` has no unfinished job here. */
  left(entity: EntityCore): void {
    this.active.delete(entity);
    if (this.active.size === 0 && this.state === 'draining') {
      this.runtime.defer(() => this.closeWhenDrained());
    }
  }

  hintChanged(job: JobCore): void {
    const { entity } = job;
    if (entity.listed && entity.nextStart === job) this.askCheck(entity);
  }

  reportEntity(type: 'entity-open' | 'entity-kill' | 'entity-close', entity: EntityCore): void {
    if (!this.observers.listening) return;
    const { label, weight, priority, id } = entity;
    const { client } = entity.setup;
    const atUs = this.runtime.nowUs();
    const account = entity.account.id;
    this.observers.emit({ type, atUs, entity: id, client, account, label, weight, priority });
  }

  tellRetired(entity: EntityCore): void {
    const { ends } = entity;
    if (ends === null || entity.first !== null || entity.unretired > 0) return;
    for (const waiter of ends.retiredWaiters.splice(0)) this.runtime.defer(waiter);
  }

  #reportBlocked(job: JobCore, why: 'credits' | 'resource' | 'order'): void {
    if (!this.observers.listening) return;
    const atUs = this.runtime.nowUs();
    this.observers.emit({ type: 'job-blocked', atUs, fence: job.ref, why });
  }

  #reportPass(type: 'pass-request' | 'pass-begin' | 'pass-end', started: number): void {
    if (!this.observers.listening) return;
    const atUs = this.runtime.nowUs();
    this.observers.emit({ type, atUs, scheduler: this.label, started });
  }
}
