import { Worker } from 'node:worker_threads';
import { SharedFencePool, systemRuntime, threadPlatform } from '../../dist/index.js';
import { runAlone } from '../harness/alone.mjs';

export const name = 'fence-shared';
export const question =
  'How long from a signal in one thread to the wake-up of another, beside the same Atomics primitive?';
export const unit = 'us';
export const peers = [];

// A ping to the other thread and a pong back, both of which block meanwhile: two wake-ups. The two figures take turns, a batch
// each, in the same two threads: what a wake-up costs depends on what the machine's cores did just before, far more than on us.
export const target = [
  { figure: 'ping-pong', against: { own: 'atomics' }, reach: 1.2 },
  { figure: 'atomics' },
];

const BATCH = 400;
const BATCHES = 40;

export async function run({ count }) {
  const times = count(BATCHES) * BATCH;
  const words = new Int32Array(new SharedArrayBuffer(8 * times));
  const pings = Array.from({ length: times }, () => pool.create());
  const pongs = Array.from({ length: times }, () => pool.create(ticket.thread));
  const handles = (sources) => sources.map(({ fence }) => fence.handle);
  post({ words, pings: handles(pings), pongs: handles(pongs), batch: BATCH });
  const fences = [];
  const atomics = [];
  for (let from = 0; from < times; from += BATCH) {
    fences.push(
      usPer(from, (index) => {
        pings[index].signal();
        pongs[index].fence.waitSync();
      }),
    );
    atomics.push(
      usPer(from, (index) => {
        Atomics.store(words, 2 * index, 1);
        Atomics.notify(words, 2 * index);
        while (Atomics.load(words, 2 * index + 1) === 0) Atomics.wait(words, 2 * index + 1, 0);
      }),
    );
  }
  for (const source of [...pings, ...pongs]) source.release();
  return { 'ping-pong': median(fences), atomics: median(atomics) };
}

const options = { runtime: systemRuntime(), platform: threadPlatform() };
const pool = new SharedFencePool({ ...options, slots: 2 * BATCH * BATCHES, mayBlock: true });
const ticket = pool.ticket();

/** The other thread: the same in each round, so that its code is as warm as ours. */
let echo = null;

function post(message) {
  echo ??= new Worker(new URL('echo.mjs', import.meta.url), { workerData: { ticket } });
  echo.unref();
  echo.postMessage(message);
}

/** Microseconds for one `pingPong` of a batch; the first, which waits for the other thread to come along, does not count. */
function usPer(from, pingPong) {
  pingPong(from);
  const began = process.hrtime.bigint();
  for (let index = from + 1; index < from + BATCH; index += 1) pingPong(index);
  return Number(process.hrtime.bigint() - began) / 1000 / (BATCH - 1);
}

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

void runAlone(import.meta);
