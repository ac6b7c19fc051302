import { invalid } from '../../base/index.ts';
import { DeviceBuffer, hostBytes } from '../../device/index.ts';
import type { HostBytes } from '../../device/index.ts';
import type { GPUBufferLike, GPUCommandEncoderLike, GPUDeviceLike } from './gpu.ts';

/** What a function job is given. */
export interface WebGpuContext {
  /**
   * The device, guarded: it cannot be destroyed through this, and error scopes that are left open are closed. It is taken away when
   * the job ends.
   */
  readonly device: GPUDeviceLike;
  /** Encode into this; it is finished and submitted for you. */
  readonly encoder: GPUCommandEncoderLike;
  /**
   * Submits what was encoded so far, and resolves when the hardware has executed it: for functions that read back what
   * they computed. At most once; without it, everything is submitted when the function has returned.
   */
  readonly submit: () => Promise<void>;
  /** The buffers that the job named, in that order. They are the client's: do not destroy them. */
  readonly buffers: readonly GPUBufferLike[];
}

/** A job of a device in this realm: called once per attempt, in order; its result is the job's. */
export type WebGpuFunction = {
  /** Declared as a method, so that functions which name the platform's own types fit. */
  call(context: WebGpuContext): unknown;
}['call'];

/**
 * What a shader finds at `@group(0) @binding(i)`: bytes, or `size` bytes of zeros, in a storage or uniform buffer of the job's own,
 * or a buffer that the client allocated. Sizes are rounded up to four.
 */
export type WebGpuBinding =
  | HostBytes
  | { readonly data: HostBytes }
  | { readonly size: number }
  | DeviceBuffer
  | { readonly buffer: DeviceBuffer };

/** A function job that uses buffers of its client. */
export interface WebGpuEncode {
  readonly encode: WebGpuFunction;
  /** They are on the device while the job runs, as `context.buffers`. */
  readonly buffers: readonly DeviceBuffer[];
}

/** Copies bytes into a buffer, in the order of the queue. */
export interface WebGpuUpload {
  readonly upload: DeviceBuffer;
  readonly data: HostBytes;
  /** Where in the buffer, a multiple of four. Default 0. */
  readonly offset?: number;
}

/** Copies bytes out of a buffer, in the order of the queue; the result is an `ArrayBuffer`. */
export interface WebGpuReadBack {
  readonly readBack: DeviceBuffer;
  /** A multiple of four. Default 0. */
  readonly offset?: number;
  /** Default: the rest of the buffer. */
  readonly bytes?: number;
}

/** A job as plain data: one dispatch of one compute shader. It travels to other processes. */
export interface WebGpuDispatch {
  readonly wgsl: string;
  /** Needed where the shader has several. */
  readonly entryPoint?: string;
  /** Entry `i` is `@group(0) @binding(i)`. */
  readonly bindings: readonly WebGpuBinding[];
  readonly workgroups: readonly [x: number, y?: number, z?: number];
  /**
   * Which bindings are read back. The result of the job is an array with one entry for each: a typed array of the kind that was given,
   * otherwise an `ArrayBuffer`. Default none.
   */
  readonly read?: readonly number[];
}

/** A piece of work for a WebGPU device. */
export type WebGpuWork =
  WebGpuFunction | WebGpuEncode | WebGpuDispatch | WebGpuUpload | WebGpuReadBack;

/** One binding, checked: how many bytes it has, what is in it, and how its contents are handed back. */
export interface BindingSpec {
  /** A multiple of four, at least four. */
  readonly size: number;
  /** Of the contents that are handed back. */
  readonly bytes: number;
  readonly contents: Uint8Array<ArrayBuffer> | null;
  readonly kind: ElementKind;
  /** The client's buffer that it is; `null`: the job's own. */
  readonly buffer: DeviceBuffer | null;
}

/** A dispatch, checked and copied. */
export interface DispatchSpec {
  readonly wgsl: string;
  readonly entryPoint: string | null;
  readonly bindings: readonly BindingSpec[];
  readonly workgroups: readonly [number, number, number];
  readonly read: readonly number[];
}

/** Plain data that a WebGPU device executes: it names buffers as objects. commands.ts makes handles of them. */
export type PlainTask =
  | { readonly type: 'dispatch'; readonly dispatch: DispatchSpec }
  | {
      readonly type: 'upload';
      readonly buffer: DeviceBuffer;
      readonly offset: number;
      readonly contents: Uint8Array<ArrayBuffer>;
    }
  | {
      readonly type: 'readBack';
      readonly buffer: DeviceBuffer;
      readonly offset: number;
      readonly bytes: number;
    };

