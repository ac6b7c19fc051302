/**
 * The process that one contender of the row webgpu-overhead runs in: a heap, a collector and bindings of its own. Started by
 * contenders.mjs as `contender.mjs WAY FLAGS`; dispatches as often as each message says, and answers `{ ms }`, how long it took, or
 * `{ error }`.
 */
import { openWebGpuDevice } from '../../dist/drivers/webgpu/index.js';
import { MODULE } from './gpu.mjs';

const DEPTH = 8;
/** Of a loop in one invocation; about 0.1 ms on SwiftShader. */
const TURNS = 2600;
const STORAGE = 0x80;

const WGSL = `
  @group(0) @binding(0) var<storage, read_write> data: array<u32>;
  @compute @workgroup_size(1) fn main() {
    for (var i = 0u; i < ${TURNS}u; i++) { data[0] = data[0] * 3u + i; }
  }`;

/** What stays reachable: an object of the bindings that is collected takes its devices along. */
const kept = [];

const WAYS = {
  async raw(flags) {
    const { create } = await import(MODULE.href);
    const gpu = create(flags);
    kept.push(gpu);
    const adapter = await gpu.requestAdapter();
    if (adapter === null) throw new Error('WebGPU has no adapter here');
    const device = await adapter.requestDevice();
    const program = programOn(device);
    return (count) => onBare(device, program, count);
  },

  async local(flags) {
    const device = await openWebGpuDevice(options(flags, 'none'));
    const client = device.open();
    let program = null;
    const work = ({ device, encoder }) => {
      program ??= programOn(device);
      encode(encoder, program);
    };
    return (count) => submitAll(client, work, count);
  },

  async isolated(flags) {
    const device = await openWebGpuDevice(options(flags, 'process'));
    const client = device.open();
    const held = client.allocate({ bytes: 16 });
    kept.push(held);
    const work = { wgsl: WGSL, bindings: [held.value], workgroups: [1] };
    return (count) => submitAll(client, work, count);
  },
};

function options(flags, isolation) {
  return { module: MODULE, flags, isolation, credits: DEPTH };
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

async function onBare(device, program, count) {
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

async function submitAll(client, work, count) {
  const results = [];
  for (let index = 0; index < count; index += 1) results.push(client.submit(work).result);
  await Promise.all(results);
}

const [way, flags] = process.argv.slice(2);
const opening = WAYS[way](JSON.parse(flags));

process.on('message', (count) => {
  opening
    .then(async (dispatch) => {
      const beganMs = performance.now();
      await dispatch(count);
      process.send({ ms: performance.now() - beganMs });
    })
    .catch((error) => process.send({ error: error?.stack ?? String(error) }));
});
// An interrupt is for the program, which ends the row, and that ends this: by a signal, because a device keeps a process alive.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
