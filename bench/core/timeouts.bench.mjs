import { Scheduler, systemRuntime } from '../../dist/index.js';
import { runAlone } from '../harness/alone.mjs';
import { completesLater, neverCompletes } from './drivers.mjs';
import { grownBytes } from './heapSize.mjs';
import { medianOf } from '../harness/judge.mjs';

export const name = 'core-timeouts';
export const question = 'What does a run timeout that does not fire add to a job?';
export const unit = 'us/job';
export const peers = ['setTimeout'];

// `added`: the cost of a job with a timeout, less that of one without; of the peer: setTimeout and clearTimeout.
// `bytes`: what a timeout adds to a queued job. `timers`: the most native timers of one scheduler at any time.
export const target = [
  { figure: 'added', against: { best: ['setTimeout'] }, reach: 0.4, stretch: 0.2 },
  { figure: 'bytes', unit: 'B/job', reach: 0.5 },
  { figure: 'timers', unit: 'timers', reach: 1 },
];

const JOBS = 1_000_000;
/** Jobs with and without a timeout take turns in blocks, so that a disturbance hits both alike. */
const BLOCKS = 20;
const TIMEOUT = { runTimeoutMs: 30_000 };
const NONE = {};

export async function run({ contender, count }) {
  const jobs = count(JOBS);
  if (contender !== 'fenceline') return { added: costOfNativeTimer(jobs) };
  const { runtime, mostArmed } = countTimers(systemRuntime());
  const added = await costOfTimeout(runtime, Math.ceil(jobs / BLOCKS));
  const bytes =
    (await bytesOfJob(count(100_000), TIMEOUT)) - (await bytesOfJob(count(100_000), NONE));
  return { added, bytes: Math.max(0, bytes), timers: mostArmed() };
}

function costOfNativeTimer(jobs) {
  const beganMs = performance.now();
  for (let job = 0; job < jobs; job += 1) clearTimeout(setTimeout(() => {}, TIMEOUT.runTimeoutMs));
  return ((performance.now() - beganMs) * 1000) / jobs;
}

async function costOfTimeout(runtime, jobs) {
  const [without, timed] = [NONE, TIMEOUT].map((options) => openScheduler(runtime, options));
  const differences = [];
  for (let block = 0; block < BLOCKS; block += 1) {
    // Whoever goes second finds a warmer machine: they take turns in that, too.
    const order = block % 2 === 0 ? [without, timed] : [timed, without];
    const costs = new Map();
    for (const one of order) costs.set(one, await costOfBlock(one.entity, jobs));
    differences.push(costs.get(timed) - costs.get(without));
  }
  for (const { scheduler } of [without, timed]) await scheduler.close();
  return medianOf(differences);
}

function openScheduler(runtime, options) {
  const driver = completesLater(runtime);
  const scheduler = new Scheduler({ label: 'bench', driver, runtime, ...options });
  return { scheduler, entity: scheduler.createEntity() };
}

async function costOfBlock(entity, jobs) {
  globalThis.gc?.();
  const beganMs = performance.now();
  for (let job = 0; job < jobs; job += 1) entity.submit(job);
  await entity.flush();
  return ((performance.now() - beganMs) * 1000) / jobs;
}

async function bytesOfJob(jobs, options) {
  const runtime = systemRuntime();
  const driver = neverCompletes(runtime);
  const scheduler = new Scheduler({ label: 'bench', driver, runtime, ...options });
  const entity = scheduler.createEntity();
  const bytes = await grownBytes(() => {
    for (let job = 0; job < jobs; job += 1) entity.submit(job);
  });
  await scheduler.close({ mode: 'kill' });
  return bytes / jobs;
}

/** The same runtime, and how many timers in the future were armed at once at most. */
function countTimers(runtime) {
  let armed = 0;
  let most = 0;
  const setTimer = (atUs, fn) => {
    // One that is due already continues a long pass (S2), and is no timeout.
    if (atUs <= runtime.nowUs()) return runtime.setTimer(atUs, fn);
    let counted = true;
    const uncount = () => {
      if (counted) armed -= 1;
      counted = false;
    };
    armed += 1;
    most = Math.max(most, armed);
    const timer = runtime.setTimer(atUs, () => {
      uncount();
      fn();
    });
    return {
      cancel() {
        uncount();
        timer.cancel();
      },
    };
  };
  return { runtime: { ...runtime, setTimer }, mostArmed: () => most };
}

void runAlone(import.meta);
