/**
 * Fences: one-shot completions on timelines, and what is made of them. They stand alone; nothing here knows what a
 * scheduler is.
 *
 * Law: section F of the contract. The rules of the state machine are at the head of fence.ts.
 * May import: events, base.
 */
export type {
  Fence,
  FenceCallback,
  FenceJson,
  FenceSource,
  FenceStatus,
  TimelineInfo,
  WaitOptions,
} from '../base/index.ts';
export { fenceAll } from './allFence.ts';
export { fenceAny } from './anyFence.ts';
export { CallbackNode, EarlyNode } from './callback.ts';
export { FenceChain } from './chain.ts';
export { describe } from './describe.ts';
export {
  attach,
  attachEarly,
  bornSignalled,
  claimAsHardware,
  deadlineOf,
  detach,
  FenceCore,
  isFence,
  ownerOf,
  signalFence,
  signalTogether,
} from './fence.ts';
export type { FenceOwner, FenceParts } from './fence.ts';
export { mergeFences, unwrapFences } from './merge.ts';
export { promiseFence } from './promiseFence.ts';
export type { PromiseFenceOptions } from './promiseFence.ts';
export { rethrowLater, stopListening } from './report.ts';
export { Reservation } from './reservation.ts';
export type { FenceUsage, ReservationWaitOptions } from './reservation.ts';
export { SharedFence } from './sharedFence.ts';
export { SharedFencePool } from './sharedPool.ts';
export type {
  SharedFencePoolJoinOptions,
  SharedFencePoolOptions,
  SharedFencePoolTicket,
  SharedFenceSource,
} from './sharedPool.ts';
export type { SharedFenceHandle } from './sharedSlots.ts';
export type { SharedFencePlatform } from './sharedWatch.ts';
export { Syncobj } from './syncobj.ts';
export type { SyncobjOptions } from './syncobj.ts';
export { signalledFence, Timeline } from './timeline.ts';
export type { TimelineOptions } from './timeline.ts';
export { interruptWaits } from './wait.ts';
export { waitSyncobjs } from './waitSyncobjs.ts';
export type { SyncobjWaitEntry, SyncobjWaitOptions } from './waitSyncobjs.ts';