/** What a WebGPU device keeps of a piece of work. */
export type WebGpuTask = (
  PlainTask | { readonly type: 'function'; readonly run: WebGpuFunction }
) & {
  /** Every buffer of the client that it names. */
  readonly buffers: readonly DeviceBuffer[];
};

/** What a device keeps of a piece of work for as long as its job lives. */
export interface JobTask<T> {
  readonly task: T;
  /** Every buffer of the client that it names. */
  readonly buffers: readonly DeviceBuffer[];
  /** When the last attempt executed; on the clock of who measured it. */
  span: { readonly startUs: number; readonly endUs: number } | null;
}

/** The name of a typed array, or `bytes` for an `ArrayBuffer`: in what kind contents are handed back. */
export type ElementKind =
  | 'bytes'
  | 'Int8Array'
  | 'Uint8Array'
  | 'Uint8ClampedArray'
  | 'Int16Array'
  | 'Uint16Array'
  | 'Int32Array'
  | 'Uint32Array'
  | 'Float32Array'
  | 'Float64Array'
  | 'BigInt64Array'
  | 'BigUint64Array';

interface ArrayKind {
  new (bytes: ArrayBuffer): ArrayBufferView;
}

const KINDS: Readonly<Record<ElementKind, ArrayKind | null>> = {
  bytes: null,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
};

/** Whether `name` is a kind; for what comes over a wire. */
export function isElementKind(name: unknown): name is ElementKind {
  return typeof name === 'string' && Object.hasOwn(KINDS, name);
}

/** `bytes` in the kind of array that was asked for. */
export function asKind(kind: ElementKind, bytes: ArrayBuffer): ArrayBuffer | ArrayBufferView {
  const Kind = KINDS[kind];
  return Kind === null ? bytes : new Kind(bytes);
}

const NO_BUFFERS: readonly never[] = Object.freeze([]);

/**
 * Checks `work` and takes a copy of it, with nothing of the caller changed.
 *
 * @throws {ERR_INVALID_ARGUMENT} naming the field that does not fit
 */
export function encodeWork(work: WebGpuWork): WebGpuTask {
  if (typeof work === 'function') return { type: 'function', run: work, buffers: NO_BUFFERS };
  if (typeof work !== 'object' || work === null) {
    throw invalid('work', 'a function, or an object { wgsl, bindings, workgroups }', work);
  }
  if ('encode' in work) return encodeFunction(work);
  if ('upload' in work) return encodeUpload(work);
  if ('readBack' in work) return encodeReadBack(work);
  return encodeDispatch(work);
}

function encodeFunction({ encode, buffers }: WebGpuEncode): WebGpuTask {
  if (typeof encode !== 'function') throw invalid('work.encode', 'a function', encode);
  if (!Array.isArray(buffers)) throw invalid('work.buffers', 'an array of buffers', buffers);
  return {
    type: 'function',
    run: encode,
    buffers: buffers.map((one) => checkedBuffer('work.buffers', one)),
  };
}

function encodeUpload({ upload, data, offset = 0 }: WebGpuUpload): WebGpuTask {
  const buffer = checkedBuffer('work.upload', upload);
  const bytes = hostBytes(data);
  if (bytes === null) throw invalid('work.data', 'bytes', data);
  const { contents } = specOf(bytes, data);
  checkRange('work.offset', buffer, offset, bytes.byteLength);
  if (contents === null || bytes.byteLength % 4 !== 0) {
    throw invalid('work.data', 'a multiple of four bytes', bytes.byteLength);
  }
  return { type: 'upload', buffer, offset, contents, buffers: [buffer] };
}

function encodeReadBack({ readBack, offset = 0, bytes }: WebGpuReadBack): WebGpuTask {
  const buffer = checkedBuffer('work.readBack', readBack);
  const count = bytes ?? buffer.bytes - offset;
  checkRange('work.offset', buffer, offset, count);
  return { type: 'readBack', buffer, offset, bytes: count, buffers: [buffer] };
}

