/**
 * What the calls of this room refuse, all with a usage error and never with a TypeError of the engine. Bad numbers and bad
 * fences of each call are tested with that call, times and signals of waits in wait.test.ts.
 */
import { describe, expect, it } from 'vitest';
import {
  fenceAll,
  fenceAny,
  FenceChain,
  mergeFences,
  promiseFence,
  signalledFence,
  Syncobj,
  Timeline,
  waitSyncobjs,
} from '../../src/fence/index.ts';
import { ManualRuntime } from './manualRuntime.ts';

const runtime = new ManualRuntime();
const pending = () => new Timeline({ driver: 'demo', label: 'ring', runtime }).createFence().fence;
const syncobj = new Syncobj({ runtime, signalled: true });
const entries = [{ syncobj }];

/** Each takes one bad value, where it may be a runtime or a fence, too. */
const CALLS: Record<string, (bad: never) => unknown> = {
  'fence.isLaterThan': (bad) => pending().isLaterThan(bad),
  'new Timeline': (bad) => new Timeline(bad),
  'new Timeline: runtime': (bad) => new Timeline({ driver: 'd', label: 'l', runtime: bad }),
  'new Syncobj': (bad) => new Syncobj(bad),
  'new Syncobj: runtime': (bad) => new Syncobj({ runtime: bad }),
  promiseFence: (bad) => promiseFence(Promise.resolve(), bad),
  'promiseFence: runtime': (bad) =>
    promiseFence(Promise.resolve(), { deadlineMs: 5, runtime: bad }),
  fenceAll: (bad) => fenceAll(bad, runtime),
  'fenceAll: runtime': (bad) => fenceAll([pending()], bad),
  fenceAny: (bad) => fenceAny(bad, runtime),
  'fenceAny: runtime': (bad) => fenceAny([pending()], bad),
  mergeFences: (bad) => mergeFences(bad, runtime),
  'mergeFences: runtime': (bad) => mergeFences([], bad),
  'new FenceChain: fence': (bad) => new FenceChain(null, bad, 1, runtime),
  'new FenceChain: runtime': (bad) => new FenceChain(null, pending(), 1, bad),
  'new FenceChain: runtime, after a fence': (bad) => new FenceChain(pending(), pending(), 1, bad),
  'signalledFence: runtime': (bad) => signalledFence(bad),
  waitSyncobjs: (bad) => waitSyncobjs(bad, { runtime }),
  'waitSyncobjs: an entry': (bad) => waitSyncobjs([bad], { runtime }),
  'waitSyncobjs: options': (bad) => waitSyncobjs(entries, bad),
  'waitSyncobjs: runtime': (bad) => waitSyncobjs(entries, { runtime: bad }),
};

describe.each(Object.entries(CALLS))('%s', (_name, call) => {
  it.each([undefined, null, 5, {}])('refuses %o', (bad) => {
    expect(() => call(bad as never)).toThrow(
      expect.objectContaining({ name: 'UsageError', code: 'ERR_INVALID_ARGUMENT' }),
    );
  });
});

describe('options that choose', () => {
  it.each([
    ['mode', 'some'],
    ['mode', null],
    ['until', 'never'],
    ['until', null],
  ])('of waitSyncobjs: %s refuses %o', (name, value) => {
    expect(() => waitSyncobjs(entries, { runtime, [name]: value })).toThrow(/waitSyncobjs: /);
  });

  it.each([null, 5])('of fence.wait are an object, not %o', (options) => {
    const fence = pending();
    expect(() => fence.wait(options as never)).toThrow(/wait: expected an object of options/);
  });
});
