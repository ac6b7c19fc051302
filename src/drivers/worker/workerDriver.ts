import { JobError } from '../../base/index.ts';
import type { Fence } from '../../base/index.ts';
import type { DeviceBackend, DeviceHost, Task } from '../../device/index.ts';
import type { Runtime } from '../../events/index.ts';
import { clockOffsetUs, sharedClockUs } from '../../host/index.ts';
import type { Driver, ResetContext } from '../../sched/index.ts';
import { KnownFunctions } from './knownFunctions.ts';
import type { KnownFunction } from './knownFunctions.ts';
import { LateAnswers } from './lateAnswers.ts';
import { reasonOf } from './outcomes.ts';
import { WorkerRing } from './ring.ts';
import type { RingHost, WorkerJob } from './ringHost.ts';
import { SpareThreads } from './spareThreads.ts';
import { ThreadHandle } from './threadHandle.ts';
import type { Death } from './threadHandle.ts';
import { encodeWork, takeOver } from './work.ts';
import type { WorkerCall, WorkerWork } from './work.ts';

/** After so many deaths in a row of threads that executed nothing, threads cannot live here: the device is gone. */
const UNUSED_DEATHS_MAX = 5;
/** How long a close waits for a thread that does not stop, because it is inside a call of the platform. */
const STOP_TIMEOUT_MS = 5000;

/** What a worker driver is made of. */
export interface WorkerDriverOptions {
  readonly label: string;
  readonly threads: number;
  readonly spares: number;
  readonly resourceLimits: NonNullable<ConstructorParameters<typeof ThreadHandle>[2]>;
  readonly runtime: Runtime;
}

/**
 * Threads as rings: one thread a ring, and spare ones.
 *
 * What it guarantees (D5): a running job can be killed, by ending its thread, wherever it is in JavaScript; inside a synchronous call
 * of the platform (a child process, for example) only when that returns. A reset costs about 2 ms while a spare thread is
 * ready, else about 25 ms more, and takes with it what was on the same ring. Clients are isolated from each
 * other's hangs, crashes and heaps between threads, but jobs that run in one thread after one another share its modules and
 * its globals: this is no boundary of trust.
 */
export class WorkerDriver
  implements Driver<Task<WorkerCall>>, DeviceBackend<WorkerWork, WorkerCall>, RingHost
{
  readonly name = 'worker';
  readonly ordered = true;
  readonly resetScope = 'ring';
  readonly runtime: Runtime;
  readonly spares: SpareThreads;
  readonly #rings: WorkerRing[] = [];
  readonly lateAnswers: LateAnswers;
  readonly #clockOffsetUs: number;
  readonly #functions = new KnownFunctions();
  #unusedDeaths = 0;
  #host: DeviceHost<WorkerCall> | null = null;

  constructor(options: WorkerDriverOptions) {
    const { label, threads, spares, resourceLimits, runtime } = options;
    this.runtime = runtime;
    this.lateAnswers = new LateAnswers(runtime, this.#rings);
    this.#clockOffsetUs = clockOffsetUs(() => runtime.nowUs(), sharedClockUs);
    this.spares = new SpareThreads({
      spares,
      start: (owner) => new ThreadHandle(label, owner, resourceLimits),
      onDeath: (death) => this.diedUnused(death),
    });
    for (let index = 0; index < threads; index += 1) {
      this.#rings.push(new WorkerRing(`${label}/ring ${index}`, this));
    }
  }

  get driver(): this {
    return this;
  }

  /** Starts the threads; resolves when all are ready, rejects when one cannot start. Called once, before any job. */
  async opened(): Promise<void> {
    for (const _ring of this.#rings) this.spares.owe();
    const threads = [...this.spares.waiting];
    for (const thread of threads) thread.ref();
    try {
      await Promise.all(threads.map((thread) => thread.whenReady));
    } finally {
      for (const thread of threads) thread.unref();
    }
  }

  attach(host: DeviceHost<WorkerCall>): void {
    this.#host = host;
  }

  encode(work: WorkerWork): WorkerCall {
    return encodeWork(work);
  }

  givesAway({ transfer }: WorkerCall): boolean {
    return transfer.length > 0;
  }

  takeOver(call: WorkerCall): void {
    takeOver(call);
  }

  runJob(job: WorkerJob, ring: number): Fence {
    return this.#ringOf(ring).start(job);
  }

  isSliced(job: WorkerJob): boolean {
    return this.kindOf(job).isGenerator;
  }

  /** A client's jobs may be of several functions: what one took says little of another. */
  kindOf({ payload }: WorkerJob): KnownFunction {
    return this.#functions.of(payload.work.module, payload.work.name);
  }

  nextSlice(job: WorkerJob): 'same-ring' | null {
    return job.payload.work.kept === null ? null : 'same-ring';
  }

  timedOut(job: WorkerJob): 'no-hang' | 'waits' | 'reset' {
    return this.#ringOf(job.ring).timedOut(job);
  }

  async reset(context: ResetContext<Task<WorkerCall>>): Promise<void> {
    await Promise.all(context.rings.map((ring) => this.#ringOf(ring).reset()));
  }

  cancelJob(job: WorkerJob): void {
    this.#ringOf(job.ring).cancel(job);
  }

  /** Lets go of the arguments, which may be large, where the submission is kept for its result. */
  freeJob(job: WorkerJob): void {
    this.#ringOf(job.ring).drop(job);
    job.payload.work.args = [];
    job.payload.work.transfer = [];
  }

  measure(job: WorkerJob): { startUs: number; endUs: number } | null {
    const { span } = job.payload.work;
    job.payload.work.span = null;
    if (span === null) return null;
    return { startUs: span.startUs + this.#clockOffsetUs, endUs: span.endUs + this.#clockOffsetUs };
  }

  /** Ends every thread; resolves when none can run any more, or those that are inside a call of the platform were given up. */
  async close(): Promise<void> {
    this.lateAnswers.close();
    const stopped = [this.spares.close(), ...this.#rings.map((ring) => ring.reset())];
    let giveUp = (): void => {};
    const bound = new Promise<void>((resolve) => (giveUp = resolve));
    const timer = this.runtime.setTimer(this.runtime.nowUs() + STOP_TIMEOUT_MS * 1000, giveUp);
    await Promise.race([Promise.all(stopped), bound]);
    timer.cancel();
    this.spares.abandon();
  }

  blame(job: WorkerJob, error: JobError): void {
    this.#host?.fault(job, error);
  }

  diedUnused(death: Death): void {
    this.#unusedDeaths += 1;
    if (this.#unusedDeaths !== UNUSED_DEATHS_MAX) return;
    const message = `${UNUSED_DEATHS_MAX} threads in a row ended before they executed a job: ${reasonOf(death)}`;
    this.#host?.lost(new JobError('ERR_DEVICE_GONE', message, { cause: death.error }));
  }

  answered(): void {
    this.#unusedDeaths = 0;
  }

  learned({ module, name }: WorkerCall, isGenerator: boolean): void {
    this.#functions.of(module, name).isGenerator = isGenerator;
  }

  #ringOf(index: number | null): WorkerRing {
    return this.#rings[index ?? 0] as WorkerRing;
  }
}
