import { FrameReader, WireError } from './frames.ts';
import type { FrameWriter } from './frames.ts';
import { isElementKind } from './work.ts';
import type { CommandBinding } from './commands.ts';
import type { ElementKind } from './work.ts';

/**
 * What the scheduling process and the GPU process say to each other (docs/adr has why it is bytes of our own).
 *
 * 1. The first message each way names the version. An end that hears another version, or anything that is not a message below,
 *    ends the connection: the other end is broken. What has an id and cannot be read otherwise fails alone.
 * 2. A program is sent once and named by a number; `forget` frees the number. Jobs name programs, and are executed in the
 *    order in which they come.
 * 3. What has an id gets exactly one answer, `done` or `failed`, in any order; after `lost` there are none.
 * 4. Buffers are named by handles, which are never used again in the life of the process.
 * 5. A `mark` is answered before anything behind it is begun: who has no answer knows that nothing was.
 */
export const WIRE_VERSION = 3;
const MAGIC = 0x4657_4e43;

/** To the GPU process. */
export type ToGpu =
  | { readonly type: 'hello'; readonly version: number; readonly request: GpuRequest }
  | {
      readonly type: 'program';
      readonly program: number;
      readonly wgsl: string;
      readonly entryPoint: string;
    }
  | { readonly type: 'forget'; readonly program: number }
  | WireDispatch
  | {
      readonly type: 'upload';
      readonly id: number;
      readonly handle: number;
      readonly offset: number;
      readonly contents: Uint8Array<ArrayBuffer>;
    }
  | {
      readonly type: 'readBack';
      readonly id: number;
      readonly handle: number;
      readonly offset: number;
      readonly bytes: number;
    }
  | {
      readonly type: 'create';
      readonly id: number;
      readonly handle: number;
      readonly bytes: number;
    }
  | { readonly type: 'destroy'; readonly handle: number }
  | { readonly type: 'mark'; readonly id: number };

/** What came with an id, and does not make sense: it fails, and nothing else does. */
export interface Unreadable {
  readonly type: 'unreadable';
  readonly id: number;
  readonly why: string;
}

/** One dispatch. */
export interface WireDispatch {
  readonly type: 'dispatch';
  readonly id: number;
  readonly program: number;
  readonly workgroups: readonly [number, number, number];
  readonly bindings: readonly CommandBinding[];
  readonly read: readonly number[];
}

/** What the GPU process is to open. */
export interface GpuRequest {
  readonly module: string;
  readonly flags: readonly string[];
  /** JSON of what `requestAdapter` and `requestDevice` are given. */
  readonly adapter: string;
  readonly device: string;
}

/** From the GPU process. Times are microseconds of the system's monotonic clock, which all processes share. */
export type FromGpu =
  | { readonly type: 'ready'; readonly version: number; readonly adapter: AdapterName }
  | { readonly type: 'refused'; readonly message: string }
  | {
      readonly type: 'done';
      readonly id: number;
      readonly startUs: number;
      readonly endUs: number;
      /** How long it executed, by the GPU's own clock; NaN where that is not known. */
      readonly gpuUs: number;
      readonly outputs: readonly Uint8Array<ArrayBuffer>[];
    }
  | {
      readonly type: 'failed';
      readonly id: number;
      readonly filter: FaultFilter;
      readonly message: string;
    }
  | {
      readonly type: 'lost';
      readonly reason: string;
      readonly message: string;
      /** How many jobs had begun and were not answered. */
      readonly inFlight: number;
    };

/** What executes the jobs. */
export interface AdapterName {
  readonly name: string;
  /** Whether it is a program, not a GPU. */
  readonly software: boolean;
  /** Whether it can measure how long it executes. */
  readonly timestamps: boolean;
}

/** What refused a job: one of WebGPU's error scopes, or an exception. */
export type FaultFilter = (typeof FILTERS)[number];

const FILTERS = ['validation', 'out-of-memory', 'internal', 'threw'] as const;
const KINDS: readonly ElementKind[] = [
  ...(['bytes', 'Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array'] as const),
  ...(['Uint16Array', 'Int32Array', 'Uint32Array', 'Float32Array', 'Float64Array'] as const),
  ...(['BigInt64Array', 'BigUint64Array'] as const),
];
/** What each binding, and each number of `read`, adds to a message or to its answer, beside contents: at most so many bytes. */
export const LISTED_BYTES = 32;

