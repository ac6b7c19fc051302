import type { Fence } from '../../base/index.ts';
import type { DeviceBackend, DeviceBuffer, DeviceHost, Task } from '../../device/index.ts';
import type { Runtime, Timer } from '../../events/index.ts';
import type { EventTurns } from '../../host/index.ts';
import type { Driver, Verdict } from '../../sched/index.ts';
import { endExecutor } from './execute.ts';
import type { GPUDeviceLike } from './gpu.ts';
import { GpuMemory } from './gpuMemory.ts';
import type { TimingStats } from './gpuTimer.ts';
import { goneError } from './outcomes.ts';
import { GpuRing } from './ring.ts';
import type { RingHost, WebGpuJob } from './ring.ts';
import type { DeviceSource } from './source.ts';
import { encodeWork } from './work.ts';
import type { JobTask, WebGpuTask, WebGpuWork } from './work.ts';

/** Of a platform that tells nothing of losses. */
const NEVER: Promise<never> = new Promise(() => {});

/** What a driver in this realm is made of. */
export interface WebGpuDriverOptions {
  readonly label: string;
  readonly source: DeviceSource;
  readonly runtime: Runtime;
  /** How long the hardware may still be at a job that failed on time; then the device is gone. */
  readonly hungTimeoutMs: number;
  /** Of the event loop, where the bindings poll in it. */
  readonly turns: EventTurns | null;
}

/**
 * A WebGPU device in this realm, as a device of one ring.
 *
 * What it guarantees (D5): a running dispatch cannot be stopped. A job past its limit fails on time, its credit stays held until the
 * hardware is done with it (J11), and `stats()` says that the ring is hung; after `hungTimeoutMs` the device is gone. A device
 * that is lost is replaced, if it is ours, and takes with it everything that was on it. Functions of clients share this realm
 * and the device: this is no boundary of trust.
 */
