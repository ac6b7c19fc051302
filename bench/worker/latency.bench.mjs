import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '../core/random.mjs';
import { runAlone } from '../harness/alone.mjs';
import { openPool, POOL_NAMES, THREADS } from './pools.mjs';

export const name = 'worker-latency';
export const question =
  'How long does a short job of one user wait while another floods the threads?';
export const unit = 'ms';
export const peers = POOL_NAMES;

// `p50`, `p99`: from submit to result of 1 ms jobs that one user submits now and then, while 2,000 jobs of 10 ms of
// another wait. Nobody says who is urgent. `p99-by-1`: `p99`, by what it is with one job in a thread at a time. `makespan`: until the last of all is done, by what two threads need at best.
export const target = [
  { figure: 'p50' },
  { figure: 'p99', reach: 11.5, stretch: 10.5 },
  { figure: 'p99-by-1', unit: 'x', reach: 1.1 },
  { figure: 'makespan', unit: 'x ideal', reach: 1.03 },
];

const FLOOD = 2000;
const FLOOD_MS = 10;
const SHORT_MS = 1;
/** Between two short jobs: at random from this to three times as much. */
const PAUSE_MS = 25;

export async function run({ contender, count }) {
  const figures = await underFlood(contender, count(FLOOD));
  if (contender !== 'fenceline') return figures;
  const one = await underFlood(contender, count(FLOOD), 1);
  return { ...figures, 'p99-by-1': figures.p99 / one.p99 };
}

async function underFlood(contender, jobs, credits) {
  const pool = await openPool(contender, credits);
  try {
    return await flood(pool, jobs);
  } finally {
    await pool.close();
  }
}

async function flood(pool, jobs) {
  const random = seededRandom(1);
  const tookMs = [];
  const shortJobs = [];
  const beganMs = performance.now();
  let flooded = true;
  const floodDone = Promise.all(
    Array.from({ length: jobs }, () => pool.run('spin', FLOOD_MS, { by: 'flood' })),
  ).then(() => (flooded = false));
  while (flooded) {
    const submittedMs = performance.now();
    const job = pool.run('spin', SHORT_MS, { by: 'interactive' });
    shortJobs.push(job.then(() => tookMs.push(performance.now() - submittedMs)));
    await delay(PAUSE_MS * (1 + 2 * random()));
  }
  await floodDone;
  await Promise.all(shortJobs);
  const idealMs = (jobs * FLOOD_MS + tookMs.length * SHORT_MS) / THREADS;
  const sorted = tookMs.toSorted((a, b) => a - b);
  const percentile = (part) => sorted[Math.ceil(part * sorted.length) - 1];
  return {
    p50: percentile(0.5),
    p99: percentile(0.99),
    makespan: (performance.now() - beganMs) / idealMs,
  };
}

void runAlone(import.meta);
