import { runAlone } from '../harness/alone.mjs';
import { openContender } from './contenders.mjs';
import { hasWebGpu } from './gpu.mjs';

export const name = 'webgpu-overhead';
export const question = 'What does scheduling take of the throughput of short dispatches?';
export const unit = '% of raw';
export const peers = [];

// The throughput of fenceline in per cent of that of a bare device, which encodes, submits and awaits `onSubmittedWorkDone` with as
// many submissions in flight. `local`: functions that encode, in this realm; `isolated`: plain data with a buffer of the
// client, in a process of its own. `raw`: what a dispatch takes on the bare device. On SwiftShader a dispatch is a loop of
// about 0.1 ms; `null-…` is Dawn's null backend, which executes nothing: all overhead.
//
// Each contender has a process of its own: the bindings make garbage, and in a heap that is shared one contender waits while that of
// another is collected. They take turns in blocks, so that whatever disturbs the machine disturbs all of them, and the time of
// all blocks counts, because a collection is a part of what a dispatch costs.
export const target = [
  { figure: 'raw', unit: 'us/dispatch' },
  { figure: 'local', better: 'more', reach: 95, stretch: 98 },
  { figure: 'isolated', better: 'more', reach: 80, stretch: 90 },
  { figure: 'null-raw', unit: 'us/dispatch' },
  { figure: 'null-local', better: 'more' },
  { figure: 'null-isolated', better: 'more' },
];

const WAYS = ['raw', 'local', 'isolated'];
const DISPATCHES = 10_000;
const BLOCKS = 20;
/** What is measured is what a process does that lives for long: its code is compiled after some ten thousand jobs. */
const WARM_UPS = 2;

export async function run({ count }) {
  if (!(await hasWebGpu(name))) return {};
  const blank = await overhead(count(DISPATCHES), ['backend=null']);
  const real = await overhead(count(DISPATCHES), []);
  return {
    ...real,
    'null-raw': blank.raw,
    'null-local': blank.local,
    'null-isolated': blank.isolated,
  };
}

async function overhead(dispatches, flags) {
  const contenders = WAYS.map((way) => openContender(way, flags));
  const tookMs = WAYS.map(() => 0);
  const perBlock = Math.ceil(dispatches / BLOCKS);
  try {
    for (const contender of contenders) await contender.dispatch(WARM_UPS * dispatches);
    for (let block = 0; block < BLOCKS; block += 1) {
      for (const [at, contender] of contenders.entries()) {
        tookMs[at] += await contender.dispatch(perBlock);
      }
    }
  } finally {
    for (const contender of contenders) contender.close();
  }
  const [raw, local, isolated] = tookMs;
  return {
    raw: (1000 * raw) / (BLOCKS * perBlock),
    local: (100 * raw) / local,
    isolated: (100 * raw) / isolated,
  };
}

void runAlone(import.meta);
