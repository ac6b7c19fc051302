import type { CommandBinding, DispatchCommand } from './commands.ts';
import type { Begun, Executor } from './execute.ts';
import { MAP_MODE_READ, USAGE } from './gpu.ts';
import type { GPUBufferLike, GPUDeviceLike } from './gpu.ts';
import { BUFFER_USAGE } from './gpuMemory.ts';
import { passUs, TIMES_BYTES } from './gpuTimer.ts';
import type { Bound, Program } from './programs.ts';
import { asKind } from './work.ts';

/** How many sets of buffers a program keeps bound; the oldest makes room. */
const BOUND_MAX = 64;

/** What is known of a dispatch before it is executed, because one like it was. */
export interface Prior {
  readonly program: Program | null;
  /** Names its buffers, where all of them are a client's; '' otherwise. */
  readonly key: string;
  bound: Bound | null;
}

/** Looks up what is known of `command`. */
export function priorOf({ programs }: Executor, command: DispatchCommand): Prior {
  const program = programs.find(command.wgsl, command.entryPoint);
  const key = boundKey(command.bindings);
  return { program, key, bound: program?.bound.get(key) ?? null };
}

/**
 * Whether WebGPU can have nothing against `command`: the same buffers were dispatched with the same program, in as many workgroups, and it
 * makes nothing that memory could be missing for.
 */
export function isProven({ bound }: Prior, { read, workgroups }: DispatchCommand): boolean {
  const proven = bound?.proven ?? null;
  if (proven === null || read.length > 0) return false;
  return workgroups.every((count, axis) => count <= (proven[axis] as number));
}

function boundKey(bindings: readonly CommandBinding[]): string {
  let key = '';
  for (const { handle } of bindings) {
    if (handle === 0) return '';
    key += `${handle},`;
  }
  return key;
}

/** Submits one dispatch; what it makes for itself goes into `made`. Within open error scopes, unless it is proven. */
export function beginDispatch(
  executor: Executor,
  command: DispatchCommand,
  prior: Prior,
  made: GPUBufferLike[],
): Begun {
  const { device } = executor;
  const program = prior.program ?? executor.programs.compile(command.wgsl, command.entryPoint);
  const readsBack = command.read.length > 0;
  // What stays bound need not be looked up.
  const isBound = prior.bound !== null && !readsBack;
  const buffers = isBound ? NO_BUFFERS : buffersOf(executor, command, made);
  const group = prior.bound?.group ?? bind(device, program, prior, buffers);
  const encoder = device.createCommandEncoder();
  // Times are read back with the results, where there are any: a buffer more to map would cost more than it tells.
  const slot = readsBack ? (executor.timer?.take() ?? null) : null;
  const timer = slot === null ? null : executor.timer;
  const pass = encoder.beginComputePass(
    slot === null ? undefined : executor.timer?.passDescriptor(slot),
  );
  pass.setPipeline(program.pipeline);
  pass.setBindGroup(0, group);
  const [x, y, z] = command.workgroups;
  pass.dispatchWorkgroups(x, y, z);
  pass.end();
  const foundValid = (): void => {
    if (prior.bound !== null && !isProven(prior, command)) prior.bound.proven = command.workgroups;
  };
  if (!readsBack) {
    device.queue.submit([encoder.finish()]);
    const landed = device.queue.onSubmittedWorkDone();
    return { landed, program, foundValid, readsBack, result: nothingRead, gpuUs: notMeasured };
  }
  const { offsets, bytes } = placesOf(command);
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
    foundValid,
    readsBack,
    result: () => resultOf(command, (mapped = staging.getMappedRange()), offsets),
    gpuUs: () => (slot === null || mapped === null ? null : passUs(mapped, bytes)),
  };
}

/** The buffers that are bound, in order: the client's, and new ones with what the job brings. */
function buffersOf(
  { device, memory }: Executor,
  { bindings }: DispatchCommand,
  made: GPUBufferLike[],
): GPUBufferLike[] {
  return bindings.map(({ handle, size, contents }) => {
    if (handle !== 0) return memory.get(handle);
    const buffer = device.createBuffer({ size, usage: BUFFER_USAGE });
    made.push(buffer);
    if (contents !== null) device.queue.writeBuffer(buffer, 0, contents);
    return buffer;
  });
}

/** Binds `buffers`; where all are a client's, they stay bound. */
function bind(
  device: GPUDeviceLike,
  program: Program,
  prior: Prior,
  buffers: readonly GPUBufferLike[],
): object {
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = device.createBindGroup({ layout: program.layout, entries });
  if (prior.key === '') return group;
  prior.bound = { group, proven: null };
  const { bound } = program;
  bound.set(prior.key, prior.bound);
  if (bound.size > BOUND_MAX) {
    const [oldest] = bound.keys();
    if (oldest !== undefined) bound.delete(oldest);
  }
  return group;
}

const NO_BUFFERS: readonly never[] = Object.freeze([]);

function nothingRead(): unknown[] {
  return [];
}

function notMeasured(): null {
  return null;
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
  mapped: ArrayBuffer,
  offsets: readonly number[],
): unknown[] {
  return read.map((index, at) => {
    const { bytes, kind } = bindings[index] as CommandBinding;
    const offset = offsets[at] as number;
    return asKind(kind, mapped.slice(offset, offset + bytes));
  });
}
