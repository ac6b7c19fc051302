import { JobError, messageOf } from '../../base/index.ts';
import type { GPUAdapterLike, GPUDeviceLike, GPULike } from './gpu.ts';
import type { AdapterName } from './wire.ts';

/** Where devices come from: a new one for each recovery, or one that somebody else owns. */
export interface DeviceSource {
  /** Whether the device is ours: made here, replaced when it is lost, destroyed at the end. */
  readonly owned: boolean;
  /** Gives a device that works. Called when the fenceline device is opened, and once for each try of a recovery. */
  open(): Promise<GPUDeviceLike>;
}

/** How a device is asked for. */
export interface DeviceRequest {
  /** What `requestAdapter` is given. */
  readonly adapter: object;
  /** What `requestDevice` is given; `timestamp-query` is added where the adapter has it. */
  readonly device: { readonly requiredFeatures?: Iterable<string> };
}

/** A device that its owner keeps: it is never destroyed here, and cannot be had again. */
export function adoptedSource(device: GPUDeviceLike): DeviceSource {
  return { owned: false, open: () => Promise.resolve(device) };
}

/**
 * What was used stays reachable from here, for ever: an object of the package `webgpu` that is collected takes everything that was made
 * from it along, and crashes the process, also a while after the last device of it was destroyed: the package still has a turn
 * of the event loop to come in which it asks what is not there any more.
 */
const kept = new Set<GPULike>();

/** What the package made, by module and flags: each once, as it is kept. */
const made = new Map<string, GPULike>();

/** Devices of `gpu`, each from an adapter of its own: one that was used gives devices that are lost already. */
export function createdSource(gpu: GPULike, request: DeviceRequest): DeviceSource {
  kept.add(gpu);
  return {
    owned: true,
    async open() {
      const adapter = await requestAdapter(gpu, request.adapter);
      const wanted = new Set(request.device.requiredFeatures);
      if (adapter.features.has('timestamp-query')) wanted.add('timestamp-query');
      return adapter.requestDevice({ ...request.device, requiredFeatures: [...wanted] });
    },
  };
}

/** @throws {ERR_DEVICE_GONE} where there is no adapter */
export async function requestAdapter(gpu: GPULike, options: object): Promise<GPUAdapterLike> {
  const adapter = await gpu.requestAdapter(options);
  if (adapter !== null) return adapter;
  const message = 'WebGPU has no adapter here; `fenceline doctor` says what is missing';
  throw new JobError('ERR_DEVICE_GONE', message);
}

/** Names of adapters that are programs, for platforms that do not say so. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|warp|basic render/i;

/** What `adapter` calls itself, in one line. */
export function adapterName({ info, features }: GPUAdapterLike): AdapterName {
  const words = info === undefined ? [] : [info.vendor, info.architecture, info.device];
  const said = words.filter((word) => word !== '').join(' ');
  const name = [said, info?.description ?? ''].filter((text) => text !== '').join(', ');
  const software = info?.isFallbackAdapter === true || SOFTWARE.test(name);
  const timestamps = features.has('timestamp-query');
  return { name: name === '' ? 'an adapter without a name' : name, software, timestamps };
}

/** The module whose `create` makes a `GPU`, and what `create` is given. */
export interface GpuModule {
  readonly module: string;
  readonly flags: readonly string[];
}

/**
 * The platform's own GPU, or the one of the package that brings WebGPU to Node: the same one for the same flags.
 *
 * @throws {ERR_DEVICE_GONE} where there is neither
 */
export async function findGpu({ module, flags }: GpuModule): Promise<GPULike> {
  const { navigator } = globalThis as { navigator?: { gpu?: GPULike } };
  if (navigator?.gpu !== undefined) return navigator.gpu;
  let found: { create?: (flags: readonly string[]) => GPULike };
  try {
    found = (await import(module)) as typeof found;
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    const isMissing = code === 'ERR_MODULE_NOT_FOUND';
    const why = isMissing
      ? 'is not installed beside fenceline (npm install webgpu)'
      : `fails: ${messageOf(cause)}`;
    const message = `this platform has no WebGPU of its own, and the module ${module} ${why}`;
    throw new JobError('ERR_DEVICE_GONE', message, { cause });
  }
  if (typeof found.create !== 'function') {
    throw new JobError('ERR_DEVICE_GONE', `${module} does not export a function create(flags)`);
  }
  const key = JSON.stringify([module, flags]);
  const gpu = made.get(key) ?? found.create([...flags]);
  made.set(key, gpu);
  return gpu;
}
