import type { Command } from './commands.ts';
import { beginDispatch } from './dispatch.ts';
import { failedOutcome } from './execution.ts';
import type { Execution, Outcome } from './execution.ts';
import { MAP_MODE_READ } from './gpu.ts';
import type { GPUBufferLike, GPUDeviceLike } from './gpu.ts';
import { readTo } from './gpuMemory.ts';
import type { GpuMemory } from './gpuMemory.ts';
import { GpuTimer } from './gpuTimer.ts';
import { Programs } from './programs.ts';
import type { Program } from './programs.ts';
import { openScopes } from './scopes.ts';
import type { GpuFault } from './scopes.ts';

/** A GPU device that executes commands, and what it keeps for them. */
export interface Executor {
  readonly device: GPUDeviceLike;
  readonly programs: Programs;
  readonly memory: GpuMemory;
  /** `null` where the device has no timestamp queries. */
  readonly timer: GpuTimer | null;
}

/** What executes on `device` from now on. */
export function executorOf(device: GPUDeviceLike, memory: GpuMemory): Executor {
  memory.use(device);
  const timer = device.features.has('timestamp-query') ? new GpuTimer(device) : null;
  return { device, memory, timer, programs: new Programs(device) };
}

/** A command that was submitted. */
export interface Begun {
  /** Settles when the hardware is done with it; rejects if it was a read-back and the device is lost. */
  readonly landed: Promise<unknown>;
  /** Called once, after that, with what was mapped. */
  readonly result: () => unknown;
  /** How long it executed, where the GPU measured it; called once, after `result`. */
  readonly gpuUs: () => number | null;
  readonly readsBack: boolean;
  /** What to ask for the lines of a fault. */
  readonly program: Program | null;
}

/** Executes `command`: encodes and submits it now, in one synchronous stretch. */
export function executeCommand(executor: Executor, command: Command): Execution {
  const { device, programs } = executor;
  /** Destroyed when it is over. */
  const made: GPUBufferLike[] = [];
  const closeScopes = openScopes(device);
  let begun: Begun;
  try {
    begun = begin(executor, command, made);
  } catch (cause) {
    const landed = Promise.reject(cause);
    begun = { ...NO_RESULT, landed };
  }
  const done = outcomeOf(begun, closeScopes(), programs).then((outcome) => {
    for (const buffer of made) buffer.destroy();
    return outcome;
  });
  return { submitted: null, onHardware: true, abandon: () => {}, done };
}

/** Of a command that gives nothing. */
const NO_RESULT = {
  ...{ result: () => undefined, gpuUs: () => null, readsBack: false, program: null },
} as const;

function begin(executor: Executor, command: Command, made: GPUBufferLike[]): Begun {
  const { device, memory } = executor;
  switch (command.type) {
    case 'dispatch':
      return beginDispatch(executor, command, made);
    case 'upload': {
      const { handle, offset, contents } = command;
      device.queue.writeBuffer(memory.get(handle), offset, contents);
      const landed = device.queue.onSubmittedWorkDone();
      return { ...NO_RESULT, landed };
    }
    case 'readBack': {
      const { handle, offset, bytes } = command;
      const staging = readTo(device, memory.get(handle), offset, bytes);
      made.push(staging);
      const landed = staging.mapAsync(MAP_MODE_READ);
      const result = (): ArrayBuffer => staging.getMappedRange().slice(0, bytes);
      return { ...NO_RESULT, landed, result, readsBack: true };
    }
  }
}

async function outcomeOf(
  { landed, result, gpuUs, readsBack, program }: Begun,
  faults: Promise<GpuFault | null>,
  programs: Programs,
): Promise<Outcome> {
  let failed: { cause: unknown } | null = null;
  const onFailure = (cause: unknown): void => void (failed = { cause });
  const [, fault] = await Promise.all([landed.catch(onFailure), faults]);
  if (fault !== null) {
    if (program !== null) programs.forget(program);
    const message = await withShaderLines(fault.message, program);
    return failedOutcome({ type: 'refused', fault: { ...fault, message } });
  }
  if (failed !== null) {
    // A read-back is refused when the device is lost; anything else was thrown while encoding.
    return failedOutcome(
      readsBack ? { type: 'lost' } : { type: 'threw', ...(failed as { cause: unknown }) },
    );
  }
  return { result: result(), error: null, gpuUs: gpuUs() };
}

/** The message of a fault, or rather the errors that the compiler found in the shader, with their lines. */
async function withShaderLines(message: string, program: Program | null): Promise<string> {
  if (program === null) return message;
  try {
    const { messages } = await program.module.getCompilationInfo();
    const errors = messages.filter(({ type }) => type === 'error');
    if (errors.length === 0) return message;
    return errors
      .map((error) => `WGSL line ${error.lineNum}:${error.linePos}: ${error.message}`)
      .join('; ');
  } catch {
    return message;
  }
}
