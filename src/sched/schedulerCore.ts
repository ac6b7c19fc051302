import { JobError } from '../base/index.ts';
import type { FencelineError } from '../base/index.ts';
import { idsOf } from '../events/index.ts';
import type { Runtime } from '../events/index.ts';
import { attach, claimAsHardware, isFence } from '../fence/index.ts';
import { chargeAccount } from './account.ts';
import { Blame } from './blame.ts';
import { Deadline, Deadlines } from './deadlines.ts';
import { resolveDependencies } from './dependencies.ts';
import type { Driver } from './driver.ts';
import { cancelled, die, dieAll, end, failAll, settle } from './endings.ts';
import type { EntityCore } from './entityCore.ts';
import { expire } from './expiry.ts';
import { Hooks } from './hooks.ts';
import type { JobCore } from './jobCore.ts';
import { Observers } from './observers.ts';
import type { Policy } from './policy.ts';
import type { DomainCore } from './resetDomain.ts';
import { Ring } from './ring.ts';
import type { SchedulerSetup } from './schedulerOptions.ts';
import { Estimate } from './stats.ts';

/** A pass gives way to timers and I/O after this many starts, or this long (S2). */
const STARTS_PER_PASS = 256;
const PASS_US = 2000;

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
export class SchedulerCore {
  readonly label: string;
  readonly device: string;
  readonly runtime: Runtime;
  readonly driver: Driver;
  readonly setup: SchedulerSetup;
  readonly hooks: Hooks;
  readonly observers: Observers;
  readonly policy: Policy;
  readonly rings: readonly Ring[];
  readonly deadlines: Deadlines;
  readonly domain: DomainCore;
  readonly estimate: Estimate = new Estimate();
  /** Whether dependencies on running jobs may be left to the ring's order (J7). */
  readonly pipelines: boolean;
  state: 'open' | 'draining' | 'closed' | 'gone' = 'open';
  goneError: FencelineError | null = null;
  /** Entities with a job that has not finished. */
  readonly active: Set<EntityCore> = new Set();
  /** Jobs in phase `queued`. */
  queued = 0;
  /** Jobs in phase `running`. */
  inFlight = 0;
  openEntities = 0;
  timeouts = 0;
  resets = 0;
  /** Called once, after the call stack, when it has ended: no fence is unsignalled, what could be freed is. */
  onEnd: () => void = () => {};
  /** Of clients that were guilty once; of entities without a client by the entity. */
  readonly #blames = new Map<number | EntityCore, Blame>();
  #checks: EntityCore[] = [];
  #nextCheck = 0;
  #passAsked = false;
  readonly #pass = (): void => this.#runPass();
  #toFree: JobCore[] = [];
  readonly #freeAll = (): void => this.flushFree();

  constructor(setup: SchedulerSetup, domain: DomainCore) {
    this.setup = setup;
    this.label = setup.label;
    this.device = setup.device;
    this.runtime = setup.runtime;
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
    this.pipelines = setup.rings === 1 && setup.driver.ordered !== false;
  }

  get ended(): boolean {
    return this.state === 'closed' || this.state === 'gone';
  }

  // Passes.

