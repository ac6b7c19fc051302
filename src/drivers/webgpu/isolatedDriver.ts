import { invalid, JobError } from '../../base/index.ts';
import type { Fence } from '../../base/index.ts';
import type { DeviceBackend, DeviceBuffer, DeviceHost, Task } from '../../device/index.ts';
import type { Runtime } from '../../events/index.ts';
import { clockOffsetUs, sharedClockUs } from '../../host/index.ts';
import type { Driver, Verdict } from '../../sched/index.ts';
import { FRAME_BYTES_MAX } from './frames.ts';
import type { TimingStats } from './gpuTimer.ts';
import { goneError } from './outcomes.ts';
import { GpuProcess } from './processHandle.ts';
import { ProcessRing } from './processRing.ts';
import type { IsolatedJob, ProcessRingHost } from './processRing.ts';
import { RemoteMemory } from './remoteMemory.ts';
import { SpareProcesses } from './spareProcesses.ts';
import { LISTED_BYTES } from './wire.ts';
import type { GpuRequest } from './wire.ts';
import { encodeWork } from './work.ts';
import type { JobTask, PlainTask, WebGpuWork } from './work.ts';

/** After so many deaths in a row of processes that executed nothing, they cannot live here: the device is gone. */
const IDLE_DEATHS_MAX = 5;

/** What an isolated driver is made of. */
export interface IsolatedDriverOptions {
  readonly label: string;
  readonly request: GpuRequest;
  readonly spares: number;
  readonly runtime: Runtime;
  /** How long a process may take until it is ready. */
  readonly startTimeoutMs: number;
}

/**
 * A WebGPU device in a process of its own, as a device of one ring, and a spare process that is ready to take over.
 *
 * What it guarantees (D5): a running dispatch is stopped by killing its process. A reset takes with it what was on the ring and
 * what is in the memory of that process; jobs behind the guilty one had not begun and run again. Jobs are plain
 * data: nothing of a client runs in this realm, and a crash of the GPU process is heard of, not shared.
 */
export class IsolatedDriver
  implements
    Driver<Task<JobTask<PlainTask>>>,
    DeviceBackend<WebGpuWork, JobTask<PlainTask>>,
    ProcessRingHost
{
  readonly name = 'webgpu';
  readonly ordered = true;
  readonly runtime: Runtime;
  readonly spares: SpareProcesses;
  readonly #label: string;
  readonly memory: RemoteMemory;
  readonly #ring: ProcessRing;
  readonly #clockOffsetUs: number;
  #host: DeviceHost<JobTask<PlainTask>> | null = null;
  #idleDeaths = 0;
  #closed = false;

  constructor(options: IsolatedDriverOptions) {
    const { label, request, spares, runtime, startTimeoutMs } = options;
    this.runtime = runtime;
    this.#label = label;
    this.#clockOffsetUs = clockOffsetUs(() => runtime.nowUs(), sharedClockUs);
    this.spares = new SpareProcesses({
      spares,
      start: (owner) => new GpuProcess(request, owner, startTimeoutMs),
      onDeath: (why) => this.diedIdle(why),
    });
    this.#ring = new ProcessRing('ring 0', this);
    this.memory = new RemoteMemory(this.#ring);
  }

  get driver(): this {
    return this;
  }

  /** Resolves when the first process has a device; rejects with why it has none. */
  async opened(): Promise<void> {
    const gpu = this.#ring.warmUp();
    gpu.ref();
    await gpu.whenReady;
    gpu.unref();
  }

  attach(host: DeviceHost<JobTask<PlainTask>>): void {
    this.#host = host;
  }

  encode(work: WebGpuWork): JobTask<PlainTask> {
    const task = encodeWork(work);
    if (task.type === 'function') {
      const expected =
        "plain data (functions cannot travel; open the device with isolation: 'none')";
      throw invalid('work', expected, work);
    }
    const bytes = travellingBytes(task);
    if (bytes > FRAME_BYTES_MAX / 2) {
      throw invalid('work', `at most ${FRAME_BYTES_MAX / 2} bytes with it`, bytes);
    }
    return { task, buffers: task.buffers, span: null };
  }

  buffersOf({ buffers }: JobTask<PlainTask>): readonly DeviceBuffer[] {
    return buffers;
  }

  prepareJob(): Fence | null {
    return this.#ring.prepare();
  }

  runJob(job: IsolatedJob): Fence {
    return this.#ring.start(job);
  }

  timedOut(job: IsolatedJob): Verdict {
    return this.#ring.timedOut(job);
  }

  cancelJob(job: IsolatedJob): void {
    this.#ring.cancel(job);
  }

  reset(): Promise<void> {
    return this.#ring.reset();
  }

  measure(job: IsolatedJob): { startUs: number; endUs: number } | null {
    const { work } = job.payload;
    const { span } = work;
    work.span = null;
    if (span === null) return null;
    return { startUs: span.startUs + this.#clockOffsetUs, endUs: span.endUs + this.#clockOffsetUs };
  }

  timing(): TimingStats {
    return this.#ring.timing.stats();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#ring.close(), this.spares.close()]);
  }

  crashed(alone: IsolatedJob | null, why: string): void {
    if (alone === null) {
      this.#host?.broke('nobody');
      return;
    }
    const { label } = alone;
    const message = `job ${label} ended the GPU process: ${why}`;
    const error = new JobError('ERR_DRIVER', message, { label, cause: new Error(why) });
    this.#host?.fault(alone, error);
  }

  lost(blame: 'lonely' | 'nobody'): void {
    this.#host?.broke(blame);
  }

  memoryLost(back: boolean): void {
    this.memory.lose();
    this.#host?.memoryLost();
    if (back && !this.#closed) this.#host?.memoryBack();
  }

  diedIdle(why: string): void {
    this.#idleDeaths += 1;
    if (this.#idleDeaths !== IDLE_DEATHS_MAX) return;
    const message = `${IDLE_DEATHS_MAX} GPU processes in a row ended before they executed a job: ${why}`;
    this.#host?.lost(goneError(this.#label, message));
  }

  answered(): void {
    this.#idleDeaths = 0;
  }
}

/** A character of a text becomes so many bytes at most. */
const UTF8_BYTES_MAX = 3;

/** How many bytes go to the GPU process, or come back, with a job, at most. */
function travellingBytes(task: PlainTask): number {
  if (task.type === 'upload') return task.contents.byteLength;
  if (task.type === 'readBack') return task.bytes;
  const { wgsl, entryPoint, bindings, read } = task.dispatch;
  let bytes = UTF8_BYTES_MAX * (wgsl.length + (entryPoint?.length ?? 0));
  for (const { contents } of bindings) bytes += LISTED_BYTES + (contents?.byteLength ?? 0);
  for (const index of read) bytes += LISTED_BYTES + (bindings[index]?.size ?? 0);
  return bytes;
}
