import { checkedOptions, FencelineError, invalid, UsageError } from '../base/index.ts';
import { idsOf } from '../events/index.ts';
import type { Timer } from '../events/index.ts';
import { checkedPriority, checkedWeight } from './account.ts';
import type { Account } from './account.ts';
import { kill } from './endings.ts';
import { EntityCore } from './entityCore.ts';
import { checkedEntityOptions, checkedMs } from './entityOptions.ts';
import type { EntityOptions } from './entityOptions.ts';
import type { Job } from './job.ts';
import type { Priority } from './policy.ts';
import type { Scheduler } from './scheduler.ts';
import { SchedulerCore } from './schedulerCore.ts';
import type { EntityStats } from './stats.ts';
import { checkSubmit, submit } from './submit.ts';
import type { SubmitOptions } from './submitOptions.ts';

/**
 * One client's job queue (J4): jobs start in the order in which they were submitted.
 *
 * Lifecycle: open from construction until `kill` or `close`; who made it ends it. An idle entity costs its own memory
 * and nothing else. All methods may be called from anywhere, fence callbacks included.
 *
 * Idea: `struct drm_sched_entity`.
 *
 * @example
 * const runtime = new VirtualRuntime();
 * const scheduler = new Scheduler({ label: 'sim', driver: new MockRing({ runtime }), runtime });
 * const entity = scheduler.createEntity({ label: 'copies', priority: 'low' });
 * const job = entity.submit({ durationUs: 500 });
 * runtime.runUntilIdle();
 * console.log(job.finished.status, job.finished.signalledAtUs); // ok 500
 */
export class Entity<P = unknown> {
  readonly #core: EntityCore;
  #schedulers: readonly SchedulerCore[];

