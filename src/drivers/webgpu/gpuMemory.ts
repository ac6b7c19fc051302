import type { MemoryBackend } from '../../device/index.ts';
import { MAP_MODE_READ, USAGE } from './gpu.ts';
import type { GPUBufferLike, GPUDeviceLike } from './gpu.ts';
import { openScopes } from './scopes.ts';
import type { GpuFault } from './scopes.ts';

/** What buffers are used for: whatever a job may do with one. */
export const BUFFER_USAGE: number =
  USAGE.storage | USAGE.uniform | USAGE.copySource | USAGE.copyTarget;

/** The buffers of clients on one GPU device, by handle. WebGPU hands out memory zeroed (M1). */
export class GpuMemory implements MemoryBackend {
  readonly #buffers = new Map<number, GPUBufferLike>();
  #device: GPUDeviceLike | null = null;
  /** Of the device, or the last one. */
  maxBufferBytes: number | null = null;

  /** Takes `device` into use; nothing is there yet. `null`: it is lost. */
  use(device: GPUDeviceLike | null): void {
    this.#device = device;
    this.maxBufferBytes = device?.limits?.maxBufferSize ?? this.maxBufferBytes;
    this.#buffers.clear();
  }

  /** Gives everything back that is still on the device. */
  end(): void {
    for (const handle of this.#buffers.keys()) this.destroy(handle);
  }

  /** @throws {Error} where there is no such buffer: handles are not made up by clients */
  get(handle: number): GPUBufferLike {
    const buffer = this.#buffers.get(handle);
    if (buffer === undefined) throw new Error(`there is no buffer ${handle}`);
    return buffer;
  }

  async create(handle: number, bytes: number): Promise<string | null> {
    const device = this.#device;
    if (device === null) return 'the device is lost';
    const scopes = openScopes(device);
    let fault: Promise<GpuFault | null>;
    try {
      this.#buffers.set(handle, device.createBuffer({ size: bytes, usage: BUFFER_USAGE }));
    } finally {
      fault = scopes.close();
    }
    return (await fault)?.message ?? null;
  }

  write(handle: number, contents: Uint8Array<ArrayBuffer>): void {
    this.#device?.queue.writeBuffer(this.get(handle), 0, contents);
  }

  async read(handle: number, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const device = this.#device;
    if (device === null) throw new Error('the device is lost');
    const staging = readTo(device, this.get(handle), 0, bytes);
    try {
      await staging.mapAsync(MAP_MODE_READ);
      return new Uint8Array(staging.getMappedRange().slice(0));
    } finally {
      staging.destroy();
    }
  }

  destroy(handle: number): void {
    this.#buffers.get(handle)?.destroy();
    this.#buffers.delete(handle);
  }
}

/** Submits a copy of a part of `buffer` to a new one that can be mapped. */
export function readTo(
  device: GPUDeviceLike,
  buffer: GPUBufferLike,
  offset: number,
  bytes: number,
): GPUBufferLike {
  const size = Math.ceil(bytes / 4) * 4;
  const staging = device.createBuffer({ size, usage: USAGE.mapRead | USAGE.copyTarget });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, offset, staging, 0, size);
  device.queue.submit([encoder.finish()]);
  return staging;
}
