/**
 * A device over WebGPU: functions that encode commands, or plain data, with shares of one GPU.
 *
 * Law: section D of the contract; what the driver guarantees is at the head of webGpuDriver.ts, the order of things in ring.ts.
 * May import: device, sched, fence, events, base, host; the package `webgpu`, where the platform has no WebGPU.
 */
export type { HostBytes } from '../../device/index.ts';
export type * from './gpu.ts';
export type { TimingStats } from './gpuTimer.ts';
export { openWebGpuDevice } from './openWebGpuDevice.ts';
export type { WebGpuDeviceOptions } from './openWebGpuDevice.ts';
export { probeWebGpu } from './probe.ts';
export type { WebGpuProbe } from './probe.ts';
export type { AdapterName } from './wire.ts';
export type {
  WebGpuBinding,
  WebGpuContext,
  WebGpuDispatch,
  WebGpuEncode,
  WebGpuFunction,
  WebGpuReadBack,
  WebGpuUpload,
  WebGpuWork,
} from './work.ts';
