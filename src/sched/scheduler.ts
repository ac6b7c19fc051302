import { checkedOptions, deferred, FencelineError, invalid, JobError } from '../base/index.ts';
import type { Deferred } from '../base/index.ts';
import type { EventSink } from '../events/index.ts';
import { Timeline } from '../fence/index.ts';
import type { Fence, FenceSource } from '../fence/index.ts';
import { Entity } from './entity.ts';
import type { EntityOptions } from './entityOptions.ts';
import { oneOf } from './entityOptions.ts';
import type { Job } from './job.ts';
import { JobCore } from './jobCore.ts';
import { keepShapes } from './keptShapes.ts';
import { domainOf, fault, recover } from './resetDomain.ts';
import { SchedulerCore } from './schedulerCore.ts';
import { checkedSchedulerOptions } from './schedulerOptions.ts';
import type { SchedulerOptions } from './schedulerOptions.ts';
import type { SchedulerStats } from './stats.ts';

/**
 * Chooses what runs on one or more interchangeable rings of a device (S1).
 *
 * Lifecycle: open from construction until `close`, or until the device is gone. It starts nothing inside a call: whatever
 * may start does so in a pass, after the call stack (S2). It owns the jobs from submit until they are freed; the
 * driver is told of each step (driver.ts).
 *
 * Idea: `struct drm_gpu_scheduler`, with late binding to several rings, and recovery carried out here.
 *
 * @example
 * const runtime = new VirtualRuntime();
 * const scheduler = new Scheduler({ label: 'gfx', driver: new MockRing({ runtime }), runtime });
 * const job = scheduler.createEntity().submit({ durationUs: 1000 });
 * runtime.advanceBy(1000);
 * console.log(job.finished.status); // ok
 */
export class Scheduler<P = unknown> {
  /** @internal The mechanism. */
  readonly core: SchedulerCore;
  #closed: Deferred<void> | null = null;
  #gone: FenceSource | null = null;

  /** @throws {ERR_INVALID_ARGUMENT} naming the option that does not fit */
  constructor(options: SchedulerOptions<P>) {
    const setup = checkedSchedulerOptions(options as unknown as SchedulerOptions<never>);
    keepShapes();
    const domain = domainOf(setup.resetDomain);
    this.core = new SchedulerCore(setup, domain);
    domain.join(this.core);
    // Named first: V8 would keep a function that is made where it is assigned to a property until a full collection.
    const onEnd = (): void => this.#ended();
    this.core.onEnd = onEnd;
    const onGone = (error: FencelineError): void => void this.#gone?.signal(error);
    this.core.onGone = onGone;
  }

  get label(): string {
    return this.core.label;
  }

  /**
   * Ok after an ordinary close, when every fence has signalled. Failed when the device was lost for good, before the jobs that
   * fail with it (T8). Made on first access.
   */
  get gone(): Fence {
    if (this.#gone === null) {
      const { label, runtime } = this.core;
      this.#gone = new Timeline({ driver: label, label: 'gone', runtime }).createFence();
      if (this.core.ended) this.#gone.signal(this.core.goneError ?? undefined);
    }
    return this.#gone.fence;
  }

  /** Hands every event to `sink`, synchronously; any number may listen. Returns how to stop. */
  observe(sink: EventSink): () => void {
    if (typeof sink?.emit !== 'function') throw invalid('observe', 'an object with emit', sink);
    return this.core.observers.add(sink);
  }

  /** Opens a job queue on this scheduler alone. */
  createEntity(options: EntityOptions = {}): Entity<P> {
    checkedOptions('createEntity: options', options);
    return new Entity<P>({ ...options, schedulers: [this] });
  }

  /** What it did, in plain JSON. Cost: one object a ring. */
  stats(): SchedulerStats {
    const core = this.core;
    return {
      label: core.label,
      queued: core.queued,
      running: core.inFlight,
      entities: core.openEntities,
      timeouts: core.timeouts,
      resets: core.resets,
      rings: core.rings.map((ring) => ({
        busyUs: ring.busyUs,
        running: ring.attempts.length,
        creditsUsed: ring.creditsUsed,
        creditsLimit: ring.limit,
        hung: ring.hung,
      })),
    };
  }

  /**
   * The driver saw a hardware fault (T6). With `job`: it is guilty, and fails with `error` (default `ERR_JOB_TIMEOUT`) in the
   * reset that follows. Without: a reset in which only a job that was alone on its ring is blamed.
   *
   * May be called from anywhere, hooks included; the reset begins after the call stack.
   */
  fault(job?: Job<P>, error?: JobError): void {
    if (job !== undefined && !(job instanceof JobCore)) throw invalid('fault', 'a job', job);
    if (error !== undefined && !(error instanceof FencelineError)) {
      throw invalid('fault: error', 'a JobError', error);
    }
    if (job !== undefined && job.entity.scheduler !== this.core) {
      throw invalid('fault', 'a job of this scheduler', job);
    }
    fault(this.core, job ?? null, error ?? null);
  }

  /**
   * The device lost its state, and nobody is to blame: a reset with no guilty job, unless one is past its own deadline. May be
   * called from anywhere, hooks included. Does nothing where the driver has no `reset`.
   */
  recover(): void {
    recover(this.core);
  }

  /**
   * The device was unplugged, or is lost: every job of the reset domain fails with `ERR_DEVICE_GONE` (T8). May be told of a
   * scheduler that was closed: others of its domain may not have been, and what its hardware held is retired.
   */
  removeDevice(cause?: unknown): void {
    const options = cause === undefined ? {} : { cause };
    const error = new JobError('ERR_DEVICE_GONE', undefined, { label: this.label, ...options });
    this.core.domain.lose(error);
  }

  /** Whether some job could start and waits for room: who holds a ring for longer than it must may ask (S14). */
  get contended(): boolean {
    return this.core.contended;
  }

  /** Stops the clocks of every timeout (T1), for example while the machine sleeps. */
  suspendTimeouts(): void {
    this.core.deadlines.suspend();
  }

  /** Lets the clocks go on with what was left. */
  resumeTimeouts(): void {
    this.core.deadlines.resume();
  }

  /**
   * Takes no more jobs and ends (E3). `drain` (default) lets everything finish; `kill` fails every job at once, and may
   * follow a drain that takes too long. Resolves when every fence has signalled. May be called twice.
   */
  close(options: { readonly mode?: 'drain' | 'kill' } = {}): Promise<void> {
    const { mode: chosen } = checkedOptions('close: options', options);
    const mode = oneOf('close: mode', chosen, 'drain', 'kill');
    const core = this.core;
    this.#closed ??= deferred();
    if (core.ended) {
      core.runtime.defer(() => this.#ended());
      return this.#closed.promise;
    }
    core.state = 'draining';
    if (mode === 'kill') {
      core.close(new JobError('ERR_SCHEDULER_CLOSED', undefined, { label: core.label }));
    } else {
      core.closeWhenDrained();
    }
    return this.#closed.promise;
  }

  /** The core ended, by close or because the device is gone. */
  #ended(): void {
    this.#gone?.signal(this.core.goneError ?? undefined);
    this.#closed?.resolve();
  }
}
