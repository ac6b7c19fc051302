import type { CommandBinding, DispatchCommand } from './commands.ts';
import type { Begun, Executor } from './execute.ts';
import { MAP_MODE_READ, USAGE } from './gpu.ts';
import type { GPUBufferLike } from './gpu.ts';
import { BUFFER_USAGE } from './gpuMemory.ts';
import { passUs, TIMES_BYTES } from './gpuTimer.ts';
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
  // Times are read back with the results, where there are any: a buffer more to map would cost more than it tells.
  const slot = command.read.length === 0 ? null : (executor.timer?.take() ?? null);
  const timer = slot === null ? null : executor.timer;
  const pass = encoder.beginComputePass(
    slot === null ? undefined : executor.timer?.passDescriptor(slot),
  );
  pass.setPipeline(program.pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(...command.workgroups);
  pass.end();
  const { offsets, bytes } = placesOf(command);
  if (offsets.length === 0) {
    device.queue.submit([encoder.finish()]);
    return { ...NOTHING_READ, landed: device.queue.onSubmittedWorkDone(), program };
  }
  const size = bytes + TIMES_BYTES;
  const staging = device.createBuffer({ size, usage: USAGE.mapRead | USAGE.copyTarget });
  made.push(staging);
  command.read.forEach((index, at) => {
    const from = buffers[index] as GPUBufferLike;
    encoder.copyBufferToBuffer(from, 0, staging, offsets[at] as number, sizeOf(command, index));
  });
  if (slot !== null) timer?.resolve(encoder, slot, staging, bytes);
  device.queue.submit([encoder.finish()]);
  let mapped: ArrayBuffer | null = null;
  const landed = staging.mapAsync(MAP_MODE_READ).finally(() => {
    if (slot !== null) timer?.giveBack(slot);
  });
  return {
    landed,
    program,
    readsBack: true,
    result: () => resultOf(command, (mapped = staging.getMappedRange()), offsets),
    gpuUs: () => (slot === null || mapped === null ? null : passUs(mapped, bytes)),
  };
}

const NOTHING_READ = { readsBack: false, result: () => [], gpuUs: () => null } as const;

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
  mapped: ArrayBuffer,
  offsets: readonly number[],
): unknown[] {
  return read.map((index, at) => {
    const { bytes, kind } = bindings[index] as CommandBinding;
    const offset = offsets[at] as number;
    return asKind(kind, mapped.slice(offset, offset + bytes));
  });
}
