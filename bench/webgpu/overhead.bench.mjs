import { openWebGpuDevice } from '../../dist/drivers/webgpu/index.js';
import { runAlone } from '../harness/alone.mjs';
import { medianOf } from '../harness/judge.mjs';
import { hasWebGpu, MODULE } from './gpu.mjs';

export const name = 'webgpu-overhead';
export const question = 'What does scheduling take of the throughput of short dispatches?';
export const unit = '% of raw';
export const peers = [];

// Devices of this process stay reachable, and an isolated one has processes of its own.
export const freshProcess = true;

// The throughput of fenceline in per cent of that of a bare device in the block before, which encodes, submits and awaits
// `onSubmittedWorkDone` with as many submissions in flight. `local`: functions that encode, in this realm; `isolated`: plain
// data with a buffer of the client, in a process of its own. `raw`: what a dispatch takes on the bare device. On
// SwiftShader a dispatch is a loop of about 0.1 ms; `null-…` is Dawn's null backend, which executes nothing: all overhead.
export const target = [
  { figure: 'raw', unit: 'us/dispatch' },
  { figure: 'local', better: 'more', reach: 95, stretch: 98 },
  { figure: 'isolated', better: 'more', reach: 80, stretch: 90 },
  { figure: 'null-raw', unit: 'us/dispatch' },
  { figure: 'null-local', better: 'more' },
  { figure: 'null-isolated', better: 'more' },
];

const DISPATCHES = 10_000;
const DEPTH = 8;
/** Contenders take turns in blocks, and the median block counts: each disturbance hits one contender. */
const BLOCKS = 20;
/** Of a loop in one invocation; about 0.1 ms on SwiftShader. */
const TURNS = 2600;
const STORAGE = 0x80;

const WGSL = `
  @group(0) @binding(0) var<storage, read_write> data: array<u32>;
  @compute @workgroup_size(1) fn main() {
    for (var i = 0u; i < ${TURNS}u; i++) { data[0] = data[0] * 3u + i; }
  }`;

export async function run({ count }) {
  if (!hasWebGpu(name)) return {};
  const blank = await overhead(count(DISPATCHES), ['backend=null']);
  const figures = {
    'null-raw': blank.raw,
    'null-local': blank.local,
    'null-isolated': blank.isolated,
  };
  const real = await overhead(count(DISPATCHES), []);
  return { ...figures, ...real };
}

async function overhead(dispatches, flags) {
  const bare = await openBare(flags);
  if (bare === null) return {};
  const options = { module: MODULE, flags, credits: DEPTH };
  const local = await openWebGpuDevice({ ...options, isolation: 'none' });
  const isolated = await openWebGpuDevice({ ...options, isolation: 'process' });
  const client = isolated.open();
  const held = client.allocate({ bytes: 16 });
  const work = { wgsl: WGSL, bindings: [held.value], workgroups: [1] };
  const ways = {
    raw: (count) => onBare(bare, count),
    local: functionsOn(local.open()),
    isolated: (count) => submitAll(client, () => work, count),
  };
  const tookMs = { raw: [], local: [], isolated: [] };
  const perBlock = Math.ceil(dispatches / BLOCKS);
  // What is measured is what a process does that lives for long: its code is compiled after some thousands of jobs.
  for (const way of Object.values(ways)) await way(dispatches);
  for (let block = 0; block < BLOCKS; block += 1) {
    for (const [way, dispatch] of Object.entries(ways)) {
      const beganMs = performance.now();
      await dispatch(perBlock);
      tookMs[way].push(performance.now() - beganMs);
    }
  }
  held.release();
  await local.close();
  await isolated.close();
  bare.device.destroy();
  const ofRaw = (way) => 100 * medianOf(tookMs[way].map((ms, block) => tookMs.raw[block] / ms));
  const raw = (1000 * medianOf(tookMs.raw)) / perBlock;
  return { raw, local: ofRaw('local'), isolated: ofRaw('isolated') };
}

/** Where they stay reachable: one that is collected takes its devices along. */
const gpus = [];

async function openBare(flags) {
  const { create } = await import(MODULE.href);
  const gpu = create(flags);
  gpus.push(gpu);
  const adapter = await gpu.requestAdapter();
  if (adapter === null) return null;
  const device = await adapter.requestDevice();
  return { device, ...programOn(device) };
}

function programOn(device) {
  const module = device.createShaderModule({ code: WGSL });
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module } });
  const buffer = device.createBuffer({ size: 16, usage: STORAGE });
  const entries = [{ binding: 0, resource: { buffer } }];
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  return { pipeline, group };
}

function encode(encoder, { pipeline, group }) {
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(1);
  pass.end();
}

async function onBare({ device, ...program }, count) {
  let left = count;
  const lane = async () => {
    for (; left > 0;) {
      left -= 1;
      const encoder = device.createCommandEncoder();
      encode(encoder, program);
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone();
    }
  };
  await Promise.all(Array.from({ length: DEPTH }, lane));
}

function functionsOn(client) {
  let program = null;
  const work = ({ device, encoder }) => {
    program ??= programOn(device);
    encode(encoder, program);
  };
  return (count) => submitAll(client, () => work, count);
}

async function submitAll(client, workOf, count) {
  const results = [];
  for (let index = 0; index < count; index += 1) results.push(client.submit(workOf()).result);
  await Promise.all(results);
}

void runAlone(import.meta);
