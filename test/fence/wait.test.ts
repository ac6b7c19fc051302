/**
 * Waiting for a fence: timeout, cancel signal, interruption by resets, and that nothing is left behind (F8, T11).
 * Waits of composites are in composite.test.ts, of syncobjs in syncobj.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/base/index.ts';
import {
  interruptWaits,
  Reservation,
  Syncobj,
  Timeline,
  waitSyncobjs,
} from '../../src/fence/index.ts';
import type { Fence, FenceSource, WaitOptions } from '../../src/fence/index.ts';
import { brief, ManualRuntime } from './manualRuntime.ts';

function setUp(options: { events?: boolean } = {}) {
  const runtime = new ManualRuntime(options);
  const timeline = new Timeline({ driver: 'demo', label: 'ring 0', runtime });
  return { runtime, timeline, source: timeline.createFence() };
}

const timedOut = new JobError('ERR_JOB_TIMEOUT');
const code = (code: string) => expect.objectContaining({ code });

/** Counts the listeners of a signal. */
function countedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners += 1;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners -= 1;
    remove(...args);
  };
  return { controller, signal, listeners: () => listeners };
}

/** A signal of somebody who throws when its listener is taken back. */
const throwingSignal = {
  aborted: false,
  reason: null,
  addEventListener: () => {},
  removeEventListener: () => {
    throw new Error('mine');
  },
};

describe('a wait', () => {
  it('F8: resolves when the fence is ok', async () => {
    const { source } = setUp();
    const wait = source.fence.wait();
    source.signal();
    await expect(wait).resolves.toBeUndefined();
    await expect(source.fence.wait()).resolves.toBeUndefined();
  });

  it('F8: rejects with the very error of the fence', async () => {
    const { source } = setUp();
    const wait = source.fence.wait();
    source.signal(timedOut);
    await expect(wait).rejects.toBe(timedOut);
    await expect(source.fence.wait({ timeoutMs: 0 })).rejects.toBe(timedOut);
  });

  it('F8: a failed fence that nobody awaits raises no unhandled rejection', async () => {
    const raised: unknown[] = [];
    const listen = (reason: unknown) => void raised.push(reason);
    process.on('unhandledRejection', listen);
    setUp().source.signal(timedOut);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', listen);
    expect(raised).toEqual([]);
  });

  it('F8: is one of any number, each settled once, beside callbacks and in any order', async () => {
    for (const error of [undefined, timedOut]) {
      for (const order of ['wcw', 'cww', 'wwc']) {
        const { source } = setUp();
        const seen: unknown[] = [];
        const waits: Promise<void>[] = [];
        for (const kind of order) {
          if (kind === 'w') waits.push(source.fence.wait());
          else source.fence.addCallback((fence) => seen.push(fence.error));
        }
        source.signal(error);
        expect(seen).toEqual([error ?? null]);
        const outcomes = await Promise.allSettled(waits);
        const expected =
          error === undefined ? { status: 'fulfilled' } : { status: 'rejected', reason: error };
        expect(outcomes).toEqual([expected, expected]);
      }
    }
  });

  it('F8: raises an unhandled rejection exactly where nobody handles its own failure', async () => {
    const raised: unknown[] = [];
    const listen = (reason: unknown) => void raised.push(reason);
    process.on('unhandledRejection', listen);
    const handled = setUp().source;
    const wait = handled.fence.wait();
    handled.signal(timedOut);
    await expect(wait).rejects.toBe(timedOut);
    const unhandled = setUp().source;
    void unhandled.fence.wait();
    unhandled.signal(timedOut);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', listen);
    expect(raised).toEqual([timedOut]);
  });

  it('F8: ends with ERR_WAIT_TIMEOUT past its time, and leaves the fence untouched', async () => {
    const { runtime, source } = setUp();
    const wait = source.fence.wait({ timeoutMs: 2 });
    runtime.advanceBy(1999);
    expect(runtime.pendingTimers).toBe(1);
    runtime.advanceBy(1);
    await expect(wait).rejects.toMatchObject({ code: 'ERR_WAIT_TIMEOUT', errno: 'ETIME' });
    expect(source.fence.status).toBe('pending');
    expect(source.signal()).toBe(true);
  });

  it('F8: with timeoutMs 0 fails at once on a pending fence, and without a timer', async () => {
    const { runtime, source } = setUp();
    await expect(source.fence.wait({ timeoutMs: 0 })).rejects.toThrow(code('ERR_WAIT_TIMEOUT'));
    expect(runtime.pendingTimers).toBe(0);
    source.signal();
    await expect(source.fence.wait({ timeoutMs: 0 })).resolves.toBeUndefined();
  });

  it('F8: with timeoutMs Infinity sets no timer', () => {
    const { runtime, source } = setUp();
    void source.fence.wait({ timeoutMs: Infinity });
    expect(runtime.pendingTimers).toBe(0);
  });

  it('F8: ends with the reason of its signal', async () => {
    const { source } = setUp();
    const { controller, signal, listeners } = countedSignal();
    const wait = source.fence.wait({ signal });
    expect(listeners()).toBe(1);
    const reason = new Error('changed my mind');
    controller.abort(reason);
    await expect(wait).rejects.toBe(reason);
    await expect(source.fence.wait({ signal })).rejects.toBe(reason);
    expect(listeners()).toBe(0);
    expect(source.fence.status).toBe('pending');
  });

  it('tells the outcome of a signalled fence even where the signal is aborted', async () => {
    const { source } = setUp();
    source.signal();
    await expect(source.fence.wait({ signal: AbortSignal.abort() })).resolves.toBeUndefined();
  });

  it('F8: leaves no callback, timer or listener behind, whichever of the three ends it', async () => {
    for (const end of ['signal', 'timeout', 'abort'] as const) {
      const { runtime, source } = setUp({ events: true });
      const { controller, signal, listeners } = countedSignal();
      const wait = source.fence.wait({ signal, timeoutMs: 5, interruptible: true });
      const settled = wait.then(
        () => 'ok',
        () => 'failed',
      );
      if (end === 'signal') source.signal();
      if (end === 'timeout') runtime.advanceBy(5000);
      if (end === 'abort') controller.abort();
      expect(await settled).toBe(end === 'signal' ? 'ok' : 'failed');
      expect([runtime.pendingTimers, listeners()]).toEqual([0, 0]);
      const before = runtime.events.length;
      source.signal();
      controller.abort();
      runtime.advanceBy(10_000);
      const later = brief(runtime.events.slice(before));
      expect(later.filter((line) => line.startsWith('fence-wait'))).toEqual([]);
    }
  });

  it('reports its begin and its end, with why it ended', async () => {
    const { runtime, timeline, source } = setUp({ events: true });
    const wait = source.fence.wait({ timeoutMs: 1 });
    runtime.advanceBy(1000);
    await expect(wait).rejects.toThrow();
    expect(brief(runtime.events)).toEqual([
      `fence-wait-begin ${timeline.id}:1`,
      `fence-wait-end ${timeline.id}:1 ERR_WAIT_TIMEOUT`,
    ]);
  });

  it('settles also where the observer throws', async () => {
    const sink = {
      emit: () => {
        throw new Error('sink');
      },
    };
    const runtime = new ManualRuntime({ sink });
    const source = new Timeline({ driver: 'demo', label: 'ring', runtime }).createFence();
    const wait = source.fence.wait();
    source.signal();
    await expect(wait).resolves.toBeUndefined();
  });
});

