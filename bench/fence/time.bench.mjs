import {
  fenceAll,
  fenceAny,
  FenceChain,
  mergeFences,
  signalledFence,
  systemRuntime,
  Timeline,
} from '../../dist/index.js';
import { runAlone } from '../harness/alone.mjs';

export const name = 'fence-time';
export const question =
  'What does a fence cost, from its making to its end, beside a native promise?';
export const unit = 'ns';
export const peers = ['promise'];

const beside = { best: ['promise'] };

// Each figure is one whole life: of a fence (with nothing, a callback, a wait), of a composite of 2 or of 16 with all of
// its members, of a link. Of the peer: `new Promise`, `then`, `Promise.all`, `Promise.race`. Our times include reading the
// clock once a fence, for `signalledAtUs`; promises have no time.
export const target = [
  { figure: 'create-signal', against: beside },
  { figure: 'callback', against: beside, reach: 2 },
  { figure: 'wait', against: beside },
  { figure: 'all-2', against: beside },
  { figure: 'any-2', against: beside },
  { figure: 'merge-16', against: beside },
  { figure: 'chain-append', against: beside },
];

const TIMES = 1_000_000;

let ran = 0;
const callback = () => {
  ran += 1;
};

/** Nanoseconds for one `step`; promise jobs run every 100 steps. */
async function nsPer(times, step) {
  const began = process.hrtime.bigint();
  for (let index = 0; index < times; index += 1) {
    step(index);
    if (index % 100 === 99) await Promise.resolve();
  }
  await Promise.resolve();
  return Number(process.hrtime.bigint() - began) / times;
}

let steps = null;

export async function run({ contender, count }) {
  // The same in each round: timelines live long, and what makes fences is compiled once.
  steps ??= contender === 'promise' ? promiseSteps() : fenceSteps();
  const figures = {};
  for (const [figure, [step, size]] of Object.entries(steps)) {
    figures[figure] = await nsPer(count(Math.ceil(TIMES / size)), step);
  }
  if (ran === 0) throw new Error('expected callbacks to run, got none');
  return figures;
}

/**
 * What stays pending all the time, of each kind, as something always does in a program that lives on fences. Without
 * it, the collection between two rounds would throw away shapes and code that no object uses at that moment.
 */
const pending = [];

/** By figure: one step, and how many fences it takes. */
function fenceSteps() {
  const runtime = systemRuntime();
  const timelines = Array.from(
    { length: 16 },
    (_, index) => new Timeline({ driver: 'bench', label: `ring ${index}`, runtime }),
  );
  const [timeline] = timelines;
  const loose = new Timeline({ driver: 'bench', label: 'pending', runtime, ordered: false });
  const fences = [loose.createFence().fence, loose.createFence().fence];
  const composites = [fenceAll, fenceAny, mergeFences].map((compose) => compose(fences, runtime));
  for (const fence of [...fences, ...composites]) {
    pending.push(fence, fence.addCallback(callback), fence.wait());
  }
  const composite = (size, compose) => () => {
    const sources = timelines.slice(0, size).map((one) => one.createFence());
    const members = sources.map((source) => source.fence);
    compose(members, runtime).addCallback(callback);
    for (const source of sources) source.signal();
  };
  let head = new FenceChain(null, signalledFence(runtime), 1, runtime);
  return {
    'create-signal': [() => void timeline.createFence().signal(), 1],
    callback: [
      () => {
        const source = timeline.createFence();
        source.fence.addCallback(callback);
        source.signal();
      },
      1,
    ],
    wait: [
      () => {
        const source = timeline.createFence();
        void source.fence.wait().then(callback);
        source.signal();
      },
      1,
    ],
    'all-2': [composite(2, fenceAll), 2],
    'any-2': [composite(2, fenceAny), 2],
    'merge-16': [composite(16, mergeFences), 16],
    'chain-append': [
      () => {
        const source = timeline.createFence();
        head = new FenceChain(head, source.fence, head.seqno + 1, runtime);
        source.signal();
      },
      1,
    ],
  };
}

function promiseSteps() {
  const never = deferred();
  pending.push(never, never.promise.then(callback), Promise.race([never.promise, never.promise]));
  const withThen = () => {
    const { promise, resolve } = deferred();
    void promise.then(callback);
    resolve();
  };
  const composite = (size, compose) => () => {
    const sources = Array.from({ length: size }, deferred);
    void compose(sources.map(({ promise }) => promise)).then(callback);
    for (const { resolve } of sources) resolve();
  };
  let head = Promise.resolve();
  return {
    'create-signal': [() => void new Promise((resolve) => resolve()), 1],
    callback: [withThen, 1],
    wait: [withThen, 1],
    'all-2': [composite(2, (list) => Promise.all(list)), 2],
    'any-2': [composite(2, (list) => Promise.race(list)), 2],
    'merge-16': [composite(16, (list) => Promise.all(list)), 16],
    'chain-append': [
      () => {
        const { promise, resolve } = deferred();
        // Without the `then` the results would nest, and keep all of the past alive.
        head = Promise.all([head, promise]).then(() => undefined);
        resolve();
      },
      1,
    ],
  };
}

/** `Promise.withResolvers` needs a newer Node. */
function deferred() {
  let resolve;
  const promise = new Promise((fn) => (resolve = fn));
  return { promise, resolve };
}

void runAlone(import.meta);
