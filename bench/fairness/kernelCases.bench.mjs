import { runAlone } from '../harness/alone.mjs';
import { SETS, startClient } from './kernelClient.mjs';
import { accountingErrorPct, openWorld, OTHER_POLICIES } from './world.mjs';

export const name = 'kernel-cases';
export const question =
  'How do the policies serve the two clients of each of the kernel’s own tests?';
export const unit = 'ms';
export const peers = OTHER_POLICIES;

// All in virtual time. `low-share`: what a low client gets of the first 400 ms beside a normal one, of the 1/9 that it is
// entitled to. `makespan`: when all is done, by when it is under fifo; the worst of the four sets whose jobs are all
// there from the beginning. `makespan-all`: the worst of all ten; in the other six a job that waits delays all that its
// client does later, and who comes first decides whether two clients meet in each cycle or never. `latency-1`, `latency-2`: with one credit
// and with two, the longest wait of the second client of the sets with an interactive one, in jobs of the first.
// `burst-wait`: after 100 jobs one by one, how long a burst of jobs of 10 ms stands still beside an equal client.
// `accounting`: the sum of the clients' times against what the ring executed, the worst of all runs.
export const target = [
  { figure: 'low-share', unit: '% of its due', better: 'more', reach: 98, stretch: 100 },
  { figure: 'makespan', unit: 'x fifo', reach: 1.01 },
  { figure: 'makespan-all', unit: 'x fifo' },
  { figure: 'latency-1', unit: 'jobs', reach: 1 },
  { figure: 'latency-2', unit: 'jobs', reach: 2 },
  { figure: 'burst-wait', unit: 'ms', reach: 20 },
  { figure: 'accounting', unit: '%', reach: 1 },
];

const BACKLOGGED_SETS = Object.keys(SETS).slice(0, 4);
const INTERACTIVE_SETS = Object.keys(SETS).filter((set) => set.endsWith('interactive'));

export async function run({ contender }) {
  const runs = [1, 2].flatMap((credits) =>
    Object.keys(SETS).map((set) => ({ set, credits, ...runSet(contender, set, credits) })),
  );
  const latency = (credits) => {
    const ofInterest = runs.filter((one) => one.credits === credits);
    return Math.max(
      ...ofInterest
        .filter(({ set }) => INTERACTIVE_SETS.includes(set))
        .map(({ set, worstUs }) => worstUs / SETS[set][0].us),
    );
  };
  const makespan = (some) =>
    Math.max(...some.map(({ set, credits, endUs }) => endUs / runSet('fifo', set, credits).endUs));
  return {
    'low-share': lowSharePct(contender),
    makespan: makespan(runs.filter(({ set }) => BACKLOGGED_SETS.includes(set))),
    'makespan-all': makespan(runs),
    'latency-1': latency(1),
    'latency-2': latency(2),
    'burst-wait': burstWaitMs(contender),
    accounting: Math.max(...runs.map(({ accounting }) => accounting)),
  };
}

/** One set: the longest latency of its second client, when all is done, and who executed when. */
export function runSet(policy, set, credits) {
  const world = openWorld({ policy, credits });
  const clients = SETS[set].map((options, index) => startClient(world, index, options));
  world.runtime.runUntilIdle();
  const { spans } = world.device;
  return {
    spans,
    endUs: spans.at(-1).endUs,
    worstUs: Math.max(...clients[1].latenciesUs),
    latenciesUs: clients.map(({ latenciesUs }) => latenciesUs),
    accounting: accountingErrorPct(
      world,
      clients.map(({ entity }) => entity),
    ),
  };
}

/** Jobs of 1 ms, so that the first 400 ms tell. */
function lowSharePct(policy) {
  const world = openWorld({ policy });
  for (const client of ['normal', 'low']) {
    const entity = world.scheduler.createEntity({ priority: client });
    for (let job = 0; job < 1000; job += 1) entity.submit({ us: 1000, client });
  }
  world.runtime.advanceBy(400_000);
  return (100 * world.device.executedUs('low', 0, 400_000)) / (400_000 / 9);
}

function burstWaitMs(policy) {
  const us = 10_000;
  const world = openWorld({ policy });
  const [client, other] = [world.scheduler.createEntity(), world.scheduler.createEntity()];
  for (let job = 0; job < 400; job += 1) other.submit({ us, client: 'other' });
  const waitsUs = [];
  const runOneByOne = (left) => {
    const job = client.submit({ us, client: 'client' });
    job.finished.addCallback(() => (left > 1 ? runOneByOne(left - 1) : burst()));
  };
  const burst = () => {
    let sinceUs = world.runtime.nowUs();
    for (let index = 0; index < 5; index += 1) {
      const job = client.submit({ us, client: 'client' });
      job.scheduled.addCallback((fence) => waitsUs.push(fence.signalledAtUs - sinceUs));
      job.finished.addCallback((fence) => (sinceUs = fence.signalledAtUs));
    }
  };
  runOneByOne(100);
  world.runtime.runUntilIdle();
  return Math.max(...waitsUs) / 1000;
}

void runAlone(import.meta);