const TO_GPU = [
  ...(['hello', 'program', 'forget', 'dispatch', 'upload'] as const),
  ...(['readBack', 'create', 'destroy', 'mark'] as const),
] satisfies readonly ToGpu['type'][];
const FROM_GPU = [
  ...(['ready', 'refused', 'done', 'failed', 'lost'] as const),
] satisfies readonly FromGpu['type'][];

/** Writes `message` as one frame. */
export function writeToGpu(out: FrameWriter, message: ToGpu): void {
  out.begin();
  out.u8(TO_GPU.indexOf(message.type));
  switch (message.type) {
    case 'hello': {
      const { module, flags, adapter, device } = message.request;
      out.u32(MAGIC);
      out.u32(message.version);
      for (const text of [module, JSON.stringify(flags), adapter, device]) out.text(text);
      break;
    }
    case 'program':
      out.u32(message.program);
      out.text(message.wgsl);
      out.text(message.entryPoint);
      break;
    case 'forget':
      out.u32(message.program);
      break;
    case 'dispatch':
      writeDispatch(out, message);
      break;
    case 'upload':
      for (const number of [message.id, message.handle]) out.u32(number);
      out.f64(message.offset);
      out.bytes(message.contents);
      break;
    case 'readBack':
      for (const number of [message.id, message.handle]) out.u32(number);
      for (const number of [message.offset, message.bytes]) out.f64(number);
      break;
    case 'create':
      for (const number of [message.id, message.handle]) out.u32(number);
      out.f64(message.bytes);
      break;
    case 'mark':
      out.u32(message.id);
      break;
    case 'destroy':
      out.u32(message.handle);
      break;
  }
  out.end();
}

function writeDispatch(out: FrameWriter, job: WireDispatch): void {
  out.u32(job.id);
  out.u32(job.program);
  for (const count of job.workgroups) out.u32(count);
  out.u32(job.bindings.length);
  for (const { size, bytes, kind, contents, handle } of job.bindings) {
    out.u8(KINDS.indexOf(kind));
    out.u32(handle);
    out.f64(size);
    out.f64(bytes);
    out.u8(contents === null ? 0 : 1);
    if (contents !== null) out.bytes(contents);
  }
  out.u32(job.read.length);
  for (const index of job.read) out.u32(index);
}

/** Reads one frame; @throws {WireError} when it is not a message to the GPU process */
export function readToGpu(frame: Uint8Array): ToGpu | Unreadable {
  const input = new FrameReader(frame);
  const type = typeOf(TO_GPU, input.u8());
  if (!isAsked(type)) return readWhole(input, () => readTold(input, type));
  const id = input.u32();
  try {
    return readWhole(input, () => readAsked(input, type, id));
  } catch (error) {
    if (error instanceof WireError) return { type: 'unreadable', id, why: error.message };
    throw error;
  }
}

function readWhole<T>(input: FrameReader, read: () => T): T {
  const message = read();
  input.end();
  return message;
}

/** What has an id begins with it. */
type Asked = Extract<ToGpu, { id: number }>;

const ASKED: readonly ToGpu['type'][] = [
  ...(['dispatch', 'upload', 'readBack', 'create', 'mark'] as const),
] satisfies readonly Asked['type'][];

function isAsked(type: ToGpu['type']): type is Asked['type'] {
  return ASKED.includes(type);
}

function readTold(input: FrameReader, type: Exclude<ToGpu['type'], Asked['type']>): ToGpu {
  switch (type) {
    case 'hello': {
      if (input.u32() !== MAGIC) throw new WireError('a hello of somebody else');
      const version = input.u32();
      const [module, flags, adapter, device] = [
        ...[input.text(), input.text(), input.text(), input.text()],
      ] as [string, string, string, string];
      return { type, version, request: { module, flags: textsOf(flags), adapter, device } };
    }
    case 'program':
      return { type, program: input.u32(), wgsl: input.text(), entryPoint: input.text() };
    case 'forget':
      return { type, program: input.u32() };
    case 'destroy':
      return { type, handle: input.u32() };
  }
}

function readAsked(input: FrameReader, type: Asked['type'], id: number): Asked {
  switch (type) {
    case 'dispatch':
      return readDispatch(input, id);
    case 'upload': {
      const [handle, offset] = [input.u32(), sizeIn(input)];
      return { type, id, handle, offset, contents: input.bytes() };
    }
    case 'readBack':
      return { type, id, handle: input.u32(), offset: sizeIn(input), bytes: sizeIn(input) };
    case 'create':
      return { type, id, handle: input.u32(), bytes: sizeIn(input) };
    case 'mark':
      return { type, id };
  }
}

