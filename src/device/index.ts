/**
 * Devices as applications see them: clients with shares, queues, submissions with results, memory, close and statistics.
 *
 * Law: sections E, M and J9 to J11 of the contract; a kind of device is a `DeviceBackend` (backend.ts) and nothing else.
 * May import: sched, fence, events, base.
 */
export type { DeviceBackend, DeviceHost, MemoryBackend, Task } from './backend.ts';
export { arrivalOf, DeviceBuffer, failureOf, handleOf } from './deviceBuffer.ts';
export type { BufferContents, BufferOptions, BufferState } from './deviceBuffer.ts';
export { hostBytes } from './hostBytes.ts';
export type { HostBytes } from './hostBytes.ts';
export type { MemoryStats } from './memoryBooks.ts';
export { Owned } from './owned.ts';
export type {
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
  Queue,
  Submission,
} from './device.ts';
export { openDevice } from './openDevice.ts';
export type { OpenDeviceOptions } from './openDevice.ts';
