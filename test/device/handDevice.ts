/**
 * A device for tests, in virtual time: its backend is ended by hand, or after `durationUs` of its work.
 */
import { JobError } from '../../src/base/index.ts';
import type { Abort, FenceSource } from '../../src/base/index.ts';
import { openDevice } from '../../src/device/index.ts';
import type {
  Device,
  DeviceBackend,
  DeviceHost,
  OpenDeviceOptions,
  Task,
} from '../../src/device/index.ts';
import { VirtualRuntime } from '../../src/drivers/sim/index.ts';
import { Timeline } from '../../src/fence/index.ts';
import type { Driver, Job } from '../../src/sched/index.ts';
import { CountingSignal } from '../fixtures/countingSignal.ts';

/** Work of a hand device. */
export interface HandWork {
  /** Ends by itself, so long after its start. Without it, the test ends it. */
  readonly durationUs?: number;
  readonly result?: unknown;
  /** What it gives away. */
  readonly moves?: { owner: 'caller' | 'device' };
  /** What `takeOver` throws. */
  readonly refuseToMove?: Error;
}

/** Hardware whose jobs the test ends. */
export class HandBackend implements DeviceBackend<HandWork, HandWork>, Driver<Task<HandWork>> {
  readonly name = 'hand';
  readonly runtime: VirtualRuntime;
  host: DeviceHost<HandWork> | null = null;
  closed = 0;
  freed = 0;
  readonly running = new Map<Job<Task<HandWork>>, FenceSource>();
  readonly #timeline: Timeline;

  constructor(runtime: VirtualRuntime) {
    this.runtime = runtime;
    this.#timeline = new Timeline({ driver: 'hand', label: 'ring', runtime, ordered: false });
  }

  get driver(): this {
    return this;
  }

  attach(host: DeviceHost<HandWork>): void {
    this.host = host;
  }

  encode(work: HandWork): HandWork {
    if (typeof work !== 'object') throw new TypeError('not work');
    return work;
  }

  givesAway({ moves, refuseToMove }: HandWork): boolean {
    return moves !== undefined || refuseToMove !== undefined;
  }

  takeOver({ moves, refuseToMove }: HandWork): void {
    if (refuseToMove !== undefined) throw refuseToMove;
    if (moves !== undefined) moves.owner = 'device';
  }

  runJob(job: Job<Task<HandWork>>): FenceSource['fence'] {
    const source = this.#timeline.createFence();
    this.running.set(job, source);
    const { durationUs } = job.payload.work;
    if (durationUs !== undefined) {
      this.runtime.setTimer(this.runtime.nowUs() + durationUs, () => this.end(job));
    }
    return source.fence;
  }

  reset(): void {
    for (const source of this.running.values()) source.signal(new JobError('ERR_JOB_RESET'));
    this.running.clear();
  }

  freeJob(): void {
    this.freed += 1;
  }

  /** Ends a job that runs, or the one that started first. */
  end(job = [...this.running.keys()][0], error?: JobError): void {
    if (job === undefined) return;
    const source = this.running.get(job);
    this.running.delete(job);
    job.payload.result = job.payload.work.result;
    source?.signal(error);
  }

  async close(): Promise<void> {
    this.closed += 1;
    this.reset();
  }
}

/** Both ends of a signal. */
class HandAbort implements Abort {
  readonly signal: CountingSignal = new CountingSignal();

  abort(reason: unknown): void {
    this.signal.abort(reason);
  }
}

/** A hand device, its backend, and its time. */
export function openHandDevice(options: Partial<OpenDeviceOptions> = {}): {
  device: Device<HandWork>;
  backend: HandBackend;
  runtime: VirtualRuntime;
} {
  const runtime = (options.runtime as VirtualRuntime | undefined) ?? new VirtualRuntime();
  const backend = new HandBackend(runtime);
  const newAbort = (): Abort => new HandAbort();
  const device = openDevice(backend, { label: 'hand', rings: 1, newAbort, ...options, runtime });
  return { device, backend, runtime };
}

/** What `act` throws; fails where it does not. */
export function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('expected a throw');
}
