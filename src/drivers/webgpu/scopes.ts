import type { GPUDeviceLike, GPUErrorLike } from './gpu.ts';

/** What an error scope of WebGPU catches. */
export type ErrorFilter = 'validation' | 'out-of-memory' | 'internal';

/** What WebGPU refused, and why. */
export interface GpuFault {
  readonly filter: ErrorFilter;
  readonly message: string;
}

/**
 * The error scopes of one job on a device, open from its making to `close`.
 *
 * 1. The stack of scopes belongs to everybody who holds the device, so opening and closing happen in one synchronous stretch, and
 *    the stack is the same afterwards.
 * 2. Each scope costs the thread some microseconds. By the rules of WebGPU only what makes something runs out of memory or fails
 *    inside: who makes nothing needs the one for validation alone, and `widen` opens the others before something is made.
 */
export class ErrorScopes {
  readonly #device: GPUDeviceLike;
  #wide = false;

  constructor(device: GPUDeviceLike) {
    this.#device = device;
    device.pushErrorScope('validation');
  }

  /** Opens the scopes that are not open yet. */
  widen(): void {
    if (this.#wide) return;
    this.#wide = true;
    this.#device.pushErrorScope('out-of-memory');
    this.#device.pushErrorScope('internal');
  }

  /** Closes them; resolves to the fault that explains the others, as what was invalid is the cause of the rest. Never rejects. */
  close(): Promise<GpuFault | null> {
    if (!this.#wide) return popped(this.#device, 'validation');
    // The last one pushed is popped first.
    const internal = popped(this.#device, 'internal');
    const memory = popped(this.#device, 'out-of-memory');
    const validation = popped(this.#device, 'validation');
    return Promise.all([validation, memory, internal]).then(firstOf);
  }
}

/** The scopes of a stretch that may make something. */
export function openScopes(device: GPUDeviceLike): ErrorScopes {
  const scopes = new ErrorScopes(device);
  scopes.widen();
  return scopes;
}

function popped(device: GPUDeviceLike, filter: ErrorFilter): Promise<GpuFault | null> {
  // A pop is rejected when the device is lost, which is found out elsewhere.
  return device.popErrorScope().then(FAULT_OF[filter], nothing);
}

const FAULT_OF = {
  validation: faultOf('validation'),
  'out-of-memory': faultOf('out-of-memory'),
  internal: faultOf('internal'),
} satisfies Record<ErrorFilter, unknown>;

function faultOf(filter: ErrorFilter): (error: GPUErrorLike | null) => GpuFault | null {
  return (error) => (error === null ? null : { filter, message: error.message.trim() });
}

function nothing(): null {
  return null;
}

function firstOf(faults: readonly (GpuFault | null)[]): GpuFault | null {
  return faults.find((fault) => fault !== null) ?? null;
}