  /** Has the next pass look at `entity`: its head changed, or what it waited for happened. */
  askCheck(entity: EntityCore): void {
    if (!entity.checkAsked) {
      entity.checkAsked = true;
      this.#checks.push(entity);
    }
    this.requestPass();
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
    this.#passAsked = false;
    if (this.ended) return;
    this.#reportPass('pass-begin', 0);
    const beganUs = this.runtime.nowUs();
    let started = 0;
    for (;;) {
      if (this.rings.every((ring) => ring.stopped)) break;
      const entity = this.#checks[this.#nextCheck];
      if (entity !== undefined) this.#checkNext(entity);
      else if (!this.#startNext()) break;
      else started += 1;
      if (started >= STARTS_PER_PASS || this.runtime.nowUs() - beganUs > PASS_US) {
        this.#continueLater();
        break;
      }
    }
    this.deadlines.settle();
    this.#reportPass('pass-end', started);
  }

  #continueLater(): void {
    if (this.#passAsked || this.ended) return;
    this.#passAsked = true;
    this.runtime.setTimer(this.runtime.nowUs(), this.#pass);
  }

  #checkNext(entity: EntityCore): void {
    this.#nextCheck += 1;
    if (this.#nextCheck === this.#checks.length) {
      this.#checks.length = 0;
      this.#nextCheck = 0;
    }
    entity.checkAsked = false;
    if (entity.scheduler === this) this.#check(entity);
  }

  /** Lists `entity` with the policy exactly while its head can start (rule 2). */
  #check(entity: EntityCore): void {
    const can = this.#canStart(entity);
    const nowUs = this.runtime.nowUs();
    if (this.ended) return;
    if (can && entity.listed) {
      this.policy.changed?.(entity, nowUs);
    } else if (can) {
      entity.listed = true;
      this.policy.add(entity, nowUs);
    } else {
      this.unlist(entity);
    }
  }

  unlist(entity: EntityCore): void {
    if (!entity.listed) return;
    entity.listed = false;
    this.policy.remove(entity, this.runtime.nowUs());
  }

