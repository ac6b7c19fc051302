/**
 * The rules of fences that must hold on every JavaScript runtime, against the built package: a list of named functions
 * that throw where a rule is broken. It uses nothing but the language and the package, so that Node, Deno, Bun and
 * vitest run this very file. Every rule is tested more closely in test/fence.
 */
import {
  describe,
  fenceAll,
  fenceAny,
  FenceChain,
  JobError,
  mergeFences,
  promiseFence,
  Reservation,
  SharedFencePool,
  signalledFence,
  Syncobj,
  systemRuntime,
  threadPlatform,
  Timeline,
  unwrapFences,
  waitSyncobjs,
} from '../../dist/index.js';

const runtime = systemRuntime();
const error = new JobError('ERR_DRIVER');

function newFences(count) {
  const make = (_, i) =>
    new Timeline({ driver: 'demo', label: `ring ${i}`, runtime }).createFence();
  const sources = Array.from({ length: count }, make);
  return { sources, fences: sources.map((source) => source.fence) };
}

function equal(got, expected) {
  const [a, b] = [got, expected].map((value) => JSON.stringify(value) ?? String(value));
  if (a !== b) throw new Error(`expected ${b}, got ${a}`);
}

function same(got, expected) {
  if (got !== expected) throw new Error('expected the very same object');
}

function throws(fn, code) {
  try {
    fn();
  } catch (caught) {
    equal(caught.code, code);
    return;
  }
  throw new Error(`expected ${code}, got no error`);
}

async function rejects(promise, code) {
  const caught = await promise.then(
    () => ({ code: 'none' }),
    (reason) => reason,
  );
  equal(caught.code, code);
}

