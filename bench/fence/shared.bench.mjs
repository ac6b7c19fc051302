/**
 * What does a shared fence cost beside the same Atomics primitive: signal in one thread to wake-up, blocked, in another?
 * A round is a ping and a pong for each operation, so one operation is two wake-ups.
 *
 * Usage: npm run build && node bench/fence/shared.bench.mjs [--json] [--rounds N] [--smoke]
 */
import { Worker } from 'node:worker_threads';
import { SharedFencePool, systemRuntime, threadPlatform } from '../../dist/index.js';
import { main, nsPer } from './rounds.mjs';

const COUNT = 2000;

const pool = new SharedFencePool({
  runtime: systemRuntime(),
  platform: threadPlatform(),
  slots: 2 * COUNT,
  mayBlock: true,
});
const ticket = pool.ticket();
const buffer = new SharedArrayBuffer(4 * 2 * COUNT);
const words = new Int32Array(buffer);
const worker = new Worker(new URL('echo.mjs', import.meta.url), {
  workerData: { ticket, words: buffer },
});

/** Microseconds for a ping and its pong. */
async function sharedFences(count) {
  const pings = Array.from({ length: count }, () => pool.create());
  const pongs = Array.from({ length: count }, () => pool.create(ticket.thread));
  const handles = (sources) => sources.map(({ fence }) => fence.handle);
  worker.postMessage({ how: 'fence', count, pings: handles(pings), pongs: handles(pongs) });
  // The first answer says that the other thread is there.
  pings[0].signal();
  pongs[0].fence.waitSync();
  const ns = await nsPer(count - 1, () => {
    for (let i = 1; i < count; i += 1) {
      pings[i].signal();
      pongs[i].fence.waitSync();
    }
  });
  for (const source of [...pings, ...pongs]) source.release();
  return ns / 1000;
}

async function rawAtomics(count) {
  words.fill(0);
  worker.postMessage({ how: 'raw', count });
  const pingPong = (i) => {
    Atomics.store(words, 2 * i, 1);
    Atomics.notify(words, 2 * i);
    while (Atomics.load(words, 2 * i + 1) === 0) Atomics.wait(words, 2 * i + 1, 0);
  };
  pingPong(0);
  const ns = await nsPer(count - 1, () => {
    for (let i = 1; i < count; i += 1) pingPong(i);
  });
  return ns / 1000;
}

await main([
  {
    name: 'fence-shared-wake',
    unit: 'us for two wake-ups',
    count: COUNT,
    target: 1.2,
    fenceline: sharedFences,
    peers: { 'Atomics wait/notify': rawAtomics },
  },
]);
await worker.terminate();
