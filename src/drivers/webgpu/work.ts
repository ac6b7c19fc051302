import { invalid } from '../../base/index.ts';
import type { GPUCommandEncoderLike, GPUDeviceLike } from './gpu.ts';

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
}

/** A job of a device in this realm: called once per attempt, in order; its result is the job's. */
export type WebGpuFunction = {
  /** Declared as a method, so that functions which name the platform's own types fit. */
  call(context: WebGpuContext): unknown;
}['call'];

/** Bytes on the host: a copy is taken when `submit` is called. */
export type HostBytes = ArrayBufferLike | ArrayBufferView;

/**
 * What a shader finds at `@group(0) @binding(i)`: bytes, or `size` bytes of zeros, in a storage or uniform buffer of the job's own.
 * Sizes are rounded up to four.
 */
export type WebGpuBinding = HostBytes | { readonly data: HostBytes } | { readonly size: number };

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
export type WebGpuWork = WebGpuFunction | WebGpuDispatch;

/** One binding, checked: how many bytes it has, what is in it, and how its contents are handed back. */
export interface BindingSpec {
  /** A multiple of four, at least four. */
  readonly size: number;
  /** Of the contents that are handed back. */
  readonly bytes: number;
  readonly contents: Uint8Array<ArrayBuffer> | null;
  readonly kind: ElementKind;
}

/** A dispatch, checked and copied. */
export interface DispatchSpec {
  readonly wgsl: string;
  readonly entryPoint: string | null;
  readonly bindings: readonly BindingSpec[];
  readonly workgroups: readonly [number, number, number];
  readonly read: readonly number[];
}

/** What a WebGPU device keeps of a piece of work. */
export type WebGpuTask =
  | { readonly type: 'function'; readonly run: WebGpuFunction }
  | { readonly type: 'dispatch'; readonly dispatch: DispatchSpec };

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
  readonly BYTES_PER_ELEMENT: number;
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

/** How many bytes one element of `kind` has. */
export function elementBytes(kind: ElementKind): number {
  return KINDS[kind]?.BYTES_PER_ELEMENT ?? 1;
}

/** `bytes` in the kind of array that was asked for. */
export function asKind(kind: ElementKind, bytes: ArrayBuffer): ArrayBuffer | ArrayBufferView {
  const Kind = KINDS[kind];
  return Kind === null ? bytes : new Kind(bytes);
}

/**
 * Checks `work` and takes a copy of it, with nothing of the caller changed.
 *
 * @throws {ERR_INVALID_ARGUMENT} naming the field that does not fit
 */
export function encodeWork(work: WebGpuWork): WebGpuTask {
  if (typeof work === 'function') return { type: 'function', run: work };
  return { type: 'dispatch', dispatch: encodeDispatch(work) };
}

/** As `encodeWork`, for devices that take plain data only. */
export function encodeDispatch(work: WebGpuWork): DispatchSpec {
  if (typeof work !== 'object' || work === null) {
    throw invalid('work', 'an object { wgsl, bindings, workgroups }', work);
  }
  const { wgsl, entryPoint, bindings, workgroups, read = [] } = work;
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
  return {
    wgsl,
    entryPoint: entryPoint ?? null,
    workgroups: checkedWorkgroups(workgroups),
    read: [...read],
    bindings: bindings.map(checkedBinding),
  };
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
    throw invalid(what, 'bytes, { data } or { size }', binding);
  }
  if ('size' in binding) {
    const { size } = binding;
    if (!Number.isSafeInteger(size) || size < 0) {
      throw invalid(`${what}.size`, 'a number of bytes, at least 0', size);
    }
    return { size: paddedSize(size), bytes: size, contents: null, kind: 'bytes' };
  }
  const data = 'data' in binding ? hostBytes(binding.data) : null;
  if (data === null) throw invalid(what, 'bytes, { data } or { size }', binding);
  return specOf(data, (binding as { data: HostBytes }).data);
}

function specOf(bytes: Uint8Array, given: HostBytes): BindingSpec {
  const contents = new Uint8Array(paddedSize(bytes.byteLength));
  contents.set(bytes);
  const name = ArrayBuffer.isView(given) ? given.constructor.name : 'bytes';
  const kind = isElementKind(name) ? name : 'bytes';
  return { size: contents.byteLength, bytes: bytes.byteLength, contents, kind };
}

function hostBytes(value: unknown): Uint8Array | null {
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (typeof SharedArrayBuffer !== 'undefined' && value instanceof SharedArrayBuffer) {
    return new Uint8Array(value);
  }
  return null;
}

/** Buffers are written and copied in units of four bytes, and have at least one. */
function paddedSize(bytes: number): number {
  return Math.max(4, Math.ceil(bytes / 4) * 4);
}
