import type { Fence, FenceSource, JobError } from '../../base/index.ts';
import { arrivalOf, handleOf } from '../../device/index.ts';
import type { Task } from '../../device/index.ts';
import type { Runtime } from '../../events/index.ts';
import { Timeline } from '../../fence/index.ts';
import type { EventTurns } from '../../host/index.ts';
import type { Job, Verdict } from '../../sched/index.ts';
import { commandOf, LostBuffer } from './commands.ts';
import { executeCommand, executorOf } from './execute.ts';
import type { Executor } from './execute.ts';
import { failedOutcome } from './execution.ts';
import type { Execution, Outcome } from './execution.ts';
import { FunctionExecution } from './functionJob.ts';
import type { GPUBufferLike, GPUDeviceLike } from './gpu.ts';
import type { GpuMemory } from './gpuMemory.ts';
import { TimingLog } from './gpuTimer.ts';
import { Lookout } from './lookout.ts';
import { cancelledError, failedError, resetError } from './outcomes.ts';
import type { JobTask, WebGpuTask } from './work.ts';

/** A job of a WebGPU device. */
export type WebGpuJob = Job<Task<JobTask<WebGpuTask>>>;

/** What a ring needs of the device around it. */
export interface RingHost {
  readonly runtime: Runtime;
  /** The device is lost, or a promise said so. */
  deviceLost(device: GPUDeviceLike): void;
  /** A job failed on time, and the hardware is still at it. */
  ringHung(): void;
  /** Nothing hangs any more. */
  ringFreed(): void;
}

/** One try of a job on this ring. */
interface Attempt {
  readonly job: WebGpuJob;
  readonly source: FenceSource;
  /** `null` until it is its turn. */
  execution: Execution | null;
  outcome: Outcome | null;
  cancelled: boolean;
  /** Its job failed on time. */
  hung: boolean;
}

/**
 * The one ring of a device in this realm: attempts in order, and the GPU device that executes them.
 *
 * 1. Executions begin in order, after the pass that started them; one whose function has not submitted yet holds back those
 *    behind it, because the order of submissions is the order of the ring.
 * 2. Outcomes come in any order and are told in order: the head's outcome signals its hardware fence.
 * 3. Promises of WebGPU resolve when the device is lost as if the work had been done. So an outcome counts only if the device
 *    is still the ring's own one turn later, when the news of a loss has had its chance.
 * 4. Without a device (lost, not there yet) nothing begins. What came from an earlier device is ignored.
 * 5. Nothing here stops a dispatch. An attempt whose job failed on time stays until the hardware is done with it (J11).
 */
export class GpuRing {
  readonly #host: RingHost;
  readonly timing: TimingLog = new TimingLog();
  readonly #timeline: Timeline;
  readonly #attempts: Attempt[] = [];
  /** How many of them have begun. */
  #begun = 0;
  #executor: Executor | null = null;
  readonly #memory: GpuMemory;
  /** An execution is under way that has not submitted everything. */
  #encoding: Execution | null = null;
  #pumpAsked = false;
  readonly #lookout: Lookout;

