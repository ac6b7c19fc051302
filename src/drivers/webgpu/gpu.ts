/**
 * The part of WebGPU that this driver uses, described by its shape: a real `GPUDevice` fits, whichever types its user has.
 *
 * TypeScript's own `lib.dom` has these types, and `@webgpu/types` clashes with them; a test shows that theirs fit ours.
 */

/** `navigator.gpu`, or what `create()` of the package `webgpu` returns. */
export interface GPULike {
  requestAdapter(options?: object): Promise<GPUAdapterLike | null>;
}

/** A `GPUAdapter`. */
export interface GPUAdapterLike {
  readonly features: GPUFeaturesLike;
  readonly info?: GPUAdapterInfoLike;
  requestDevice(descriptor?: object): Promise<GPUDeviceLike>;
}

/** A `GPUAdapterInfo`. */
export interface GPUAdapterInfoLike {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  readonly isFallbackAdapter?: boolean;
}

/** A `GPUSupportedFeatures`. */
export interface GPUFeaturesLike {
  has(name: string): boolean;
}

/** A `GPUDevice`. */
export interface GPUDeviceLike {
  readonly features: GPUFeaturesLike;
  readonly limits?: { readonly maxBufferSize: number };
  readonly queue: GPUQueueLike;
  /** Missing on some versions of Deno. */
  readonly lost?: Promise<{ readonly reason: string; readonly message: string }>;
  createBuffer(descriptor: { size: number; usage: number; label?: string }): GPUBufferLike;
  createShaderModule(descriptor: { code: string; label?: string }): GPUShaderModuleLike;
  createComputePipeline(descriptor: object): GPUComputePipelineLike;
  createBindGroup(descriptor: object): object;
  createCommandEncoder(descriptor?: { label?: string }): GPUCommandEncoderLike;
  createQuerySet(descriptor: object): GPUQuerySetLike;
  pushErrorScope(filter: 'validation' | 'out-of-memory' | 'internal'): void;
  popErrorScope(): Promise<GPUErrorLike | null>;
  destroy(): void;
}

/** A `GPUQueue`. */
export interface GPUQueueLike {
  submit(buffers: readonly object[]): void;
  writeBuffer(buffer: GPUBufferLike, offset: number, data: Uint8Array<ArrayBuffer>): void;
  onSubmittedWorkDone(): Promise<unknown>;
}

/** A `GPUCommandEncoder`. */
export interface GPUCommandEncoderLike {
  beginComputePass(descriptor?: object): GPUComputePassLike;
  copyBufferToBuffer(
    from: GPUBufferLike,
    fromAt: number,
    to: GPUBufferLike,
    toAt: number,
    bytes: number,
  ): void;
  clearBuffer(buffer: GPUBufferLike, offset?: number, size?: number): void;
  resolveQuerySet(
    set: GPUQuerySetLike,
    first: number,
    count: number,
    to: GPUBufferLike,
    at: number,
  ): void;
  finish(): object;
}

/** A `GPUComputePassEncoder`. */
export interface GPUComputePassLike {
  setPipeline(pipeline: GPUComputePipelineLike): void;
  setBindGroup(index: number, group: object | null): void;
  dispatchWorkgroups(x: number, y?: number, z?: number): void;
  end(): void;
}

/** A `GPUBuffer`. */
export interface GPUBufferLike {
  readonly size: number;
  mapAsync(mode: number): Promise<unknown>;
  getMappedRange(offset?: number, size?: number): ArrayBuffer;
  unmap(): void;
  destroy(): void;
}

/** A `GPUShaderModule`. */
export interface GPUShaderModuleLike {
  getCompilationInfo(): Promise<{ readonly messages: readonly GPUCompilationMessageLike[] }>;
}

/** A `GPUCompilationMessage`. */
export interface GPUCompilationMessageLike {
  readonly type: string;
  readonly message: string;
  readonly lineNum: number;
  readonly linePos: number;
}

/** A `GPUComputePipeline`. */
export interface GPUComputePipelineLike {
  getBindGroupLayout(index: number): object;
}

/** A `GPUQuerySet`. */
export interface GPUQuerySetLike {
  destroy(): void;
}

/** A `GPUError`. */
export interface GPUErrorLike {
  readonly message: string;
}

/** `GPUBufferUsage` and `GPUMapMode`, as far as they are used here; the globals are not everywhere. */
export const USAGE = {
  mapRead: 0x1,
  copySource: 0x4,
  copyTarget: 0x8,
  uniform: 0x40,
  storage: 0x80,
  queryResolve: 0x200,
} as const;

/** `GPUMapMode.READ`. */
export const MAP_MODE_READ = 1;
