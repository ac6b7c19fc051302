/** The other thread of shared.bench.mjs: waits for each ping, blocked, and answers it. */
import { parentPort, workerData } from 'node:worker_threads';
import { SharedFencePool, systemRuntime, threadPlatform } from '../../dist/index.js';

const options = { runtime: systemRuntime(), platform: threadPlatform() };
const pool = SharedFencePool.join(workerData.ticket, options);

function answerFences({ pings, pongs }) {
  const waits = pings.map((handle) => pool.fence(handle));
  const answers = pongs.map((handle) => pool.source(handle));
  waits.forEach((fence, index) => {
    fence.waitSync();
    answers[index].signal();
  });
}

function answerWords({ words, times }) {
  for (let index = 0; index < times; index += 1) {
    while (Atomics.load(words, 2 * index) === 0) Atomics.wait(words, 2 * index, 0);
    Atomics.store(words, 2 * index + 1, 1);
    Atomics.notify(words, 2 * index + 1);
  }
}

parentPort.on('message', (message) => {
  if (message.words === undefined) answerFences(message);
  else answerWords(message);
});
