import { UsageError } from '../base/index.ts';
import { FollowChooser } from './choosers.ts';
import { ExhaustiveSearch } from './exhaustive.ts';
import type { ExhaustiveState } from './exhaustive.ts';
import { checkedExploreOptions, defaultStrategy } from './exploreOptions.ts';
import type { Checkpoint, ExploreOptions, ExploreStrategy, Violation } from './exploreOptions.ts';
import type { Finding } from './judge/records.ts';
import { planOf, replayPlan } from './replay.ts';
import { decodeReplay, encodeReplay } from './replayString.ts';
import type { Run } from './run.ts';
import type { StepRow } from './run.ts';
import type { Scenario } from './scenario.ts';
import { builtInScenarios, replayableScenarios, smallScenarios } from './scenarios/all.ts';
import { seededRun } from './seeded.ts';
import { RunRecord } from './runRecord.ts';
import { shrink, signatureOf } from './shrink.ts';
import { trailText } from './trail.ts';
import type { Scope } from './world.ts';

/** A run that is to be reported. */
interface Found {
  readonly scenario: Scenario;
  readonly scope: Scope;
  readonly workload: readonly number[];
  readonly run: Run;
}

/** What a search did. `fenceline explore --json` prints it. */
export interface ExploreReport {
  readonly strategy: ExploreStrategy;
  /** Entities x jobs. */
  readonly scope: string;
  readonly schedules: number;
  /** Different states, of an exhaustive search. */
  readonly states: number;
  /** With those of the searches that it went on from. */
  readonly seconds: number;
  readonly schedulesPerSecond: number;
  readonly violations: readonly Violation[];
  /** Whether an exhaustive search saw everything. */
  readonly complete: boolean;
}

const SCOPES: readonly Scope[] = [
  { entities: 2, jobs: 2 },
  { entities: 3, jobs: 2 },
  { entities: 1, jobs: 4 },
  { entities: 2, jobs: 4 },
  { entities: 4, jobs: 3 },
];
/** One run in so many is made twice, to see whether it is the same. */
const TWICE_EVERY = 100;

/**
 * Explores many schedules and faults of the scheduler, and judges each step of each against the contract.
 *
 * It runs the library itself, not a model of it, in virtual time; nothing of it depends on the machine, so a finding
 * is made again by its replay string.
 *
 * @throws {ERR_INVALID_ARGUMENT} naming the option that does not fit
 * @example
 * const report = explore({ scope: { entities: 2, jobs: 2 }, seeds: 100 });
 * console.log(report.schedules, report.violations.length); // 100 0
 */
export function explore(options: ExploreOptions = {}): ExploreReport {
  const exploration = new Exploration(options);
  while (exploration.next());
  return exploration.report();
}

/** A search that is carried out one schedule at a time, so that whoever runs it may show progress, stop it, or go on later. */
export class Exploration {
  readonly strategy: ExploreStrategy;
  readonly scope: Scope;
  schedules = 0;
  readonly #options: ExploreOptions;
  readonly #scenarios: readonly Scenario[];
  readonly #violations: Violation[] = [];
  /** The signatures of all findings, also of those that could not be made again. */
  readonly #seen = new Set<string>();
  readonly #beganMs: number;
  readonly #earlierSeconds: number;
  #nextSeed: number;
  #statesBefore = 0;
  #scenario = 0;
  #exhaustive: ExhaustiveSearch | null = null;

  constructor(options: ExploreOptions = {}) {
    this.#options = checkedExploreOptions(options);
    const { resume } = options;
    this.scope = resume?.scope ?? options.scope ?? { entities: 2, jobs: 2 };
    this.strategy = resume?.strategy ?? options.strategy ?? defaultStrategy(options, this.scope);
    const isExhaustive = this.strategy === 'exhaustive';
    this.#scenarios =
      options.scenarios ?? (isExhaustive ? smallScenarios(this.scope) : builtInScenarios());
    this.#nextSeed = resume?.nextSeed ?? options.firstSeed ?? 1;
    this.#beganMs = this.#nowMs();
    this.#earlierSeconds = resume?.seconds ?? 0;
    if (resume === undefined) return;
    this.schedules = resume.schedules;
    this.#statesBefore = resume.states - (resume.exhaustive?.seen.length ?? 0);
    this.#scenario = resume.scenario;
    this.#violations.push(...resume.violations);
    for (const { signature } of resume.violations) this.#seen.add(signature);
    if (resume.exhaustive !== undefined) this.#exhaustive = this.#searchOf(resume.exhaustive);
  }

