/**
 * The platform's own types of WebGPU, as TypeScript's `lib.dom` has them, fit those of this package: compiled, never run.
 */
import type {
  GPUAdapterLike,
  GPUBufferLike,
  GPUCommandEncoderLike,
  GPUDeviceLike,
  GPULike,
  WebGpuContext,
  WebGpuWork,
} from '../../../src/drivers/webgpu/index.ts';

export const fits = (
  gpu: GPU,
  adapter: GPUAdapter,
  device: GPUDevice,
  encoder: GPUCommandEncoder,
  buffer: GPUBuffer,
): [GPULike, GPUAdapterLike, GPUDeviceLike, GPUCommandEncoderLike, GPUBufferLike] => [
  gpu,
  adapter,
  device,
  encoder,
  buffer,
];

/** A function may name the platform's types. */
export const named: WebGpuWork = ({
  device,
  encoder,
}: Omit<WebGpuContext, 'device' | 'encoder'> & {
  device: GPUDevice;
  encoder: GPUCommandEncoder;
}) => {
  encoder.clearBuffer(device.createBuffer({ size: 4, usage: 8 }));
};

// @ts-expect-error a device without a queue is none
export const none: GPUDeviceLike = {} as Omit<GPUDevice, 'queue'>;