function readDispatch(input: FrameReader, id: number): WireDispatch {
  const program = input.u32();
  const workgroups = [input.u32(), input.u32(), input.u32()] as [number, number, number];
  const bindings = list(input, () => readBinding(input));
  const read = list(input, () => {
    const index = input.u32();
    if (index >= bindings.length) throw new WireError(`binding ${index} is read, and not there`);
    return index;
  });
  return { type: 'dispatch', id, program, workgroups, bindings, read };
}

function readBinding(input: FrameReader): CommandBinding {
  const kind = KINDS[input.u8()];
  if (!isElementKind(kind)) throw new WireError('an unknown kind of array');
  const [handle, size, bytes] = [input.u32(), sizeIn(input), sizeIn(input)];
  const contents = input.u8() === 0 ? null : input.bytes();
  const fits = size % 4 === 0 && size >= 4 && bytes <= size;
  if (!fits || (contents !== null && contents.byteLength !== size)) {
    throw new WireError(`a binding of ${size} bytes does not fit its contents`);
  }
  return { size, bytes, kind, contents, handle };
}

/** Writes `message` as one frame. */
export function writeFromGpu(out: FrameWriter, message: FromGpu): void {
  out.begin();
  out.u8(FROM_GPU.indexOf(message.type));
  switch (message.type) {
    case 'ready':
      out.u32(MAGIC);
      out.u32(message.version);
      out.text(message.adapter.name);
      out.u8(Number(message.adapter.software));
      out.u8(Number(message.adapter.timestamps));
      break;
    case 'refused':
      out.text(message.message);
      break;
    case 'done':
      out.u32(message.id);
      out.f64(message.startUs);
      out.f64(message.endUs);
      out.f64(message.gpuUs);
      out.u32(message.outputs.length);
      for (const output of message.outputs) out.bytes(output);
      break;
    case 'failed':
      out.u32(message.id);
      out.u8(FILTERS.indexOf(message.filter));
      out.text(message.message);
      break;
    case 'lost':
      out.text(message.reason);
      out.text(message.message);
      out.u32(message.inFlight);
      break;
  }
  out.end();
}

/** Reads one frame; @throws {WireError} when it is not a message of the GPU process */
export function readFromGpu(frame: Uint8Array): FromGpu {
  const input = new FrameReader(frame);
  const message = readOneFromGpu(input);
  input.end();
  return message;
}

function readOneFromGpu(input: FrameReader): FromGpu {
  const type = typeOf(FROM_GPU, input.u8());
  switch (type) {
    case 'ready': {
      if (input.u32() !== MAGIC) throw new WireError('a greeting of somebody else');
      const [version, name] = [input.u32(), input.text()];
      const [software, timestamps] = [input.u8() !== 0, input.u8() !== 0];
      return { type, version, adapter: { name, software, timestamps } };
    }
    case 'refused':
      return { type, message: input.text() };
    case 'done': {
      const [id, startUs, endUs] = [input.u32(), input.f64(), input.f64()];
      if (!(endUs >= startUs)) throw new WireError('a job that ended before it began');
      const gpuUs = input.f64();
      return { type, id, startUs, endUs, gpuUs, outputs: list(input, () => input.bytes()) };
    }
    case 'failed': {
      const id = input.u32();
      const filter = FILTERS[input.u8()];
      if (filter === undefined) throw new WireError('an unknown kind of failure');
      return { type, id, filter, message: input.text() };
    }
    case 'lost':
      return { type, reason: input.text(), message: input.text(), inFlight: input.u32() };
  }
}

function typeOf<T extends string>(types: readonly T[], number: number): T {
  const type = types[number];
  if (type === undefined) throw new WireError(`an unknown message, ${number}`);
  return type;
}

/** A number of bytes: it may be more than 32 bits can say. */
function sizeIn(input: FrameReader): number {
  const size = input.f64();
  if (!Number.isInteger(size) || size < 0) throw new WireError(`${size} is no number of bytes`);
  return size;
}

function list<T>(input: FrameReader, one: () => T): T[] {
  const count = input.u32();
  const values: T[] = [];
  while (values.length < count) values.push(one());
  return values;
}

function textsOf(json: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    value = null;
  }
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value;
  throw new WireError('a list of texts that is none');
}