export class WebGpuDriver
  implements
    Driver<Task<JobTask<WebGpuTask>>>,
    DeviceBackend<WebGpuWork, JobTask<WebGpuTask>>,
    RingHost
{
  readonly name = 'webgpu';
  readonly ordered = true;
  readonly runtime: Runtime;
  readonly #label: string;
  readonly #source: DeviceSource;
  readonly #hungTimeoutMs: number;
  readonly memory: GpuMemory = new GpuMemory();
  readonly #ring: GpuRing;
  #host: DeviceHost<JobTask<WebGpuTask>> | null = null;
  #hungTimer: Timer | null = null;
  #lostWhy = '';
  #closed = false;

  constructor(options: WebGpuDriverOptions) {
    this.runtime = options.runtime;
    this.#label = options.label;
    this.#source = options.source;
    this.#hungTimeoutMs = options.hungTimeoutMs;
    this.#ring = new GpuRing('ring 0', this, this.memory, options.turns);
  }

  get driver(): this {
    return this;
  }

  /**
   * Gets the device; called once, after `attach`, before any job.
   *
   * @throws {ERR_DEVICE_GONE} when the one that was given is lost already
   */
  async opened(): Promise<void> {
    this.#take(await this.#source.open());
    // The news of a loss that is over comes first.
    await Promise.resolve();
    if (this.#ring.device === null && !this.#source.owned) {
      throw goneError(this.#label, `its device is lost: ${this.#lostWhy}`);
    }
  }

  attach(host: DeviceHost<JobTask<WebGpuTask>>): void {
    this.#host = host;
  }

  encode(work: WebGpuWork): JobTask<WebGpuTask> {
    const task = encodeWork(work);
    return { task, buffers: task.buffers, span: null };
  }

  buffersOf({ buffers }: JobTask<WebGpuTask>): readonly DeviceBuffer[] {
    return buffers;
  }

  runJob(job: WebGpuJob): Fence {
    return this.#ring.start(job);
  }

  timedOut(job: WebGpuJob): Verdict {
    // Lost just when the reset was over: nobody is to blame for a device that is not there.
    if (this.#ring.device === null) this.#host?.broke('nobody');
    return this.#ring.timedOut(job);
  }

  cancelJob(job: WebGpuJob): void {
    this.#ring.cancel(job);
  }

  measure(job: WebGpuJob): { startUs: number; endUs: number } | null {
    return job.payload.work.span;
  }

  whenIdle(): Promise<void> | null {
    const { device } = this.#ring;
    if (device === null) return null;
    return new Promise((resolve) => {
      const atUs = this.runtime.nowUs() + this.#hungTimeoutMs * 1000;
      const hung = (): void => {
        // Whoever comes next would be blamed for it.
        const why = 'the hardware did not finish what a lease left on it';
        this.#host?.lost(goneError(this.#label, why));
        resolve();
      };
      const timer = atUs === Infinity ? null : this.runtime.setTimer(atUs, hung);
      const done = (): void => {
        timer?.cancel();
        resolve();
      };
      device.queue.onSubmittedWorkDone().then(done, done);
    });
  }

  timing(): TimingStats {
    return this.#ring.timing.stats();
  }

  /** Another device is needed: this one is lost, or let go when the hardware is done with it, because nothing stops that (T3). */
  async reset(): Promise<void> {
    await this.#letGo();
    const device = await this.#source.open();
    if (this.#closed) {
      if (this.#source.owned) device.destroy();
      return;
    }
    this.#take(device);
    await this.#answerOf(device);
    if (this.#ring.device !== device && !this.#closed) {
      throw goneError(
        this.#label,
        `the device that replaces the lost one is lost: ${this.#lostWhy}`,
      );
    }
  }

  /**
   * Destroys the device if it is ours, otherwise what was made on it: at once where it is idle, otherwise when the hardware is done,
   * because that is a wait. Jobs that the hardware is still at are retired then (J11), or when it has had its time.
   */
  close(): Promise<void> {
    this.#closed = true;
    this.#hungTimer?.cancel();
    const { executor, idle } = this.#ring;
    const boundUs = this.#hungTimeoutMs * 1000;
    const bound =
      boundUs === Infinity
        ? null
        : this.runtime.setTimer(this.runtime.nowUs() + boundUs, () => this.#ring.clear());
    void idle.then(() => {
      bound?.cancel();
      if (executor === null) return;
      if (this.#source.owned) executor.device.destroy();
      else endExecutor(executor);
    });
    this.#ring.end();
    return Promise.resolve();
  }

  deviceLost(device: GPUDeviceLike): void {
    if (this.#closed || this.#ring.device !== device) return;
    const wasHung = this.#ring.hung;
    this.#lose();
    this.ringFreed();
    if (!this.#source.owned) {
      this.#host?.lost(goneError(this.#label, `its device was lost: ${this.#lostWhy}`));
    } else {
      // The one that hangs is convicted already, and what waits behind it has not begun.
      this.#host?.broke(wasHung || this.#lostWhy === 'destroyed' ? 'nobody' : 'lonely');
    }
  }

  ringHung(): void {
    if (this.#hungTimer !== null || this.#hungTimeoutMs === Infinity) return;
    const atUs = this.runtime.nowUs() + this.#hungTimeoutMs * 1000;
    this.#hungTimer = this.runtime.setTimer(atUs, () => {
      const why = `a job hangs on the hardware, which cannot be stopped, for ${this.#hungTimeoutMs} ms`;
      this.#host?.lost(goneError(this.#label, why));
    });
  }

  ringFreed(): void {
    this.#hungTimer?.cancel();
    this.#hungTimer = null;
  }

  #take(device: GPUDeviceLike): void {
    this.#ring.use(device, !this.#source.owned);
    this.#host?.memoryBack();
    void device.lost?.then(({ reason, message }) => {
      this.#lostWhy = reason === 'destroyed' ? reason : message;
      this.deviceLost(device);
    });
  }

  /** A device that is given may be lost already (rule 3 of ring.ts): it has to answer once, and then the news of a loss has its chance. */
  async #answerOf(device: GPUDeviceLike): Promise<void> {
    await Promise.race([device.queue.onSubmittedWorkDone(), device.lost ?? NEVER]);
    await new Promise<void>((resolve) => this.runtime.defer(resolve));
  }

  #lose(): void {
    this.#ring.lose();
    this.memory.use(null);
    this.#host?.memoryLost();
  }

  async #letGo(): Promise<void> {
    const { device } = this.#ring;
    if (device !== null) await this.#ring.idle;
    this.#lose();
    this.#ring.clear();
    if (device !== null && this.#source.owned) device.destroy();
  }
}
