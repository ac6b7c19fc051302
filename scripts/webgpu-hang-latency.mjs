/**
 * How long an isolated WebGPU device needs from the timeout of a shader that hangs to the next innocent job's result.
 *
 * Usage: node scripts/webgpu-hang-latency.mjs [REPEATS]. Needs a build, and what `npm run test:webgpu` installs. A shader of
 * about ten seconds may run for 500 ms; three innocent jobs wait behind it; REPEATS (default 10) times. Prints one JSON
 * document; exits 1 where one took more than 250 ms, or an innocent was lost.
 */
import { existsSync } from 'node:fs';
import { openWebGpuDevice } from '../dist/drivers/webgpu/index.js';

const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
const LIMIT_MS = 250;
const repeats = Number(process.argv[2] ?? 10);
if (existsSync(SWIFTSHADER)) process.env.VK_ICD_FILENAMES ??= SWIFTSHADER;

const module = new URL('../test/webgpu/dawn/node_modules/webgpu/index.js', import.meta.url);
const device = await openWebGpuDevice({ module, isolation: 'process', banAfter: Infinity });
const [rogue, client] = [device.open({ label: 'rogue' }), device.open({ label: 'client' })];

const WGSL = `
  @group(0) @binding(0) var<storage, read_write> data: array<u32, 2>;
  @compute @workgroup_size(1) fn main() {
    for (var i = 0u; i < data[1]; i++) { data[0] = data[0] * 3u + i; }
  }`;
const spin = (turns) => ({
  ...{ wgsl: WGSL, bindings: [Uint32Array.of(1, turns)], workgroups: [1], read: [0] },
});

await client.submit(spin(1)).result;
const tookMs = [];
let lost = 0;
for (let repeat = 0; repeat < repeats; repeat += 1) {
  // The spare process that took over has another one started in its place.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const hang = rogue.submit(spin(400_000_000), { runTimeoutMs: 500 });
  await hang.scheduled.wait();
  const innocents = [1, 2, 3].map((turns) => client.submit(spin(turns)));
  const failedMs = hang.result.catch(() => performance.now());
  const nextMs = innocents[0].result.then(() => performance.now());
  const ends = await Promise.allSettled(innocents.map(({ result }) => result));
  lost += ends.filter(({ status }) => status === 'rejected').length;
  tookMs.push((await nextMs) - (await failedMs));
}
await device.close();

tookMs.sort((a, b) => a - b);
const rounded = (ms) => Math.round(ms * 10) / 10;
const [least, most] = [tookMs[0], tookMs.at(-1)];
const median = tookMs[tookMs.length >> 1];
const ok = most <= LIMIT_MS && lost === 0;
const figures = { leastMs: rounded(least), medianMs: rounded(median), mostMs: rounded(most) };
console.log(JSON.stringify({ repeats, ...figures, lost, limitMs: LIMIT_MS, ok }));
process.exitCode = ok ? 0 : 1;
