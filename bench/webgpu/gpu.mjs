/** What the rows of WebGPU share: where it comes from, and a dispatch of a length that is known. */
import { existsSync } from 'node:fs';

export const MODULE = new URL(
  '../../test/webgpu/dawn/node_modules/webgpu/index.js',
  import.meta.url,
);
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';

/** What stays reachable: the bindings crash the process where it is collected too early. */
const kept = [];

/** Whether there is a WebGPU to measure on; where there is none, `row` has no figures, and says why. */
export async function hasWebGpu(row) {
  if (existsSync(SWIFTSHADER)) process.env.VK_ICD_FILENAMES ??= SWIFTSHADER;
  if (!existsSync(MODULE)) {
    process.stderr.write(`${row}: npm run test:webgpu installs what it is measured on\n`);
    return false;
  }
  const { create } = await import(MODULE.href);
  const gpu = create([]);
  kept.push(gpu);
  if ((await gpu.requestAdapter()) !== null) return true;
  process.stderr.write(`${row}: WebGPU has no adapter here; Debian's chromium brings one\n`);
  return false;
}

/** One invocation that turns in a loop so often; 2,600 turns take SwiftShader about 0.1 ms. */
export function spin(turns) {
  return {
    wgsl: `
      @group(0) @binding(0) var<storage, read_write> data: array<u32, 2>;
      @compute @workgroup_size(1) fn main() {
        for (var i = 0u; i < data[1]; i++) { data[0] = data[0] * 3u + i; }
      }`,
    bindings: [Uint32Array.of(1, turns)],
    workgroups: [1],
    read: [0],
  };
}
