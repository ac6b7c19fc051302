import { runAlone } from '../harness/alone.mjs';
import { openPool, POOL_NAMES, THREADS } from './pools.mjs';

export const name = 'worker-throughput';
export const question = 'How many jobs a second pass through two threads?';
export const unit = 'jobs/s';
export const peers = POOL_NAMES;

// `noop`: jobs that do nothing. `1ms`: jobs that keep a core busy for 1 ms, as a part of what two threads could do at best.
// `4KiB`: jobs that are handed 4 KiB and return a number. `noop-by-4`: `noop`, by what it is with four fixed credits
// instead of a time target.
export const target = [
  { figure: 'noop', better: 'more', against: { best: ['piscina'] }, reach: 3.5, stretch: 7 },
  { figure: '1ms', unit: '% of ideal', better: 'more', reach: 97 },
  { figure: 'noop-by-4', unit: 'x', better: 'more', reach: 1 },
  { figure: '4KiB', better: 'more', against: { best: ['piscina'] } },
];

const NOOPS = 20_000;
const SPINS = 2000;
const PAYLOADS = 10_000;

export async function run({ contender, count }) {
  const fixed = contender === 'fenceline' ? await noopWithFixedCredits(count(NOOPS)) : null;
  const pool = await openPool(contender);
  const bytes = new Uint8Array(4096);
  const spins = count(SPINS);
  try {
    const noop = await jobsPerSecond(pool, count(NOOPS), 'noop');
    return {
      noop,
      ...(fixed !== null && { 'noop-by-4': noop / fixed }),
      '1ms': ((await jobsPerSecond(pool, spins, 'spin', 1)) / (THREADS * 1000)) * 100,
      '4KiB': await jobsPerSecond(pool, count(PAYLOADS), 'sizeOf', bytes),
    };
  } finally {
    await pool.close();
  }
}

async function noopWithFixedCredits(jobs) {
  const pool = await openPool('fenceline', 4);
  try {
    return await jobsPerSecond(pool, jobs, 'noop');
  } finally {
    await pool.close();
  }
}

async function jobsPerSecond(pool, jobs, task, argument) {
  globalThis.gc?.();
  const beganMs = performance.now();
  await Promise.all(Array.from({ length: jobs }, () => pool.run(task, argument)));
  return (jobs * 1000) / (performance.now() - beganMs);
}

void runAlone(import.meta);
