import { invalid, JobError, messageOf, UsageError } from '../../base/index.ts';
import { openDevice } from '../../device/index.ts';
import type { Device, DeviceBackend, DeviceLimits } from '../../device/index.ts';
import type { Runtime } from '../../events/index.ts';
import { eventTurns, isNode, newAbort, runtimeOf } from '../../host/index.ts';
import { checkedMs } from '../../sched/index.ts';
import type { GPUDeviceLike, GPULike } from './gpu.ts';
import { adoptedSource, createdSource, findGpu } from './source.ts';
import type { DeviceSource, GpuModule } from './source.ts';
import { WebGpuDriver } from './webGpuDriver.ts';
import type { WebGpuWork } from './work.ts';

/** Options of `openWebGpuDevice`. */
export interface WebGpuDeviceOptions extends DeviceLimits {
  /**
   * Where the GPU lives: `none`, in this realm, where functions can be submitted and a running dispatch cannot be stopped;
   * `process`, in a process of its own, which is killed when a job hangs (Node only). Default: `none` where a device or gpu is given
   * and where there is no Node, else `process`.
   */
  readonly isolation?: 'none' | 'process';
  /** Of an isolated device: how many more processes wait, ready to take over, 0 to 16. Default 1. */
  readonly spares?: number;
  /** Of an isolated device: how long a GPU process may take until it is ready; then it counts as one that died. Default 20,000. */
  readonly startTimeoutMs?: number;
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
  /** In this realm: how long the hardware may still be at a job that failed on time; then the device is gone. Default 30,000. */
  readonly hungTimeoutMs?: number;
  /**
   * A `warning` event names a job that keeps the GPU for longer than this while another client waits: nobody can be served in
   * between. Default 100; `Infinity`: none.
   */
  readonly longJobMs?: number;
  /** Names the device in events, statistics and errors. Default `webgpu`. */
  readonly label?: string;
  /** Default `systemRuntime()`. */
  readonly runtime?: Runtime;
}

/** Short jobs are kept in flight for so long; one long job at a time. */
const DEFAULT_CREDITS = { targetMs: 2, maxJobs: 64 } as const;

/** A tenth of the default length of a lease; what people notice when they wait for an answer. */
const LONG_JOB_MS = 100;

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
  const runtime = runtimeOf('openWebGpuDevice', options);
  const { label = 'webgpu' } = options;
  if (typeof label !== 'string') throw invalid('openWebGpuDevice: label', 'a string', label);
  const isolation = checkedIsolation(options);
  const hungTimeoutMs = checkedTimeoutMs('hungTimeoutMs', options.hungTimeoutMs, 30_000);
  const startTimeoutMs = checkedTimeoutMs('startTimeoutMs', options.startTimeoutMs, 20_000);
  checkRequest(options);
  const driver =
    isolation === 'process'
      ? await isolatedDriver(options, label, runtime, startTimeoutMs)
      : localDriver(options, label, runtime, hungTimeoutMs);
  const { credits = DEFAULT_CREDITS, longJobMs = LONG_JOB_MS } = options;
  const opened = { ...options, credits, longJobMs, label, rings: 1, runtime, newAbort };
  const device = openDevice(driver, opened);
  try {
    await driver.opened();
    return device;
  } catch (cause) {
    await device.close({ mode: 'kill' });
    if (cause instanceof UsageError || cause instanceof JobError) throw cause;
    const message = `${label}: WebGPU gives no device: ${messageOf(cause)}`;
    throw new JobError('ERR_DEVICE_GONE', message, { cause, label });
  }
}

/** A backend that is not open yet; what work is encoded into is its own affair. */
type Opening = DeviceBackend<WebGpuWork, unknown> & Pick<WebGpuDriver, 'opened'>;

function localDriver(
  options: WebGpuDeviceOptions,
  label: string,
  runtime: Runtime,
  hungTimeoutMs: number,
): Opening {
  const source = sourceOf(options);
  return new WebGpuDriver({ label, source, runtime, hungTimeoutMs, turns: eventTurns() });
}

