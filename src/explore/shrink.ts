import { FollowChooser } from './choosers.ts';
import { drawsOf } from './exhaustive.ts';
import { planOf } from './replay.ts';
import type { ReplayPlan } from './replayString.ts';
import { EARLY_TIMER, Run } from './run.ts';
import type { Finding } from './judge/records.ts';
import type { Scenario } from './scenario.ts';
import type { Scope } from './world.ts';

/** A run that broke a law, as it is made smaller. */
interface Candidate {
  readonly scope: Scope;
  readonly workload: readonly number[];
  readonly trace: readonly number[];
}

/** How many runs shrinking may take. */
const RUNS_MAX = 3000;

/** What tells findings apart: the law, and the message without the names and numbers of one run. */
export function signatureOf({ rule, message }: Finding): string {
  const plain = message.replace(/\b[A-Z]{1,2}\d+\b/g, 'job').replace(/\d+(?:\.\d+)?/g, '#');
  return `${rule}: ${plain}`;
}

/**
 * The smallest run that it finds which breaks the same law in the same way: fewer clients and jobs, a simpler workload, fewer
 * faults, fewer steps. Any list of numbers is a valid run, so it only leaves out and lowers, and looks whether that still fails.
 *
 * Idea: delta debugging (Zeller, Hildebrandt 2002).
 */
export function shrink(scenario: Scenario, start: Candidate, signature: string): ReplayPlan {
  const shrinker = new Shrinker(scenario, start, signature);
  shrinker.run();
  const { scope, workload, trace } = shrinker.best;
  return planOf(scenario, scope, workload, new FollowChooser(trace)).plan;
}

class Shrinker {
  best: Candidate;
  readonly #scenario: Scenario;
  readonly #signature: string;
  #runs = 0;

  constructor(scenario: Scenario, start: Candidate, signature: string) {
    this.#scenario = scenario;
    this.best = start;
    this.#signature = signature;
  }

  run(): void {
    for (let before = ''; before !== sizeOf(this.best) && this.#runs < RUNS_MAX;) {
      before = sizeOf(this.best);
      this.#smallerScope();
      this.#simplerWorkload();
      this.#shorterTrace((key) => key >= EARLY_TIMER);
      this.#shorterTrace(() => true);
    }
  }

  /** Whether `candidate` fails in the same way; then it is the best. */
  #try(candidate: Candidate): boolean {
    if (this.#runs >= RUNS_MAX) return false;
    this.#runs += 1;
    const { scope, workload, trace } = candidate;
    const chooser = new FollowChooser(trace);
    const run = new Run({ scenario: this.#scenario, scope, chooser, draw: drawsOf(workload) });
    const finding = run.finish();
    if (finding === null || signatureOf(finding) !== this.#signature) return false;
    if (run.trace.length > this.best.trace.length && trace.length >= this.best.trace.length)
      return false;
    this.best = { scope, workload, trace: trace.length < run.trace.length ? trace : run.trace };
    return true;
  }

  #smallerScope(): void {
    for (const side of ['entities', 'jobs'] as const) {
      while (this.best.scope[side] > 1) {
        const scope = { ...this.best.scope, [side]: this.best.scope[side] - 1 };
        if (!this.#try({ ...this.best, scope })) break;
      }
    }
  }

  #simplerWorkload(): void {
    for (let size = this.best.workload.length; size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at < this.best.workload.length; at += size) {
        const workload = [...this.best.workload];
        const part = workload.slice(at, at + size);
        if (part.every((value) => value === 0)) continue;
        workload.fill(0, at, at + size);
        if (this.#try({ ...this.best, workload }) || size > 1) continue;
        const value = part[0] as number;
        for (const lower of [Math.floor(value / 2), value - 1]) {
          workload[at] = lower;
          if (lower > 0 && lower < value && this.#try({ ...this.best, workload: [...workload] }))
            break;
        }
      }
    }
    let length = this.best.workload.length;
    while (length > 0 && this.best.workload[length - 1] === 0) length -= 1;
    this.best = { ...this.best, workload: this.best.workload.slice(0, length) };
  }

  /** Leaves out parts of the trace of which every step is one of `which`, large ones first. */
  #shorterTrace(which: (key: number) => boolean): void {
    const places = this.best.trace.map((key, at) => (which(key) ? at : -1)).filter((at) => at >= 0);
    for (let size = places.length; size >= 1; size = Math.floor(size / 2)) {
      for (let end = this.best.trace.length; end > 0; end -= size) {
        const { trace } = this.best;
        const from = Math.max(0, Math.min(end, trace.length) - size);
        const to = Math.min(end, trace.length);
        const shorter = trace.filter((key, at) => at < from || at >= to || !which(key));
        if (shorter.length < trace.length) this.#try({ ...this.best, trace: shorter });
      }
    }
  }
}

function sizeOf({ scope, workload, trace }: Candidate): string {
  const sum = workload.reduce((total, value) => total + value, 0);
  return `${scope.entities}x${scope.jobs} ${sum} ${trace.length}`;
}
