import { setTimeout as delay } from 'node:timers/promises';
import { medianOf } from '../harness/judge.mjs';
import { runAlone } from '../harness/alone.mjs';
import { openPool, POOL_NAMES, THREADS } from './pools.mjs';

export const name = 'worker-hang';
export const question = 'What happens to innocent jobs when a job never returns?';
export const unit = 'ms';
export const peers = POOL_NAMES;

// A thread that loops for ever must not disturb the contender that comes next.
export const freshProcess = true;

// A job that loops for ever and may take 200 ms, in one or both threads, and 40 innocent jobs of another user that wait.
// `one`, `both`: from the rejection of the last loop to the end of the next innocent job. `lost`: innocent jobs that failed,
// or were not done 3 s after that, of all that were submitted. `burn`: how busy a core is once everything has ended.
// The peers are measured in the first two rounds only, with one loop in one thread and one in both: to wait for what some of
// them lose takes up to 15 s each time. So the row takes two minutes with its peers.
export const target = [
  { figure: 'one', reach: 45, stretch: 15 },
  { figure: 'both', reach: 45, stretch: 15 },
  { figure: 'lost', unit: '%', reach: 0 },
  { figure: 'burn', unit: '% of a core', reach: 10 },
];

export const peerRounds = 2;

/** For one thread and for both: seven rounds make a hundred. */
const REPEATS = 8;
const PEER_REPEATS = 1;
const INNOCENTS = 40;
const INNOCENT_MS = 10;
const TIMEOUT_MS = 200;
const LOST_AFTER_MS = 3000;
const IDLE_MS = 300;

export async function run({ contender, count, smoke }) {
  const repeats = contender === 'fenceline' ? count(REPEATS) : PEER_REPEATS;
  const patienceMs = smoke ? 500 : LOST_AFTER_MS;
  const one = await repeat(contender, repeats, 1, patienceMs);
  const both = await repeat(contender, repeats, THREADS, patienceMs);
  const lost = (100 * (one.lost + both.lost)) / (one.submitted + both.submitted);
  const figures = { lost, burn: Math.max(one.burn, both.burn) };
  if (one.nextMs.length > 0) figures.one = medianOf(one.nextMs);
  if (both.nextMs.length > 0) figures.both = medianOf(both.nextMs);
  return figures;
}

/** A pool that lost a job is not used again: its threads may be gone. */
async function repeat(contender, repeats, loops, patienceMs) {
  const sum = { nextMs: [], lost: 0, submitted: 0, burn: 0 };
  const pool = await openPool(contender);
  for (let index = 0; index < repeats; index += 1) {
    const { nextMs, done } = await hangOnce(pool, loops, patienceMs, `repeat ${index}`);
    if (nextMs !== null) sum.nextMs.push(nextMs);
    sum.submitted += INNOCENTS;
    sum.lost += INNOCENTS - done;
    if (done < INNOCENTS) break;
  }
  sum.burn = await burnOf();
  await pool.close();
  return sum;
}

async function hangOnce(pool, loops, patienceMs, repeatName) {
  const endedMs = [];
  const hangs = Array.from({ length: loops }, () =>
    pool.run('hang', undefined, { timeoutMs: TIMEOUT_MS, by: `${repeatName}: loops` }),
  );
  const rejected = Promise.allSettled(hangs).then(() => performance.now());
  const innocents = Array.from({ length: INNOCENTS }, () =>
    pool
      .run('spin', INNOCENT_MS, { by: 'innocent' })
      .then(() => endedMs.push(performance.now()))
      .catch(() => {}),
  );
  const rejectedMs = await Promise.race([rejected, delay(TIMEOUT_MS + patienceMs, null)]);
  await Promise.race([Promise.all(innocents), delay(patienceMs)]);
  const nextMs = endedMs.find((atMs) => atMs >= rejectedMs);
  const isKnown = rejectedMs !== null && nextMs !== undefined;
  return { nextMs: isKnown ? nextMs - rejectedMs : null, done: endedMs.length };
}

/** How busy this process keeps a core while it has nothing to do. */
async function burnOf() {
  const before = process.cpuUsage();
  await delay(IDLE_MS);
  const { user, system } = process.cpuUsage(before);
  return (100 * (user + system)) / (IDLE_MS * 1000);
}

void runAlone(import.meta);
