import type { CommandBinding, DispatchCommand } from './commands.ts';
import type { Begun, Executor } from './execute.ts';
import { MAP_MODE_READ, USAGE } from './gpu.ts';
import type { GPUBufferLike } from './gpu.ts';
import { BUFFER_USAGE } from './gpuMemory.ts';
import { asKind } from './work.ts';

/** Submits one dispatch; what it makes for itself goes into `made`. Within open error scopes. */
export function beginDispatch(
  executor: Executor,
  command: DispatchCommand,
  made: GPUBufferLike[],
): Begun {
  const { device, programs, memory } = executor;
  const program = programs.get(command.wgsl, command.entryPoint);
  const buffers = command.bindings.map(({ handle, size, contents }) => {
    if (handle !== 0) return memory.get(handle);
    const buffer = device.createBuffer({ size, usage: BUFFER_USAGE });
    made.push(buffer);
    if (contents !== null) device.queue.writeBuffer(buffer, 0, contents);
    return buffer;
  });
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = device.createBindGroup({ layout: program.layout, entries });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(program.pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(...command.workgroups);
  pass.end();
  const { offsets, bytes } = placesOf(command);
  if (offsets.length === 0) {
    device.queue.submit([encoder.finish()]);
    const landed = device.queue.onSubmittedWorkDone();
    return { landed, result: () => [], readsBack: false, program };
  }
  const staging = device.createBuffer({ size: bytes, usage: USAGE.mapRead | USAGE.copyTarget });
  made.push(staging);
  command.read.forEach((index, at) => {
    const from = buffers[index] as GPUBufferLike;
    encoder.copyBufferToBuffer(from, 0, staging, offsets[at] as number, sizeOf(command, index));
  });
  device.queue.submit([encoder.finish()]);
  const landed = staging.mapAsync(MAP_MODE_READ);
  return { landed, result: () => resultOf(command, staging, offsets), readsBack: true, program };
}

/** Where in one buffer each of what is read back lies, aligned for elements of eight bytes. */
function placesOf(command: DispatchCommand): { offsets: number[]; bytes: number } {
  let bytes = 0;
  const offsets = command.read.map((index) => {
    const offset = bytes;
    bytes += Math.ceil(sizeOf(command, index) / 8) * 8;
    return offset;
  });
  return { offsets, bytes };
}

function sizeOf({ bindings }: DispatchCommand, index: number): number {
  return (bindings[index] as CommandBinding).size;
}

function resultOf(
  { read, bindings }: DispatchCommand,
  staging: GPUBufferLike,
  offsets: readonly number[],
): unknown[] {
  const mapped = staging.getMappedRange();
  return read.map((index, at) => {
    const { bytes, kind } = bindings[index] as CommandBinding;
    const offset = offsets[at] as number;
    return asKind(kind, mapped.slice(offset, offset + bytes));
  });
}
