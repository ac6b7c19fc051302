/**
 * The package `webgpu`, with devices that are lost when their process is sent SIGUSR2: what a driver of a GPU does at times.
 */
import { create as createReal } from './dawn/node_modules/webgpu/index.js';

export function create(flags) {
  const gpu = createReal(flags);
  return {
    async requestAdapter(options) {
      const adapter = await gpu.requestAdapter(options);
      return {
        features: adapter.features,
        info: adapter.info,
        async requestDevice(descriptor) {
          const device = await adapter.requestDevice(descriptor);
          process.on('SIGUSR2', () => device.destroy());
          return device;
        },
      };
    },
  };
}
