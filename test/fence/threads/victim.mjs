/** Makes, publishes and signals fences as fast as it can, until it is terminated. */
import { parentPort, workerData } from 'node:worker_threads';
import { SharedFencePool } from '../../../dist/fence/index.js';
import { systemRuntime, threadPlatform } from '../../../dist/host/index.js';

const pool = SharedFencePool.join(workerData.ticket, {
  runtime: systemRuntime(),
  platform: threadPlatform(),
});
const left = [];
for (let i = 0; i < workerData.left; i += 1) left.push(pool.create().fence.handle);
parentPort.postMessage(left);
for (;;) {
  const source = pool.create();
  source.signal();
  source.release();
}
