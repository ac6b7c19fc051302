import type { Random } from './random.ts';
import { ACTOR, DEFERRED, EARLY_TIMER, FAULT, NOBODY, TIMER } from './run.ts';
import type { Chooser, Run } from './run.ts';

/** Follows a list of who acted; those that cannot act are passed over, and at its end the default acts. */
export class FollowChooser implements Chooser {
  readonly #trace: readonly number[];
  #at = 0;

  constructor(trace: readonly number[]) {
    this.#trace = trace;
  }

  next(run: Run): number {
    while (this.#at < this.#trace.length) {
      const key = this.#trace[this.#at] as number;
      this.#at += 1;
      if (run.isEnabled(key)) return key;
    }
    return run.defaultKey();
  }
}

/** Follows deviations from the default, by step; one that cannot act is the default. */
export class DeviationChooser implements Chooser {
  readonly #deviations: ReadonlyMap<number, number>;

  constructor(deviations: ReadonlyMap<number, number>) {
    this.#deviations = deviations;
  }

  next(run: Run): number {
    const key = this.#deviations.get(run.trace.length);
    return key !== undefined && run.isEnabled(key) ? key : run.defaultKey();
  }
}

/** How often a step is a fault, for runs that are drawn. */
export interface FaultRate {
  readonly chance: number;
  readonly random: Random;
}

function drawFault(run: Run, { chance, random }: FaultRate): number {
  if (run.world.faultBudget <= 0 || !random.chance(chance)) return NOBODY;
  const { faults } = run.world;
  const first = random.below(faults.length + 1);
  for (let tried = 0; tried <= faults.length; tried += 1) {
    const at = (first + tried) % (faults.length + 1);
    const key = at === faults.length ? EARLY_TIMER : FAULT + at;
    if (run.isEnabled(key)) return key;
  }
  return NOBODY;
}

/** Anybody who can act, with equal chances. */
export class RandomChooser implements Chooser {
  readonly #random: Random;
  readonly #faults: FaultRate;

  constructor(random: Random, faults: FaultRate) {
    this.#random = random;
    this.#faults = faults;
  }

  next(run: Run): number {
    const fault = drawFault(run, this.#faults);
    if (fault !== NOBODY) return fault;
    const keys: number[] = [];
    if (run.isEnabled(DEFERRED)) keys.push(DEFERRED);
    else if (run.runtime.isTimerDue) keys.push(TIMER);
    for (const actor of run.world.actors) if (actor.enabled()) keys.push(ACTOR + actor.id);
    if (keys.length === 0) return run.defaultKey();
    return keys[this.#random.below(keys.length)] as number;
  }
}

/**
 * Probabilistic concurrency testing: everybody has a priority, the highest that can act does, and at `depth - 1` steps the one
 * that would act falls to the bottom. A bug that needs `depth` ordered steps is hit with a known chance.
 *
 * Idea: Burckhardt, Kothari, Musuvathi, Nagarakatte 2010.
 */
export class PctChooser implements Chooser {
  readonly #random: Random;
  readonly #faults: FaultRate;
  readonly #changes: Set<number> = new Set();
  #order: number[] | null = null;

  constructor(random: Random, faults: FaultRate, depth: number, expectedSteps: number) {
    this.#random = random;
    this.#faults = faults;
    for (let change = 1; change < depth; change += 1)
      this.#changes.add(random.below(expectedSteps));
  }

  next(run: Run): number {
    const fault = drawFault(run, this.#faults);
    if (fault !== NOBODY) return fault;
    this.#order ??= this.#shuffled(run);
    const order = this.#order;
    for (let at = 0; at < order.length; at += 1) {
      const key = order[at] as number;
      if (!this.#canAct(run, key)) continue;
      if (!this.#changes.delete(run.trace.length)) return key;
      order.splice(at, 1);
      order.push(key);
      at -= 1;
    }
    return run.defaultKey();
  }

  #canAct(run: Run, key: number): boolean {
    if (key === DEFERRED) return run.runtime.deferredCount > 0;
    if (key === TIMER) return run.runtime.deferredCount === 0 && run.runtime.isTimerDue;
    return run.world.actors[key - ACTOR]?.enabled() ?? false;
  }

  #shuffled(run: Run): number[] {
    const keys = [DEFERRED, TIMER, ...run.world.actors.map(({ id }) => ACTOR + id)];
    for (let at = keys.length - 1; at > 0; at -= 1) {
      const other = this.#random.below(at + 1);
      [keys[at], keys[other]] = [keys[other] as number, keys[at] as number];
    }
    return keys;
  }
}