  constructor(label: string, host: RingHost, memory: GpuMemory, turns: EventTurns | null) {
    this.#memory = memory;
    this.#host = host;
    this.#lookout = new Lookout({
      nowUs: () => host.runtime.nowUs(),
      inFlight: () => (this.#attempts[0]?.execution?.onHardware === true ? this.#begun : 0),
      turns,
    });
    this.#timeline = new Timeline({ driver: 'webgpu', label, runtime: host.runtime });
  }

  get device(): GPUDeviceLike | null {
    return this.executor?.device ?? null;
  }

  get executor(): Executor | null {
    return this.#executor;
  }

  /** Resolves when the hardware has nothing of this ring any more. Never rejects; may never settle. */
  get idle(): Promise<unknown> {
    return Promise.all(
      this.#attempts.flatMap(({ execution }) => (execution === null ? [] : [execution.done])),
    );
  }

  /** Whether a job failed on time and the hardware is still at it. */
  get hung(): boolean {
    return this.#attempts.some((attempt) => attempt.hung);
  }

  /** Takes `job` as the last attempt. */
  start(job: WebGpuJob): Fence {
    const source = this.#timeline.createFence();
    this.#attempts.push({
      ...{ job, source, execution: null, outcome: null, cancelled: false, hung: false },
    });
    this.#askPump();
    return source.fence;
  }

  /** Asks that `job` ends early (J9): what has not reached the hardware does. */
  cancel(job: WebGpuJob): void {
    const attempt = this.#find(job);
    if (attempt === undefined || attempt.outcome !== null) return;
    attempt.cancelled = true;
    if (attempt.execution === null) this.#askPump();
    else if (attempt.execution.encoding) attempt.execution.abandon();
  }

  /** Judges `job`, which is past its deadline (T2): what is on the hardware cannot be stopped, everything else can. */
  timedOut(job: WebGpuJob): Verdict {
    const attempt = this.#find(job);
    const execution = attempt?.execution ?? null;
    if (attempt === undefined || execution === null || attempt.outcome !== null) return 'no-hang';
    const stays = execution.onHardware && this.#executor !== null;
    execution.abandon();
    if (stays) {
      attempt.hung = true;
      this.#host.ringHung();
      return 'fail';
    }
    this.#take(attempt);
    attempt.source.signal(resetError(job.label));
    return 'fail';
  }

  /** Takes `device` into use; `adopted`: it is somebody else's. */
  use(device: GPUDeviceLike, adopted: boolean): void {
    this.#executor = executorOf(device, this.#memory, adopted);
    this.#askPump();
  }

  /** The device is lost: nothing that was started can run any more. What waits for a reset is told by `clear`. */
  lose(): void {
    this.#executor = null;
    this.#encoding = null;
  }

  /** Begins nothing any more; what the hardware is still at fails when it is done, or by `clear` (J11). */
  end(): void {
    this.#executor = null;
    this.#encoding = null;
    for (const attempt of [...this.#attempts]) {
      const { job, source, execution } = attempt;
      execution?.abandon();
      const fail = (): void => {
        this.#take(attempt);
        source.signal(resetError(job.label));
      };
      if (execution?.onHardware === true) void execution.done.then(fail);
      else fail();
    }
  }

  /** Forgets every attempt; those that are not told yet fail. */
  clear(): void {
    this.#begun = 0;
    if (this.hung) this.#host.ringFreed();
    for (const { job, source, execution } of this.#attempts.splice(0)) {
      execution?.abandon();
      source.signal(resetError(job.label));
    }
  }

  #find(job: WebGpuJob): Attempt | undefined {
    return this.#attempts.find((attempt) => attempt.job === job);
  }

  #askPump(): void {
    if (this.#pumpAsked) return;
    this.#pumpAsked = true;
    this.#host.runtime.defer(() => {
      this.#pumpAsked = false;
      this.#pump();
    });
  }

  /** Rule 1. */
  #pump(): void {
    while (this.#executor !== null && this.#encoding === null) {
      const attempt = this.#attempts[this.#begun];
      if (attempt === undefined || this.#waitsForBuffers(attempt)) return;
      this.#begun += 1;
      if (attempt.cancelled) {
        attempt.outcome = { result: undefined, error: null, gpuUs: null };
        this.#tell();
      } else {
        this.#begin(attempt, this.#executor);
      }
    }
  }

  /** Its buffers are on their way: it begins when they are there. */
  #waitsForBuffers({ job, cancelled }: Attempt): boolean {
    const arrival = cancelled ? null : arrivalOf(job.payload.work.buffers);
    return arrival !== null && arrival.addCallback(() => this.#askPump()) !== null;
  }

  #begin(attempt: Attempt, executor: Executor): void {
    const { device } = executor;
    const execution = executionOf(attempt.job.payload.work.task, executor);
    if (execution instanceof LostBuffer) {
      attempt.outcome = failedOutcome({ type: 'bufferLost', buffer: execution });
      this.#tell();
      return;
    }
    attempt.execution = execution;
    const beganUs = this.#host.runtime.nowUs();
    if (execution.submitted !== null) {
      this.#encoding = execution;
      void execution.submitted.then(() => {
        if (this.#encoding !== execution) return;
        this.#encoding = null;
        this.#lookout.began();
        this.#pump();
      });
    }
    this.#lookout.began();
    void execution.done.then((outcome) => {
      // Rule 3.
      this.#host.runtime.defer(() => this.#landed(attempt, device, outcome, beganUs));
    });
  }

  #landed(attempt: Attempt, device: GPUDeviceLike, outcome: Outcome, beganUs: number): void {
    if (this.device !== device) return;
    if (outcome.error?.type === 'lost') {
      this.#host.deviceLost(device);
      return;
    }
    attempt.outcome = outcome;
    this.#lookout.ended();
    const nowUs = this.#host.runtime.nowUs();
    const busyUs = this.timing.clean(outcome.gpuUs, nowUs - beganUs) ?? nowUs - beganUs;
    attempt.job.payload.work.span = { startUs: nowUs - busyUs, endUs: nowUs };
    this.#tell();
  }

  /** Rule 2. */
  #tell(): void {
    for (let head = this.#attempts[0]; head !== undefined; head = this.#attempts[0]) {
      const { outcome, job, source } = head;
      if (outcome === null) return;
      const failure = failureOf(head, outcome);
      this.#take(head);
      if (failure === null) job.payload.result = outcome.result;
      source.signal(failure ?? undefined);
    }
  }

  /** Takes `attempt` off the ring. */
  #take(attempt: Attempt): void {
    const index = this.#attempts.indexOf(attempt);
    if (index === -1) return;
    this.#attempts.splice(index, 1);
    if (index < this.#begun) this.#begun -= 1;
    if (attempt.hung) {
      attempt.hung = false;
      if (!this.hung) this.#host.ringFreed();
    }
  }
}

/** What an attempt that ended so fails with; `null`: it succeeded. */
function failureOf({ job, cancelled, execution }: Attempt, { error }: Outcome): JobError | null {
  // What failed of itself says so (J9).
  const isTaken = execution === null || (error !== null && execution.abandoned);
  if (cancelled && isTaken) return cancelledError(job.label);
  return error === null || error.type === 'lost' ? null : failedError(job.label, error);
}

/** Begins `task`; where a buffer that it needs is not there, nothing. */
function executionOf(task: WebGpuTask, executor: Executor): Execution | LostBuffer {
  if (task.type !== 'function') {
    const command = commandOf(task);
    return command instanceof LostBuffer ? command : executeCommand(executor, command);
  }
  const buffers: GPUBufferLike[] = [];
  for (const buffer of task.buffers) {
    const handle = handleOf(buffer);
    if (handle === null) return new LostBuffer(buffer);
    buffers.push(executor.memory.get(handle));
  }
  return new FunctionExecution(executor, task.run, buffers);
}
