/**
 * A device whose rings are threads: plain functions of a module, called with structured clones, killed when they hang.
 *
 * Law: section D of the contract; what the driver guarantees is at the head of workerDriver.ts, what is said between
 * threads in protocol.ts.
 * May import: device, sched, fence, events, base, host.
 */
export { openWorkerDevice } from './openWorkerDevice.ts';
export type { WorkerDeviceOptions } from './openWorkerDevice.ts';
export type { Transferable, WorkerContext, WorkerWork } from './work.ts';