  #canStart(entity: EntityCore): boolean {
    for (;;) {
      const job = entity.nextStart;
      if (job === null || job.attachedTo !== null) return false;
      const found = resolveDependencies(this, job);
      if (found === 'ready') return !this.#isHeldByOrder(entity, job);
      if (found === 'blocked') {
        if (job === entity.nextStart) return false;
      } else {
        die(this, job, found);
      }
    }
  }

  /** A serial entity's jobs never overlap on two rings, or at all where the driver keeps no order (J4). */
  #isHeldByOrder(entity: EntityCore, job: JobCore): boolean {
    if (!entity.serial || entity.unretired === 0) return false;
    if (this.driver.ordered !== false) {
      if (this.rings.length === 1) return false;
      const ring = this.#boundRing(entity);
      if (ring === null || ring.hasRoom(job)) return false;
      ring.heldByOrder.add(entity);
    }
    if (this.observers.listening) {
      const atUs = this.runtime.nowUs();
      this.observers.emit({ type: 'job-blocked', atUs, fence: job.ref, why: 'order' });
    }
    return true;
  }

  /** The ring that holds an attempt of the serial `entity`: its next job may go nowhere else. */
  #boundRing(entity: EntityCore): Ring | null {
    if (!entity.serial || entity.unretired === 0) return null;
    for (const ring of this.rings) {
      if (ring.attempts.some((job) => job.entity === entity)) return ring;
    }
    return null;
  }

  /** Starts what the policy picks; false where nobody is ready, or the job does not fit (S5). */
  #startNext(): boolean {
    const picked = this.policy.pick(this.runtime.nowUs());
    if (picked === null) return false;
    const entity = picked as EntityCore;
    const job = entity.nextStart as JobCore;
    const ring = this.#ringFor(entity, job);
    if (ring === null) {
      if (this.observers.listening) {
        const atUs = this.runtime.nowUs();
        this.observers.emit({ type: 'job-blocked', atUs, fence: job.ref, why: 'credits' });
      }
      return false;
    }
    this.#start(entity, job, ring);
    if (!this.#canStart(entity)) this.unlist(entity);
    return true;
  }

  /** The ring with the least on it that has room. */
  #ringFor(entity: EntityCore, job: JobCore): Ring | null {
    const bound = this.rings.length === 1 ? null : this.#boundRing(entity);
    if (bound !== null) return bound.hasRoom(job) ? bound : null;
    let best: Ring | null = null;
    for (const ring of this.rings) {
      if (!ring.hasRoom(job)) continue;
      if (best === null || isLessLoaded(ring, best)) best = ring;
    }
    return best;
  }

  // Attempts.

  #start(entity: EntityCore, job: JobCore, ring: Ring): void {
    const nowUs = this.runtime.nowUs();
    job.estimateUs = entity.estimateOf(job);
    job.phase = 'running';
    job.attempt += 1;
    job.onRing = ring;
    job.ring = ring.index;
    job.startedAtUs = nowUs;
    job.charged = false;
    entity.skip(job);
    entity.queued -= 1;
    entity.running += 1;
    entity.unretired += 1;
    this.queued -= 1;
    this.inFlight += 1;
    if (job.attempt === 1) entity.counters.waitUs.add(nowUs - job.submittedAtUs);
    entity.counters.attempts += 1;
    const queueDeadline = job.extra?.queueDeadline ?? null;
    if (queueDeadline !== null) this.deadlines.clear(queueDeadline);
    ring.push(job);
    this.watch(ring);
    this.policy.started(entity, job.estimateUs, nowUs);
    this.#handOver(job, ring);
  }

  /** Calls `runJob` and ties the job to its hardware fence, whatever the hook did to the job meanwhile. */
  #handOver(job: JobCore, ring: Ring): void {
    let hardware: unknown;
    try {
      hardware = this.hooks.runJob(job, ring.index);
    } catch (cause) {
      this.#neverRan(job, new JobError('ERR_DRIVER', 'runJob failed', { cause, label: job.label }));
      return;
    }
    if (!isFence(hardware)) {
      const message = `runJob must return a fence, got ${String(hardware)}; return signalledFence(runtime) for work that is complete`;
      this.#neverRan(job, new JobError('ERR_DRIVER', message, { label: job.label }));
      return;
    }
    if (!claimAsHardware(hardware)) {
      this.#neverRan(job, new JobError('ERR_FENCE_REUSED', undefined, { label: job.label }));
      return;
    }
    if (job.onRing !== ring) return;
    job.hardware = hardware;
    const hintUs = job.hintUs;
    if (hintUs !== null) hardware.setDeadline(hintUs);
    if (this.observers.listening) this.#reportRun(job, ring);
    job.signalScheduled(true, this.runtime.nowUs());
    if (job.hardware !== hardware || job.suspect) return;
    if (!attach(hardware, job)) this.fenceSignalled(job);
    else if (job.extra?.cancelError != null && job.isLive) this.hooks.cancelJob(job);
  }

  /** Nothing of the attempt is on the hardware. */
  #neverRan(job: JobCore, outcome: JobError): void {
    if (job.onRing === null) return;
    this.chargeAttempt(job, 'nothing');
    this.retire(job);
    if (job.phase === 'running') end(this, job, outcome);
  }

  /** The fence that `job` waited for signalled: see the rules of JobCore. */
  fenceSignalled(job: JobCore): void {
    switch (job.phase) {
      case 'queued':
        this.askCheck(job.entity);
        break;
      case 'dead':
        settle(this, job);
        break;
      case 'running':
        this.complete(job);
        break;
      case 'ended':
      case 'finished':
        this.retire(job);
        break;
    }
  }

  /** The hardware fence of a running job has signalled. */
  complete(job: JobCore): void {
    const error = job.hardware?.error ?? null;
    const busyUs = this.chargeAttempt(job, 'measured');
    job.entity.counters.estimate.add(busyUs);
    this.estimate.add(busyUs);
    if (error === null) this.blameOf(job.entity)?.addClean(busyUs);
    this.retire(job);
    end(this, job, error);
  }

  /**
   * Settles the time of the attempt that ends now, once (S8, S11, S13): what its driver measured, else the clock; or nothing,
   * where it did not begin to execute.
   */
  chargeAttempt(job: JobCore, used: 'measured' | 'clock' | 'nothing'): number {
    const ring = job.onRing;
    if (ring === null || job.charged) return 0;
    job.charged = true;
    this.inFlight -= 1;
    const { entity } = job;
    const nowUs = this.runtime.nowUs();
    let busyUs = 0;
    if (used !== 'nothing') {
      const measured = used === 'measured' ? this.hooks.measure(job) : null;
      const earliestUs = ring.executionStart(job);
      const startUs = Math.min(nowUs, Math.max(earliestUs, measured?.startUs ?? earliestUs));
      const endUs = Math.max(startUs, Math.min(nowUs, measured?.endUs ?? nowUs));
      busyUs = endUs - startUs;
      ring.lastEndUs = Math.max(ring.lastEndUs, endUs);
    }
    ring.busyUs += busyUs;
    job.busyUs += busyUs;
    entity.counters.busyUs += busyUs;
    chargeAccount(entity.account, busyUs);
    this.policy.ended(entity, job.estimateUs, busyUs, nowUs);
    return busyUs;
  }

  /** The hardware can no longer touch anything of the attempt (J11): its credits go back. */
  retire(job: JobCore): void {
    const ring = job.onRing;
    if (ring === null) return;
    const { entity } = job;
    ring.remove(job);
    job.onRing = null;
    job.hardware = null;
    entity.unretired -= 1;
    if (this.observers.listening) {
      const atUs = this.runtime.nowUs();
      const { ref: fence, attempt } = job;
      this.observers.emit({ type: 'job-retire', atUs, fence, attempt });
    }
    if (job.phase === 'finished') this.free(job);
    for (const held of ring.heldByOrder) this.askCheck(held);
    ring.heldByOrder.clear();
    if (entity.nextStart !== null && entity.serial) this.askCheck(entity);
    this.watch(ring);
    this.requestPass();
    this.#tellRetired(entity);
  }

  /** Starts the clock of the job that executes on `ring` now, unless it is running already (T1). */
  watch(ring: Ring): void {
    const job = ring.stopped ? null : ring.executing();
    if (job === ring.watched) return;
    ring.watched = job;
    if (job === null) this.deadlines.clear(ring.deadline);
    else this.deadlines.set(ring.deadline, this.deadlines.nowUs() + job.runTimeoutUs);
  }

  /** Hands `job` to `freeJob`, after the call stack (D3). */
  free(job: JobCore): void {
    if (this.#toFree.length === 0) this.runtime.defer(this.#freeAll);
    this.#toFree.push(job);
  }

  /** Frees what is due; `close` runs it first (E5). */
  flushFree(): void {
    while (this.#toFree.length > 0) {
      const jobs = this.#toFree;
      this.#toFree = [];
      for (const job of jobs) {
        this.hooks.freeJob(job);
        if (this.observers.listening) {
          const atUs = this.runtime.nowUs();
          this.observers.emit({ type: 'job-free', atUs, fence: job.ref, attempt: job.attempt });
        }
      }
    }
  }

  // What users and the recovery do.

  cancel(job: JobCore, reason: unknown): 'dequeued' | 'requested' | 'finished' {
    if (job.phase === 'finished' || job.phase === 'ended') return 'finished';
    if (job.phase === 'dead') return 'dequeued';
    const error = cancelled(job, reason);
    if (this.observers.listening) {
      const atUs = this.runtime.nowUs();
      this.observers.emit({ type: 'job-cancel', atUs, fence: job.ref, attempt: job.attempt });
    }
    if (job.phase === 'queued') {
      const onDequeued = job.extra?.onDequeued ?? null;
      die(this, job, error);
      onDequeued?.(error);
      return 'dequeued';
    }
    const extra = job.need();
    if (extra.cancelError === null) {
      extra.cancelError = error;
      // During a reset, or a question about its timeout, the driver has the job already.
      if (job.attachedTo !== null) this.hooks.cancelJob(job);
    }
    return 'requested';
  }

  kill(entity: EntityCore, error: FencelineError): void {
    if (entity.killed !== null) return;
    entity.killed = error;
    this.openEntities -= 1;
    this.reportEntity('entity-kill', entity);
    dieAll(this, entity, error);
    this.unlist(entity);
  }

  /** Counts a guilty job (T6): karma, the ban, and what they end. */
  convict(job: JobCore): void {
    const { entity } = job;
    const key = entity.setup.client ?? entity;
    let blame = this.#blames.get(key);
    if (blame === undefined) {
      blame = new Blame();
      this.#blames.set(key, blame);
    }
    const banned = blame.addGuilty(this.setup.banAfter);
    if (entity.setup.killOnFault) this.kill(entity, entity.killError);
    if (!banned) return;
    if (this.observers.listening) {
      const { client } = entity.setup;
      const atUs = this.runtime.nowUs();
      this.observers.emit({ type: 'ban', atUs, client, entity: entity.id, karma: blame.karma });
    }
    for (const other of [...this.active]) {
      if ((other.setup.client ?? other) === key) this.#ban(other);
    }
  }

  #ban(entity: EntityCore): void {
    this.kill(entity, new JobError('ERR_CLIENT_BANNED', undefined, { label: entity.label }));
  }

  blameOf(entity: EntityCore): Blame | null {
    if (this.#blames.size === 0) return null;
    return this.#blames.get(entity.setup.client ?? entity) ?? null;
  }

  /** Forgets an entity that ended without karma on its own account. */
  forget(entity: EntityCore): void {
    const blame = this.blameOf(entity);
    if (entity.setup.client === null || blame?.karma === 0) {
      this.#blames.delete(entity.setup.client ?? entity);
    }
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

  /** The device is gone (T8). */
  lose(error: FencelineError): void {
    this.state = 'gone';
    this.goneError = error;
    failAll(this, error, true);
    this.#end();
  }

  /** What is due is freed first (E5), after the call stack, because this may be inside a fence callback (D3). */
  #end(): void {
    this.deadlines.clearAll();
    this.domain.members.delete(this);
    this.runtime.defer(() => {
      this.flushFree();
      this.onEnd();
    });
  }

  /** `entity` has no unfinished job left. */
  entityIdle(entity: EntityCore): void {
    this.active.delete(entity);
    const waiters = entity.idleWaiters;
    entity.idleWaiters = null;
    if (waiters !== null) for (const waiter of waiters) this.runtime.defer(waiter);
    this.#tellRetired(entity);
    if (this.active.size === 0 && this.state === 'draining') {
      this.runtime.defer(() => this.closeWhenDrained());
    }
  }

  hintChanged(job: JobCore): void {
    const { entity } = job;
    if (entity.listed && entity.nextStart === job) {
      this.policy.changed?.(entity, this.runtime.nowUs());
    }
  }

  takeId(): number {
    return idsOf(this.runtime).take();
  }

  /** An entity is named by the first of its two timelines, as the kernel numbers fence contexts. */
  takeEntityId(): number {
    return idsOf(this.runtime).take(2);
  }

  reportEntity(type: 'entity-open' | 'entity-kill' | 'entity-close', entity: EntityCore): void {
    if (!this.observers.listening) return;
    const { label, weight, priority, id } = entity;
    const { client } = entity.setup;
    const atUs = this.runtime.nowUs();
    const account = entity.account.id;
    this.observers.emit({ type, atUs, entity: id, client, account, label, weight, priority });
  }

  #tellRetired(entity: EntityCore): void {
    const waiters = entity.retiredWaiters;
    if (waiters === null || entity.first !== null || entity.unretired > 0) return;
    entity.retiredWaiters = null;
    for (const waiter of waiters) this.runtime.defer(waiter);
  }

  #reportRun(job: JobCore, ring: Ring): void {
    const { hardware } = job;
    if (hardware === null) return;
    this.observers.emit({
      type: 'job-run',
      atUs: this.runtime.nowUs(),
      fence: job.ref,
      hardware: [hardware.timeline.id, hardware.seqno],
      ring: ring.index,
      client: job.entity.setup.client,
      attempt: job.attempt,
      queued: this.queued,
      inFlight: this.inFlight,
    });
  }

  #reportPass(type: 'pass-request' | 'pass-begin' | 'pass-end', started: number): void {
    if (!this.observers.listening) return;
    const atUs = this.runtime.nowUs();
    this.observers.emit({ type, atUs, scheduler: this.label, started });
  }
}

function isLessLoaded(a: Ring, b: Ring): boolean {
  if (a.creditsUsed !== b.creditsUsed) return a.creditsUsed < b.creditsUsed;
  return a.estimatedUs < b.estimatedUs;
}
