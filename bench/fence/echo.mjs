/** The other thread of shared.bench.mjs: waits for each ping, blocked, and answers it. */
import { parentPort, workerData } from 'node:worker_threads';
import { SharedFencePool, systemRuntime, threadPlatform } from '../../dist/index.js';

const pool = SharedFencePool.join(workerData.ticket, {
  runtime: systemRuntime(),
  platform: threadPlatform(),
});
const words = new Int32Array(workerData.words);

parentPort.on('message', ({ how, count, pings, pongs }) => {
  if (how === 'raw') {
    for (let i = 0; i < count; i += 1) {
      while (Atomics.load(words, 2 * i) === 0) Atomics.wait(words, 2 * i, 0);
      Atomics.store(words, 2 * i + 1, 1);
      Atomics.notify(words, 2 * i + 1);
    }
    return;
  }
  const waits = pings.map((handle) => pool.fence(handle));
  const answers = pongs.map((handle) => pool.source(handle));
  for (let i = 0; i < count; i += 1) {
    waits[i].waitSync();
    answers[i].signal();
  }
});
