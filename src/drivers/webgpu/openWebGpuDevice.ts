import { invalid, JobError, UsageError } from '../../base/index.ts';
import { openDevice } from '../../device/index.ts';
import type { Device, DeviceLimits } from '../../device/index.ts';
import type { Runtime } from '../../events/index.ts';
import { systemRuntime } from '../../host/index.ts';
import { checkedMs } from '../../sched/index.ts';
import type { GPUDeviceLike, GPULike } from './gpu.ts';
import { messageOf } from './outcomes.ts';
import { adoptedSource, createdSource, findGpu } from './source.ts';
import type { DeviceRequest, DeviceSource } from './source.ts';
import { WebGpuDriver } from './webGpuDriver.ts';
import type { WebGpuWork } from './work.ts';

/** Options of `openWebGpuDevice`. */
export interface WebGpuDeviceOptions extends DeviceLimits {
  /** A device to adopt: it is used, never destroyed, and not replaced when it is lost. */
  readonly device?: GPUDeviceLike;
  /** Where devices are asked for. Default: the platform's own, or what `module` makes. */
  readonly gpu?: GPULike;
  /** Where the platform has no WebGPU: the module whose `create(flags)` makes one. Default `webgpu`. */
  readonly module?: string | URL;
  /** What `create` of that module is given, for example `['backend=null']`. */
  readonly flags?: readonly string[];
  /** What `requestAdapter` is given. */
  readonly adapterOptions?: object;
  /** What `requestDevice` is given; `timestamp-query` is asked for where there is one. */
  readonly deviceDescriptor?: { readonly requiredFeatures?: Iterable<string> };
  /** How long the hardware may still be at a job that failed on time; then the device is gone. Default 30,000. */
  readonly hungTimeoutMs?: number;
  /** Names the device in events, statistics and errors. Default `webgpu`. */
  readonly label?: string;
  /** Default `systemRuntime()`. */
  readonly runtime?: Runtime;
}

/** Short jobs are kept in flight for so long; one long job at a time. */
const DEFAULT_CREDITS = { targetMs: 2, maxJobs: 64 } as const;

/**
 * Opens a device over WebGPU: one ring, and clients with shares of it. Resolves when the hardware is there.
 *
 * The caller owns the device and closes it. A GPU device that was given is never destroyed; one that was made here is.
 *
 * @throws {ERR_INVALID_ARGUMENT} when an option does not fit
 * @throws {ERR_DEVICE_GONE} when there is no WebGPU, or no adapter, here
 */
export async function openWebGpuDevice(
  options: WebGpuDeviceOptions = {},
): Promise<Device<WebGpuWork>> {
  const { label = 'webgpu', runtime = systemRuntime() } = options;
  if (typeof label !== 'string') throw invalid('openWebGpuDevice: label', 'a string', label);
  const what = 'openWebGpuDevice: hungTimeoutMs';
  const hungTimeoutMs = checkedMs(what, options.hungTimeoutMs, 30_000_000) / 1000;
  const source = await sourceOf(options);
  const driver = new WebGpuDriver({ label, source, runtime, hungTimeoutMs });
  try {
    await driver.opened();
    const credits = options.credits ?? DEFAULT_CREDITS;
    return openDevice(driver, { ...options, credits, label, rings: 1, runtime });
  } catch (cause) {
    await driver.close();
    if (cause instanceof UsageError || cause instanceof JobError) throw cause;
    const message = `${label}: WebGPU gives no device: ${messageOf(cause)}`;
    throw new JobError('ERR_DEVICE_GONE', message, { cause, label });
  }
}

async function sourceOf(options: WebGpuDeviceOptions): Promise<DeviceSource> {
  const { device, gpu, module = 'webgpu', flags = [] } = options;
  if (device !== undefined) {
    if (typeof device?.createCommandEncoder === 'function') return adoptedSource(device);
    throw invalid('openWebGpuDevice: device', 'a GPUDevice', device);
  }
  if (gpu !== undefined && typeof gpu?.requestAdapter !== 'function') {
    throw invalid('openWebGpuDevice: gpu', 'a GPU, for example navigator.gpu', gpu);
  }
  if (!Array.isArray(flags)) throw invalid('openWebGpuDevice: flags', 'an array of text', flags);
  const request: DeviceRequest = {
    adapter: options.adapterOptions ?? {},
    device: options.deviceDescriptor ?? {},
  };
  return createdSource(gpu ?? (await findGpu({ module: String(module), flags })), request);
}
