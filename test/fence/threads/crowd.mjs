/**
 * One of a crowd of threads. Each makes fences, publishes them and signals them; each waits, blocked, for all fences of
 * all others. Posts how many of its signals won, and what it saw that was wrong.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { SharedFencePool } from '../../../dist/fence/index.js';
import { systemRuntime, threadPlatform } from '../../../dist/host/index.js';

const { ticket, board, me, threads, batches, batchSize } = workerData;
const pool = SharedFencePool.join(ticket, {
  runtime: systemRuntime(),
  platform: threadPlatform(),
});
const words = new Int32Array(board);
const batchWords = 2 + batchSize;
const publishedAt = (thread) => thread * batchWords;
const readAt = (thread) => thread * batchWords + 1;

/** Blocks until `words[at]` has reached `value`; false where it does not within a minute. */
function reach(at, value) {
  for (let seen = Atomics.load(words, at); seen < value; seen = Atomics.load(words, at)) {
    if (Atomics.wait(words, at, seen, 60_000) === 'timed-out') return false;
  }
  return true;
}

let won = 0;
const wrong = [];

for (let batch = 1; batch <= batches; batch += 1) {
  const sources = Array.from({ length: batchSize }, () => pool.create());
  sources.forEach(({ fence: { handle } }, i) => {
    // The generation fits: the test makes fewer fences than that.
    words[publishedAt(me) + 2 + i] = handle.slot | (handle.generation << 10);
  });
  Atomics.store(words, publishedAt(me), batch);
  Atomics.notify(words, publishedAt(me));
  for (const source of sources) if (source.signal()) won += 1;
  for (let other = (me + 1) % threads; other !== me; other = (other + 1) % threads) {
    if (!reach(publishedAt(other), batch)) wrong.push(`no batch ${batch} of ${other}`);
    for (let i = 0; i < batchSize; i += 1) {
      const packed = words[publishedAt(other) + 2 + i];
      const fence = pool.fence({ slot: packed & 1023, generation: packed >>> 10 });
      try {
        fence.waitSync({ timeoutMs: 60_000 });
      } catch (error) {
        wrong.push(`batch ${batch} of ${other}: ${error.code} ${error.message}`);
      }
    }
    Atomics.add(words, readAt(other), 1);
    Atomics.notify(words, readAt(other));
  }
  if (!reach(readAt(me), batch * (threads - 1))) wrong.push(`batch ${batch} was not read`);
  for (const source of sources) source.release();
  if (wrong.length > 0) break;
}
parentPort.postMessage({ won, wrong: wrong.slice(0, 5) });