  get violations(): readonly Violation[] {
    return this.#violations;
  }

  get states(): number {
    return this.#statesBefore + (this.#exhaustive?.states ?? 0);
  }

  /** Explores one more schedule; false when the search is over. */
  next(): boolean {
    if (this.#isOver()) return false;
    withoutStacks(() => {
      if (this.strategy === 'exhaustive') this.#nextExhaustive();
      else this.#nextSeeded(this.strategy);
    });
    this.schedules += 1;
    return true;
  }

  report(): ExploreReport {
    const seconds = this.#seconds();
    const { strategy, scope, schedules, states } = this;
    return {
      strategy,
      scope: scopeText(scope),
      schedules,
      states,
      seconds,
      schedulesPerSecond: seconds === 0 ? 0 : Math.round(schedules / seconds),
      violations: this.#violations,
      complete: strategy === 'exhaustive' && this.#scenario >= this.#scenarios.length,
    };
  }

  /** What `resume` goes on from. */
  checkpoint(): Checkpoint {
    return {
      version: 1,
      strategy: this.strategy,
      scope: this.scope,
      schedules: this.schedules,
      states: this.states,
      nextSeed: this.#nextSeed,
      seconds: this.#seconds(),
      violations: this.#violations,
      scenario: this.#scenario,
      ...(this.#exhaustive === null ? {} : { exhaustive: this.#exhaustive.state() }),
    };
  }

  #isOver(): boolean {
    const { seconds, seeds, maxViolations = 10 } = this.#options;
    if (this.#violations.length >= maxViolations) return true;
    if (seconds !== undefined && this.#ownSeconds() >= seconds) return true;
    if (this.strategy === 'exhaustive') return this.#scenario >= this.#scenarios.length;
    const limit = seeds ?? (seconds === undefined ? 20_000 : Infinity);
    return this.schedules >= limit;
  }

  #nextExhaustive(): void {
    this.#exhaustive ??= this.#searchOf();
    const scenario = this.#scenarios[this.#scenario] as Scenario;
    const run = this.#exhaustive.next();
    if (run.finding !== null) this.#add(run.finding, scenario, this.scope, [], run);
    if (!this.#exhaustive.isComplete) return;
    this.#statesBefore += this.#exhaustive.states;
    this.#exhaustive = null;
    this.#scenario += 1;
  }

  #searchOf(state?: ExhaustiveState): ExhaustiveSearch {
    const scenario = this.#scenarios[this.#scenario] as Scenario;
    return new ExhaustiveSearch({ scenario, scope: this.scope, workload: [] }, state);
  }

  #nextSeeded(strategy: 'pct' | 'random'): void {
    const seed = this.#nextSeed;
    this.#nextSeed += 1;
    const scenario = this.#scenarios[seed % this.#scenarios.length] as Scenario;
    const scope = this.#scopeOf(seed);
    const isTwice = seed % TWICE_EVERY === 0;
    const first = isTwice ? new RunRecord() : null;
    const { run, workload } = seededRun(scenario, scope, strategy, seed, first?.hooks);
    run.finish();
    if (run.finding !== null) this.#add(run.finding, scenario, scope, workload, run);
    if (first !== null) {
      const again = new RunRecord();
      seededRun(scenario, scope, strategy, seed, again.hooks).run.finish();
      this.#compare(first, again, `seed ${seed} of ${scenario.name}`, {
        scenario,
        scope,
        workload,
        run,
      });
    }
  }

  /** The scope that was asked for; where none was, several by turns, because small ones are fast and large ones see more. */
  #scopeOf(seed: number): Scope {
    if (this.#options.scope !== undefined) return this.scope;
    return SCOPES[Math.floor(seed / this.#scenarios.length) % SCOPES.length] as Scope;
  }

  /** A run that was made twice: all that was seen of it must be the same. */
  #compare(first: RunRecord, again: RunRecord, name: string, found: Found): void {
    const at = first.differsAt(again);
    if (at === null) return;
    const message = `${name} was made twice, and step ${at} was not the same: chance, time or an earlier run has a say in it`;
    this.#addUnsteady({ rule: 'determinism', message }, found);
  }

  #add(
    finding: Finding,
    scenario: Scenario,
    scope: Scope,
    workload: readonly number[],
    run: Run,
  ): void {
    const signature = signatureOf(finding);
    if (this.#seen.has(signature)) return;
    this.#seen.add(signature);
    const plan = shrink(scenario, { scope, workload, trace: run.trace }, signature);
    const { rows, finding: shown } = replayPlan(scenario, plan);
    if (shown === null || signatureOf(shown) !== signature) {
      const message = `a run broke ${finding.rule} (${finding.message}), and made again it does not: chance, time or an earlier run has a say in it`;
      this.#addUnsteady({ rule: 'determinism', message }, { scenario, scope, workload, run });
      return;
    }
    const trail = trailText(rows, shown);
    this.#violations.push({ rule: finding.rule, signature, trail, replay: encodeReplay(plan) });
  }

  /** Its string makes the run as far as numbers can, and one hash more than any run has, so that it never passes for the same. */
  #addUnsteady(finding: Finding, { scenario, scope, workload, run }: Found): void {
    const signature = signatureOf(finding);
    if (this.#violations.some((known) => known.signature === signature)) return;
    const { plan } = planOf(scenario, scope, workload, new FollowChooser(run.trace));
    const { rows } = replayPlan(scenario, plan);
    const replay = encodeReplay({ ...plan, hashes: [...plan.hashes, 0] });
    const { rule } = finding;
    this.#violations.push({ rule, signature, trail: trailText(rows, finding), replay });
  }

  #nowMs(): number {
    return this.#options.clock?.() ?? 0;
  }

  #seconds(): number {
    return this.#earlierSeconds + this.#ownSeconds();
  }

  /** Without those of the searches that this one goes on from. */
  #ownSeconds(): number {
    return (this.#nowMs() - this.#beganMs) / 1000;
  }
}

