import { runAlone } from '../harness/alone.mjs';
import { runCrowd } from './crowd.mjs';
import { shareCharts } from './shareCharts.mjs';
import * as tricks from './tricks.mjs';
import { accountingErrorPct, openWorld, OTHER_POLICIES } from './world.mjs';

export const name = 'fairness';
export const question =
  'Does each client get its share, whatever its jobs and its neighbours are like?';
export const unit = '%';
export const peers = OTHER_POLICIES;

// All in virtual time. Eight clients of all kinds (crowd.mjs) on one ring, and on four with two that can use only one:
// `jain`: of what each got by what it was entitled to. `error`: the largest difference between the two in any second.
// `idle`: time in which rings had nothing although jobs waited. The others are what a client gains by a trick over
// its equal (tricks.mjs). `accounting`: the sum of the clients' times against what the rings executed, with two
// credits, so that jobs overlap in the scheduler's sight, and with hangs and resets.
const GAIN = { unit: 'ms', reach: 4 };
export const target = [
  { figure: 'jain', unit: 'index', better: 'more', reach: 0.995, stretch: 0.999 },
  { figure: 'error', reach: 2, stretch: 1 },
  { figure: 'idle', reach: 1 },
  { figure: 'jain-4', unit: 'index', better: 'more', reach: 0.995, stretch: 0.999 },
  { figure: 'error-4', reach: 2, stretch: 1 },
  { figure: 'idle-4', reach: 1 },
  { figure: 'sleeper', ...GAIN },
  { figure: 'underestimate', ...GAIN },
  { figure: 'overestimate', ...GAIN },
  { figure: 'queues', ...GAIN },
  { figure: 'blocked', ...GAIN },
  { figure: 'held-back', ...GAIN },
  { figure: 'accounting', reach: 1 },
];

const SECONDS = 30;

export const charts = shareCharts;

export async function run({ contender: policy, count }) {
  const seconds = count(SECONDS);
  const one = runCrowd({ policy, rings: 1, credits: 1, seconds });
  const four = runCrowd({ policy, rings: 4, credits: 1, seconds });
  const pipelined = runCrowd({ policy, rings: 2, credits: 2, seconds });
  return {
    jain: one.jain,
    error: one.error,
    idle: one.idle,
    'jain-4': four.jain,
    'error-4': four.error,
    'idle-4': four.idle,
    sleeper: tricks.sleeperGain(policy),
    underestimate: tricks.underestimateGain(policy),
    overestimate: tricks.overestimateGain(policy),
    queues: tricks.queuesGain(policy),
    blocked: tricks.blockedGain(policy),
    'held-back': tricks.heldBackBlocked(policy),
    accounting: Math.max(pipelined.accounting, accountingUnderResetsPct(policy)),
  };
}

/** Two clients, one of which hangs now and then: a reset takes what was on the ring. */
function accountingUnderResetsPct(policy) {
  const world = openWorld({ policy, credits: 2, runTimeoutMs: 20, banAfter: 1000 });
  const entities = [0, 1].map(() => world.scheduler.createEntity());
  for (let job = 0; job < 500; job += 1) {
    entities[0].submit({ us: job % 50 === 0 ? Infinity : 2000, client: 0 });
    entities[1].submit({ us: 3000, client: 1 }, { resubmit: true });
  }
  world.runtime.runUntilIdle();
  return accountingErrorPct(world, entities);
}

void runAlone(import.meta);
