import type { EventSink } from '../events/index.ts';
import { DeviationChooser } from './choosers.ts';
import { drawsOf } from './exhaustive.ts';
import type { Finding } from './judge/records.ts';
import { HASH_EVERY } from './replayString.ts';
import type { ReplayPlan } from './replayString.ts';
import { EARLY_TIMER, Run } from './run.ts';
import type { Chooser, StepRow } from './run.ts';
import type { Scenario } from './scenario.ts';
import { stateHash } from './stateHash.ts';
import type { Scope } from './world.ts';

/** What a replay gave. */
export interface ReplayResult {
  readonly finding: Finding | null;
  readonly rows: readonly StepRow[];
  readonly hashes: readonly number[];
  /** The first step up to which the state is not what it was: the run, the scenario or the library has changed. */
  readonly differsAtStep: number | null;
}

/** Runs a plan again, and compares the state on its way. */
export function replayPlan(scenario: Scenario, plan: ReplayPlan, sink?: EventSink): ReplayResult {
  const rows: StepRow[] = [];
  const hashes: number[] = [];
  const chooser = new DeviationChooser(new Map([...plan.schedule, ...plan.faults]));
  const run = new Run({
    scenario,
    scope: plan.scope,
    chooser,
    draw: drawsOf(plan.workload),
    onStep: (row) => rows.push(row),
    afterStep: (at) => {
      if (at.steps % HASH_EVERY === 0) hashes.push(stateHash(at));
    },
    ...(sink === undefined ? {} : { sink }),
  });
  const finding = run.finish();
  hashes.push(stateHash(run));
  const length = Math.max(hashes.length, plan.hashes.length);
  let differsAtStep: number | null = null;
  for (let at = 0; at < length && plan.hashes.length > 0; at += 1) {
    if (hashes[at] === plan.hashes[at]) continue;
    differsAtStep = Math.min((at + 1) * HASH_EVERY, run.steps);
    break;
  }
  return { finding, rows, hashes, differsAtStep };
}

/** The plan of a run that followed `chooser`: what it drew, and where it deviated from the default. */
export function planOf(
  scenario: Scenario,
  scope: Scope,
  workload: readonly number[],
  chooser: Chooser,
): { plan: ReplayPlan; run: Run } {
  const schedule: [number, number][] = [];
  const faults: [number, number][] = [];
  const noting: Chooser = {
    next(run) {
      const byDefault = run.defaultKey();
      const key = chooser.next(run);
      if (key >= EARLY_TIMER) faults.push([run.trace.length, key]);
      else if (key !== byDefault) schedule.push([run.trace.length, key]);
      return key;
    },
  };
  const run = new Run({ scenario, scope, chooser: noting, draw: drawsOf(workload) });
  run.finish();
  const bare = { scenario: scenario.name, scope, workload, schedule, faults, hashes: [] };
  return { plan: { ...bare, hashes: replayPlan(scenario, bare).hashes }, run };
}
