import { seededRandom } from '../core/random.mjs';
import { jainIndex, maxMin } from './entitlement.mjs';
import { accountingErrorPct, openWorld } from './world.mjs';

/**
 * Eight clients with jobs of 0.5 to 20 ms, 1 to 10,000 of them queued, and weights of 1 to 8. Each second some leave and some
 * join; the first never leaves. On several rings the last two are serial: they can use one ring each.
 */
export const CLIENTS = [
  { weight: 1, us: 5000, depth: 10_000 },
  { weight: 1, us: 500, depth: 1 },
  { weight: 4, us: 2000, depth: 10 },
  { weight: 8, us: 1000, depth: 100 },
  { weight: 1, us: 10_000, depth: 1000 },
  { weight: 2, us: 20_000, depth: 100 },
  { weight: 4, us: 3000, depth: 1000 },
  { weight: 8, us: 8000, depth: 1 },
];
const WINDOW_US = 1_000_000;
const US_MIN = 500;
const US_MAX = 20_000;

/**
 * Runs the crowd for `seconds`, and gives for each client and second what it got and what it was entitled to, and the figures.
 *
 * @param {{ policy: string, rings: number, credits: number, seconds: number }} options
 */
export function runCrowd({ policy, rings, credits, seconds, seed = 1 }) {
  const world = openWorld({ policy, rings, credits });
  const random = seededRandom(seed);
  const clients = CLIENTS.map((client, index) => openClient(world, client, index, rings, random));
  const windows = [];
  for (let second = 0; second < seconds; second += 1) {
    for (const client of clients) {
      if (client.index > 0 && random() < 0.3) client.setActive(!client.active);
    }
    const active = clients.filter((client) => client.active);
    world.runtime.advanceBy(WINDOW_US);
    windows.push({ active, due: maxMin(active, rings * WINDOW_US) });
  }
  const shares = windows.map(({ active, due }, second) => {
    const got = clients.map(({ index }) =>
      world.device.executedUs(index, second * WINDOW_US, (second + 1) * WINDOW_US),
    );
    return { got, due: clients.map((client) => due[active.indexOf(client)] ?? 0) };
  });
  const entities = clients.map(({ entity }) => entity);
  return { shares, ...figuresOf(shares, rings), accounting: accountingErrorPct(world, entities) };
}

function figuresOf(shares, rings) {
  const capacityUs = rings * WINDOW_US;
  const sumOf = (key, index) => shares.reduce((sum, window) => sum + window[key][index], 0);
  const errorsUs = shares.flatMap(({ got, due }) =>
    due.flatMap((us, index) => (us > 0 ? [Math.abs(got[index] - us)] : [])),
  );
  const totals = CLIENTS.map((_, index) => [sumOf('got', index), sumOf('due', index)]);
  const totalUs = totals.reduce((sum, [gotUs]) => sum + gotUs, 0);
  return {
    jain: jainIndex(totals.flatMap(([gotUs, dueUs]) => (dueUs > 0 ? [gotUs / dueUs] : []))),
    error: (100 * Math.max(...errorsUs)) / capacityUs,
    idle: 100 * (1 - totalUs / (shares.length * capacityUs)),
  };
}

/** A client that keeps `depth` jobs queued or running while it is active; each takes half to one and a half of `us`. */
function openClient(world, { weight, us, depth }, index, rings, random) {
  const serial = rings === 1 || index >= CLIENTS.length - 2;
  const entity = world.scheduler.createEntity({ weight, order: serial ? 'serial' : 'parallel' });
  const depthInUse = serial ? depth : Math.max(depth, 2 * rings);
  const queued = new Set();
  const submit = () => {
    const jobUs = Math.min(US_MAX, Math.max(US_MIN, us * (0.5 + random())));
    const job = entity.submit({ us: Math.round(jobUs), client: index });
    queued.add(job);
    job.finished.addCallback(() => {
      queued.delete(job);
      if (client.active) submit();
    });
  };
  const client = {
    entity,
    index,
    weight,
    limit: serial ? WINDOW_US : rings * WINDOW_US,
    active: false,
    setActive(active) {
      client.active = active;
      if (!active)
        for (const job of [...queued].reverse()) if (job.state === 'queued') job.cancel();
      while (active && queued.size < depthInUse) submit();
    },
  };
  client.setActive(index % 2 === 0);
  return client;
}
