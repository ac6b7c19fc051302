import type { ResourceLimits } from 'node:worker_threads';
import { invalid, JobError, messageOf } from '../../base/index.ts';
import { openDevice } from '../../device/index.ts';
import type { Device, DeviceLimits } from '../../device/index.ts';
import type { Runtime } from '../../events/index.ts';
import { newAbort, runtimeOf } from '../../host/index.ts';
import type { WorkerWork } from './work.ts';
import { WorkerDriver } from './workerDriver.ts';

/** Options of `openWorkerDevice`. */
export interface WorkerDeviceOptions extends DeviceLimits {
  /** How many threads execute jobs, 1 to 1024; each is a ring. Default: one a processor. */
  readonly threads?: number;
  /** How many more threads wait, ready to take over for one that hung, 0 to 1024. Default 1. */
  readonly spares?: number;
  /** Names the device in events, statistics and errors. Default `worker`. */
  readonly label?: string;
  /** Bounds of each thread, as Node's `Worker` takes them, for example `{ maxOldGenerationSizeMb: 256 }`. */
  readonly resourceLimits?: ResourceLimits;
  /** Default `systemRuntime()`. */
  readonly runtime?: Runtime;
}

/**
 * Opens a device whose rings are threads. Resolves when all of them are ready.
 *
 * The caller owns the device and closes it. An open device keeps the process alive only while jobs are on its rings or timers of
 * theirs are set: a script that forgets to close it still ends. After `close` nothing of it is left.
 *
 * @throws {ERR_INVALID_ARGUMENT} when an option does not fit
 * @throws {ERR_DEVICE_GONE} when a thread cannot start, with the reason as cause
 * @example no-run
 * const device = await openWorkerDevice({ threads: 2 });
 * const client = device.open({ label: 'thumbnails' });
 * const work = { module: 'node:path', export: 'basename', args: ['/pictures/cat.png'] };
 * console.log(await client.submit(work).result); // cat.png
 * await device.close();
 */
export async function openWorkerDevice(
  options: WorkerDeviceOptions = {},
): Promise<Device<WorkerWork>> {
  const runtime = runtimeOf('openWorkerDevice', options);
  const { label = 'worker', spares = 1, resourceLimits = {} } = options;
  const { threads = process.getBuiltinModule('node:os').availableParallelism() } = options;
  checkCount('openWorkerDevice: threads', threads, 1);
  checkCount('openWorkerDevice: spares', spares, 0);
  if (typeof label !== 'string') throw invalid('openWorkerDevice: label', 'a string', label);
  if (typeof resourceLimits !== 'object' || resourceLimits === null) {
    throw invalid('openWorkerDevice: resourceLimits', 'an object of numbers', resourceLimits);
  }
  const driver = new WorkerDriver({ label, threads, spares, resourceLimits, runtime });
  const device = openDevice(driver, { ...options, label, rings: threads, runtime, newAbort });
  try {
    await driver.opened();
    return device;
  } catch (cause) {
    await device.close({ mode: 'kill' });
    throw new JobError('ERR_DEVICE_GONE', `${label}: a thread cannot start: ${messageOf(cause)}`, {
      cause,
      label,
    });
  }
}

function checkCount(what: string, count: unknown, min: number): void {
  if (Number.isInteger(count) && Number(count) >= min && Number(count) <= 1024) return;
  throw invalid(what, `a whole number from ${min} to 1024`, count);
}
