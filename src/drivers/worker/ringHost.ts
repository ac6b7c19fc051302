import type { JobError } from '../../base/index.ts';
import type { Task } from '../../device/index.ts';
import type { Runtime } from '../../events/index.ts';
import type { Job } from '../../sched/index.ts';
import type { LateAnswers } from './lateAnswers.ts';
import type { SpareThreads } from './spareThreads.ts';
import type { Death } from './threadHandle.ts';
import type { WorkerCall } from './work.ts';

/** A job of a worker device. */
export type WorkerJob = Job<Task<WorkerCall>>;

/** What a ring needs of the device around it. */
export interface RingHost {
  readonly runtime: Runtime;
  readonly spares: SpareThreads;
  readonly lateAnswers: LateAnswers;
  /** `job` killed its thread. */
  blame(job: WorkerJob, error: JobError): void;
  /** A thread died, or got stuck, before it executed a job. */
  diedUnused(death: Death): void;
  /** A thread answered: threads can live here. */
  answered(): void;
  /** Whether the function of `call` is a generator function. */
  learned(call: WorkerCall, isGenerator: boolean): void;
}
