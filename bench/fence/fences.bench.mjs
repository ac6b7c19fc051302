/**
 * What do fences cost beside native promises, in time and in memory?
 *
 * Usage: npm run build && node bench/fence/fences.bench.mjs [ROW...] [--json] [--rounds N] [--smoke]
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  fenceAll,
  fenceAny,
  FenceChain,
  mergeFences,
  signalledFence,
  systemRuntime,
  Timeline,
} from '../../dist/index.js';
import { main, nsPer } from './rounds.mjs';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

const runtime = systemRuntime();
const newTimeline = () => new Timeline({ driver: 'bench', label: 'ring', runtime });
let sum = 0;
const count1 = () => {
  sum += 1;
};

/** `Promise.withResolvers` needs a newer Node. */
function deferred() {
  let resolve;
  const promise = new Promise((fn) => (resolve = fn));
  return { promise, resolve };
}

/** Bytes of heap that `count` of what `make` makes take, each. */
function bytesPer(count, make) {
  const kept = Array(count).fill(null);
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < count; i += 1) kept[i] = make();
  collect();
  const bytes = (process.memoryUsage().heapUsed - before) / count;
  if (kept.length !== count) throw new Error('kept');
  return bytes;
}

/** Runs `step` `count` times, and lets promise jobs run every 100 steps. */
const inBatches = (step) => async (count) => {
  for (let i = 0; i < count; i += 1) {
    step(i);
    if (i % 100 === 99) await Promise.resolve();
  }
  await Promise.resolve();
};

const timed = (step) => (count) => nsPer(count, inBatches(step));

function createRow() {
  const timeline = newTimeline();
  return {
    name: 'fence-create-signal',
    unit: 'ns',
    count: 200_000,
    fenceline: timed(() => timeline.createFence().signal()),
    peers: { 'new Promise': timed(() => void new Promise((resolve) => resolve())) },
  };
}

function callbackRow() {
  const timeline = newTimeline();
  return {
    name: 'fence-callback',
    unit: 'ns',
    count: 200_000,
    target: 2,
    fenceline: timed(() => {
      const source = timeline.createFence();
      source.fence.addCallback(count1);
      source.signal();
    }),
    peers: {
      'new Promise + then': timed(() => {
        const { promise, resolve } = deferred();
        void promise.then(count1);
        resolve();
      }),
    },
  };
}

function waitRow() {
  const timeline = newTimeline();
  return {
    name: 'fence-wait',
    unit: 'ns',
    count: 100_000,
    fenceline: timed(() => {
      const source = timeline.createFence();
      void source.fence.wait().then(count1);
      source.signal();
    }),
    peers: {
      'new Promise + then': timed(() => {
        const { promise, resolve } = deferred();
        void promise.then(count1);
        resolve();
      }),
    },
  };
}

/** A composite of `size` pending members, with one callback, against what promises offer. */
function compositeRow(name, size, compose, peer) {
  const timelines = Array.from({ length: size }, newTimeline);
  return {
    name,
    unit: 'ns',
    count: Math.ceil(100_000 / size),
    fenceline: timed(() => {
      const sources = timelines.map((timeline) => timeline.createFence());
      const fences = sources.map((source) => source.fence);
      compose(fences, runtime).addCallback(count1);
      for (const source of sources) source.signal();
    }),
    peers: {
      [`Promise.${peer}`]: timed(() => {
        const all = Array.from({ length: size }, deferred);
        void Promise[peer](all.map(({ promise }) => promise)).then(count1);
        for (const { resolve } of all) resolve();
      }),
    },
  };
}

function chainRow() {
  const timeline = newTimeline();
  return {
    name: 'fence-chain-append',
    unit: 'ns',
    count: 100_000,
    fenceline: (count) => {
      let head = new FenceChain(null, signalledFence(runtime), 1, runtime);
      return timed((i) => {
        const source = timeline.createFence();
        head = new FenceChain(head, source.fence, i + 2, runtime);
        source.signal();
      })(count);
    },
    peers: {
      'Promise.all of 2': (count) => {
        let head = Promise.resolve();
        return timed(() => {
          const { promise, resolve } = deferred();
          head = Promise.all([head, promise]);
          resolve();
        })(count);
      },
    },
  };
}

function memoryRow() {
  const timeline = newTimeline();
  return {
    name: 'fence-memory',
    unit: 'B per pending fence with its source',
    count: 200_000,
    target: 120,
    fenceline: (count) => bytesPer(count, () => timeline.createFence()),
    peers: {},
  };
}

await main([
  createRow(),
  callbackRow(),
  waitRow(),
  compositeRow('fence-all-2', 2, fenceAll, 'all'),
  compositeRow('fence-any-2', 2, fenceAny, 'race'),
  compositeRow('fence-merge-16', 16, mergeFences, 'all'),
  chainRow(),
  memoryRow(),
]);
if (sum === 0) process.exitCode = 1;
