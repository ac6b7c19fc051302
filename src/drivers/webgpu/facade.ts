import { UsageError } from '../../base/index.ts';
import type { GPUDeviceLike, GPUErrorLike, GPUQueueLike } from './gpu.ts';
import { openScopes } from './scopes.ts';
import type { ErrorFilter, ErrorScopes, GpuFault } from './scopes.ts';

/** What is lent to a job is shared: nothing can be assigned to it, or changed about it. */
abstract class Lent<T extends object> implements ProxyHandler<T> {
  abstract get(target: T, key: string | symbol): unknown;

  set(): boolean {
    return false;
  }

  defineProperty(): boolean {
    return false;
  }

  deleteProperty(): boolean {
    return false;
  }

  setPrototypeOf(): boolean {
    return false;
  }

  preventExtensions(): boolean {
    return false;
  }
}

/**
 * The device as a function job sees it. The device is shared: what a job does to it must not reach the next one.
 *
 * 1. It cannot be destroyed, and nothing can be assigned to it.
 * 2. Error scopes that the job opens and leaves open are closed when its first synchronous stretch ends (`seal`); it can close
 *    only its own. Afterwards it can open none, because others use the device between its steps; from then on each
 *    call is caught in scopes of its own.
 * 3. Whoever reaches for it in the first stretch may make something: `scopes`, those of that stretch, are widened.
 * 4. After `revoke` it can do nothing.
 * 5. All of this holds for its queue, too.
 *
 * It is the handler of the proxy that it hands out.
 */
export class DeviceFacade extends Lent<GPUDeviceLike> {
  readonly device: GPUDeviceLike;
  readonly #real: GPUDeviceLike;
  readonly #scopes: ErrorScopes;
  /** What calls after `seal` were refused for. */
  faults: readonly Promise<GpuFault | null>[] = NO_FAULTS;
  /** Set when the job calls something of the queue; whoever has awaited the hardware takes it back. */
  usedQueue = false;
  #queue: GPUQueueLike | null = null;
  #sealed = false;
  #revoked = false;
  #open = 0;

  constructor(real: GPUDeviceLike, scopes: ErrorScopes) {
    super();
    this.#real = real;
    this.#scopes = scopes;
    this.device = new Proxy(real, this);
  }

  /** The first synchronous stretch of the job is over; its scopes can be closed. */
  seal(): void {
    this.#sealed = true;
    for (; this.#open > 0; this.#open -= 1) void this.#real.popErrorScope().catch(() => {});
  }

  /** Takes the device away from the job. */
  revoke(): void {
    this.#revoked = true;
  }

  get(target: GPUDeviceLike, key: string | symbol): unknown {
    this.#reach();
    if (key === 'destroy') return refuseToDestroy;
    if (key === 'pushErrorScope') return (filter: ErrorFilter) => this.#push(filter);
    if (key === 'popErrorScope') return () => this.#pop();
    if (key === 'queue') {
      this.#queue ??= new Proxy(target.queue, new QueueFacade(this));
      return this.#queue;
    }
    return this.#member(target, key);
  }

  /** What the job finds under `key` of the real queue. */
  ofQueue(queue: GPUQueueLike, key: string | symbol): unknown {
    this.#reach();
    return this.#member(queue, key);
  }

  /** Rules 3 and 4. */
  #reach(): void {
    this.#check();
    if (!this.#sealed) this.#scopes.widen();
  }

  #check(): void {
    if (this.#revoked) throw new TypeError('the device was revoked: its job has ended');
  }

  #member(target: GPUDeviceLike | GPUQueueLike, key: string | symbol): unknown {
    const value: unknown = Reflect.get(target, key, target);
    if (typeof value !== 'function') return value;
    return (...args: unknown[]) => this.#call(target, value as Method, args);
  }

  #call(target: GPUDeviceLike | GPUQueueLike, method: Method, args: unknown[]): unknown {
    this.#check();
    if (target !== this.#real) this.usedQueue = true;
    if (!this.#sealed) return Reflect.apply(method, target, args);
    const scopes = openScopes(this.#real);
    try {
      return Reflect.apply(method, target, args);
    } finally {
      this.faults = [...this.faults, scopes.close()];
    }
  }

  #push(filter: ErrorFilter): void {
    if (this.#sealed) {
      throw new UsageError(
        'ERR_INVALID_ARGUMENT',
        'pushErrorScope: the device is shared; open error scopes before the first await, or let the job fail',
      );
    }
    this.#real.pushErrorScope(filter);
    this.#open += 1;
  }

  #pop(): Promise<GPUErrorLike | null> {
    if (this.#open === 0) {
      return Promise.reject(
        new UsageError('ERR_INVALID_ARGUMENT', 'popErrorScope: this job has no open error scope'),
      );
    }
    this.#open -= 1;
    return this.#real.popErrorScope();
  }
}

/** The queue of a device as its job sees it. */
class QueueFacade extends Lent<GPUQueueLike> {
  readonly #device: DeviceFacade;

  constructor(device: DeviceFacade) {
    super();
    this.#device = device;
  }

  get(target: GPUQueueLike, key: string | symbol): unknown {
    return this.#device.ofQueue(target, key);
  }
}

type Method = (...args: unknown[]) => unknown;

const NO_FAULTS: readonly never[] = Object.freeze([]);

function refuseToDestroy(): never {
  throw new UsageError(
    'ERR_INVALID_ARGUMENT',
    'destroy: the device is shared with other jobs; close the fenceline device instead',
  );
}
