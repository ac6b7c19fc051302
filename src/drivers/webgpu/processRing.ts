import type { Fence, FenceSource } from '../../base/index.ts';
import { arrivalOf } from '../../device/index.ts';
import type { Task } from '../../device/index.ts';
import type { Runtime } from '../../events/index.ts';
import { Timeline } from '../../fence/index.ts';
import type { Job, Verdict } from '../../sched/index.ts';
import { commandOf, LostBuffer } from './commands.ts';
import type { Command } from './commands.ts';
import type { ExecutionError } from './execution.ts';
import { cancelledError, failedError, resetError } from './outcomes.ts';
import { TimingLog } from './gpuTimer.ts';
import type { GpuProcess, ProcessOwner } from './processHandle.ts';
import { ProgramNames } from './programNames.ts';
import type { SpareProcesses } from './spareProcesses.ts';
import { StallWatch } from './stallWatch.ts';
import type { FromGpu, ToGpu } from './wire.ts';
import type { MemoryWire, RemoteMemory } from './remoteMemory.ts';
import { asKind } from './work.ts';
import type { BindingSpec, JobTask, PlainTask } from './work.ts';

/** A job of an isolated device. */
export type IsolatedJob = Job<Task<JobTask<PlainTask>>>;

/** What a ring needs of the device around it. */
export interface ProcessRingHost {
  readonly runtime: Runtime;
  readonly spares: SpareProcesses;
  readonly memory: RemoteMemory;
  /** The process is over, and with it what was in its memory; with `back`, there is another. */
  memoryLost(back: boolean): void;
  /** The GPU process ended while jobs were with it; `alone` is the only thing that was, if there was one. */
  crashed(alone: IsolatedJob | null, why: string): void;
  /** The GPU process lost its device while jobs were with it; `lonely`: a job that was alone with it is blamed. */
  lost(blame: 'lonely' | 'nobody'): void;
  /** The GPU process ended while it had no job. */
  diedIdle(why: string): void;
  /** A GPU process answered: it can live here. */
  answered(): void;
}

/** One try of a job on this ring. */
interface Attempt {
  readonly job: IsolatedJob;
  readonly source: FenceSource;
  /** Its id in its process; 0 before it is posted. */
  id: number;
  answer: Extract<FromGpu, { type: 'done' | 'failed' }> | null;
  cancelled: boolean;
}

/**
 * The one ring of an isolated device: attempts in order, and the process that executes them.
 *
 * 1. The first `#posted` attempts are with the process, in order. What is started in one pass is posted together, after the pass.
 * 2. Answers come in any order and are told in order: the head's answer signals its hardware fence.
 * 3. A ring without a process takes one when it has something to post. It has none after a reset and after a death.
 * 4. A process that dies, or loses its device, while jobs are with it breaks the device: the ring waits for the reset.
 *    One that had begun no job (none was posted, it was not ready yet, had nothing in flight when it lost its device, or died before it
 *    answered the mark in front of what was posted to it while it had none) concerns nobody: what was posted to it is posted to the next.
 * 5. This process is kept alive while there are attempts, the memory awaits an answer, or jobs wait for a process.
 * 6. Jobs start when a process is ready, so that nobody's time is spent on its start.
 */
export class ProcessRing implements ProcessOwner, MemoryWire {
  readonly #host: ProcessRingHost;
  readonly timing: TimingLog = new TimingLog();
  readonly #timeline: Timeline;
  readonly #stalls: StallWatch;
  readonly #attempts: Attempt[] = [];
  #posted = 0;
  #lastId = 0;
  #process: GpuProcess | null = null;
  #names = new ProgramNames();
  #flushAsked = false;
  /** True while nothing may be posted: the process is over, and the reset is not. */
  #blocked = false;
  #awaitsMemory = false;
  #closed = false;
  readonly #starts: Timeline;
  /** Signals when a process is ready; `null` while no job waits for that. */
  #readiness: FenceSource | null = null;
  /** The id of the mark in front of all jobs that are with the process, while it is not answered: none has begun. */
  #mark: number | null = null;

