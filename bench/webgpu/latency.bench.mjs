import { setTimeout as delay } from 'node:timers/promises';
import { openWebGpuDevice } from '../../dist/drivers/webgpu/index.js';
import { runAlone } from '../harness/alone.mjs';
import { hasWebGpu, MODULE, spin } from './gpu.mjs';

export const name = 'webgpu-latency';
export const question =
  'How long does a short dispatch of one client wait while another floods the GPU?';
export const unit = 'ms';
export const peers = [];

// Devices of this process stay reachable, and an isolated one has processes of its own.
export const freshProcess = true;

// One client submits a short dispatch each 20 ms; another always has 100 of about 2 ms waiting. Nobody says who is urgent.
// `…-over`: the 99th percentile from submit to result, less the longest dispatch of the flood in the same round.
export const target = [
  { figure: 'local-p99' },
  { figure: 'local-over', reach: 5 },
  { figure: 'isolated-p99' },
  { figure: 'isolated-over', reach: 5 },
];

const EVERY_MS = 20;
const SHORT_JOBS = 200;
const FLOOD_DEPTH = 100;
const FLOOD_TURNS = 130_000;

export async function run({ count }) {
  if (!(await hasWebGpu(name))) return {};
  const local = await underFlood('none', count(SHORT_JOBS));
  const isolated = await underFlood('process', count(SHORT_JOBS));
  return {
    'local-p99': local.p99,
    'local-over': local.over,
    'isolated-p99': isolated.p99,
    'isolated-over': isolated.over,
  };
}

async function underFlood(isolation, jobs) {
  const device = await openWebGpuDevice({ module: MODULE, isolation });
  const [user, flood] = [device.open({ label: 'user' }), device.open({ label: 'flood' })];
  await Promise.all([user.submit(spin(1)).result, flood.submit(spin(FLOOD_TURNS)).result]);
  let longestMs = 0;
  const stop = device.observe({
    emit(event) {
      if (event.type === 'job-done') longestMs = Math.max(longestMs, event.busyUs / 1000);
    },
  });
  let flooding = true;
  const lane = async () => {
    while (flooding) await flood.submit(spin(FLOOD_TURNS)).result;
  };
  const lanes = Array.from({ length: FLOOD_DEPTH }, lane);
  const tookMs = [];
  const results = [];
  for (let job = 0; job < jobs; job += 1) {
    const beganMs = performance.now();
    const { result } = user.submit(spin(1));
    results.push(result.then(() => tookMs.push(performance.now() - beganMs)));
    await delay(EVERY_MS);
  }
  await Promise.all(results);
  stop();
  flooding = false;
  await Promise.all(lanes);
  await device.close();
  tookMs.sort((a, b) => a - b);
  const p99 = tookMs[Math.ceil(0.99 * tookMs.length) - 1];
  return { p99, over: p99 - longestMs };
}

void runAlone(import.meta);
