/**
 * Simulation: time that is cranked by hand, and hardware that does what a test says.
 *
 * Law: nothing here reads a clock, sleeps or draws chance; the same calls give the same run.
 * May import: device, sched, fence, events, base.
 */
export type { MockHook } from './mockFaults.ts';
export type { MockWork } from './mockQueue.ts';
export { MockRing } from './mockRing.ts';
export type { MockCall, MockRingOptions } from './mockRing.ts';
export { VirtualRuntime } from './virtualRuntime.ts';
export type { VirtualRuntimeOptions } from './virtualRuntime.ts';
