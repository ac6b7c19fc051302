import { UsageError } from '../base/index.ts';
import type { Entity, EntityStats, SubmitOptions } from '../sched/index.ts';
import type { DeviceBackend, Task } from './backend.ts';
import type { Submission } from './device.ts';
import { SubmissionCore } from './submission.ts';

/** An entity of a device's scheduler, and how work gets into it. A client has one, and one more for each of its queues. */
export class QueueCore<W, P> {
  readonly entity: Entity<Task<P>>;
  readonly #backend: DeviceBackend<W, P>;
  #closed = false;

  constructor(entity: Entity<Task<P>>, backend: DeviceBackend<W, P>) {
    this.entity = entity;
    this.#backend = backend;
  }

  submit<R>(work: W, options?: SubmitOptions): Submission<R> {
    if (this.#closed) {
      const { label } = this.entity;
      throw new UsageError('ERR_CLOSED', `submit: ${label} was closed; it takes no more jobs`);
    }
    const signal = options?.signal ?? null;
    if (signal?.aborted === true) throw signal.reason;
    const task: Task<P> = { work: this.#backend.encode(work), result: undefined };
    const job = this.entity.submit(task, signal === null ? options : withoutSignal(options));
    try {
      this.#backend.takeOver?.(task.work);
    } catch (error) {
      job.cancel(error);
      throw error;
    }
    return new SubmissionCore<R, P>(job, signal);
  }

  stats(): EntityStats {
    return this.entity.stats();
  }

  /** Resolves when every job has finished and every attempt is retired; after `flushMs` what is queued is killed (E4). */
  async close(flushMs: number): Promise<void> {
    this.#closed = true;
    await this.entity.close({ flushMs });
    await new Promise<void>((resolve) => this.entity.whenRetired(resolve));
  }

  /** Kills what is queued, at once (E2). */
  kill(): void {
    this.#closed = true;
    this.entity.kill();
    void this.entity.close({ flushMs: 0 });
  }
}

/** The signal is the submission's to follow (submission.ts), not the entity's. */
function withoutSignal(options: SubmitOptions | undefined): SubmitOptions {
  const others: { -readonly [K in keyof SubmitOptions]: SubmitOptions[K] } = { ...options };
  delete others.signal;
  return others;
}
