import { messageOf } from '../../base/index.ts';
import { GpuProcess, START_MS } from './processHandle.ts';
import type { AdapterName } from './wire.ts';

/** What WebGPU a machine has: an adapter, or why there is none. */
export type WebGpuProbe =
  | { readonly adapter: AdapterName; readonly why: null }
  | { readonly adapter: null; readonly why: string };

/**
 * Looks what WebGPU Node has here, in a process of its own, so that nothing of it stays in this one. Never rejects; takes
 * about 150 ms where there is something.
 *
 * @param module as `WebGpuDeviceOptions.module`
 */
export async function probeWebGpu(module: string | URL = 'webgpu'): Promise<WebGpuProbe> {
  const request = { module: String(module), flags: [], adapter: '{}', device: '{}' };
  const gpu = new GpuProcess(request, { messageCame: () => {}, died: () => {} }, START_MS);
  gpu.ref();
  try {
    await gpu.whenReady;
    const { adapter } = gpu;
    return adapter === null
      ? { adapter, why: 'it did not say what it is' }
      : { adapter, why: null };
  } catch (error) {
    return { adapter: null, why: messageOf(error) };
  } finally {
    await gpu.kill();
  }
}
