import type { Client, Device, Submission } from '../../device/index.ts';
import type { WebGpuDispatch, WebGpuWork } from '../../drivers/webgpu/index.ts';
import type { SubmitOptions } from '../../sched/index.ts';
import type { KernelWork } from './round.ts';
import type { RunClient, RunDevice } from './runDevice.ts';

/** What a kernel's twin makes of the kernel's arguments: the same job for a GPU. */
export interface TwinJob {
  readonly dispatch: WebGpuDispatch;
  /** Makes what the kernel would have returned of what was read back. Called once, in the main thread. */
  readonly result: (outputs: readonly unknown[]) => unknown;
}

/** The twin of a kernel, as a workload's module exports it: called when the job is submitted, with the kernel's arguments. */
export type Twin = (...args: readonly unknown[]) => TwinJob;

/** A WebGPU device on which a run submits calls of kernels: each is executed as its twin says. */
export function twinDevice(
  device: Device<WebGpuWork>,
  twinOf: (work: KernelWork) => Twin,
): RunDevice {
  const { driver, rings } = device;
  return {
    driver,
    rings,
    stats: () => device.stats(),
    observe: (sink) => device.observe(sink),
    close: (options) => device.close(options),
    open: (options) => new TwinClient(device.open(options), twinOf),
  };
}

class TwinClient implements RunClient {
  readonly #client: Client<WebGpuWork>;
  readonly #twinOf: (work: KernelWork) => Twin;

  constructor(client: Client<WebGpuWork>, twinOf: (work: KernelWork) => Twin) {
    this.#client = client;
    this.#twinOf = twinOf;
  }

  submit<R>(work: KernelWork, options?: SubmitOptions): Submission<R> {
    const { dispatch, result } = this.#twinOf(work)(...work.args);
    return new TwinSubmission<R>(this.#client.submit(dispatch, options), result);
  }

  stats(): ReturnType<RunClient['stats']> {
    return this.#client.stats();
  }
}

/** A submission whose result is the kernel's. */
class TwinSubmission<R> implements Submission<R> {
  readonly #submission: Submission<readonly unknown[]>;
  readonly #resultOf: TwinJob['result'];
  #result: Promise<R> | null = null;

  constructor(submission: Submission<readonly unknown[]>, resultOf: TwinJob['result']) {
    this.#submission = submission;
    this.#resultOf = resultOf;
  }

  get job(): Submission<R>['job'] {
    return this.#submission.job;
  }

  get scheduled(): Submission<R>['scheduled'] {
    return this.#submission.scheduled;
  }

  get finished(): Submission<R>['finished'] {
    return this.#submission.finished;
  }

  get result(): Promise<R> {
    this.#result ??= this.#submission.result.then((outputs) => this.#resultOf(outputs) as R);
    return this.#result;
  }

  cancel(reason?: unknown): 'dequeued' | 'requested' | 'finished' {
    return this.#submission.cancel(reason);
  }
}
