import { fenceAll, FenceChain, systemRuntime, Timeline } from '../../dist/index.js';
import { grownBytes } from '../core/heapSize.mjs';
import { runAlone } from '../harness/alone.mjs';

export const name = 'fence-memory';
export const question = 'How many bytes does a pending fence hold, and what is made of it?';
export const unit = 'B';
export const peers = ['promise'];

// `pending`: a fence with its source, and its place in its timeline; of the peer: a promise with its resolve function.
// `callback`: with one callback more. `all-16`: a `fenceAll`, without its 16 members. `link`: a link of a chain, without
// the fence that it was made from.
export const target = [
  { figure: 'pending', reach: 120 },
  { figure: 'callback' },
  { figure: 'all-16' },
  { figure: 'link' },
];

const TIMES = 200_000;

export async function run({ contender, count }) {
  const times = count(TIMES);
  if (contender === 'promise') {
    return {
      pending: await bytesPer(times, deferred),
      callback: await bytesPer(times, () => {
        const one = deferred();
        void one.promise.then(nothing);
        return one;
      }),
    };
  }
  const runtime = systemRuntime();
  const timeline = new Timeline({ driver: 'bench', label: 'ring', runtime });
  const fences = Array.from({ length: 16 }, () => timeline.createFence().fence);
  let head = null;
  return {
    pending: await bytesPer(times, () => timeline.createFence()),
    callback: await bytesPer(times, () => {
      const source = timeline.createFence();
      source.fence.addCallback(nothing);
      return source;
    }),
    'all-16': await bytesPer(times, () => fenceAll(fences, runtime)),
    link: await bytesPer(times, (index) => {
      head = new FenceChain(head, fences[0], index + 1, runtime);
      return head;
    }),
  };
}

async function bytesPer(times, make) {
  const kept = new Array(times).fill(null);
  const bytes = await grownBytes(() => {
    for (let index = 0; index < times; index += 1) kept[index] = make(index);
  });
  if (kept.includes(null)) throw new Error('expected all to be kept');
  return bytes / times;
}

function nothing() {}

/** `Promise.withResolvers` needs a newer Node. */
function deferred() {
  let resolve;
  const promise = new Promise((fn) => (resolve = fn));
  return { promise, resolve };
}

void runAlone(import.meta);
