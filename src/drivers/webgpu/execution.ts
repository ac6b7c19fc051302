import type { LostBuffer } from './commands.ts';
import type { GpuFault } from './scopes.ts';

/** How an execution failed: WebGPU refused something, the function threw, the device was lost meanwhile, or a buffer before. */
export type ExecutionError =
  | { readonly type: 'refused'; readonly fault: GpuFault }
  | { readonly type: 'threw'; readonly cause: unknown }
  | { readonly type: 'lost' }
  | { readonly type: 'bufferLost'; readonly buffer: LostBuffer };

/** How an execution ended. */
export interface Outcome {
  readonly result: unknown;
  readonly error: ExecutionError | null;
  /** How long the hardware executed, in microseconds, where it said so. */
  readonly gpuUs: number | null;
}

/** One piece of work that was begun on a device. */
export interface Execution {
  /** Resolves when everything that will be submitted has been: the next execution may begin. Never rejects. */
  readonly submitted: Promise<void> | null;
  /** Resolves when the hardware is done with it and its result is known. Never rejects; may never settle (see ring.ts). */
  readonly done: Promise<Outcome>;
  /** Whether anything of it may be on the hardware. */
  readonly onHardware: boolean;
  /** Whether code of the client is at it that has not submitted: a cancel takes it away. */
  readonly encoding: boolean;
  /** Whether it was taken away from its code. */
  readonly abandoned: boolean;
  /** Takes everything away from code that is still running; what is on the hardware stays there. */
  abandon(): void;
}

/** The outcome of what failed. */
export function failedOutcome(error: ExecutionError): Outcome {
  return { result: undefined, error, gpuUs: null };
}
