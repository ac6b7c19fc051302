import { checkedOptions, checkedSignal, invalid, UsageError } from '../base/index.ts';
import type { FencelineError } from '../base/index.ts';
import { checkedMs } from '../sched/index.ts';
import type { Account, Entity, EntityStats, Job, Priority, SubmitOptions } from '../sched/index.ts';
import type { DeviceBackend, Task } from './backend.ts';
import { checkedBand } from './clientOptions.ts';
import type { Lease, LeaseOptions, Submission } from './device.ts';
import type { DeviceMemory } from './deviceMemory.ts';
import { LeaseCore } from './lease.ts';
import type { LeaseHost } from './lease.ts';
import { SubmissionCore, submitUntil } from './submission.ts';

/** What a queue needs of its device. */
export interface QueueHost extends LeaseHost {
  /** `null` where clients have no memory on the device. */
  readonly memory: DeviceMemory | null;
}

/** An entity of a device's scheduler, and how work gets into it. A client has one, and one more for each of its queues. */
export class QueueCore<W, P> {
  readonly entity: Entity<Task<P>>;
  readonly #backend: DeviceBackend<W, P>;
  readonly #host: QueueHost;
  readonly #client: number;
  readonly #leases = new Set<LeaseCore<P>>();
  /** Its band, where it has one of its own; `null`: that of its client. */
  #priority: Priority | null;
  #closed = false;

  constructor(
    client: number,
    entity: Entity<Task<P>>,
    priority: Priority | null,
    backend: DeviceBackend<W, P>,
    host: QueueHost,
  ) {
    this.#priority = priority;
    this.#client = client;
    this.entity = entity;
    this.#backend = backend;
    this.#host = host;
  }

  submit<R>(work: W, options?: SubmitOptions): Submission<R> {
    this.#refuseIfClosed('submit');
    if (options === undefined) return new SubmissionCore<R, P>(this.#accept(work, options));
    const signal = checkedSignal(
      'submit: signal',
      checkedOptions('submit: options', options).signal,
    );
    if (signal === undefined) return new SubmissionCore<R, P>(this.#accept(work, options));
    const { runtime } = this.#host;
    return submitUntil<R, P>(signal, () => this.#accept(work, withoutSignal(options)), runtime);
  }

  #accept(work: W, options: SubmitOptions | undefined): Job<Task<P>> {
    const task: Task<P> = { work: this.#backend.encode(work), result: undefined, owner: null };
    const { memory } = this.#host;
    const buffers = memory === null ? [] : (this.#backend.buffersOf?.(task.work) ?? []);
    if (memory === null || buffers.length === 0) return this.#submitTask(task, options);
    // A job that names buffers keeps them on the device until it is freed.
    try {
      memory.pin(this.#client, buffers);
    } catch (error) {
      // Buffers of a queue that has ended are gone; that it has is the reason.
      this.entity.checkSubmit(options);
      throw error;
    }
    try {
      const job = this.#submitTask(task, options);
      for (const { reservation } of buffers) reservation.add(job.finished, 'write');
      return job;
    } catch (error) {
      memory.unpin(buffers);
      throw error;
    }
  }

  /** What the caller gives away is taken last, when only that can fail. */
  #submitTask(task: Task<P>, options: SubmitOptions | undefined): Job<Task<P>> {
    if (this.#backend.givesAway?.(task.work) === true) {
      this.entity.checkSubmit(options);
      this.#backend.takeOver?.(task.work);
    }
    return this.entity.submit(task, options);
  }

  async lease(options: LeaseOptions = {}): Promise<Lease> {
    this.#refuseIfClosed('lease');
    const { estimateMs, maxMs = 1000, signal } = checkedOptions('lease: options', options);
    const maxUs = checkedMs('lease: maxMs', maxMs, Infinity);
    if (maxUs === 0) throw invalid('lease: maxMs', 'milliseconds, above 0', maxMs);
    checkedSignal('lease: signal', signal);
    if (signal?.aborted === true) throw signal.reason;
    const { label } = this.entity;
    const lease = new LeaseCore<P>(this.#host, label, maxUs);
    const submit = (): Job => {
      const job = this.entity.submit(lease, {
        label: `${label}/lease`,
        exclusive: true,
        resubmit: false,
        runTimeoutMs: Infinity,
        ...(estimateMs === undefined ? {} : { estimateMs }),
      });
      this.#leases.add(lease);
      const forget = (): void => void this.#leases.delete(lease);
      // It may have ended already.
      if (job.finished.addCallback(forget) === null) forget();
      return job;
    };
    return lease.granted(submit, signal);
  }

  stats(): EntityStats {
    return this.entity.stats();
  }

  /** Its part of what the client gets. */
  setWeight(weight: number): void {
    this.entity.setWeight(weight);
  }

  setPriority(priority: Priority): void {
    this.#priority = checkedBand('setPriority', priority);
    this.entity.setPriority(priority);
  }

  /** The client's share, or its band, is another one. */
  shareChanged({ priority }: Account): void {
    this.entity.setPriority(this.#priority ?? priority);
  }

  /** Resolves when every job has finished and every attempt is retired; after `flushMs` what is queued is killed (E4). */
  async close(flushMs: number): Promise<void> {
    this.#closed = true;
    await this.entity.flush({ timeoutMs: flushMs });
    // First, so that nothing starts in the room that a lease leaves.
    this.entity.kill();
    for (const lease of this.#leases) lease.cancel();
    await this.entity.close({ flushMs: 0 });
    await new Promise<void>((resolve) => this.entity.whenRetired(resolve));
  }

  /** Kills what is queued, at once (E2). */
  kill(): void {
    this.#closed = true;
    this.entity.kill();
    for (const lease of this.#leases) lease.cancel();
    void this.entity.close({ flushMs: 0 });
  }

  /** Its device has closed, and every job has finished. Resolves when the entity is closed, whatever is still on the hardware. */
  async end(error: FencelineError | null): Promise<void> {
    this.entity.kill(error ?? undefined);
    await this.entity.close({ flushMs: 0 });
  }

  #refuseIfClosed(call: string): void {
    if (!this.#closed) return;
    const { label } = this.entity;
    throw new UsageError('ERR_CLOSED', `${call}: ${label} was closed; it takes no more jobs`);
  }
}

/** The signal is the submission's to follow (submission.ts), not the entity's. */
function withoutSignal(options: SubmitOptions): SubmitOptions {
  const others: { -readonly [K in keyof SubmitOptions]: SubmitOptions[K] } = { ...options };
  delete others.signal;
  return others;
}