  constructor(label: string, host: ProcessRingHost) {
    this.#host = host;
    this.#stalls = new StallWatch(host.runtime);
    const { runtime } = host;
    this.#timeline = new Timeline({ driver: 'webgpu', label, runtime });
    this.#starts = new Timeline({
      driver: 'webgpu',
      label: `${label}/starts`,
      runtime,
      ordered: false,
    });
  }

  /** Takes a process before there are jobs, so that the first need not wait. */
  warmUp(): GpuProcess {
    return (this.#process ??= this.#takeProcess());
  }

  /** What jobs wait for before they start (rule 6); `null`: a process is ready. */
  prepare(): Fence | null {
    if (!this.#blocked && this.warmUp().ready) return null;
    this.#readiness ??= this.#starts.createFence();
    this.#keepAlive();
    return this.#readiness.fence;
  }

  /** Takes `job` as the last attempt. */
  start(job: IsolatedJob): Fence {
    const source = this.#timeline.createFence();
    this.#attempts.push({ job, source, id: 0, answer: null, cancelled: false });
    if (this.#attempts.length === 1) {
      this.#keepAlive();
      this.#stalls.watch(true);
    }
    this.#askFlush();
    return source.fence;
  }

  /** Asks that `job` ends early (J9): what was posted cannot, the rest is not posted. */
  cancel(job: IsolatedJob): void {
    const attempt = this.#attempts.find((one) => one.job === job);
    if (attempt === undefined || attempt.id !== 0) return;
    attempt.cancelled = true;
    this.#askFlush();
  }

  /** Judges `job`, which is past its deadline (T2): it hangs only if the process is at it, and this thread could hear the answer. */
  timedOut(job: IsolatedJob): Verdict {
    const head = this.#attempts[0];
    const executes = head !== undefined && head.job === job && head.id !== 0;
    // The start of a process has a bound of its own.
    if (!this.#blocked && this.#process?.ready === false) return 'waits';
    if (this.#blocked || !executes || this.#process === null) return 'no-hang';
    return this.#stalls.stalled ? 'no-hang' : 'reset';
  }

  /** Kills the process; resolves when nothing that was started here can run any more (T3). */
  async reset(): Promise<void> {
    this.#blocked = true;
    const gpu = this.#process;
    this.#process = null;
    if (gpu !== null) {
      const ended = this.#host.spares.end(gpu);
      this.#host.memoryLost(false);
      await ended;
    }
    for (const { job, source } of this.#attempts.splice(0)) source.signal(resetError(job.label));
    this.#stalls.watch(false);
    this.#posted = 0;
    this.#names = new ProgramNames();
    this.#blocked = false;
    if (gpu !== null) this.#host.memoryLost(true);
    this.#getReady();
  }

  /** Ends everything. */
  close(): Promise<void> {
    this.#closed = true;
    return this.reset();
  }

  nextId(): number {
    this.#lastId = (this.#lastId % 0xffff_ffff) + 1;
    return this.#lastId;
  }

  post(message: ToGpu): void {
    if (!this.#blocked) this.warmUp().post(message);
  }

  awaits(answers: boolean): void {
    this.#awaitsMemory = answers;
    this.#keepAlive();
  }

  messageCame(gpu: GpuProcess, message: FromGpu): void {
    if (this.#process !== gpu || this.#blocked) return;
    if (message.type === 'ready') this.#getReady();
    else if (message.type === 'done' || message.type === 'failed') {
      if (message.id === this.#mark) this.#mark = null;
      else if (!this.#host.memory.answered(message)) this.#answered(message);
    } else if (message.type === 'lost') {
      const why = `its device was lost: ${message.message}`;
      const innocent = message.reason === 'destroyed' || this.#awaitsMemory;
      this.#over(gpu, why, message.inFlight > 0, () =>
        this.#host.lost(innocent ? 'nobody' : 'lonely'),
      );
    }
  }

  died(gpu: GpuProcess, why: string): void {
    if (this.#process !== gpu || this.#blocked) return;
    const [first] = this.#attempts;
    // A job is not alone where the memory is at work for somebody.
    const isAlone = this.#posted === 1 && !this.#awaitsMemory;
    const alone = isAlone && first !== undefined ? first.job : null;
    this.#over(gpu, why, this.#mark === null, () => this.#host.crashed(alone, why));
  }

  /** Rule 4. */
  #over(gpu: GpuProcess, why: string, mayHaveBegun: boolean, broke: () => void): void {
    if (gpu.ready && this.#posted > 0 && mayHaveBegun) {
      this.#blocked = true;
      broke();
      return;
    }
    for (const attempt of this.#attempts) attempt.id = 0;
    this.#posted = 0;
    this.#process = null;
    this.#names = new ProgramNames();
    void this.#host.spares.end(gpu);
    this.#host.diedIdle(why);
    this.#host.memoryLost(true);
    this.#askFlush();
    this.#getReady();
  }

  /** Rule 6: tells those that wait, or has them wait for the next process. */
  #getReady(): void {
    const waiting = this.#readiness;
    if (waiting === null) return;
    if (!this.#closed && !this.warmUp().ready) {
      this.#keepAlive();
      return;
    }
    this.#readiness = null;
    waiting.signal();
    this.#keepAlive();
  }

  #askFlush(): void {
    if (this.#flushAsked) return;
    this.#flushAsked = true;
    this.#host.runtime.defer(() => {
      this.#flushAsked = false;
      this.#flush();
    });
  }

  /** Rule 1. */
  #flush(): void {
    if (this.#blocked || this.#posted === this.#attempts.length) return;
    const gpu = this.warmUp();
    this.#keepAlive();
    while (this.#posted < this.#attempts.length) {
      const attempt = this.#attempts[this.#posted] as Attempt;
      if (attempt.cancelled) {
        this.#attempts.splice(this.#posted, 1);
        attempt.source.signal(cancelledError(attempt.job.label));
        continue;
      }
      const arrival = arrivalOf(attempt.job.payload.work.buffers);
      // They are on their way: it is posted when they are there.
      if (arrival?.addCallback(() => this.#askFlush())) return;
      const command = commandOf(attempt.job.payload.work.task);
      if (command instanceof LostBuffer) {
        this.#attempts.splice(this.#posted, 1);
        const { label } = attempt.job;
        attempt.source.signal(failedError(label, { type: 'bufferLost', buffer: command }));
        continue;
      }
      this.#post(gpu, attempt, command);
      this.#posted += 1;
    }
    if (this.#attempts.length === 0) this.#idle();
  }

  #post(gpu: GpuProcess, attempt: Attempt, command: Command): void {
    if (this.#posted === 0) {
      this.#mark = this.nextId();
      gpu.post({ type: 'mark', id: this.#mark });
    }
    const id = this.nextId();
    attempt.id = id;
    if (command.type !== 'dispatch') {
      gpu.post({ ...command, id });
      return;
    }
    const { wgsl, entryPoint, type, workgroups, bindings, read } = command;
    const { program, isNew, forgotten } = this.#names.nameOf(wgsl, entryPoint);
    if (forgotten !== null) gpu.post({ type: 'forget', program: forgotten });
    if (isNew) gpu.post({ type: 'program', program, wgsl, entryPoint: entryPoint ?? '' });
    gpu.post({ type, id, program, workgroups, bindings, read });
  }

  #takeProcess(): GpuProcess {
    const gpu = this.#host.spares.take(this);
    this.#host.spares.fill();
    return gpu;
  }

  #answered(message: Extract<FromGpu, { type: 'done' | 'failed' }>): void {
    const attempt = this.#attempts.find(({ id }) => id === message.id);
    if (attempt === undefined) return;
    attempt.answer = message;
    this.#host.answered();
    // Rule 2.
    for (let head = this.#attempts[0]; head !== undefined; head = this.#attempts[0]) {
      const { answer } = head;
      if (answer === null) return;
      this.#attempts.shift();
      this.#posted -= 1;
      if (this.#attempts.length === 0) this.#idle();
      tell(head, answer, this.timing);
    }
  }

  #idle(): void {
    this.#keepAlive();
    this.#stalls.watch(false);
  }

  /** Rule 5. */
  #keepAlive(): void {
    const isNeeded = this.#attempts.length > 0 || this.#awaitsMemory || this.#readiness !== null;
    if (isNeeded) this.#process?.ref();
    else this.#process?.unref();
  }
}

/** Signals the hardware fence of an attempt as its process answered. */
function tell(
  attempt: Attempt,
  answer: Extract<FromGpu, { type: 'done' | 'failed' }>,
  timing: TimingLog,
): void {
  const { job, source } = attempt;
  const { work } = job.payload;
  if (answer.type === 'failed') {
    source.signal(failedError(job.label, executionError(answer)));
    return;
  }
  const { startUs, endUs, gpuUs } = answer;
  const measuredUs = timing.clean(Number.isNaN(gpuUs) ? null : gpuUs, endUs - startUs);
  work.span = { startUs: endUs - (measuredUs ?? endUs - startUs), endUs };
  job.payload.result = resultOf(work.task, answer.outputs);
  source.signal();
}

function resultOf(task: PlainTask, outputs: readonly Uint8Array<ArrayBuffer>[]): unknown {
  if (task.type === 'upload') return undefined;
  if (task.type === 'readBack') return outputs[0]?.buffer;
  const { bindings, read } = task.dispatch;
  return read.map((index, at) => {
    const { bytes, kind } = bindings[index] as BindingSpec;
    return asKind(kind, (outputs[at] ?? new Uint8Array(bytes)).buffer);
  });
}

function executionError({
  filter,
  message,
}: Extract<FromGpu, { type: 'failed' }>): Exclude<ExecutionError, { type: 'lost' }> {
  return filter === 'threw'
    ? { type: 'threw', cause: new Error(message) }
    : { type: 'refused', fault: { filter, message } };
}
