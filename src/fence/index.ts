/**
 * Fences: one-shot completions on timelines. They stand alone; nothing here knows what a scheduler is.
 *
 * Law: section F of the contract. The rules of the state machine are at the head of fence.ts.
 * May import: events, base.
 */
export type {
  Fence,
  FenceCallback,
  FenceSource,
  FenceStatus,
  TimelineInfo,
  WaitOptions,
} from '../base/index.ts';
export { CallbackNode } from './callback.ts';
export {
  attach,
  bornSignalled,
  claimAsHardware,
  deadlineOf,
  detach,
  FenceCore,
  isFence,
  ownerOf,
  rethrowLater,
  signalFence,
} from './fence.ts';
export type { FenceOwner } from './fence.ts';
export { promiseFence } from './promiseFence.ts';
export type { PromiseFenceOptions } from './promiseFence.ts';
export { signalledFence, Timeline } from './timeline.ts';
export type { TimelineOptions } from './timeline.ts';
export { interruptWaits } from './wait.ts';
