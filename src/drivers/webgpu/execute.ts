import type { Command } from './commands.ts';
import { beginDispatch, isProven, priorOf } from './dispatch.ts';
import type { Prior } from './dispatch.ts';
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
  /** Whether somebody else has the device, too. */
  readonly adopted: boolean;
}

/** What executes on `device` from now on. */
export function executorOf(device: GPUDeviceLike, memory: GpuMemory, adopted: boolean): Executor {
  memory.use(device);
  const timer = device.features.has('timestamp-query') ? new GpuTimer(device) : null;
  return { device, memory, timer, adopted, programs: new Programs(device) };
}

/** Gives back what was made on a device that somebody else goes on with. */
export function endExecutor({ memory, timer }: Executor): void {
  memory.end();
  timer?.destroy();
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
  /** Told when WebGPU had nothing against it. */
  readonly foundValid: () => void;
}

/** Executes `command`: encodes and submits it now, in one synchronous stretch. */
export function executeCommand(executor: Executor, command: Command): Execution {
  const prior = command.type === 'dispatch' ? priorOf(executor, command) : null;
  const isSafe = command.type === 'dispatch' && prior !== null && isProven(prior, command);
  const scopes = isSafe ? null : openScopes(executor.device);
  /** Destroyed when it is over. */
  const made: GPUBufferLike[] = [];
  let begun: Begun;
  try {
    begun = begin(executor, command, prior, made);
  } catch (cause) {
    begun = { ...NO_RESULT, landed: Promise.reject(cause) };
  }
  const outcome = outcomeOf(begun, scopes?.close() ?? null, executor.programs);
  const ended = made.length === 0 ? outcome : outcome.finally(() => destroyAll(made));
  const done = ended.catch((cause: unknown) => failedOutcome({ type: 'threw', cause }));
  return { ...SUBMITTED, done };
}

function destroyAll(buffers: readonly GPUBufferLike[]): void {
  for (const buffer of buffers) buffer.destroy();
}

/** A command is submitted as it begins. */
const SUBMITTED = {
  ...{ submitted: null, onHardware: true, encoding: false, abandoned: false },
  abandon: () => {},
} as const;

/** Of a command that gives nothing. */
const NO_RESULT = {
  ...{ result: () => undefined, gpuUs: () => null, readsBack: false, program: null },
  foundValid: () => {},
} as const;

function begin(
  executor: Executor,
  command: Command,
  prior: Prior | null,
  made: GPUBufferLike[],
): Begun {
  const { device, memory } = executor;
  switch (command.type) {
    case 'dispatch':
      return beginDispatch(executor, command, prior ?? priorOf(executor, command), made);
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
  { landed, result, gpuUs, readsBack, program, foundValid }: Begun,
  faults: Promise<GpuFault | null> | null,
  programs: Programs,
): Promise<Outcome> {
  let failed: { cause: unknown } | null = null;
  try {
    await landed;
  } catch (cause) {
    failed = { cause };
  }
  const fault = await faults;
  if (fault !== null) {
    if (program !== null) programs.forget(program);
    const message = await withShaderLines(fault.message, program);
    return failedOutcome({ type: 'refused', fault: { ...fault, message } });
  }
  if (failed !== null) {
    // A read-back is refused when the device is lost; anything else was thrown while encoding.
    return failedOutcome(readsBack ? { type: 'lost' } : { type: 'threw', ...failed });
  }
  foundValid();
  try {
    return { result: result(), error: null, gpuUs: gpuUs() };
  } catch (cause) {
    // Of what was mapped, only a loss takes the range away again; this thread may have no room for a copy of it.
    return failedOutcome(cause instanceof RangeError ? { type: 'threw', cause } : { type: 'lost' });
  }
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
