import { UsageError } from '../../base/index.ts';
import type { GPUDeviceLike, GPUErrorLike } from './gpu.ts';
import { openScopes } from './scopes.ts';
import type { GpuFault } from './scopes.ts';

/**
 * The device as a function job sees it. The device is shared: what a job does to it must not reach the next one.
 *
 * 1. It cannot be destroyed, and nothing can be assigned to it.
 * 2. Error scopes that the job opens and leaves open are closed when its first synchronous stretch ends (`seal`); it can close
 *    only its own. Afterwards it can open none, because others use the device between its steps; from then on each
 *    call is caught in scopes of its own.
 * 3. After `revoke` it can do nothing.
 */
export class DeviceFacade {
  readonly device: GPUDeviceLike;
  readonly #real: GPUDeviceLike;
  readonly #revoke: () => void;
  readonly #faults: Promise<GpuFault | null>[] = [];
  #sealed = false;
  #open = 0;

  constructor(real: GPUDeviceLike) {
    this.#real = real;
    const guarded = Proxy.revocable(real, {
      get: (target, key) => this.#get(target, key),
      set: () => false,
      defineProperty: () => false,
      deleteProperty: () => false,
      setPrototypeOf: () => false,
    });
    this.device = guarded.proxy;
    this.#revoke = guarded.revoke;
  }

  /** The first synchronous stretch of the job is over. */
  seal(): void {
    this.#sealed = true;
    for (; this.#open > 0; this.#open -= 1) void this.#real.popErrorScope().catch(() => {});
  }

  /** What calls after `seal` were refused for. */
  get faults(): readonly Promise<GpuFault | null>[] {
    return this.#faults;
  }

  /** Takes the device away from the job. */
  revoke(): void {
    this.#revoke();
  }

  #get(target: GPUDeviceLike, key: string | symbol): unknown {
    if (key === 'destroy') return refuseToDestroy;
    if (key === 'pushErrorScope') return this.#push;
    if (key === 'popErrorScope') return this.#pop;
    const value: unknown = Reflect.get(target, key, target);
    if (typeof value !== 'function') return value;
    return (...args: unknown[]) => this.#call(value as (...args: unknown[]) => unknown, args);
  }

  #call(method: (...args: unknown[]) => unknown, args: unknown[]): unknown {
    if (!this.#sealed) return Reflect.apply(method, this.#real, args);
    const closeScopes = openScopes(this.#real);
    try {
      return Reflect.apply(method, this.#real, args);
    } finally {
      this.#faults.push(closeScopes());
    }
  }

  readonly #push = (filter: 'validation' | 'out-of-memory' | 'internal'): void => {
    if (this.#sealed) {
      throw new UsageError(
        'ERR_INVALID_ARGUMENT',
        'pushErrorScope: the device is shared; open error scopes before the first await, or let the job fail',
      );
    }
    this.#real.pushErrorScope(filter);
    this.#open += 1;
  };

  readonly #pop = (): Promise<GPUErrorLike | null> => {
    if (this.#open === 0) {
      return Promise.reject(
        new UsageError('ERR_INVALID_ARGUMENT', 'popErrorScope: this job has no open error scope'),
      );
    }
    this.#open -= 1;
    return this.#real.popErrorScope();
  };
}

function refuseToDestroy(): never {
  throw new UsageError(
    'ERR_INVALID_ARGUMENT',
    'destroy: the device is shared with other jobs; close the fenceline device instead',
  );
}
