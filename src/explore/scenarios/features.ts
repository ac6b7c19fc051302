import type { World } from '../world.ts';

/** What a world of the swarm may have. Few at a time, so that one does not hide the other (swarm testing). */
export interface Features {
  /** Dependencies on jobs of all clients, on gates and on what is made of fences. */
  readonly dependencies: boolean;
  readonly composites: boolean;
  /** Several rings, drivers that keep no order, parallel entities. */
  readonly rings: boolean;
  /** Jobs of different cost. */
  readonly credits: boolean;
  readonly priorities: boolean;
  readonly runTimeouts: boolean;
  readonly queueLimits: boolean;
  readonly suspends: boolean;
  readonly cancels: boolean;
  readonly kills: boolean;
  readonly completions: boolean;
  readonly resets: boolean;
  readonly blame: boolean;
  /** Several schedulers, entities that move, a shared reset domain. */
  readonly moves: boolean;
  readonly pools: boolean;
  readonly prepares: boolean;
  /** Acts inside callbacks of fences. */
  readonly reentrant: boolean;
  readonly throws: boolean;
  readonly ends: boolean;
  readonly lacks: boolean;
  /** Jobs of which their driver says that nothing can stop them. */
  readonly unstoppable: boolean;
  /** Jobs that are served slice by slice. */
  readonly slices: boolean;
}

export type FeatureName = keyof Features;

const ALL: readonly FeatureName[] = [
  'dependencies',
  'composites',
  'rings',
  'credits',
  'priorities',
  'runTimeouts',
  'queueLimits',
  'suspends',
  'cancels',
  'kills',
  'completions',
  'resets',
  'blame',
  'moves',
  'pools',
  'prepares',
  'reentrant',
  'throws',
  'ends',
  'lacks',
  'unstoppable',
  'slices',
];

/** Those that a world has only where they are named. */
const NAMED_ONLY: readonly FeatureName[] = ['unstoppable', 'slices'];

/** Those named, and with `others` in so many: each of the rest in one world of that many. */
export function drawFeatures(world: World, named: readonly FeatureName[], oneIn: number): Features {
  const features: Record<string, boolean> = {};
  for (const name of ALL) {
    const mayBeDrawn = oneIn > 0 && !NAMED_ONLY.includes(name);
    features[name] = named.includes(name) || (mayBeDrawn && world.draw(oneIn) === oneIn - 1);
  }
  return features as unknown as Features;
}
