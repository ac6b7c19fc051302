import type { Scenario } from '../scenario.ts';
import type { Scope } from '../world.ts';
import { crashes } from './crashes.ts';
import { fences } from './fences.ts';
import { inside } from './inside.ts';
import { queues } from './queues.ts';
import { shares } from './shares.ts';
import { swarm } from './swarm.ts';

const FAMILIES: readonly Scenario[] = [
  queues('queues', { hang: true, kill: true, slow: true, unplug: true }),
  swarm(
    'plain',
    'plain jobs, different costs, rings and priorities',
    ['credits', 'rings', 'priorities'],
    0,
  ),
  swarm('dependencies', 'jobs that wait for jobs and gates', ['dependencies'], 12),
  swarm(
    'composites',
    'jobs that wait for what is made of fences',
    ['dependencies', 'composites'],
    12,
  ),
  swarm(
    'pipelines',
    'dependencies across entities on one ring, and resets',
    ['dependencies', 'resets'],
    0,
  ),
  swarm('kills', 'clients that are killed at any step', ['kills', 'dependencies', 'cancels'], 12),
  swarm('cancels', 'jobs that are cancelled at any step', ['cancels', 'queueLimits'], 12),
  swarm(
    'limits',
    'limits of time in the queue and on the ring',
    ['queueLimits', 'runTimeouts', 'suspends'],
    12,
  ),
  swarm('hangs', 'jobs that hang, and resets', ['runTimeouts', 'completions', 'resets'], 12),
  swarm(
    'blame',
    'guilty clients, bans and queues that die',
    ['blame', 'resets', 'runTimeouts'],
    12,
  ),
  swarm(
    'rings',
    'several rings, reset as a whole or one by one',
    ['rings', 'resets', 'completions'],
    12,
  ),
  swarm(
    'moves',
    'entities that move between schedulers, and shared reset domains',
    ['moves', 'resets'],
    12,
  ),
  swarm('moving', 'entities that move, without faults of hardware', ['moves', 'priorities'], 0),
  swarm('pools', 'slots that jobs hold', ['pools', 'priorities'], 12),
  swarm('prepares', 'drivers that ask for time before a start', ['prepares', 'cancels'], 12),
  swarm('callbacks', 'clients that act inside callbacks', ['reentrant', 'dependencies'], 12),
  swarm('drivers', 'hooks that throw or are missing', ['throws', 'lacks', 'runTimeouts'], 12),
  swarm('ends', 'schedulers that are drained, closed and unplugged', ['ends', 'dependencies'], 12),
  swarm(
    'hooks',
    'schedulers that end in the middle of a hook',
    ['ends', 'reentrant', 'runTimeouts', 'cancels'],
    12,
  ),
  swarm(
    'deaths',
    'jobs that die in the queue, and clients that act as they do',
    ['reentrant', 'cancels', 'kills', 'ends'],
    0,
  ),
  fences,
  swarm('mixed', 'anything at once', [], 3),
  shares(),
  swarm(
    'unstoppable',
    'jobs that nothing can stop, and that fail on time',
    ['unstoppable', 'runTimeouts', 'completions'],
    12,
  ),
  swarm('slices', 'jobs that are served slice by slice', ['slices', 'cancels', 'kills'], 10),
  swarm(
    'sliced resets',
    'slices on several rings, hangs and resets',
    ['slices', 'rings', 'resets', 'runTimeouts'],
    10,
  ),
  crashes(),
  inside,
];

const FEW_JOBS = queues('few jobs', { hang: true, kill: true, slow: true });
const PLAIN_JOBS = queues('plain jobs');

/** What `pct` and `random` explore by turns. */
export function builtInScenarios(): readonly Scenario[] {
  return FAMILIES;
}

/** What an exhaustive search explores, one after the other: up to four jobs with a hang, a kill and a slow job, more without faults. */
export function smallScenarios({ entities, jobs }: Scope): readonly Scenario[] {
  return [entities * jobs <= 4 ? FEW_JOBS : PLAIN_JOBS];
}

/** What a replay string may be of; a search finds it in a larger scope than the one that it was shrunk to. */
export function replayableScenarios(): readonly Scenario[] {
  return [...FAMILIES, FEW_JOBS, PLAIN_JOBS];
}