  /**
   * @throws {ERR_NO_SCHEDULER} when the list is empty
   * @throws {ERR_INVALID_ARGUMENT} naming the option that does not fit
   */
  constructor(options: EntityOptions & { readonly schedulers: readonly Scheduler<P>[] }) {
    const { schedulers } = checkedOptions('entity: options', options);
    this.#schedulers = checkedSchedulers(schedulers);
    const core = this.#schedulers[0] as SchedulerCore;
    const setup = core.sameSetup(checkedEntityOptions(options));
    // Named by the first of its two timelines, as the kernel numbers fence contexts.
    this.#core = new EntityCore(idsOf(core.runtime).take(2), setup, core);
    core.openEntities += 1;
    core.reportEntity('entity-open', this.#core);
  }

  get label(): string {
    return this.#core.label;
  }

  /** The name of the entity in events. */
  get id(): number {
    return this.#core.id;
  }

  /** What its time is counted for; its own account where none was given. */
  get account(): Account {
    return this.#core.account;
  }

  /** Jobs that wait to start. */
  get queued(): number {
    return this.#core.queued;
  }

  /** Jobs that were started and have not finished. */
  get running(): number {
    return this.#core.running;
  }

  /** Whether its next job waits for nothing but room on a ring, or may. */
  get ready(): boolean {
    return this.#core.listed || this.#core.checkAsked;
  }

  /** The outcome of the job that finished last; `null` where it was ok. */
  get lastError(): FencelineError | null {
    return this.#core.use.lastError;
  }

  /**
   * Accepts a job, or throws with nothing changed (J1). After it returned, both fences of the job will signal.
   *
   * `payload` belongs to the driver until the job is freed. The job starts in a later pass, never inside this call.
   *
   * @throws {ERR_CLOSED} when the entity was closed or killed, or its only scheduler was closed
   * @throws {ERR_NO_SCHEDULER} when none of several schedulers takes jobs
   * @throws {ERR_DEVICE_GONE, ERR_CLIENT_BANNED, ERR_QUEUE_FULL, ERR_INVALID_ARGUMENT} as they say
   * @throws `signal.reason` when the signal is aborted already
   */
  submit(payload: P, options?: SubmitOptions): Job<P> {
    return submit(this.#core, this.#schedulers, payload, options);
  }

  /**
   * Throws what `submit` with these options would throw now, and changes nothing: for who gives something away with the job, and
   * must not lose it. A submit in the same call stack, with nothing between the two, then accepts the job.
   */
  checkSubmit(options?: SubmitOptions): void {
    checkSubmit(this.#core, this.#schedulers, options);
  }

  /** Changes the band of its share; jobs that run keep theirs. An account that was given keeps its own band. */
  setPriority(priority: Priority): void {
    this.#core.setPriority(checkedPriority('setPriority', priority));
  }

  /** Changes its weight. @throws {ERR_INVALID_ARGUMENT} unless it is above 0 */
  setWeight(weight: number): void {
    this.#core.setWeight(checkedWeight('setWeight', weight));
  }

  /** Replaces the schedulers that it may use; takes effect when it has nothing queued and nothing running (S12). */
  setSchedulers(schedulers: readonly Scheduler<P>[]): void {
    this.#schedulers = checkedSchedulers(schedulers);
  }

  /** Waits until every job has finished (E1); false if the time was up first. Kills nothing. */
  flush(options: { readonly timeoutMs?: number } = {}): Promise<boolean> {
    const { timeoutMs } = checkedOptions('flush: options', options);
    const timeoutUs = checkedMs('flush: timeoutMs', timeoutMs, Infinity);
    const core = this.#core;
    if (core.idle) return Promise.resolve(true);
    return new Promise((resolve) => {
      const { runtime } = core.scheduler;
      let timer: Timer | null = null;
      const done = (): void => {
        timer?.cancel();
        resolve(true);
      };
      const ends = core.needEnds();
      ends.idleWaiters.push(done);
      if (timeoutUs === Infinity) return;
      timer = runtime.setTimer(runtime.nowUs() + timeoutUs, () => {
        ends.idleWaiters = ends.idleWaiters.filter((waiter) => waiter !== done);
        resolve(false);
      });
    });
  }

  /**
   * Starts no queued job any more (E2); they fail with `error`, default `ERR_ENTITY_KILLED`, in order and each after
   * its own dependencies. Running jobs run out. Killing twice does nothing.
   *
   * @throws {ERR_INVALID_ARGUMENT} unless `error` is a `FencelineError`, or left out
   */
  kill(error?: FencelineError): void {
    if (error !== undefined && !(error instanceof FencelineError)) {
      throw invalid('kill: error', 'a FencelineError, for example a JobError', error);
    }
    const core = this.#core;
    kill(core.scheduler, core, error ?? core.killError);
  }

  /** Takes no more jobs, waits up to `flushMs` (default 1000) for those that it has, then kills. May be called twice. */
  close(options: { readonly flushMs?: number } = {}): Promise<void> {
    const { flushMs } = checkedOptions('close: options', options);
    const timeoutMs = checkedMs('close: flushMs', flushMs, 1_000_000) / 1000;
    const ends = this.#core.needEnds();
    ends.closing = true;
    ends.closed ??= this.flush({ timeoutMs }).then(() => {
      this.kill();
      const core = this.#core;
      core.scheduler.reportEntity('entity-close', core);
    });
    return ends.closed;
  }

  /** Calls `fn` once, after the call stack, when every job has finished and every attempt is retired (J11). */
  whenRetired(fn: () => void): void {
    if (typeof fn !== 'function') throw invalid('whenRetired', 'a function', fn);
    const core = this.#core;
    if (core.idle && core.unretired === 0) {
      core.scheduler.runtime.defer(fn);
      return;
    }
    core.needEnds().retiredWaiters.push(fn);
  }

  /** What it did, in plain JSON; readable also after its end and after its device is gone. */
  stats(): EntityStats {
    const core = this.#core;
    const { use } = core;
    const blame = core.scheduler.domain.blames.of(core);
    return {
      label: core.label,
      queued: core.queued,
      running: core.running,
      submitted: use.submitted,
      completed: use.completed,
      failed: use.failed,
      attempts: use.attempts,
      busyUs: use.busyUs,
      waitUs: use.waitUs.summary(),
      turnaroundUs: use.turnaroundUs.summary(),
      karma: blame?.karma ?? 0,
      banned: blame?.banned ?? false,
    };
  }
}

function checkedSchedulers<P>(schedulers: readonly Scheduler<P>[]): readonly SchedulerCore[] {
  if (!Array.isArray(schedulers)) throw invalid('entity: schedulers', 'a list', schedulers);
  if (schedulers.length === 0) {
    throw new UsageError('ERR_NO_SCHEDULER', 'entity: schedulers: the list is empty');
  }
  for (const scheduler of schedulers) {
    if (!(scheduler?.core instanceof SchedulerCore)) {
      throw invalid('entity: schedulers', 'a list of Scheduler', scheduler);
    }
  }
  const [only] = schedulers as readonly Scheduler<P>[];
  if (schedulers.length === 1 && only !== undefined) return only.core.alone;
  return (schedulers as readonly Scheduler<P>[]).map((scheduler) => scheduler.core);
}
