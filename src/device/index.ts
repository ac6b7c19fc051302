/**
 * Devices as applications see them: clients with shares, queues, submissions with results, close and statistics.
 *
 * Law: sections E and J9 to J11 of the contract; a kind of device is a `DeviceBackend` (backend.ts) and nothing else.
 * May import: sched, fence, events, base.
 */
export type { DeviceBackend, DeviceHost, Task } from './backend.ts';
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
