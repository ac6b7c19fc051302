/** The other thread of shared.bench.mjs: waits for each ping, blocked, and answers it; a batch of fences, a batch of words. */
import { parentPort, workerData } from 'node:worker_threads';
import { SharedFencePool, systemRuntime, threadPlatform } from '../../dist/index.js';

const options = { runtime: systemRuntime(), platform: threadPlatform() };
const pool = SharedFencePool.join(workerData.ticket, options);

parentPort.on('message', ({ words, pings, pongs, batch }) => {
  const waits = pings.map((handle) => pool.fence(handle));
  const answers = pongs.map((handle) => pool.source(handle));
  for (let from = 0; from < waits.length; from += batch) {
    for (let index = from; index < from + batch; index += 1) {
      waits[index].waitSync();
      answers[index].signal();
    }
    for (let index = from; index < from + batch; index += 1) {
      while (Atomics.load(words, 2 * index) === 0) Atomics.wait(words, 2 * index, 0);
      Atomics.store(words, 2 * index + 1, 1);
      Atomics.notify(words, 2 * index + 1);
    }
  }
});
