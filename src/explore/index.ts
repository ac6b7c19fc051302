/**
 * The explorer: runs the library under many schedules and faults, finds the shortest way to break a law, and replays it.
 *
 * Law: the run is deterministic: time, chance and order come from its own runtime and its three streams of numbers. The judge
 * (`judge/`) shares no code with the judged: it knows what was asked for, what drivers were called with, how fences
 * signalled, and public state.
 * May import: drivers/sim, validate, device, sched, fence, events, base.
 */
export type { ActorOptions, ClientStep } from './actor.ts';
export { Exploration, explore, replay } from './explore.ts';
export type { ExploreReport, ReplayReport } from './explore.ts';
export type { Checkpoint, ExploreOptions, ExploreStrategy, Violation } from './exploreOptions.ts';
export { ModelDevice } from './modelDevice.ts';
export type { ModelDeviceOptions, ModelHook, ModelWork } from './modelDevice.ts';
export type { StepRow } from './run.ts';
export { defineScenario } from './scenario.ts';
export type { Scenario } from './scenario.ts';
export { builtInScenarios, smallScenarios } from './scenarios/all.ts';
export { Gate, World } from './world.ts';
export type { Scope } from './world.ts';
