import type { EventSink } from '../events/index.ts';
import { Timeline } from '../fence/index.ts';
import type { Actor } from './actor.ts';
import { ExploreRuntime } from './exploreRuntime.ts';
import { accountsAgree, ended } from './judge/endRules.ts';
import { idle } from './judge/idleRules.ts';
import type { Finding } from './judge/records.ts';
import { stepEnded } from './judge/stepRules.ts';
import type { Scenario } from './scenario.ts';
import type { Scope } from './world.ts';
import { World } from './world.ts';

/** Who acts, as a number: what schedules are made of. Ordinary actors from `ACTOR` on, faults from `FAULT` on. */
export const DEFERRED = 0;
export const TIMER = 1;
export const ACTOR = 2;
/** A timer that fires although others could act: work is slow, and alive. A fault. */
export const EARLY_TIMER = 4095;
export const FAULT = 4096;
/** Nobody. */
export const NOBODY = -1;

/** Chooses who acts next, of those that can; `NOBODY` ends the part of the run in which faults happen. */
export interface Chooser {
  next(run: Run): number;
}

/** What a run needs to know. */
export interface RunOptions {
  readonly scenario: Scenario;
  readonly scope: Scope;
  readonly chooser: Chooser;
  /** The workload's stream. */
  readonly draw: (bound: number) => number;
  readonly sink?: EventSink;
  /** Told what each step did; makes the run slower. */
  readonly onStep?: (row: StepRow) => void;
  /** Called with the number of the step after each one. */
  readonly afterStep?: (run: Run) => void;
}

/** One row of a trail. */
export interface StepRow {
  readonly step: number;
  readonly atUs: number;
  readonly who: string;
  readonly did: readonly string[];
  readonly after: string;
}

/** Steps of a part of a run, per job and at least: more of them are a loop that never ends. */
const STEPS_PER_JOB = 60;
const STEPS_LEAST = 600;

/**
 * One run: a world, and one step after the other, each judged.
 *
 * 1. Explored: the chooser says who acts, faults included.
 * 2. Healing: nothing goes wrong any more, everything goes on by itself, and everything must finish (F9).
 * 3. Closing: every scheduler is closed, and nothing must be left.
 *
 * It ends with the first finding. The same scenario, scope, draws and choices make the same run.
 */