/** The kinds of wait that take a time and a signal, each for the fence of `source`. */
const WAITS: Record<
  string,
  (fence: Fence, options: WaitOptions, runtime: ManualRuntime) => Promise<unknown>
> = {
  'fence.wait': (fence, options) => fence.wait(options),
  'Reservation.wait': (fence, options) => {
    const buffer = new Reservation();
    buffer.add(fence, 'write');
    return buffer.wait('write', options);
  },
  waitSyncobjs: (fence, options, runtime) => {
    const syncobj = new Syncobj({ runtime });
    syncobj.replace(fence);
    return waitSyncobjs([{ syncobj }], { runtime, ...options });
  },
};

describe.each(Object.entries(WAITS))('the limits of %s', (_name, waitOn) => {
  function pendingSource() {
    const { runtime, source } = setUp({ events: true });
    const wait = ({ fence }: FenceSource, options: WaitOptions) => waitOn(fence, options, runtime);
    return { runtime, source, wait };
  }
  const refuse = (fn: () => unknown) => expect(fn).toThrow(code('ERR_INVALID_ARGUMENT'));

  it.each([-1, Number.NaN, 'soon', '5', null, true, []])('refuse timeoutMs %o', (timeoutMs) => {
    const { source, wait } = pendingSource();
    refuse(() => wait(source, { timeoutMs: timeoutMs as number }));
    source.signal();
    refuse(() => wait(source, { timeoutMs: timeoutMs as number }));
  });

  it.each([{}, 5, null, new AbortController()])('refuse the signal %o', (signal) => {
    const { source, wait } = pendingSource();
    refuse(() => wait(source, { signal: signal as never, timeoutMs: 5 }));
  });

  it('take a time that no clock can tell, and never end for it', async () => {
    for (const timeoutMs of [undefined, Infinity, Number.MAX_VALUE]) {
      const { runtime, source, wait } = pendingSource();
      let ended = false;
      const end = () => (ended = true);
      void wait(source, timeoutMs === undefined ? {} : { timeoutMs }).then(end, end);
      runtime.advanceBy(1e15);
      await new Promise((resolve) => setImmediate(resolve));
      expect([runtime.pendingTimers, ended]).toEqual([0, false]);
    }
  });

  it('F8: leave nothing behind where the signal throws', async () => {
    const { runtime, source, wait } = pendingSource();
    const bad = new Error('no listeners here');
    const signal = {
      aborted: false,
      reason: null,
      addEventListener: () => {
        throw bad;
      },
      removeEventListener: () => {},
    };
    const options = { signal, timeoutMs: 5, interruptible: true };
    expect(() => wait(source, options)).toThrow(bad);
    expect(() => wait(source, { ...options, timeoutMs: -1 })).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect([runtime.pendingTimers, runtime.events]).toEqual([0, []]);
    const reset = setUp().source;
    interruptWaits(reset.fence);
    reset.signal();
    source.signal();
    expect(brief(runtime.events).filter((line) => line.startsWith('fence-wait'))).toEqual([]);
  });

  it('F8: end at once where the signal is aborted while it is listened to', async () => {
    const { runtime, source, wait } = pendingSource();
    const controller = new AbortController();
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      add(...args);
      controller.abort('early');
    };
    await expect(wait(source, { signal, timeoutMs: 5 })).rejects.toBe('early');
    expect(runtime.pendingTimers).toBe(0);
  });
});

