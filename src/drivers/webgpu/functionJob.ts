import { deferred, UsageError } from '../../base/index.ts';
import type { Deferred } from '../../base/index.ts';
import type { Executor } from './execute.ts';
import { failedOutcome } from './execution.ts';
import type { Execution, ExecutionError, Outcome } from './execution.ts';
import { DeviceFacade } from './facade.ts';
import type { GPUBufferLike, GPUCommandEncoderLike, GPUDeviceLike } from './gpu.ts';
import { ErrorScopes } from './scopes.ts';
import type { GpuFault } from './scopes.ts';
import type { WebGpuFunction } from './work.ts';

/**
 * One execution of a function job.
 *
 * 1. encoding: the function runs, or the promise that it returned is pending, and nothing was submitted.
 * 2. submitted: by the function (`context.submit`), or because it has returned. Once.
 * 3. done: the hardware has executed what was submitted, and the function's promise has settled. Where the function
 *    threw before anything was submitted, nothing is. The function has lost the device; what it made stays its own.
 * 4. abandoned: the function has lost the device; if nothing was submitted, nothing ever will be.
 * 5. Whoever used the queue itself may have something on the hardware, also where it threw or was abandoned: the hardware is
 *    awaited for it, so that its time is not the next job's (J11, S11).
 */
export class FunctionExecution implements Execution {
  readonly done: Promise<Outcome>;
  readonly #device: GPUDeviceLike;
  readonly #encoder: GPUCommandEncoderLike;
  readonly #facade: DeviceFacade;
  /** Those of the first stretch, while that lasts. */
  #scopes: ErrorScopes | null;
  /** What the first stretch was refused for; and what was submitted after it. */
  readonly #fault: Promise<GpuFault | null>;
  #laterFault: Promise<GpuFault | null> | null = null;
  /** Set when it is submitted; resolves when the hardware is done. */
  #landed: Promise<unknown> | null = null;
  /** Of a function that returned a promise. */
  #pending: Pending | null = null;
  /** Whether the promise that it returned is pending. */
  #isRunning = false;
  #isAbandoned = false;
  #onHardware = false;

  constructor(executor: Executor, run: WebGpuFunction, buffers: readonly GPUBufferLike[]) {
    const { device, adopted } = executor;
    this.#device = device;
    const scopes = new ErrorScopes(device);
    // The owner of an adopted device may make things past the facade.
    if (adopted) scopes.widen();
    this.#scopes = scopes;
    this.#facade = new DeviceFacade(device, scopes);
    const encoder = device.createCommandEncoder();
    this.#encoder = encoder;
    const submit = (): Promise<void> => this.#submitEarly();
    let returned: unknown;
    let error: ExecutionError | null = null;
    try {
      returned = run({ device: this.#facade.device, encoder, submit, buffers });
      if (!isThenable(returned)) this.#submit();
      else this.#pending = newPending(this.#landed !== null);
    } catch (cause) {
      error = { type: 'threw', cause };
    }
    this.#facade.seal();
    this.#scopes = null;
    this.#fault = scopes.close();
    this.done = this.#finish(returned, error);
  }

  get submitted(): Promise<void> | null {
    return this.#pending?.submitted.promise ?? null;
  }

  get onHardware(): boolean {
    return this.#onHardware || this.#facade.usedQueue;
  }

  get encoding(): boolean {
    return this.#isRunning && this.#landed === null;
  }

  get abandoned(): boolean {
    return this.#isAbandoned;
  }

  abandon(): void {
    this.#isAbandoned = true;
    this.#facade.revoke();
    this.#pending?.submitted.resolve();
    this.#pending?.abandoned.reject(new Error('the job was abandoned'));
  }

  #submitEarly(): Promise<void> {
    if (this.#landed !== null) {
      const message = 'submit: this job has submitted already; a job submits once';
      return Promise.reject(new UsageError('ERR_INVALID_ARGUMENT', message));
    }
    this.#submit();
    const landed: Promise<unknown> = this.#landed ?? Promise.resolve();
    landed.catch(() => {});
    return landed.then(() => {});
  }

  #submit(): void {
    if (this.#landed !== null || this.#isAbandoned) return;
    const scopes = this.#scopes === null ? new ErrorScopes(this.#device) : null;
    try {
      this.#device.queue.submit([this.#encoder.finish()]);
      this.#onHardware = true;
      this.#landed = this.#device.queue.onSubmittedWorkDone();
      // It is awaited with the rest.
      this.#facade.usedQueue = false;
    } finally {
      if (scopes !== null) this.#laterFault = scopes.close();
      this.#pending?.submitted.resolve();
    }
  }

  async #finish(returned: unknown, threw: ExecutionError | null): Promise<Outcome> {
    let error = threw;
    let result = returned;
    if (this.#pending !== null) {
      this.#isRunning = true;
      try {
        result = await Promise.race([returned, this.#pending.abandoned.promise]);
        this.#isRunning = false;
        this.#submit();
      } catch (cause) {
        error = { type: 'threw', cause };
      }
      this.#isRunning = false;
      this.#pending.submitted.resolve();
    }
    let lost = false;
    try {
      await this.#landed;
      // Rule 5.
      while (this.#facade.usedQueue) {
        this.#onHardware = true;
        this.#facade.usedQueue = false;
        await this.#device.queue.onSubmittedWorkDone();
      }
    } catch {
      lost = true;
    }
    this.#facade.revoke();
    this.#onHardware = false;
    let fault = await this.#fault;
    if (this.#laterFault !== null) fault ??= await this.#laterFault;
    for (const later of this.#facade.faults) fault ??= await later;
    // What WebGPU refused explains what the function threw, not the other way round.
    if (fault !== null) return failedOutcome({ type: 'refused', fault });
    if (lost) return failedOutcome({ type: 'lost' });
    return error === null ? { result, error: null, gpuUs: null } : failedOutcome(error);
  }
}

/** What waits for the promise that a function returned. */
interface Pending {
  readonly submitted: Deferred<void>;
  /** Rejects when the execution is abandoned. */
  readonly abandoned: Deferred<never>;
}

function newPending(isSubmitted: boolean): Pending {
  const pending = { submitted: deferred<void>(), abandoned: deferred<never>() };
  if (isSubmitted) pending.submitted.resolve();
  pending.abandoned.promise.catch(() => {});
  return pending;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}
