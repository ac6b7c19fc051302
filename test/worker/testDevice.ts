/**
 * What the tests of the worker device share: a device that is closed after the test, and the kernels that run in its threads.
 *
 * Threads need a script that Node can load, so these tests run against the built package (`npm test` builds it first).
 */
import { onTestFinished, vi } from 'vitest';
import type { Client, Device, Submission, SubmitOptions } from 'fenceline';
import { openWorkerDevice } from 'fenceline/worker';
import type { WorkerDeviceOptions, WorkerWork } from 'fenceline/worker';

export { errorOf } from '../fixtures/errorOf.ts';

export const KERNELS = new URL('./kernels/kernels.mjs', import.meta.url);

/** A bound for what real threads do, generous enough for a busy machine. */
export const PATIENCE_MS = 30_000;

vi.setConfig({ testTimeout: 2 * PATIENCE_MS });

/** Opens a device with a run timeout that no innocent job of the tests reaches; closes it when the test is over. */
export async function openTestDevice(
  options: WorkerDeviceOptions = {},
): Promise<Device<WorkerWork>> {
  const device = await openWorkerDevice({ threads: 1, ...options });
  onTestFinished(() => device.close({ mode: 'kill' }));
  return device;
}

/** Submits a call of one of the kernels. */
export function call<R = unknown>(
  client: Pick<Client<WorkerWork>, 'submit'>,
  name: string,
  args: readonly unknown[] = [],
  options?: SubmitOptions,
): Submission<R> {
  return client.submit<R>({ module: KERNELS, export: name, args }, options);
}

/** Words that this thread and the kernels share. */
export function sharedWords(count: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * count));
}

/** Waits until the kernel that was given `words` has begun. */
export async function begun(words: Int32Array): Promise<void> {
  await until('the kernel begins', () => Atomics.load(words, 0) !== 0);
}

/** Waits until `condition` holds. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`waited ${PATIENCE_MS} ms until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
