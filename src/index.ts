/**
 * The package: fences, scheduler, policies, device types, errors, and the platform's runtime.
 *
 * Law: the names of the public API, and nothing else of the rooms behind them.
 * May import: fence, sched, device, host, events, base.
 */
export { ERROR_TABLE, FencelineError, InvariantError, JobError, UsageError } from './base/index.ts';
export type {
  CancelSignal,
  Distribution,
  Errno,
  ErrorCode,
  ErrorDetails,
  ErrorRow,
  Fence,
  FenceCallback,
  FenceJson,
  FenceSource,
  FenceStatus,
  TimelineInfo,
  WaitOptions,
} from './base/index.ts';
export { DeviceBuffer, Owned } from './device/index.ts';
export type {
  BufferContents,
  BufferOptions,
  BufferState,
  Client,
  ClientOptions,
  ClientStats,
  CloseClientOptions,
  Device,
  DeviceLimits,
  DeviceStats,
  Lease,
  LeaseOptions,
  LeaseSignal,
  MemoryStats,
  Queue,
  Submission,
} from './device/index.ts';
export { EVENT_VERSION, Ids, Recorder } from './events/index.ts';
export type {
  EventSink,
  FenceRef,
  RecorderOptions,
  Runtime,
  SchedEvent,
  Timer,
} from './events/index.ts';
export {
  describe,
  fenceAll,
  fenceAny,
  FenceChain,
  mergeFences,
  promiseFence,
  Reservation,
  SharedFence,
  SharedFencePool,
  signalledFence,
  Syncobj,
  Timeline,
  unwrapFences,
  waitSyncobjs,
} from './fence/index.ts';
export type {
  FenceUsage,
  PromiseFenceOptions,
  ReservationWaitOptions,
  SharedFenceHandle,
  SharedFencePlatform,
  SharedFencePoolJoinOptions,
  SharedFencePoolOptions,
  SharedFencePoolTicket,
  SharedFenceSource,
  SyncobjOptions,
  SyncobjWaitEntry,
  SyncobjWaitOptions,
  TimelineOptions,
} from './fence/index.ts';
export { systemRuntime, threadPlatform } from './host/index.ts';
export type { ThreadPlatform } from './host/index.ts';
export {
  Account,
  Entity,
  fair,
  fifo,
  linuxFair,
  ResetDomain,
  ResourcePool,
  roundRobin,
  Scheduler,
  strictPriority,
} from './sched/index.ts';
export type {
  AccountOptions,
  CrashReport,
  Driver,
  EntityOptions,
  EntityStats,
  Job,
  Policy,
  PolicyEntity,
  Priority,
  ResetContext,
  ResetDomainOptions,
  ResourcePoolOptions,
  ResourceRequest,
  RingStats,
  SchedulerCredits,
  SchedulerOptions,
  SchedulerStats,
  SubmitOptions,
} from './sched/index.ts';
