/** The package `webgpu`, where a process that is started while FENCELINE_TEST_HANG is set never has an adapter. */
import { create as createReal } from './dawn/node_modules/webgpu/index.js';

export function create(flags) {
  if (process.env.FENCELINE_TEST_HANG === undefined) return createReal(flags);
  setInterval(() => {}, 1000);
  return { requestAdapter: () => new Promise(() => {}) };
}
