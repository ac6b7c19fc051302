import { Worker } from 'node:worker_threads';
import { SharedFencePool, systemRuntime, threadPlatform } from '../../dist/index.js';
import { runAlone } from '../harness/alone.mjs';

export const name = 'fence-shared';
export const question =
  'How long from a signal in one thread to the wake-up of another, beside the same Atomics primitive?';
export const unit = 'us';
export const peers = ['atomics'];

// A ping to the other thread and a pong back, both of which block meanwhile: two wake-ups.
export const target = [{ figure: 'ping-pong', against: { best: ['atomics'] }, reach: 1.2 }];

const TIMES = 20_000;

export async function run({ contender, count }) {
  const times = count(TIMES);
  return { 'ping-pong': contender === 'atomics' ? atomics(times) : sharedFences(times) };
}

const options = { runtime: systemRuntime(), platform: threadPlatform() };
const pool = new SharedFencePool({ ...options, slots: 2 * TIMES, mayBlock: true });
const ticket = pool.ticket();

/** The other thread: the same in each round, so that its code is as warm as ours. */
let echo = null;

function post(message) {
  echo ??= new Worker(new URL('echo.mjs', import.meta.url), { workerData: { ticket } });
  echo.unref();
  echo.postMessage(message);
}

function sharedFences(times) {
  const pings = Array.from({ length: times }, () => pool.create());
  const pongs = Array.from({ length: times }, () => pool.create(ticket.thread));
  const handles = (sources) => sources.map(({ fence }) => fence.handle);
  post({ pings: handles(pings), pongs: handles(pongs) });
  const us = usPer(times, (index) => {
    pings[index].signal();
    pongs[index].fence.waitSync();
  });
  for (const source of [...pings, ...pongs]) source.release();
  return us;
}

function atomics(times) {
  const words = new Int32Array(new SharedArrayBuffer(8 * times));
  post({ words, times });
  return usPer(times, (index) => {
    Atomics.store(words, 2 * index, 1);
    Atomics.notify(words, 2 * index);
    while (Atomics.load(words, 2 * index + 1) === 0) Atomics.wait(words, 2 * index + 1, 0);
  });
}

/** Microseconds for one `pingPong`; the first, which waits for the other thread to hear of it, does not count. */
function usPer(times, pingPong) {
  pingPong(0);
  const began = process.hrtime.bigint();
  for (let index = 1; index < times; index += 1) pingPong(index);
  return Number(process.hrtime.bigint() - began) / 1000 / (times - 1);
}

void runAlone(import.meta);
