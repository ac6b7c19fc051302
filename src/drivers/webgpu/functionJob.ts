import { deferred, UsageError } from '../../base/index.ts';
import type { Deferred } from '../../base/index.ts';
import { failedOutcome } from './execution.ts';
import type { Execution, ExecutionError, Outcome } from './execution.ts';
import { DeviceFacade } from './facade.ts';
import type { GPUBufferLike, GPUCommandEncoderLike, GPUDeviceLike } from './gpu.ts';
import { openScopes } from './scopes.ts';
import type { GpuFault } from './scopes.ts';
import type { WebGpuFunction } from './work.ts';

/**
 * One execution of a function job.
 *
 * 1. encoding: the function runs, or the promise that it returned is pending, and nothing was submitted.
 * 2. submitted: by the function (`context.submit`), or because it has returned. Once.
 * 3. done: the hardware has executed what was submitted, and the function's promise has settled. Where the function
 *    threw before anything was submitted, nothing is.
 * 4. abandoned: the function has lost the device; if nothing was submitted, nothing ever will be.
 */
export class FunctionExecution implements Execution {
  readonly done: Promise<Outcome>;
  readonly submitted: Promise<void>;
  readonly #device: GPUDeviceLike;
  readonly #facade: DeviceFacade;
  readonly #encoder: GPUCommandEncoderLike;
  readonly #faults: Promise<GpuFault | null>[] = [];
  readonly #isSubmitted: Deferred<void> = deferred();
  /** Set when it is submitted; resolves when the hardware is done. */
  #landed: Promise<unknown> | null = null;
  /** Rejects when the execution is abandoned. */
  readonly #abandoned: Deferred<never> = deferred();
  #isAbandoned = false;
  /** Whether the scopes of the first stretch are open. */
  #isOpen = true;
  #onHardware = false;

  constructor(device: GPUDeviceLike, run: WebGpuFunction, buffers: readonly GPUBufferLike[]) {
    this.#device = device;
    this.submitted = this.#isSubmitted.promise;
    this.#abandoned.promise.catch(() => {});
    this.#facade = new DeviceFacade(device);
    const closeScopes = openScopes(device);
    const encoder = device.createCommandEncoder();
    this.#encoder = encoder;
    const submit = (): Promise<void> => this.#submitEarly();
    const context = { device: this.#facade.device, encoder, submit, buffers };
    let returned: unknown;
    let threw: { cause: unknown } | null = null;
    try {
      returned = run(context);
      if (!isThenable(returned)) this.#submit();
    } catch (cause) {
      threw = { cause };
    }
    this.#facade.seal();
    this.#isOpen = false;
    this.#faults.push(closeScopes());
    this.done = this.#finish(returned, threw);
  }

  get onHardware(): boolean {
    return this.#onHardware;
  }

  abandon(): void {
    this.#isAbandoned = true;
    this.#facade.revoke();
    this.#isSubmitted.resolve();
    this.#abandoned.reject(new Error('the job was abandoned'));
  }

  #submitEarly(): Promise<void> {
    if (this.#landed !== null) {
      const message = 'submit: this job has submitted already; a job submits once';
      return Promise.reject(new UsageError('ERR_INVALID_ARGUMENT', message));
    }
    this.#submit();
    return (this.#landed ?? Promise.resolve()).then(() => {});
  }

  #submit(): void {
    if (this.#landed !== null || this.#isAbandoned) return;
    // Within the first stretch of the function the scopes of that are open.
    const closeScopes = this.#isOpen ? null : openScopes(this.#device);
    try {
      this.#device.queue.submit([this.#encoder.finish()]);
      this.#onHardware = true;
      this.#landed = this.#device.queue.onSubmittedWorkDone();
      this.#landed.catch(() => {});
    } finally {
      if (closeScopes !== null) this.#faults.push(closeScopes());
      this.#isSubmitted.resolve();
    }
  }

  async #finish(returned: unknown, threw: { cause: unknown } | null): Promise<Outcome> {
    let error: ExecutionError | null = threw === null ? null : { type: 'threw', ...threw };
    let result: unknown;
    if (threw === null) {
      try {
        result = isThenable(returned)
          ? await Promise.race([returned, this.#abandoned.promise])
          : returned;
        this.#submit();
      } catch (cause) {
        error = { type: 'threw', cause };
      }
    }
    this.#isSubmitted.resolve();
    let lost = false;
    if (this.#landed !== null) {
      await this.#landed.catch(() => {
        lost = true;
      });
    }
    this.#onHardware = false;
    const faults = await Promise.all([...this.#faults, ...this.#facade.faults]);
    const fault = faults.find((one) => one !== null) ?? null;
    // What WebGPU refused explains what the function threw, not the other way round.
    if (fault !== null) return failedOutcome({ type: 'refused', fault });
    if (lost) return failedOutcome({ type: 'lost' });
    return error === null ? { result, error: null, gpuUs: null } : failedOutcome(error);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}
