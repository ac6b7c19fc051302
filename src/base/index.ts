/**
 * Words that every room uses: errors, the shape of a fence, small data structures.
 *
 * Law: nothing here knows what a scheduler is; nothing keeps state between calls.
 * May import: nothing.
 */
export { checkedSignal } from './cancelSignal.ts';
export type { Abort, CancelSignal } from './cancelSignal.ts';
export { deferred } from './deferred.ts';
export type { Deferred } from './deferred.ts';
export {
  assert,
  checkedOptions,
  ERROR_TABLE,
  FencelineError,
  invalid,
  InvariantError,
  JobError,
  messageOf,
  shown,
  UsageError,
} from './errors.ts';
export type { Errno, ErrorCode, ErrorDetails, ErrorRow } from './errors.ts';
export type {
  Fence,
  FenceCallback,
  FenceJson,
  FenceSource,
  FenceStatus,
  TimelineInfo,
  WaitOptions,
} from './fence.ts';
export { Heap } from './heap.ts';
export type { HeapItem } from './heap.ts';
export { Histogram } from './histogram.ts';
export type { Distribution } from './histogram.ts';
