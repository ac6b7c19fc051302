import { runAlone } from '../harness/alone.mjs';
import { kernelCharts } from './kernelCharts.mjs';
import { BACKLOGGED_SETS, INTERACTIVE_SETS, SETS } from './kernelClient.mjs';
import { burstWaits, lowShares, runSet } from './kernelRuns.mjs';
import { OTHER_POLICIES } from './world.mjs';

export const name = 'kernel-cases';
export const question =
  'How do the policies serve the two clients of each of the kernel’s own tests?';
export const unit = 'ms';
export const peers = OTHER_POLICIES;

// All in virtual time. `low-share`: what a low client gets of the first 400 ms beside a normal one, of the 1/9 that it is
// entitled to. `makespan`: when all is done, by when it is under fifo; the worst of the four sets whose jobs are all
// there from the beginning. `makespan-all`: the worst of all ten, which is "heavy and interactive" with one credit: there
// whoever lets nobody wait for two jobs has no choice at any moment (docs/fairness.md). `latency-1`, `latency-2`: with one credit
// and with two, the longest wait of the second client of the sets with an interactive one, in jobs of the first.
// `burst-wait`: after 100 jobs one by one, how long a burst of jobs of 10 ms stands still beside an equal client.
// `accounting`: the sum of the clients' times against what the ring executed, the worst of all runs.
export const target = [
  { figure: 'low-share', unit: '% of its due', better: 'more', reach: 98, stretch: 100 },
  { figure: 'makespan', unit: 'x fifo', reach: 1.01 },
  { figure: 'makespan-all', unit: 'x fifo', reach: 1.01 },
  { figure: 'latency-1', unit: 'jobs', reach: 1 },
  { figure: 'latency-2', unit: 'jobs', reach: 2 },
  { figure: 'burst-wait', unit: 'ms', reach: 20 },
  { figure: 'accounting', unit: '%', reach: 1 },
];

export const charts = kernelCharts;

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
    'low-share': lowShares(contender).at(-1)[1] * 9,
    makespan: makespan(runs.filter(({ set }) => BACKLOGGED_SETS.includes(set))),
    'makespan-all': makespan(runs),
    'latency-1': latency(1),
    'latency-2': latency(2),
    'burst-wait': burstWaits(contender).worstMs,
    accounting: Math.max(...runs.map(({ accounting }) => accounting)),
  };
}

void runAlone(import.meta);
