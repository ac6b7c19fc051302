import type { Scope, World } from './world.ts';

/** A piece of the world to explore: who acts, what may go wrong, and what must hold besides the contract. */
export interface Scenario {
  /** Names it on the command line and in replay strings. */
  readonly name: string;
  /** What it is for, in one sentence. */
  readonly about: string;
  /** Makes the world of one run; called anew for each. Chance comes from `world.draw` alone. */
  build(world: World, scope: Scope): void;
}

/**
 * Defines a scenario; give it to `explore`, or export it as `scenario` from a file for `fenceline explore --scenario FILE`.
 *
 * @example
 * const scenario = defineScenario({
 *   name: 'two jobs',
 *   about: 'one client, two jobs, one hang',
 *   build(world) {
 *     const device = world.device();
 *     const gpu = world.scheduler({ driver: device.driver, runTimeoutMs: 10 });
 *     const entity = world.entity({ schedulers: [gpu] });
 *     world.client('A', [() => entity.submit({}), () => entity.submit({})]);
 *     world.fault({ label: 'hang', enabled: () => device.canComplete(0), run: () => device.hang(0) });
 *   },
 * });
 * console.log(explore({ scenarios: [scenario], strategy: 'exhaustive' }).violations.length); // 0
 */
export function defineScenario(scenario: Scenario): Scenario {
  return scenario;
}