function checkRange(what: string, buffer: DeviceBuffer, offset: number, bytes: number): void {
  const fits = Number.isSafeInteger(bytes) && bytes > 0 && offset + bytes <= buffer.bytes;
  if (Number.isSafeInteger(offset) && offset >= 0 && offset % 4 === 0 && fits) return;
  const expected = `a multiple of four, with at least one byte, within the ${buffer.bytes} bytes of ${buffer.label}`;
  throw invalid(what, expected, offset);
}

function checkedBuffer(what: string, buffer: unknown): DeviceBuffer {
  if (buffer instanceof DeviceBuffer) return buffer;
  throw invalid(what, 'a buffer: the value of what client.allocate returned', buffer);
}

function encodeDispatch(work: WebGpuDispatch): WebGpuTask {
  const { wgsl, entryPoint, bindings, workgroups, read = NO_BUFFERS } = work;
  if (typeof wgsl !== 'string' || wgsl === '') {
    throw invalid('work.wgsl', 'the source of a compute shader', wgsl);
  }
  if (entryPoint !== undefined && (typeof entryPoint !== 'string' || entryPoint === '')) {
    throw invalid('work.entryPoint', 'the name of a function of the shader', entryPoint);
  }
  if (!Array.isArray(bindings)) throw invalid('work.bindings', 'an array of bindings', bindings);
  if (!Array.isArray(read)) throw invalid('work.read', 'an array of binding numbers', read);
  for (const index of read) {
    if (Number.isInteger(index) && index >= 0 && index < bindings.length) continue;
    throw invalid('work.read', `numbers of bindings, below ${bindings.length}`, index);
  }
  const dispatch = {
    wgsl,
    entryPoint: entryPoint ?? null,
    workgroups: checkedWorkgroups(workgroups),
    read: [...read],
    bindings: bindings.map(checkedBinding),
  };
  const buffers = dispatch.bindings.flatMap(({ buffer }) => (buffer === null ? [] : [buffer]));
  return { type: 'dispatch', dispatch, buffers };
}

function checkedWorkgroups(workgroups: WebGpuDispatch['workgroups']): [number, number, number] {
  if (!Array.isArray(workgroups) || workgroups.length < 1 || workgroups.length > 3) {
    throw invalid('work.workgroups', 'one to three counts', workgroups);
  }
  for (const count of workgroups) {
    if (Number.isInteger(count) && count >= 0 && count <= 0xffff_ffff) continue;
    throw invalid('work.workgroups', 'whole numbers, at least 0', count);
  }
  return [workgroups[0] as number, workgroups[1] ?? 1, workgroups[2] ?? 1];
}

function checkedBinding(binding: WebGpuBinding, index: number): BindingSpec {
  const what = `work.bindings[${index}]`;
  const bytes = hostBytes(binding);
  if (bytes !== null) return specOf(bytes, binding as HostBytes);
  if (typeof binding !== 'object' || binding === null) {
    throw invalid(what, 'bytes, { data }, { size } or a buffer', binding);
  }
  if (binding instanceof DeviceBuffer) return bufferSpec(binding);
  if ('buffer' in binding && !ArrayBuffer.isView(binding)) {
    return bufferSpec(checkedBuffer(`${what}.buffer`, binding.buffer));
  }
  if ('size' in binding) {
    const { size } = binding;
    if (!Number.isSafeInteger(size) || size < 0) {
      throw invalid(`${what}.size`, 'a number of bytes, at least 0', size);
    }
    return { size: paddedSize(size), bytes: size, contents: null, kind: 'bytes', buffer: null };
  }
  const data = 'data' in binding ? hostBytes(binding.data) : null;
  if (data === null) throw invalid(what, 'bytes, { data }, { size } or a buffer', binding);
  return specOf(data, (binding as { data: HostBytes }).data);
}

function specOf(bytes: Uint8Array, given: HostBytes): BindingSpec {
  const contents = new Uint8Array(paddedSize(bytes.byteLength));
  contents.set(bytes);
  const name = ArrayBuffer.isView(given) ? given.constructor.name : 'bytes';
  const kind = isElementKind(name) ? name : 'bytes';
  return { size: contents.byteLength, bytes: bytes.byteLength, contents, kind, buffer: null };
}

function bufferSpec(buffer: DeviceBuffer): BindingSpec {
  const { bytes } = buffer;
  return { size: bytes, bytes, contents: null, kind: 'bytes', buffer };
}

/** Buffers are written and copied in units of four bytes, and have at least one. */
function paddedSize(bytes: number): number {
  return Math.max(4, Math.ceil(bytes / 4) * 4);
}