async function isolatedDriver(
  options: WebGpuDeviceOptions,
  label: string,
  runtime: Runtime,
  startTimeoutMs: number,
): Promise<Opening> {
  const { spares = 1, adapterOptions = {}, deviceDescriptor = {} } = options;
  if (!Number.isInteger(spares) || spares < 0 || spares > 16) {
    throw invalid('openWebGpuDevice: spares', 'a whole number from 0 to 16', spares);
  }
  const request = {
    ...moduleOf(options),
    adapter: jsonOf('adapterOptions', adapterOptions),
    device: jsonOf('deviceDescriptor', {
      ...deviceDescriptor,
      requiredFeatures: [...(deviceDescriptor.requiredFeatures ?? [])],
    }),
  };
  // Not loaded where there are no processes.
  const { IsolatedDriver } = await import('./isolatedDriver.ts');
  return new IsolatedDriver({ label, request, spares, runtime, startTimeoutMs });
}

/** @throws {ERR_INVALID_ARGUMENT} where JSON cannot say it, as of a BigInt: it has to travel */
function jsonOf(name: string, value: object): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    const message = `openWebGpuDevice: ${name} must be what JSON can say, to travel to the GPU process: ${messageOf(cause)}`;
    throw new UsageError('ERR_INVALID_ARGUMENT', message, { cause });
  }
}

function checkedTimeoutMs(name: string, ms: number | undefined, otherwise: number): number {
  return checkedMs(`openWebGpuDevice: ${name}`, ms, otherwise * 1000) / 1000;
}

function checkRequest({ adapterOptions = {}, deviceDescriptor = {} }: WebGpuDeviceOptions): void {
  for (const [name, value] of Object.entries({ adapterOptions, deviceDescriptor })) {
    if (typeof value === 'object' && value !== null) continue;
    throw invalid(`openWebGpuDevice: ${name}`, 'an object', value);
  }
  const { requiredFeatures = [] } = deviceDescriptor;
  if (typeof requiredFeatures?.[Symbol.iterator] !== 'function') {
    const what = 'openWebGpuDevice: deviceDescriptor.requiredFeatures';
    throw invalid(what, 'names of features', requiredFeatures);
  }
}

function checkedIsolation(options: WebGpuDeviceOptions): 'none' | 'process' {
  const isGiven = options.device !== undefined || options.gpu !== undefined;
  const { isolation = isGiven || !isNode() ? 'none' : 'process' } = options;
  const what = 'openWebGpuDevice: isolation';
  if (isolation !== 'none' && isolation !== 'process') {
    throw invalid(what, "'none' or 'process'", isolation);
  }
  if (isolation === 'process' && isGiven) {
    throw invalid(what, "'none' where a device or gpu is given: they cannot travel", isolation);
  }
  if (isolation === 'process' && !isNode()) {
    throw invalid(what, "'none' where there is no Node: it needs child processes", isolation);
  }
  return isolation;
}

function sourceOf(options: WebGpuDeviceOptions): DeviceSource {
  const { device, gpu, adapterOptions = {}, deviceDescriptor = {} } = options;
  if (device !== undefined) {
    if (typeof device?.createCommandEncoder === 'function') return adoptedSource(device);
    throw invalid('openWebGpuDevice: device', 'a GPUDevice', device);
  }
  if (gpu !== undefined && typeof gpu?.requestAdapter !== 'function') {
    throw invalid('openWebGpuDevice: gpu', 'a GPU, for example navigator.gpu', gpu);
  }
  const request = { adapter: adapterOptions, device: deviceDescriptor };
  if (gpu !== undefined) return createdSource(gpu, request);
  const found = moduleOf(options);
  return {
    owned: true,
    open: async () => createdSource(await findGpu(found), request).open(),
  };
}

function moduleOf(options: WebGpuDeviceOptions): GpuModule {
  const { module = 'webgpu', flags = [] } = options;
  if (typeof module !== 'string' && !(module instanceof URL)) {
    throw invalid('openWebGpuDevice: module', 'the name of a module', module);
  }
  if (!Array.isArray(flags)) throw invalid('openWebGpuDevice: flags', 'an array of texts', flags);
  return { module: String(module), flags: flags.map(String) };
}
