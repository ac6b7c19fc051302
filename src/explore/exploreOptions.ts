import { checkedOptions, invalid } from '../base/index.ts';
import type { ExhaustiveState } from './exhaustive.ts';
import type { Scenario } from './scenario.ts';
import type { Scope } from './world.ts';

/** How schedules are chosen. */
export type ExploreStrategy = 'exhaustive' | 'pct' | 'random';

/** Options of `explore`. */
export interface ExploreOptions {
  /** Default: `exhaustive` where the scope is small and no number of seeds or seconds is given, else `pct`. */
  readonly strategy?: ExploreStrategy;
  /** How many entities, and jobs each. Default 2x2. */
  readonly scope?: Scope;
  /** How many runs, of `pct` and `random`, with those of the search that it goes on from. Default 20,000, unless `seconds` is given. */
  readonly seeds?: number;
  /** The first seed. Default 1. */
  readonly firstSeed?: number;
  /** For how long, at most; a search that goes on from another has all of it for itself. Needs a `clock`. */
  readonly seconds?: number;
  /** Milliseconds that pass, for `seconds` and for rates: `() => performance.now()`. Without it they are 0. */
  readonly clock?: () => number;
  /** What is explored. Default: those that come with the package. */
  readonly scenarios?: readonly Scenario[];
  /** After so many different findings the search ends. Default 10. */
  readonly maxViolations?: number;
  /** Where an earlier search stopped: see `Exploration.checkpoint`. */
  readonly resume?: Checkpoint;
}

/** One way in which a law was broken. */
export interface Violation {
  /** The number of the law, as `J5`. */
  readonly rule: string;
  /** The same for every run that breaks it in the same way. */
  readonly signature: string;
  /** The shortest run that was found, as a table. */
  readonly trail: string;
  /** What runs it again: see `replay`. */
  readonly replay: string;
}

/** Where a search stopped, in plain JSON. */
export interface Checkpoint {
  readonly version: 1;
  readonly strategy: ExploreStrategy;
  readonly scope: Scope;
  readonly schedules: number;
  readonly states: number;
  readonly nextSeed: number;
  readonly seconds: number;
  readonly violations: readonly Violation[];
  /** Of an exhaustive search: which scenario, and what is left of it. */
  readonly scenario: number;
  readonly exhaustive?: ExhaustiveState;
}

/** Small enough for every schedule to be tried in seconds. */
const SMALL_JOBS = 6;

/** The strategy where none was asked for. */
export function defaultStrategy(options: ExploreOptions, scope: Scope): ExploreStrategy {
  const isSmall = scope.entities * scope.jobs <= SMALL_JOBS;
  return isSmall && options.seeds === undefined && options.seconds === undefined
    ? 'exhaustive'
    : 'pct';
}

/** @throws {ERR_INVALID_ARGUMENT} naming the option that does not fit */
export function checkedExploreOptions(options: ExploreOptions): ExploreOptions {
  const { strategy, scope, seeds, seconds, clock, maxViolations, firstSeed, scenarios, resume } =
    checkedOptions('explore', options);
  checkCount('seeds', seeds, 1);
  checkCount('firstSeed', firstSeed, 0);
  checkCount('maxViolations', maxViolations, 1);
  if (scope !== undefined) checkScope('scope', scope);
  if (strategy !== undefined) checkStrategy('strategy', strategy);
  if (seconds !== undefined && !(typeof seconds === 'number' && seconds > 0))
    throw invalid('explore: seconds', 'a number above 0', seconds);
  if ((seconds !== undefined || clock !== undefined) && typeof clock !== 'function') {
    throw invalid(
      'explore: clock',
      'a function that gives milliseconds, which seconds need',
      clock,
    );
  }
  if (scenarios !== undefined) checkScenarios(scenarios);
  if (resume !== undefined) checkCheckpoint(resume);
  return options;
}

function checkCount(what: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return;
  throw invalid(`explore: ${what}`, `a whole number, at least ${least}`, value);
}

function checkScope(what: string, scope: Scope): void {
  const { entities, jobs } = checkedOptions(`explore: ${what}`, scope);
  checkCount(`${what}.entities`, entities ?? NaN, 1);
  checkCount(`${what}.jobs`, jobs ?? NaN, 1);
}

function checkStrategy(what: string, strategy: ExploreStrategy): void {
  if (['exhaustive', 'pct', 'random'].includes(strategy)) return;
  throw invalid(`explore: ${what}`, `'exhaustive', 'pct' or 'random'`, strategy);
}

function checkScenarios(scenarios: readonly Scenario[]): void {
  if (!Array.isArray(scenarios) || scenarios.length === 0) {
    throw invalid('explore: scenarios', 'a list of at least one', scenarios);
  }
  for (const scenario of scenarios as readonly Scenario[]) {
    if (typeof scenario?.name === 'string' && typeof scenario.build === 'function') continue;
    throw invalid('explore: scenarios', 'what defineScenario returned', scenario);
  }
}

/** It comes from a file, as a rule. */
function checkCheckpoint(resume: Checkpoint): void {
  const { version, strategy, scope, violations, exhaustive } = checkedOptions(
    'explore: resume',
    resume,
  );
  if (version !== 1 || !Array.isArray(violations)) {
    throw invalid('explore: resume', 'what checkpoint() gave, of version 1', resume);
  }
  checkStrategy('resume.strategy', strategy);
  checkScope('resume.scope', scope);
  for (const name of ['schedules', 'states', 'nextSeed', 'scenario'] as const) {
    checkCount(`resume.${name}`, resume[name] ?? NaN, 0);
  }
  if (!Number.isFinite(resume.seconds)) {
    throw invalid('explore: resume.seconds', 'a number', resume.seconds);
  }
  if (exhaustive === undefined) return;
  const { schedules, seen, open } = checkedOptions('explore: resume.exhaustive', exhaustive);
  checkCount('resume.exhaustive.schedules', schedules ?? NaN, 0);
  if (!Array.isArray(seen) || !Array.isArray(open)) {
    throw invalid('explore: resume.exhaustive', 'what checkpoint() gave', exhaustive);
  }
}
