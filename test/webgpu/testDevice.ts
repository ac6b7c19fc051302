/**
 * What the tests of the WebGPU device share: devices that are closed after the test, and small shaders with known results.
 *
 * The GPU process needs a script that Node can load, so these tests run against the built package (`npm test` builds it first).
 */
import { execFileSync } from 'node:child_process';
import { onTestFinished } from 'vitest';
import type { Client, Device, Submission, SubmitOptions } from 'fenceline';
import { openWebGpuDevice } from 'fenceline/webgpu';
import type {
  GPUAdapterLike,
  GPUDeviceLike,
  GPULike,
  WebGpuDeviceOptions,
  WebGpuDispatch,
  WebGpuWork,
} from 'fenceline/webgpu';
import { MODULE, PATIENCE_MS } from './gpu.ts';

export { errorOf } from '../fixtures/errorOf.ts';

export type Isolation = 'none' | 'process';

/** Opens a device that is closed when the test is over. */
export async function openTestDevice(
  options: WebGpuDeviceOptions = {},
): Promise<Device<WebGpuWork>> {
  const where = options.gpu === undefined && options.device === undefined ? { module: MODULE } : {};
  const device = await openWebGpuDevice({ ...where, ...options });
  onTestFinished(() => device.close({ mode: 'kill' }));
  return device;
}

/** A GPU of this process. It stays reachable for as long as the process lives: collecting it would end the process. */
export async function createGpu(flags: readonly string[] = []): Promise<GPULike> {
  const { create } = (await import(MODULE)) as { create(flags: readonly string[]): GPULike };
  const gpu = create(flags);
  gpus.push(gpu);
  return gpu;
}
const gpus: GPULike[] = [];

/** A GPU whose devices the test sees, and can lose. */
export async function watchedGpu(): Promise<{ gpu: GPULike; devices: GPUDeviceLike[] }> {
  const real = await createGpu();
  const devices: GPUDeviceLike[] = [];
  const requestAdapter = async (options?: object): Promise<GPUAdapterLike | null> => {
    const adapter = await real.requestAdapter(options);
    if (adapter === null) return null;
    const requestDevice = async (descriptor?: object): Promise<GPUDeviceLike> => {
      const device = await adapter.requestDevice(descriptor);
      devices.push(device);
      return device;
    };
    return { features: adapter.features, requestDevice };
  };
  return { gpu: { requestAdapter }, devices };
}

/** A device to adopt. */
export async function ownDevice(): Promise<GPUDeviceLike> {
  const adapter = await (await createGpu()).requestAdapter();
  return (adapter as GPUAdapterLike).requestDevice();
}

/** Multiplies numbers by `factor`; its result is `[Float32Array]`. */
export function scale(values: readonly number[], factor = 2): WebGpuDispatch {
  return {
    wgsl: `
      @group(0) @binding(0) var<storage, read> input: array<f32>;
      @group(0) @binding(1) var<storage, read_write> output: array<f32>;
      @group(0) @binding(2) var<uniform> factor: f32;
      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
        if (id.x < arrayLength(&input)) { output[id.x] = input[id.x] * factor; }
      }`,
    bindings: [Float32Array.from(values), new Float32Array(values.length), Float32Array.of(factor)],
    workgroups: [Math.ceil(values.length / 64)],
    read: [1],
  };
}

/** Turns in a loop so often, in one invocation; 20,000 turns take SwiftShader about half a millisecond. */
export function spin(turns: number): WebGpuDispatch {
  return {
    wgsl: `
      @group(0) @binding(0) var<storage, read_write> data: array<u32>;
      @compute @workgroup_size(1) fn main() {
        for (var i = 0u; i < data[1]; i++) { data[0] = data[0] * 3u + i; }
      }`,
    bindings: [Uint32Array.of(1, turns)],
    workgroups: [1],
    read: [0],
  };
}

/** What `spin(turns)` computes. */
export function spun(turns: number): number {
  let value = 1;
  for (let i = 0; i < turns; i += 1) value = (Math.imul(value, 3) + i) >>> 0;
  return value;
}

/** Submits a `scale` and gives its numbers. */
export async function scaled(
  client: Pick<Client<WebGpuWork>, 'submit'>,
  values: readonly number[],
  options?: SubmitOptions,
): Promise<number[]> {
  const [output] = await client.submit<[Float32Array]>(scale(values), options).result;
  return [...output];
}

/** How each of `submissions` ended: `ok`, or a code. */
export async function endsOf(submissions: readonly Submission<unknown>[]): Promise<string[]> {
  const ends = await Promise.allSettled(submissions.map(({ result }) => result));
  return ends.map((end) =>
    end.status === 'fulfilled' ? 'ok' : ((end.reason as { code?: string }).code ?? 'no code'),
  );
}

/** Waits until `condition` holds. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`waited ${PATIENCE_MS} ms until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** The GPU processes of this process. */
export function gpuProcesses(): number[] {
  const list = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], {
    encoding: 'utf8',
  });
  return list
    .split('\n')
    .filter((line) => line.includes('gpuProcess'))
    .map((line) => Number.parseInt(line, 10));
}
