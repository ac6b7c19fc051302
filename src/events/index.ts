/**
 * The vocabulary of what happens, who listens to it, and the runtime that everything is handed.
 *
 * Law: events are the only observation; every type is versioned and described once, here.
 * May import: base.
 */
export { EVENT_VERSION } from './event.ts';
export type {
  BanEvent,
  ClientEvent,
  EntityEvent,
  EventSink,
  FenceRef,
  FenceSignalEvent,
  FenceWaitEvent,
  GoneEvent,
  GrantEvent,
  HookEvent,
  JobBlockedEvent,
  JobDependencyEvent,
  JobDoneEvent,
  JobQueueEvent,
  JobRunEvent,
  JobStepEvent,
  OwnershipEvent,
  PassEvent,
  ResetBeginEvent,
  ResetEndEvent,
  SchedEvent,
  TimeoutEvent,
  WarningEvent,
} from './event.ts';
export { publisher, publishTo } from './publisher.ts';
export type { Publisher } from './publisher.ts';
export { Recorder } from './recorder.ts';
export type { RecorderOptions } from './recorder.ts';
export { checkedRuntime, Ids, idsOf } from './runtime.ts';
export type { Runtime, Timer } from './runtime.ts';
