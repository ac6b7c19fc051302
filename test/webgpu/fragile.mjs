/**
 * The package `webgpu`, with devices that are ended by what a shader says: `CRASH` ends their process at once, `LOSE` destroys the
 * device a moment later. They are also lost when their process is sent SIGUSR2: what a driver of a GPU does at times.
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
          const compile = device.createShaderModule.bind(device);
          const createShaderModule = (descriptor) => {
            if (descriptor.code.includes('CRASH')) process.kill(process.pid, 'SIGKILL');
            if (descriptor.code.includes('LOSE')) setTimeout(() => device.destroy(), 30);
            return compile(descriptor);
          };
          Object.defineProperty(device, 'createShaderModule', { value: createShaderModule });
          return device;
        },
      };
    },
  };
}
