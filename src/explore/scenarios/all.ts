import type { Scenario } from '../scenario.ts';
import type { Scope } from '../world.ts';
import { queues } from './queues.ts';

/** What `pct` and `random` explore by turns. */
export function builtInScenarios(): readonly Scenario[] {
  return [queues({ hang: true, kill: true, slow: true, unplug: true })];
}

/** What an exhaustive search explores, one after the other: up to four jobs with a hang, a kill and a slow job, more without faults. */
export function smallScenarios({ entities, jobs }: Scope): readonly Scenario[] {
  const hasFaults = entities * jobs <= 4;
  return [queues(hasFaults ? { hang: true, kill: true, slow: true } : {})];
}
