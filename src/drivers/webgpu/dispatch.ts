import { failedOutcome } from './execution.ts';
import type { Execution, Outcome } from './execution.ts';
import { MAP_MODE_READ, USAGE } from './gpu.ts';
import type { GPUBufferLike, GPUDeviceLike } from './gpu.ts';
import type { Program, Programs } from './programs.ts';
import { openScopes } from './scopes.ts';
import type { GpuFault } from './scopes.ts';
import { asKind } from './work.ts';
import type { BindingSpec, DispatchSpec } from './work.ts';

const BINDING_USAGE = USAGE.storage | USAGE.uniform | USAGE.copySource | USAGE.copyTarget;

/** Executes `spec` on `device`: encodes and submits it now, in one synchronous stretch. */
export function executeDispatch(
  device: GPUDeviceLike,
  programs: Programs,
  spec: DispatchSpec,
): Execution {
  const made: GPUBufferLike[] = [];
  const closeScopes = openScopes(device);
  let program: Program | null = null;
  let readback: Readback | null = null;
  let landed: Promise<unknown>;
  try {
    program = programs.get(spec.wgsl, spec.entryPoint);
    const buffers = spec.bindings.map((binding) => bufferFor(device, binding, made));
    readback = encode(device, program, spec, buffers, made);
    landed = readback?.buffer.mapAsync(MAP_MODE_READ) ?? device.queue.onSubmittedWorkDone();
  } catch (cause) {
    landed = Promise.reject(cause);
  }
  const faults = closeScopes();
  const done = outcomeOf(spec, landed, faults, readback, program, programs);
  return {
    submitted: null,
    onHardware: true,
    abandon: () => {},
    done: done.then((outcome) => {
      for (const buffer of made) buffer.destroy();
      return outcome;
    }),
  };
}

/** Where what is read back lies: all of it in one buffer. */
interface Readback {
  readonly buffer: GPUBufferLike;
  readonly offsets: readonly number[];
}

function bufferFor(
  device: GPUDeviceLike,
  { size, contents }: BindingSpec,
  made: GPUBufferLike[],
): GPUBufferLike {
  const buffer = device.createBuffer({ size, usage: BINDING_USAGE });
  made.push(buffer);
  if (contents !== null) device.queue.writeBuffer(buffer, 0, contents);
  return buffer;
}

function encode(
  device: GPUDeviceLike,
  program: Program,
  spec: DispatchSpec,
  buffers: readonly GPUBufferLike[],
  made: GPUBufferLike[],
): Readback | null {
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = device.createBindGroup({ layout: program.layout, entries });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(program.pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(...spec.workgroups);
  pass.end();
  let size = 0;
  const offsets = spec.read.map((index) => {
    const offset = size;
    // Aligned for elements of eight bytes.
    size += Math.ceil(sizeOf(spec, index) / 8) * 8;
    return offset;
  });
  let readback: Readback | null = null;
  if (spec.read.length > 0) {
    const usage = USAGE.mapRead | USAGE.copyTarget;
    const staging = device.createBuffer({ size, usage });
    made.push(staging);
    spec.read.forEach((index, at) => {
      const [from, to] = [buffers[index] as GPUBufferLike, offsets[at] as number];
      encoder.copyBufferToBuffer(from, 0, staging, to, sizeOf(spec, index));
    });
    readback = { buffer: staging, offsets };
  }
  device.queue.submit([encoder.finish()]);
  return readback;
}

function sizeOf(spec: DispatchSpec, index: number): number {
  return (spec.bindings[index] as BindingSpec).size;
}

async function outcomeOf(
  spec: DispatchSpec,
  landed: Promise<unknown>,
  faults: Promise<GpuFault | null>,
  readback: Readback | null,
  program: Program | null,
  programs: Programs,
): Promise<Outcome> {
  const [landing, fault] = await Promise.all([
    landed.then(
      () => null,
      (cause: unknown) => ({ cause }),
    ),
    faults,
  ]);
  if (fault !== null) {
    if (program !== null) programs.forget(program);
    const message = await withShaderLines(fault.message, program);
    return failedOutcome({ type: 'refused', fault: { ...fault, message } });
  }
  if (landing !== null) {
    // A read-back is refused when the device is lost; anything else was thrown while encoding.
    const isLost = readback !== null;
    return failedOutcome(isLost ? { type: 'lost' } : { type: 'threw', cause: landing.cause });
  }
  return { result: readback === null ? [] : resultOf(spec, readback), error: null, gpuUs: null };
}

function resultOf(spec: DispatchSpec, { buffer, offsets }: Readback): unknown[] {
  const mapped = buffer.getMappedRange();
  return spec.read.map((index, at) => {
    const { bytes, kind } = spec.bindings[index] as BindingSpec;
    const offset = offsets[at] as number;
    return asKind(kind, mapped.slice(offset, offset + bytes));
  });
}

/** The message of a fault, led by the errors that the compiler found in the shader, with their lines. */
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
