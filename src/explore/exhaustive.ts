import { FollowChooser } from './choosers.ts';
import { NOBODY, Run } from './run.ts';
import type { Chooser } from './run.ts';
import type { Scenario } from './scenario.ts';
import { replayableScenarios } from './scenarios/all.ts';
import { stateHash } from './stateHash.ts';
import type { Scope } from './world.ts';

/** What an exhaustive search explores. */
export interface ExhaustiveOptions {
  readonly scenario: Scenario;
  readonly scope: Scope;
  /** What is drawn while the scenario is built, in order. */
  readonly workload: readonly number[];
}

/** A state with somebody who has not acted in it yet. */
interface Branch {
  readonly trace: readonly number[];
  readonly key: number;
}

/** Where an exhaustive search stands, in plain JSON. */
export interface ExhaustiveState {
  readonly schedules: number;
  readonly seen: readonly number[];
  readonly open: readonly { readonly trace: readonly number[]; readonly key: number }[];
}

/**
 * Every schedule of a scenario, faults at every step included, depth first, each state entered once.
 *
 * A state is entered again by running its prefix again, because the core is made of objects that cannot be copied; so a path is
 * followed to its end, or to a state that was seen, before another is begun.
 */
export class ExhaustiveSearch {
  schedules = 0;
  readonly #options: ExhaustiveOptions;
  readonly #seen: Set<number>;
  readonly #open: Branch[];
  readonly #isBuiltIn: boolean;

  constructor(options: ExhaustiveOptions, state?: ExhaustiveState) {
    this.#options = options;
    this.#isBuiltIn = replayableScenarios().includes(options.scenario);
    this.schedules = state?.schedules ?? 0;
    this.#seen = new Set(state?.seen ?? []);
    this.#open = [...(state?.open ?? [{ trace: [], key: NOBODY }])];
  }

  get states(): number {
    return this.#seen.size;
  }

  get isComplete(): boolean {
    return this.#open.length === 0;
  }

  /** For a checkpoint. */
  state(): ExhaustiveState {
    return { schedules: this.schedules, seen: [...this.#seen], open: [...this.#open] };
  }

  /** Explores one more schedule. */
  next(): Run {
    const { scenario, scope, workload } = this.#options;
    const { trace, key } = this.#open.pop() as Branch;
    const chooser = new PrefixChooser(key === NOBODY ? trace : [...trace, key]);
    const run = new Run({ scenario, scope, chooser, draw: drawsOf(workload) });
    this.schedules += 1;
    // Of a step that a prefix ends with nobody has seen the end.
    run.isKnown = true;
    for (let left = trace.length; left > 0; left -= 1) if (!run.step()) return run;
    run.isKnown = false;
    if (chooser.isFollowing && !run.step()) return run;
    this.#goOn(run);
    return run;
  }

  /** Whether functions of a user may hold what no hash sees: then no two ways are taken to lead to one state. */
  #isOpaque({ world }: Run): boolean {
    return world.isOpaque || (!this.#isBuiltIn && world.states.length === 0);
  }

  /** Goes on with what nobody has tried; what is left over is put on the list. */
  #goOn(run: Run): void {
    while (run.finding === null) {
      const hash = stateHash(run, this.#isOpaque(run));
      if (this.#seen.has(hash)) return;
      this.#seen.add(hash);
      const [first = NOBODY, ...others] = run.enabledKeys();
      if (first === NOBODY) {
        run.finish();
        return;
      }
      const trace = others.length === 0 ? [] : [...run.trace];
      for (const key of others.reverse()) this.#open.push({ trace, key });
      run.act(first);
    }
  }
}

/** Draws from a list; past its end, 0. */
export function drawsOf(values: readonly number[]): (bound: number) => number {
  let at = 0;
  return () => {
    const value = values[at] ?? 0;
    at += 1;
    return value;
  };
}

/** Follows a prefix exactly. */
class PrefixChooser implements Chooser {
  readonly #follow: FollowChooser;
  #left: number;

  constructor(prefix: readonly number[]) {
    this.#follow = new FollowChooser(prefix);
    this.#left = prefix.length;
  }

  get isFollowing(): boolean {
    return this.#left > 0;
  }

  next(run: Run): number {
    this.#left -= 1;
    return this.#follow.next(run);
  }
}