export class Run {
  readonly world: World;
  readonly runtime: ExploreRuntime;
  /** Who acted, step by step, of the explored part. */
  readonly trace: number[] = [];
  finding: Finding | null = null;
  phase: 'explored' | 'healing' | 'closing' | 'over' = 'explored';
  steps = 0;
  /** Whether these steps were judged before, in a run that began with them: what they break was found then. */
  isKnown = false;
  readonly #options: RunOptions;
  readonly #do = (key: number): void => {
    if (key === DEFERRED) this.runtime.runDeferred();
    else if (key === TIMER || key === EARLY_TIMER) this.runtime.fireTimer();
    else this.#actor(key)?.run();
  };
  #stepsOfPhase = 0;
  #idleAtStep = 0;

  constructor(options: RunOptions) {
    this.#options = options;
    this.runtime = new ExploreRuntime(options.sink ?? null);
    this.world = new World(this.runtime, options.scope, options.draw);
    options.scenario.build(this.world, options.scope);
    if (options.onStep !== undefined) this.world.judge.told = [];
  }

  /** Runs to the end; the finding, if there is one. */
  finish(): Finding | null {
    while (this.step());
    return this.finding;
  }

  /** Takes one step; false when the run is over. */
  step(): boolean {
    if (this.phase === 'over') return false;
    if (this.phase === 'explored') {
      const key = this.#options.chooser.next(this);
      if (key === NOBODY) this.#begin('healing', 'the faults are over', () => this.world.heal());
      else this.act(key);
    } else {
      const key = this.defaultKey();
      if (key !== NOBODY) this.act(key);
      else if (this.phase === 'healing') this.#healed();
      else this.#closed();
    }
    return !this.#isOver();
  }

  /** Lets `key` act, and judges. */
  act(key: number): void {
    if (this.phase === 'explored') this.trace.push(key);
    const isFault = key >= EARLY_TIMER;
    if (isFault) this.world.faultBudget -= 1;
    this.#take(this.nameOf(key), this.#do, this.#actor(key)?.kind === 'hardware', key);
    this.#checkLength();
  }

  /** Who acts when nobody chooses: what is deferred, timers that are due, clients, hardware, then time passes. */
  defaultKey(): number {
    const { runtime } = this;
    if (runtime.deferredCount > 0) return DEFERRED;
    if (runtime.isTimerDue) return TIMER;
    for (const actor of this.world.actors) if (actor.enabled()) return ACTOR + actor.id;
    return runtime.timerCount > 0 ? TIMER : NOBODY;
  }

  /** Whether `key` could act now. */
  isEnabled(key: number): boolean {
    const { runtime, world } = this;
    if (key === DEFERRED) return runtime.deferredCount > 0;
    if (key === TIMER) {
      if (runtime.deferredCount > 0 || runtime.timerCount === 0) return false;
      return runtime.isTimerDue || !world.actors.some((actor) => actor.enabled());
    }
    if (key < EARLY_TIMER) return world.actors[key - ACTOR]?.enabled() ?? false;
    if (world.faultBudget <= 0) return false;
    if (key > EARLY_TIMER) return world.faults[key - FAULT]?.enabled() ?? false;
    if (runtime.deferredCount > 0 || runtime.timerCount === 0 || runtime.isTimerDue) return false;
    return world.actors.some((actor) => actor.enabled());
  }

  /** Everybody who could act now, who would by default first. */
  enabledKeys(): number[] {
    const keys: number[] = [];
    const { world } = this;
    if (this.isEnabled(DEFERRED)) keys.push(DEFERRED);
    if (this.isEnabled(TIMER)) keys.push(TIMER);
    for (const { id } of world.actors) if (this.isEnabled(ACTOR + id)) keys.push(ACTOR + id);
    if (world.faultBudget > 0) {
      if (this.isEnabled(EARLY_TIMER)) keys.push(EARLY_TIMER);
      for (const { id } of world.faults) if (this.isEnabled(FAULT + id)) keys.push(FAULT + id);
    }
    return keys;
  }

  nameOf(key: number): string {
    if (key === DEFERRED) return 'deferred';
    if (key === TIMER) return 'timer';
    if (key === EARLY_TIMER) return 'timer, early';
    const actor = this.#actor(key);
    return actor === undefined ? `nobody (${key})` : actor.label;
  }

  #actor(key: number): Actor | undefined {
    if (key >= FAULT) return this.world.faults[key - FAULT];
    return key >= ACTOR ? this.world.actors[key - ACTOR] : undefined;
  }

  #begin(phase: 'healing' | 'closing', name: string, start: () => void): void {
    this.phase = phase;
    this.#stepsOfPhase = 0;
    this.#take(name, start, false);
  }

  #take(name: string, step: (key: number) => void, inSignal: boolean, key = NOBODY): void {
    const { judge } = this.world;
    this.steps += 1;
    judge.inSignal = inSignal;
    try {
      step(key);
    } catch (error) {
      if (!(error instanceof ExpectedThrow)) judge.fail('crash', `${name}: ${String(error)}`);
    }
    judge.inSignal = false;
    if (judge.findings.length === 0) this.#judge();
    const [first] = judge.findings;
    if (first !== undefined) this.finding = first;
    this.#options.afterStep?.(this);
    const { onStep } = this.#options;
    if (onStep === undefined) return;
    const did = judge.told ?? [];
    judge.told = [];
    onStep({
      step: this.steps,
      atUs: this.runtime.nowUs(),
      who: name,
      did,
      after: this.#summary(),
    });
  }

  #judge(): void {
    const { judge } = this.world;
    stepEnded(judge, this.isKnown);
    if (this.isKnown) return;
    this.world.checkStep();
    if (this.runtime.deferredCount > 0 || this.runtime.isTimerDue) return;
    this.world.checkInvariants();
    // Looking at every job costs; what it finds stays wrong, so of many jobs each is looked at now and then.
    if (this.steps - this.#idleAtStep < judge.jobs.length / 8) return;
    this.#idleAtStep = this.steps;
    idle(judge);
  }

  #checkLength(): void {
    this.#stepsOfPhase += 1;
    const limit = STEPS_LEAST + STEPS_PER_JOB * this.world.judge.jobs.length;
    if (this.#stepsOfPhase <= limit || this.finding !== null) return;
    if (this.phase === 'explored')
      this.#begin('healing', 'the faults are over', () => this.world.heal());
    else
      this.finding = {
        rule: 'F9',
        message: `the run goes on after ${limit} steps: something asks for steps for ever`,
      };
  }

  #healed(): void {
    const { judge } = this.world;
    const check = (): void => {
      ended(judge);
      accountsAgree(judge);
    };
    this.#take('everything has finished', check, false);
    this.world.checkEndings();
    const [first] = judge.findings;
    if (first !== undefined) this.finding = first;
    if (this.finding !== null) return;
    this.#begin('closing', 'every scheduler is closed', () => {
      for (const { scheduler, state, label } of this.world.judge.schedulers) {
        this.world.tell(() => `close ${label}`);
        void scheduler.close();
        if (state !== 'open') void scheduler.close({ mode: 'kill' });
      }
    });
  }

  /** E3, T1: after the close nothing is left, and who waits for the end has heard of it. */
  #closed(): void {
    const { judge } = this.world;
    for (const { scheduler, label } of judge.schedulers) {
      judge.check(
        scheduler.gone.status !== 'pending',
        'E3',
        () => `${label} was closed and has not ended`,
      );
    }
    ended(judge);
    probe(this.runtime, (message) => judge.fail('F4', message));
    const [first] = judge.findings;
    if (first !== undefined) this.finding = first;
    this.phase = 'over';
  }

  #isOver(): boolean {
    if (this.finding !== null) this.phase = 'over';
    return this.phase === 'over';
  }

  #summary(): string {
    const { judge } = this.world;
    const rings = judge.schedulers.map(({ label, rings: all }) =>
      all
        .map((ring) => `${label}[${ring.attempts.map(({ job }) => job.label).join(' ')}]`)
        .join(' '),
    );
    const queued = judge.entities
      .filter(({ entity }) => entity.queued > 0)
      .map(({ label, entity }) => `${label}: ${entity.queued} queued`);
    return [...rings, ...queued].join(', ');
  }
}

/** What a scenario throws on purpose inside a callback: it comes out of a deferred function, and is no finding (F4). */
export class ExpectedThrow extends Error {}

/** Whether callbacks still run inside `signal`: a run that left the machinery of fences stuck must not spoil the next. */
function probe(runtime: ExploreRuntime, fail: (message: string) => void): void {
  const source = new Timeline({ driver: 'probe', label: 'probe', runtime }).createFence();
  let ran = false;
  source.fence.addCallback(() => (ran = true));
  source.signal();
  if (!ran) fail('a callback does not run inside signal any more');
}