describe('an interruptible wait', () => {
  it('T11: fails while a reset asks for it, old and new, and works again afterwards', async () => {
    const { source, timeline } = setUp();
    const old = source.fence.wait({ interruptible: true });
    const stubborn = source.fence.wait();
    const reset = timeline.createFence();
    interruptWaits(reset.fence);
    const interrupted = { code: 'ERR_WAIT_INTERRUPTED', resetDone: reset.fence };
    await expect(old).rejects.toMatchObject(interrupted);
    await expect(source.fence.wait({ interruptible: true })).rejects.toMatchObject(interrupted);
    reset.signal();
    const after = source.fence.wait({ interruptible: true });
    source.signal();
    await expect(Promise.all([after, stubborn])).resolves.toBeDefined();
  });

  it('T7, T11: whose signal throws keeps no other wait, and no reset, from going on', async () => {
    const { runtime, source, timeline } = setUp();
    const waits = [
      source.fence.wait({ interruptible: true, signal: throwingSignal }),
      source.fence.wait({ interruptible: true }),
    ];
    const reset = timeline.createFence();
    interruptWaits(reset.fence);
    expect(runtime.runDeferred()).toEqual([new Error('mine')]);
    for (const wait of waits) await expect(wait).rejects.toEqual(code('ERR_WAIT_INTERRUPTED'));
    reset.signal();
  });

  it('F8: of syncobjs whose signal throws settles all the same', async () => {
    const { runtime } = setUp();
    const syncobj = new Syncobj({ runtime });
    const wait = waitSyncobjs([{ syncobj }], {
      runtime,
      signal: throwingSignal,
      waitForSubmit: true,
    });
    syncobj.signal();
    expect(runtime.runDeferred()).toEqual([new Error('mine')]);
    await expect(wait).resolves.toBe(0);
  });

  it('T11: is not interrupted by a reset that is over', async () => {
    const { source, timeline } = setUp();
    const reset = timeline.createFence();
    reset.signal();
    const wait = source.fence.wait({ interruptible: true });
    interruptWaits(reset.fence);
    source.signal();
    await expect(wait).resolves.toBeUndefined();
  });

  it('T11: waits for every reset that is under way', async () => {
    const { source, timeline } = setUp();
    const [a, b] = [timeline.createFence(), timeline.createFence()];
    interruptWaits(a.fence);
    interruptWaits(b.fence);
    a.signal();
    await expect(source.fence.wait({ interruptible: true })).rejects.toMatchObject({
      resetDone: b.fence,
    });
    b.signal();
  });
});
