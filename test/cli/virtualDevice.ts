import { JobError } from '../../src/base/index.ts';
import type { FenceSource } from '../../src/base/index.ts';
import { openDevice } from '../../src/device/index.ts';
import type { Device, DeviceBackend, Task } from '../../src/device/index.ts';
import { VirtualRuntime } from '../../src/drivers/sim/index.ts';
import type { Timer } from '../../src/events/index.ts';
import { Timeline } from '../../src/fence/index.ts';
import type { Driver, Job } from '../../src/sched/index.ts';
import type { Clock } from '../../src/cli/run/clock.ts';
import type { KernelWork } from '../../src/cli/run/round.ts';

/**
 * A device in virtual time that runs no code: the export's name says what a job does.
 *
 * `wait` takes as many milliseconds as its first argument says and gives its arguments, `fail` fails after 1 ms, `hang` never
 * ends, and `stuck` does not even when it is cancelled. Jobs of a ring execute one after the other; a reset takes a ring's jobs.
 */
class VirtualBackend implements DeviceBackend<KernelWork, KernelWork>, Driver<Task<KernelWork>> {
  readonly name = 'virtual';
  readonly resetScope = 'ring';
  readonly driver = this;
  readonly #runtime: VirtualRuntime;
  readonly #timelines: Timeline[];
  readonly #freeUs: number[];
  readonly #running = new Map<
    Job<Task<KernelWork>>,
    { timer: Timer | null; source: FenceSource }
  >();

  constructor(runtime: VirtualRuntime, rings: number) {
    this.#runtime = runtime;
    this.#freeUs = Array.from({ length: rings }, () => 0);
    this.#timelines = this.#freeUs.map(
      (_, ring) => new Timeline({ driver: this.name, label: `ring ${ring}`, runtime }),
    );
  }

  attach(): void {}

  encode(work: KernelWork): KernelWork {
    return work;
  }

  runJob(job: Job<Task<KernelWork>>, ring: number): FenceSource['fence'] {
    const source = (this.#timelines[ring] as Timeline).createFence();
    const { work } = job.payload;
    const startUs = Math.max(this.#runtime.nowUs(), this.#freeUs[ring] ?? 0);
    const tookMs = work.export === 'wait' ? Number(work.args[0] ?? 1) : 1;
    const endUs = /hang|stuck/.test(work.export) ? Infinity : startUs + tookMs * 1000;
    const end = (): void => {
      this.#running.delete(job);
      job.payload.result = work.args;
      source.signal(work.export === 'fail' ? new JobError('ERR_DRIVER', 'it failed') : undefined);
    };
    const timer = endUs === Infinity ? null : this.#runtime.setTimer(endUs, end);
    this.#freeUs[ring] = endUs;
    this.#running.set(job, { timer, source });
    return source.fence;
  }

  cancelJob(job: Job<Task<KernelWork>>): void {
    if (job.payload.work.export === 'stuck') return;
    const running = this.#running.get(job);
    running?.timer?.cancel();
    this.#running.delete(job);
    this.#freeUs[job.ring ?? 0] = this.#runtime.nowUs();
    running?.source.signal(new JobError('ERR_JOB_CANCELLED'));
  }

  reset({
    running,
    rings,
  }: {
    running: readonly Job<Task<KernelWork>>[];
    rings: readonly number[];
  }): void {
    for (const job of running) {
      this.#running.get(job)?.timer?.cancel();
      this.#running.delete(job);
    }
    for (const ring of rings) this.#freeUs[ring] = this.#runtime.nowUs();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A device of two rings in virtual time, its runtime, and a clock for the run. */
export function openVirtualDevice(): {
  device: Device<KernelWork>;
  runtime: VirtualRuntime;
  clock: Clock;
} {
  const runtime = new VirtualRuntime();
  const device = openDevice(new VirtualBackend(runtime, 2), {
    label: 'test',
    rings: 2,
    runtime,
    credits: 1,
    newAbort: () => new AbortController(),
  });
  const clock: Clock = {
    nowMs: () => runtime.nowUs() / 1000,
    sleepUntil: (atMs, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) {
          resolve();
          return;
        }
        const done = (): void => {
          timer.cancel();
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = runtime.setTimer(atMs * 1000, done);
        signal.addEventListener('abort', done);
      }),
  };
  return { device, runtime, clock };
}