/** @type {[title: string, run: () => void | Promise<void>][]} */
export const rules = [
  [
    'F1: seqnos grow, and only fences of one ordered timeline are compared',
    () => {
      const timeline = new Timeline({ driver: 'demo', label: 'ring', runtime });
      const [a, b] = [timeline.createFence().fence, timeline.createFence().fence];
      equal([a.seqno, b.seqno, b.isLaterThan(a)], [1, 2, true]);
      throws(() => a.isLaterThan(newFences(1).fences[0]), 'ERR_TIMELINE_MISMATCH');
    },
  ],
  [
    'F2, F3: a fence signals once, and its state is final before callbacks run',
    () => {
      const { sources, fences } = newFences(1);
      const seen = [];
      fences[0].addCallback((fence) => seen.push(fence.status, fence.error.code));
      equal([sources[0].signal(error), sources[0].signal()], [true, false]);
      equal(seen, ['failed', 'ERR_DRIVER']);
      equal(
        fences[0].addCallback(() => {}),
        null,
      );
    },
  ],
  [
    'F5: a chain of 1,000,000 dependent fences does not overflow the stack',
    () => {
      const timeline = new Timeline({ driver: 'demo', label: 'ring', runtime });
      const first = timeline.createFence();
      let last = first;
      for (let i = 1; i < 1_000_000; i += 1) {
        const next = timeline.createFence();
        last.fence.addCallback(() => next.signal());
        last = next;
      }
      first.signal();
      equal(last.fence.status, 'ok');
    },
  ],
  [
    'F8: a wait resolves, rejects, times out, and is cancelled by an AbortSignal',
    async () => {
      const { sources, fences } = newFences(2);
      await rejects(fences[0].wait({ timeoutMs: 1 }), 'ERR_WAIT_TIMEOUT');
      await rejects(fences[0].wait({ timeoutMs: 0 }), 'ERR_WAIT_TIMEOUT');
      const controller = new AbortController();
      const cancelled = fences[0].wait({ signal: controller.signal });
      controller.abort({ code: 'enough' });
      await rejects(cancelled, 'enough');
      const [ok, failed] = [fences[0].wait({ timeoutMs: 60_000 }), fences[1].wait()];
      sources[0].signal();
      sources[1].signal(error);
      await ok;
      await rejects(failed, 'ERR_DRIVER');
    },
  ],
  [
    'F9: a promise becomes a fence with a deadline',
    async () => {
      await promiseFence(Promise.resolve(), { deadlineMs: 60_000, runtime }).wait();
      const never = new Promise(() => {});
      await rejects(promiseFence(never, { deadlineMs: 1, runtime }).wait(), 'ERR_WAIT_TIMEOUT');
      throws(() => promiseFence(never, { deadlineMs: Infinity, runtime }), 'ERR_INVALID_ARGUMENT');
    },
  ],
  [
    'F10: composites complete as the contract says, also when they are only polled',
    () => {
      const { sources, fences } = newFences(3);
      const all = fenceAll(fences, runtime);
      const any = fenceAny([fences[1], fences[2]], runtime);
      const seen = [];
      fences[2].addCallback(() => seen.push(all.status, any.status));
      for (const source of sources.slice(0, 2)) source.signal();
      equal([all.status, any.status], ['pending', 'ok']);
      sources[2].signal(error);
      equal(seen, ['failed', 'ok']);
      equal(all.error.code, 'ERR_DRIVER');
    },
  ],
  [
    'F10: a merge keeps what is needed, and unwraps again',
    () => {
      const { fences } = newFences(2);
      const merged = mergeFences([fenceAll(fences, runtime), fences[1]], runtime);
      unwrapFences(merged).forEach((fence, i) => same(fence, fences[i]));
      same(mergeFences([signalledFence(runtime), fences[0]], runtime), fences[0]);
      equal(describe(merged).split('\n').length, 3);
    },
  ],
  [
    'F11: a chain of 100,000 links signals in any order',
    () => {
      const count = 100_000;
      const timeline = new Timeline({ driver: 'demo', label: 'r', runtime, ordered: false });
      const sources = Array.from({ length: count }, () => timeline.createFence());
      let head = null;
      sources.forEach(({ fence }, i) => {
        head = new FenceChain(head, fence, i + 1, runtime);
        if (i % 3 === 0) void head.fence;
      });
      const { fence } = head;
      for (let i = 0; i < count; i += 1) sources[(i * 7919) % count].signal();
      equal([fence.status, head.find(count)], ['ok', null]);
    },
  ],
  [
    'a syncobj is waited for before it is submitted',
    async () => {
      const { sources, fences } = newFences(1);
      const box = new Syncobj({ runtime });
      const entries = [{ syncobj: box, point: 4 }];
      const wait = waitSyncobjs(entries, { runtime, waitForSubmit: true, timeoutMs: 60_000 });
      box.addPoint(4, fences[0]);
      sources[0].signal();
      equal([await wait, box.lastSignalled], [0, 4]);
      await rejects(box.waitForSubmit(5, { timeoutMs: 1 }), 'ERR_WAIT_TIMEOUT');
    },
  ],
  [
    'M2: a reservation makes writers wait for all and readers for writers',
    async () => {
      const { sources, fences } = newFences(2);
      const buffer = new Reservation();
      buffer.add(fences[0], 'write');
      buffer.add(fences[1], 'read');
      equal([buffer.fencesBefore('write').length, buffer.fencesBefore('read').length], [2, 1]);
      const wait = buffer.wait('read', { timeoutMs: 60_000 });
      for (const source of sources) source.signal(error);
      await wait;
    },
  ],
  [
    'F13: a shared fence is signalled, waited for and recycled',
    async () => {
      const pool = new SharedFencePool({ runtime, platform: threadPlatform(), slots: 1 });
      const first = pool.create();
      const { handle } = first.fence;
      // As another thread would: it is told by Atomics.waitAsync.
      const joined = SharedFencePool.join(pool.ticket(), { runtime, platform: threadPlatform() });
      const wait = joined.fence(handle).wait({ timeoutMs: 60_000 });
      equal([first.signal(error), first.signal()], [true, false]);
      await rejects(wait, 'ERR_DRIVER');
      first.release();
      equal([pool.create().fence.status, pool.fence(handle).status], ['pending', 'failed']);
    },
  ],
];
