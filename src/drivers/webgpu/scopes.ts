import type { GPUDeviceLike, GPUErrorLike } from './gpu.ts';

/** Popped in this order: the first error that is found is reported, and what was invalid is the cause of the rest. */
const FILTERS = ['validation', 'out-of-memory', 'internal'] as const;

/** What WebGPU refused, and why. */
export interface GpuFault {
  readonly filter: (typeof FILTERS)[number];
  readonly message: string;
}

/**
 * Opens the error scopes of one job on `device`; the function that is returned closes them, and gives what was caught.
 *
 * The stack of scopes belongs to everybody who holds the device, so opening and closing happen in one synchronous stretch, and the
 * stack is the same afterwards.
 */
export function openScopes(device: GPUDeviceLike): () => Promise<GpuFault | null> {
  for (const filter of FILTERS) device.pushErrorScope(filter);
  return () => {
    // The last one pushed is popped first.
    const internal = device.popErrorScope();
    const memory = device.popErrorScope();
    const validation = device.popErrorScope();
    return firstFault(validation, memory, internal);
  };
}

async function firstFault(
  ...popped: readonly Promise<GPUErrorLike | null>[]
): Promise<GpuFault | null> {
  let fault: GpuFault | null = null;
  for (const [index, pop] of popped.entries()) {
    // A pop is rejected when the device is lost, which is found out elsewhere.
    const error = await pop.catch(() => null);
    if (error === null || fault !== null) continue;
    fault = { filter: FILTERS[index] ?? 'internal', message: error.message.trim() };
  }
  return fault;
}
