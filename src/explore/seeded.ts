import { PctChooser, RandomChooser } from './choosers.ts';
import { Random } from './random.ts';
import { Run } from './run.ts';
import type { Chooser, RunOptions } from './run.ts';
import type { Scenario } from './scenario.ts';
import type { Scope } from './world.ts';

/** A run that a seed makes, and what it drew. */
export interface SeededRun {
  readonly run: Run;
  readonly workload: readonly number[];
}

/** Chances of a fault at a step: some runs have none, so that faults do not hide what goes wrong without them. */
const FAULT_CHANCES = [0.05, 0, 0.02, 0.15, 0.4];

/** The run of `seed`: every strategy, depth and chance of faults follows from it, so one number names the run. */
export function seededRun(
  scenario: Scenario,
  scope: Scope,
  strategy: 'pct' | 'random',
  seed: number,
  extra: Pick<RunOptions, 'onStep' | 'sink' | 'afterStep'> = {},
): SeededRun {
  const draws = new Random(seed, 'workload');
  const workload: number[] = [];
  const draw = (bound: number): number => {
    const value = draws.below(bound);
    workload.push(value);
    return value;
  };
  const schedule = new Random(seed, 'schedule');
  const random = new Random(seed, 'faults');
  const faults = { random, chance: FAULT_CHANCES[random.below(FAULT_CHANCES.length)] as number };
  const depth = 1 + schedule.below(5);
  const expectedSteps = 10 + 6 * scope.entities * scope.jobs;
  const chooser: Chooser =
    strategy === 'pct'
      ? new PctChooser(schedule, faults, depth, expectedSteps)
      : new RandomChooser(schedule, faults);
  return { run: new Run({ scenario, scope, chooser, draw, ...extra }), workload };
}
