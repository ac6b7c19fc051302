/** Blocks on each of the fences that it is sent, in turn, and posts how each ended. */
import { parentPort, workerData } from 'node:worker_threads';
import { SharedFencePool } from '../../../dist/fence/index.js';
import { systemRuntime, threadPlatform } from '../../../dist/host/index.js';

const { ticket, withoutWaitAsync = false } = workerData;
if (withoutWaitAsync) Atomics.waitAsync = undefined;
const pool = SharedFencePool.join(ticket, {
  runtime: systemRuntime(),
  platform: threadPlatform(),
});

async function wait({ handles, mode }) {
  const ends = [];
  parentPort.postMessage('waiting');
  for (const handle of handles) {
    try {
      const fence = pool.fence(handle);
      if (mode === 'block') fence.waitSync({ timeoutMs: 60_000 });
      else await fence.wait({ timeoutMs: 60_000 });
      ends.push('ok');
    } catch (error) {
      ends.push(error.code);
    }
  }
  parentPort.postMessage(ends);
}

parentPort.on('message', (message) => void wait(message));