/** What a replay string gave when it was run again. */
export interface ReplayReport {
  readonly scenario: string;
  /** Entities x jobs. */
  readonly scope: string;
  readonly violation: { readonly rule: string; readonly message: string } | null;
  /** That of the violation, as searches give it; `null` without one. */
  readonly signature: string | null;
  readonly trail: string;
  readonly rows: readonly StepRow[];
  /** The first step up to which the state is another than it was; `null`: it is the same run to its end. */
  readonly differsAtStep: number | null;
}

/**
 * Runs what a finding printed, again, and compares the state on its way.
 *
 * @throws {ERR_INVALID_ARGUMENT} when the string is not a replay string, or names a scenario that is not among `scenarios`
 */
export function replay(
  text: string,
  options: {
    readonly scenarios?: readonly Scenario[];
    readonly sink?: Parameters<typeof replayPlan>[2];
  } = {},
): ReplayReport {
  const plan = decodeReplay(text);
  const known = options.scenarios ?? replayableScenarios();
  const scenario = known.find(({ name }) => name === plan.scenario);
  if (scenario === undefined) {
    const names = known.map(({ name }) => name).join(', ');
    throw new UsageError(
      'ERR_INVALID_ARGUMENT',
      `replay: it is of the scenario ${plan.scenario}; known are ${names}`,
    );
  }
  const { finding, rows, differsAtStep } = replayPlan(scenario, plan, options.sink);
  return {
    scenario: plan.scenario,
    scope: scopeText(plan.scope),
    violation: finding,
    signature: finding === null ? null : signatureOf(finding),
    trail: trailText(rows, finding),
    rows,
    differsAtStep,
  };
}

/** Entities x jobs, as people write it: `2x2`. */
function scopeText({ entities, jobs }: Scope): string {
  return `${entities}x${jobs}`;
}

/** Runs `fn` without stacks on errors, where the engine has such a switch: errors are made at every turn, and none is printed. */
function withoutStacks(fn: () => void): void {
  const engine = Error as { stackTraceLimit?: number };
  const limit = engine.stackTraceLimit;
  if (limit === undefined) return fn();
  engine.stackTraceLimit = 0;
  try {
    fn();
  } finally {
    engine.stackTraceLimit = limit;
  }
}
