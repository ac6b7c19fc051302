/** Syncobjs, binary and timeline, and waiting for several of them (issue of the fence framework; F8, F9). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/base/index.ts';
import {
  Reservation,
  signalledFence,
  Syncobj,
  Timeline,
  waitSyncobjs,
} from '../../src/fence/index.ts';
import type { Fence, FenceSource } from '../../src/fence/index.ts';
import { ManualRuntime } from './manualRuntime.ts';

const error = new JobError('ERR_DRIVER');
const code = (code: string) => expect.objectContaining({ code });
const at = <T>(list: readonly T[], i: number): T => list[i] as T;

function setUp(options: { fences?: number; events?: boolean } = {}) {
  const runtime = new ManualRuntime({ events: options.events === true });
  const timeline = new Timeline({ driver: 'demo', label: 'ring', runtime, ordered: false });
  const sources: FenceSource[] = Array.from({ length: options.fences ?? 3 }, () =>
    timeline.createFence(),
  );
  return {
    runtime,
    sources,
    fences: sources.map(({ fence }) => fence),
    box: new Syncobj({ runtime }),
  };
}

describe('a binary syncobj', () => {
  it('begins empty, or signalled where that is asked for', () => {
    const { runtime, box } = setUp();
    expect(box.fence).toBeNull();
    expect(new Syncobj({ runtime, signalled: true }).fence?.status).toBe('ok');
    expect(() => new Syncobj({} as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
  });

  it('holds one fence, which is replaced, taken out and signalled', () => {
    const { fences, box } = setUp();
    box.replace(at(fences, 0));
    expect(box.fence).toBe(fences[0]);
    box.replace(at(fences, 1));
    expect(box.fence).toBe(fences[1]);
    box.signal();
    expect(box.fence?.status).toBe('ok');
    expect(at(fences, 1).status).toBe('pending');
    box.reset();
    expect(box.fence).toBeNull();
    expect([box.lastSubmitted, box.lastSignalled]).toEqual([0, 0]);
    expect(() => box.replace({} as Fence)).toThrow(code('ERR_INVALID_ARGUMENT'));
  });

  it('has no points', () => {
    const { fences, box } = setUp();
    box.replace(at(fences, 0));
    expect(box.fenceAt(0)).toBe(fences[0]);
    expect(box.fenceAt(1)).toBeNull();
  });
});

describe('a timeline syncobj', () => {
  it('F1, M2: is not ordered with one that it gave its points to', () => {
    const { runtime, sources, fences, box } = setUp();
    const other = new Syncobj({ runtime });
    box.addPoint(1, at(fences, 0));
    box.transfer(0, other, 0);
    other.addPoint(2, at(fences, 1));
    box.addPoint(3, at(fences, 2));
    const [slow, quick] = [other.fenceAt(2), box.fenceAt(3)] as [Fence, Fence];
    const buffer = new Reservation();
    buffer.add(slow, 'write');
    buffer.add(quick, 'write');
    expect(() => quick.isLaterThan(slow)).toThrow(code('ERR_TIMELINE_MISMATCH'));
    expect(other.fenceAt(1)).toBe(box.fenceAt(1));
    at(sources, 0).signal();
    at(sources, 2).signal();
    expect([slow.status, quick.status]).toEqual(['pending', 'ok']);
    expect(buffer.fences('write')).toEqual([slow]);
  });

  it('gives for each point a fence that signals when everything up to it has', () => {
    const { sources, fences, box } = setUp();
    fences.forEach((fence, i) => box.addPoint(10 * (i + 1), fence));
    const [a, b, c] = [10, 15, 30].map((point) => box.fenceAt(point)) as [Fence, Fence, Fence];
    expect(box.fenceAt(31)).toBeNull();
    at(sources, 1).signal();
    expect([a, b, c].map((fence) => fence.status)).toEqual(['pending', 'pending', 'pending']);
    at(sources, 0).signal();
    expect([a, b, c].map((fence) => fence.status)).toEqual(['ok', 'ok', 'pending']);
    at(sources, 2).signal(error);
    expect(c.error).toBe(error);
    expect(box.fenceAt(30)?.error).toBe(error);
    expect(box.fenceAt(10)?.status).toBe('ok');
  });

  it('says what was submitted and what has signalled last', () => {
    const { sources, fences, box } = setUp();
    const seen = () => [box.lastSubmitted, box.lastSignalled];
    box.addPoint(3, at(fences, 0));
    box.addPoint(5, at(fences, 1));
    expect(seen()).toEqual([5, 0]);
    at(sources, 1).signal();
    expect(seen()).toEqual([5, 0]);
    at(sources, 0).signal();
    expect(seen()).toEqual([5, 5]);
    box.signalPoint(8);
    expect(seen()).toEqual([8, 8]);
  });

  it('takes points out of order with a warning, and tells nobody too early', () => {
    const { runtime, sources, fences, box } = setUp({ events: true });
    box.addPoint(5, at(fences, 0));
    expect(runtime.events).toEqual([]);
    box.addPoint(3, at(fences, 1));
    expect(runtime.events.map((event) => event.type)).toEqual(['warning']);
    expect(box.lastSubmitted).toBe(5);
    const wait = box.fenceAt(3) as Fence;
    at(sources, 0).signal();
    expect(wait.status).toBe('pending');
    at(sources, 1).signal();
    expect(wait.status).toBe('ok');
  });

  it('F11: keeps what it said has signalled where a point is added out of order', () => {
    const { runtime, sources, fences, box } = setUp();
    for (const point of [1, 2, 3, 4]) box.signalPoint(point);
    box.addPoint(5, at(fences, 0));
    box.addPoint(2, at(fences, 1));
    const seen = () => [1, 2, 3, 4, 5].map((point) => box.fenceAt(point)?.status);
    const four = ['ok', 'ok', 'ok', 'ok'];
    expect([box.lastSignalled, ...seen()]).toEqual([4, ...four, 'pending']);
    at(sources, 0).signal();
    expect([box.lastSignalled, ...seen()]).toEqual([4, ...four, 'pending']);
    at(sources, 1).signal();
    expect([box.lastSignalled, ...seen()]).toEqual([5, ...four, 'ok']);
    // The last point itself once more: who asks for it then waits.
    box.addPoint(5, at(fences, 2));
    expect([box.lastSignalled, ...seen()]).toEqual([4, ...four, 'pending']);
    expect(runtime.events).toEqual([]);
  });

  it('F11: says the same of each point in every way, against a model', () => {
    const acts = fc.array(
      fc.record({ act: fc.constantFrom('add', 'signal', 'look'), n: fc.nat(11) }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(acts, (script) => {
        const { sources, fences, box } = setUp({ fences: 30 });
        let added = 0;
        let before = 0;
        for (const { act, n } of script) {
          const again = act === 'add' && n + 1 <= before && box.lastSubmitted === before;
          if (act === 'add') box.addPoint(n + 1, at(fences, added++));
          if (act === 'signal') at(sources, n).signal();
          if (act === 'look') void box.fenceAt(n)?.status;
          const signalled = box.lastSignalled;
          expect(signalled).toBeGreaterThanOrEqual(again ? before - 1 : before);
          for (let point = 1; point <= box.lastSubmitted; point += 1) {
            expect(box.fenceAt(point)?.status === 'pending').toBe(point > signalled);
          }
          before = signalled;
        }
      }),
      { numRuns: 500 },
    );
  });

  it('chains its first point onto a binary fence', () => {
    const { sources, fences, box } = setUp();
    box.replace(at(fences, 0));
    box.addPoint(1, at(fences, 1));
    at(sources, 1).signal();
    expect(box.fenceAt(1)?.status).toBe('pending');
    at(sources, 0).signal();
    expect(box.fenceAt(1)?.status).toBe('ok');
  });

  it.each([0, -1, 1.5])('refuses the point %s', (point) => {
    const { fences, box } = setUp();
    expect(() => box.addPoint(point, at(fences, 0))).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(box.fence).toBeNull();
  });

  it('transfers a fence between points and boxes', () => {
    const { runtime, fences, box } = setUp();
    const target = new Syncobj({ runtime });
    box.addPoint(2, at(fences, 0));
    box.transfer(2, target, 0);
    expect(target.fence).toBe(box.fenceAt(2));
    target.replace(at(fences, 1));
    target.transfer(0, box, 7);
    expect(box.lastSubmitted).toBe(7);
    expect(() => box.transfer(8, target, 0)).toThrow(code('ERR_INVALID_ARGUMENT'));
  });

  it('holds on to what is pending only, over 100,000 points', () => {
    const { runtime, box } = setUp();
    const timeline = new Timeline({ driver: 'demo', label: 'ring 1', runtime });
    for (let point = 1; point <= 100_000; point += 1) {
      const source = timeline.createFence();
      box.addPoint(point, source.fence);
      if (point % 2 === 0) void box.fence;
      source.signal();
    }
    expect([box.lastSubmitted, box.lastSignalled]).toEqual([100_000, 100_000]);
  });
});

describe('waitForSubmit', () => {
  it('F9: gives the fence when the point was put in, and leaves no timer', async () => {
    const { runtime, fences, box } = setUp();
    const wait = box.waitForSubmit(5, { timeoutMs: 10 });
    box.addPoint(4, at(fences, 0));
    expect(runtime.pendingTimers).toBe(1);
    box.addPoint(6, at(fences, 1));
    expect(runtime.pendingTimers).toBe(0);
    expect(await wait).toBe(box.fenceAt(5));
    expect(await box.waitForSubmit(6, { timeoutMs: 0 })).toBe(box.fenceAt(6));
  });

  it('F9: ends with ERR_WAIT_TIMEOUT, and needs a bound', async () => {
    const { runtime, box } = setUp();
    const wait = box.waitForSubmit(0, { timeoutMs: 10 });
    runtime.advanceBy(10_000);
    await expect(wait).rejects.toThrow(code('ERR_WAIT_TIMEOUT'));
    await expect(box.waitForSubmit(1, { timeoutMs: 0 })).rejects.toThrow(code('ERR_WAIT_TIMEOUT'));
    for (const timeoutMs of [Infinity, undefined, -1]) {
      expect(() => box.waitForSubmit(1, { timeoutMs } as never)).toThrow(
        code('ERR_INVALID_ARGUMENT'),
      );
    }
  });
});

describe('waitSyncobjs', () => {
  function boxes(count: number) {
    const { runtime, sources, fences } = setUp({ fences: count });
    const entries = fences.map(() => ({ syncobj: new Syncobj({ runtime }) }));
    const fill = (i: number): void => at(entries, i).syncobj.replace(at(fences, i));
    return { runtime, sources, entries, fill };
  }

  it('waits for all, or for the first', async () => {
    const { runtime, sources, entries, fill } = boxes(3);
    [0, 1, 2].forEach(fill);
    const all = waitSyncobjs(entries, { runtime });
    const any = waitSyncobjs(entries, { runtime, mode: 'any' });
    at(sources, 2).signal();
    expect(await any).toBe(2);
    at(sources, 0).signal();
    at(sources, 1).signal();
    expect(await all).toBe(2);
    expect(await waitSyncobjs(entries, { runtime, mode: 'any', timeoutMs: 0 })).toBe(0);
  });

  it('waits for points', async () => {
    const { runtime, fences, sources, box } = setUp();
    box.addPoint(1, at(fences, 0));
    box.addPoint(2, at(fences, 1));
    const first = waitSyncobjs([{ syncobj: box, point: 1 }], { runtime });
    at(sources, 0).signal();
    expect(await first).toBe(0);
    const second = waitSyncobjs([{ syncobj: box, point: 2 }], { runtime, timeoutMs: 0 });
    await expect(second).rejects.toThrow(code('ERR_WAIT_TIMEOUT'));
  });

  it('refuses an entry without a fence, unless it may wait for the submit', async () => {
    const { runtime, sources, entries, fill } = boxes(1);
    expect(() => waitSyncobjs(entries, { runtime })).toThrow(code('ERR_INVALID_ARGUMENT'));
    const wait = waitSyncobjs(entries, { runtime, waitForSubmit: true });
    fill(0);
    at(sources, 0).signal();
    expect(await wait).toBe(0);
  });

  it('waits until fences are there, without waiting for them', async () => {
    const { runtime, entries, fill } = boxes(2);
    const wait = waitSyncobjs(entries, { runtime, until: 'available' });
    fill(1);
    fill(0);
    expect(await wait).toBe(1);
  });

  it('rejects with the error that came first, once all have signalled', async () => {
    const { runtime, sources, entries, fill } = boxes(3);
    [0, 1, 2].forEach(fill);
    const wait = waitSyncobjs(entries, { runtime });
    at(sources, 1).signal(error);
    runtime.advanceBy(1);
    at(sources, 0).signal(new JobError('ERR_JOB_TIMEOUT'));
    at(sources, 2).signal();
    await expect(wait).rejects.toBe(error);
    await expect(waitSyncobjs(entries, { runtime, mode: 'any' })).rejects.toThrow();
  });

  it('F8: leaves no callback, timer or listener behind, however it ends', async () => {
    for (const end of ['signal', 'timeout', 'abort'] as const) {
      const { runtime, sources, entries, fill } = boxes(2);
      fill(0);
      const controller = new AbortController();
      let listeners = 0;
      const signal = {
        get aborted() {
          return controller.signal.aborted;
        },
        reason: 'enough',
        addEventListener: (type: 'abort', fn: () => void) => {
          listeners += 1;
          controller.signal.addEventListener(type, fn);
        },
        removeEventListener: (type: 'abort', fn: () => void) => {
          listeners -= 1;
          controller.signal.removeEventListener(type, fn);
        },
      };
      const options = { runtime, waitForSubmit: true, timeoutMs: 5, signal };
      const settled = waitSyncobjs(entries, options).then(
        () => 'ok',
        (reason: unknown) => (reason instanceof JobError ? reason.code : reason),
      );
      expect([listeners, runtime.pendingTimers]).toEqual([1, 1]);
      if (end === 'signal') {
        fill(1);
        for (const source of sources) source.signal();
      }
      if (end === 'timeout') runtime.advanceBy(5000);
      if (end === 'abort') controller.abort();
      const outcomes = { signal: 'ok', timeout: 'ERR_WAIT_TIMEOUT', abort: 'enough' };
      expect(await settled).toBe(outcomes[end]);
      expect([listeners, runtime.pendingTimers]).toEqual([0, 0]);
      fill(1);
    }
  });

  it.each(['signal', 'timeout'])(
    'F8: settles by %s where the signal does not let go of its listener, and tells the platform',
    async (end) => {
      const { runtime, sources, entries, fill } = boxes(1);
      fill(0);
      const stuck = new Error('stuck');
      const signal = {
        aborted: false,
        reason: null,
        addEventListener: () => {},
        removeEventListener: () => {
          throw stuck;
        },
      };
      const wait = waitSyncobjs(entries, { runtime, signal, timeoutMs: 5 });
      if (end === 'signal') at(sources, 0).signal();
      else runtime.advanceBy(5000);
      if (end === 'signal') expect(await wait).toBe(0);
      else await expect(wait).rejects.toThrow(code('ERR_WAIT_TIMEOUT'));
      expect(runtime.pendingTimers).toBe(0);
      expect(runtime.runDeferred()).toEqual([stuck]);
    },
  );

  it('tells what is there also where the signal is aborted, as a wait for a fence does', async () => {
    const { runtime, sources, entries, fill } = boxes(2);
    [0, 1].forEach(fill);
    const signal = AbortSignal.abort('no');
    at(sources, 1).signal();
    expect(await waitSyncobjs(entries, { runtime, signal, mode: 'any' })).toBe(1);
    await expect(waitSyncobjs(entries, { runtime, signal })).rejects.toBe('no');
    at(sources, 0).signal(error);
    await expect(waitSyncobjs(entries, { runtime, signal })).rejects.toBe(error);
  });

  it('refuses no entries, and options that make no sense', async () => {
    const { runtime, entries, fill } = boxes(1);
    fill(0);
    expect(() => waitSyncobjs([], { runtime })).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(() => waitSyncobjs(entries, { runtime, timeoutMs: -1 })).toThrow(
      code('ERR_INVALID_ARGUMENT'),
    );
    const signal = AbortSignal.abort('no');
    await expect(waitSyncobjs(entries, { runtime, signal })).rejects.toBe('no');
  });

  it('takes a signalled fence that was put in while it waited', async () => {
    const { runtime, entries } = boxes(1);
    const wait = waitSyncobjs(entries, { runtime, waitForSubmit: true });
    at(entries, 0).syncobj.replace(signalledFence(runtime));
    expect(await wait).toBe(0);
  });
});
