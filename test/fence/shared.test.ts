/**
 * Fences that threads share, as one thread sees them: slots, generations, codes, bridges, refusals (F13). What only real
 * threads can show is in sharedThreads.test.ts.
 */
import { describe, expect, it, vi } from 'vitest';
import { ERROR_TABLE, JobError } from '../../src/base/index.ts';
import type { ErrorCode } from '../../src/base/index.ts';
import { fenceAll, SharedFencePool, Timeline } from '../../src/fence/index.ts';
import type { SharedFenceSource } from '../../src/fence/index.ts';
import { errorOf, SharedSlots } from '../../src/fence/sharedSlots.ts';
import { ManualRuntime } from './manualRuntime.ts';

const error = new JobError('ERR_JOB_TIMEOUT');
const code = (code: string) => expect.objectContaining({ code });

/** A platform that counts who keeps the process alive, and whose bell all pools hear at once. */
function testPlatform() {
  const state = { kept: 0, rings: 0, listeners: new Set<(slot: number) => void>() };
  const platform = {
    keepAlive() {
      state.kept += 1;
      return () => void (state.kept -= 1);
    },
    ring(_pool: string, slot: number) {
      state.rings += 1;
      for (const fn of [...state.listeners]) fn(slot);
    },
    listen(_pool: string, fn: (slot: number) => void) {
      state.listeners.add(fn);
      return () => void state.listeners.delete(fn);
    },
  };
  return { state, platform };
}

function setUp(slots = 8) {
  const runtime = new ManualRuntime();
  const { state, platform } = testPlatform();
  const pool = new SharedFencePool({ runtime, platform, slots, label: 'demo' });
  const joined = SharedFencePool.join(pool.ticket(), { runtime, platform });
  return { runtime, state, platform, pool, joined };
}

/** Runs `fn` as on a platform without Atomics.waitAsync. */
async function withoutWaitAsync(fn: () => Promise<void>): Promise<void> {
  const { waitAsync } = Atomics;
  Reflect.set(Atomics, 'waitAsync', undefined);
  try {
    await fn();
  } finally {
    Reflect.set(Atomics, 'waitAsync', waitAsync);
  }
}

describe('a shared fence', () => {
  it('F13: is the same for all who hold its handle', () => {
    const { pool, joined } = setUp();
    const source = pool.create();
    const there = joined.fence(structuredClone(source.fence.handle));
    expect([there.status, there.signaller]).toEqual(['pending', 0]);
    expect(source.signal()).toBe(true);
    expect([there.status, there.error]).toEqual(['ok', null]);
    expect(JSON.parse(JSON.stringify(there))).toEqual({ ...source.fence.handle, status: 'ok' });
  });

  it('F2: signals exactly once', () => {
    const { pool } = setUp();
    const source = pool.create();
    expect([source.signal(error), source.signal()]).toEqual([true, false]);
    expect(source.fence.error).toMatchObject({ code: 'ERR_JOB_TIMEOUT', label: 'demo' });
  });

  it('F13: carries every error code across', () => {
    const { pool, joined } = setUp();
    for (const errorCode of Object.keys(ERROR_TABLE) as ErrorCode[]) {
      const source = pool.create();
      const there = joined.fence(source.fence.handle);
      source.signal(new JobError(errorCode));
      expect(there.error?.code).toBe(errorCode);
      source.release();
    }
  });

  it('F7: is signalled only in the thread that must', () => {
    const { pool, joined } = setUp();
    const source = pool.create(joined.thread);
    expect(() => source.signal()).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(joined.source(source.fence.handle).signal()).toBe(true);
    expect(source.signal()).toBe(false);
    expect(() => pool.create(99)).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(() => pool.create().signal(new Error('no') as never)).toThrow(
      code('ERR_INVALID_ARGUMENT'),
    );
  });

  it('F13: a stale handle reads as failed, never as the next fence of its slot', () => {
    const { pool, joined } = setUp(1);
    const first = pool.create();
    const seen = joined.fence(first.fence.handle);
    const late = joined.fence(first.fence.handle);
    first.signal();
    expect(seen.status).toBe('ok');
    first.release();
    expect(joined.fence(first.fence.handle).status).toBe('ok');
    const second = pool.create();
    expect(second.fence.handle.slot).toBe(first.fence.handle.slot);
    expect(late.error).toMatchObject({ code: 'ERR_PRODUCER_CLOSED' });
    expect(first.signal(error)).toBe(false);
    first.release();
    expect(second.fence.status).toBe('pending');
    second.signal();
    expect([seen.status, late.status]).toEqual(['ok', 'failed']);
  });

  it('F13: a stale handle stays stale when the generation outgrows its word', () => {
    const { pool } = setUp(1);
    const first = pool.create();
    let source: SharedFenceSource = first;
    for (let i = 0; i < 70_000; i += 1) {
      source.signal();
      source.release();
      source = pool.create();
    }
    expect(source.fence.handle.generation).toBe(70_001);
    expect(source.fence.status).toBe('pending');
    const old = (generation: number) => pool.fence({ slot: 0, generation }).status;
    expect([1, 70_001 - 65_536, 65_535, 65_536].map(old)).toEqual(Array(4).fill('failed'));
    expect(old(70_001)).toBe('pending');
  });

  it('refuses to make more fences than it has slots, until some are released', () => {
    const { pool } = setUp(2);
    const [a] = [pool.create(), pool.create()] as const;
    expect(pool.used).toBe(2);
    expect(() => pool.create()).toThrow(code('ERR_QUEUE_FULL'));
    a.signal();
    expect(() => pool.create()).toThrow(code('ERR_QUEUE_FULL'));
    a.release();
    expect(pool.used).toBe(1);
    expect(pool.create().fence.status).toBe('pending');
  });

  it('fails when it is released pending', () => {
    const { pool } = setUp();
    const source = pool.create();
    source.release();
    expect(source.fence.error?.code).toBe('ERR_PRODUCER_CLOSED');
    expect(pool.used).toBe(0);
  });
});

describe('a wait for a shared fence', () => {
  it('F8: resolves or rejects as the fence, and lets the process go', async () => {
    const { pool, joined, state } = setUp();
    for (const why of [undefined, error]) {
      const source = pool.create();
      const wait = joined.fence(source.fence.handle).wait();
      expect(state.kept).toBe(1);
      source.signal(why);
      if (why === undefined) await expect(wait).resolves.toBeUndefined();
      else await expect(wait).rejects.toMatchObject({ code: 'ERR_JOB_TIMEOUT' });
      expect(state.kept).toBe(0);
    }
  });

  it('F8: leaves nothing behind when it ends early, and does not disturb others on the slot', async () => {
    const { runtime, pool, joined, state } = setUp();
    const source = pool.create();
    const fence = joined.fence(source.fence.handle);
    const elsewhere = pool.fence(source.fence.handle).wait();
    const late = fence.wait({ timeoutMs: 1 });
    const controller = new AbortController();
    const aborted = fence.wait({ signal: controller.signal });
    expect([state.kept, runtime.pendingTimers]).toEqual([2, 1]);
    runtime.advanceBy(1000);
    controller.abort('enough');
    await expect(late).rejects.toThrow(code('ERR_WAIT_TIMEOUT'));
    await expect(aborted).rejects.toBe('enough');
    expect([state.kept, runtime.pendingTimers]).toEqual([1, 0]);
    source.signal();
    await elsewhere;
    await expect(fence.wait()).resolves.toBeUndefined();
    expect(state.kept).toBe(0);
  });

  it('refuses a bad option and leaves nothing behind', () => {
    const { pool, joined, state } = setUp();
    const fence = joined.fence(pool.create().fence.handle);
    expect(() => fence.wait({ timeoutMs: -1 })).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(state.kept).toBe(0);
  });

  it('is told by a message where Atomics.waitAsync is missing', async () => {
    await withoutWaitAsync(async () => {
      const { pool, joined, state } = setUp();
      const other = pool.create();
      other.signal();
      expect(state.rings).toBe(0);
      const source = pool.create();
      const wait = joined.fence(source.fence.handle).wait();
      expect(state.listeners.size).toBe(1);
      source.signal(error);
      expect(state.rings).toBe(1);
      await expect(wait).rejects.toMatchObject({ code: 'ERR_JOB_TIMEOUT' });
      expect([state.listeners.size, state.kept]).toEqual([0, 0]);
    });
  });

  it('hears by a message, too, that a thread ended', async () => {
    await withoutWaitAsync(async () => {
      const { pool, joined } = setUp();
      const wait = joined.fence(pool.create(joined.thread).fence.handle).wait();
      pool.threadEnded(joined.thread);
      await expect(wait).rejects.toThrow(code('ERR_PRODUCER_CLOSED'));
    });
  });
});

describe('waitSync', () => {
  it('F13: refuses to wait in the thread that must signal', () => {
    const { joined } = setUp();
    const { fence } = joined.create();
    expect(() => fence.waitSync()).toThrow(/must signal the fence itself/);
    expect(() => fence.waitSync()).toThrow(code('ERR_INVALID_ARGUMENT'));
  });

  it('refuses to block the thread that made the pool, unless it says that it may', () => {
    const { runtime, platform, pool, joined } = setUp();
    const { fence } = joined.create();
    expect(() => pool.fence(fence.handle).waitSync()).toThrow(/must not block/);
    const mayBlock = SharedFencePool.join(pool.ticket(), { runtime, platform, mayBlock: true });
    expect(() => mayBlock.fence(fence.handle).waitSync({ timeoutMs: 0 })).toThrow(
      code('ERR_WAIT_TIMEOUT'),
    );
  });

  it('F8: ends past its time also where the clock of the runtime stands still', () => {
    const { runtime, platform, pool, joined } = setUp();
    const mayBlock = SharedFencePool.join(pool.ticket(), { runtime, platform, mayBlock: true });
    const fence = mayBlock.fence(joined.create().fence.handle);
    expect(() => fence.waitSync({ timeoutMs: 1 })).toThrow(code('ERR_WAIT_TIMEOUT'));
    expect(runtime.nowUs()).toBe(0);
  });

  it('returns, or throws the error, at once where the fence has signalled', () => {
    const { pool, joined } = setUp();
    const [a, b] = [pool.create(), pool.create()];
    a.signal();
    b.signal(error);
    expect(joined.fence(a.fence.handle).waitSync()).toBeUndefined();
    expect(() => joined.fence(b.fence.handle).waitSync()).toThrow(code('ERR_JOB_TIMEOUT'));
    expect(() => a.fence.waitSync({ timeoutMs: Number.NaN })).toThrow(code('ERR_INVALID_ARGUMENT'));
  });

  it('says so where the platform does not let the thread block', () => {
    const { pool, joined } = setUp();
    const { wait } = Atomics;
    const fence = joined.fence(pool.create().fence.handle);
    Atomics.wait = () => {
      throw new TypeError('Atomics.wait cannot be called in this context');
    };
    try {
      expect(() => fence.waitSync()).toThrow(/does not let this thread block/);
    } finally {
      Atomics.wait = wait;
    }
  });
});

describe('the bridges', () => {
  it('F13: make a fence of this thread from a shared one, for callbacks and composites', () => {
    const { runtime, pool, joined } = setUp();
    const [a, b] = [pool.create(), pool.create()];
    const fences = [a, b].map((source) => pool.fence(source.fence.handle).toFence());
    const all = fenceAll(fences, runtime);
    expect(new Set(fences.map((fence) => fence.seqno)).size).toBe(2);
    expect(fences[0]?.timeline).toMatchObject({ driver: 'shared', label: 'demo', ordered: false });
    a.signal();
    b.signal(error);
    expect(all.error?.code).toBe('ERR_JOB_TIMEOUT');
    expect(joined.fence(a.fence.handle).toFence().status).toBe('ok');
  });

  it('F13: make a shared fence from a fence of this thread', () => {
    const { runtime, pool, joined } = setUp();
    const source = new Timeline({ driver: 'd', label: 'ring', runtime }).createFence();
    const shared = pool.share(source.fence);
    const there = joined.fence(shared.fence.handle);
    expect(there.status).toBe('pending');
    source.signal(error);
    expect(there.error?.code).toBe('ERR_JOB_TIMEOUT');
    expect(pool.share(source.fence).fence.status).toBe('failed');
    expect(() => pool.share({} as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
  });
});

describe('a thread that ended', () => {
  it('F13: has its unsignalled fences failed and its slots given back', () => {
    const { pool, joined } = setUp();
    const mine = pool.create();
    const [a, b] = [joined.create(), joined.create()];
    a.signal();
    const local = pool.fence(b.fence.handle).toFence();
    expect(pool.threadEnded(joined.thread, new JobError('ERR_DEVICE_GONE'))).toBe(1);
    expect([a.fence.status, b.fence.status]).toEqual(['ok', 'failed']);
    expect(local.error?.code).toBe('ERR_DEVICE_GONE');
    expect(mine.fence.status).toBe('pending');
    expect(pool.used).toBe(1);
    expect(pool.ticket().thread).toBe(joined.thread);
    expect(() => pool.threadEnded(77)).toThrow(code('ERR_INVALID_ARGUMENT'));
  });

  it('F13: keeps its number where it closed its pool, until it has ended', () => {
    const { runtime, platform, pool, joined } = setUp();
    const theirs = pool.create(joined.thread);
    joined.close();
    expect(theirs.fence.error?.code).toBe('ERR_PRODUCER_CLOSED');
    expect(() => pool.create(joined.thread)).toThrow(code('ERR_INVALID_ARGUMENT'));
    const next = SharedFencePool.join(pool.ticket(), { runtime, platform });
    const mine = next.create();
    expect(next.thread).not.toBe(joined.thread);
    expect(pool.threadEnded(joined.thread)).toBe(0);
    expect(() => pool.threadEnded(joined.thread)).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(pool.ticket().thread).toBe(joined.thread);
    expect(mine.fence.status).toBe('pending');
  });

  it('F13: closes its pool too late without harm to the thread that got its number', () => {
    const { pool, joined } = setUp();
    pool.threadEnded(joined.thread);
    const { thread } = pool.ticket();
    const theirs = pool.create(thread);
    joined.close();
    expect([thread, theirs.fence.status]).toEqual([joined.thread, 'pending']);
    expect(pool.create(thread).fence.status).toBe('pending');
  });

  it('F13: gets no fence from the moment on at which its fences are failed', () => {
    const { pool, joined } = setUp();
    const { reap } = SharedSlots.prototype;
    const spy = vi.spyOn(SharedSlots.prototype, 'reap').mockImplementation(function (
      this: SharedSlots,
      ...args
    ) {
      const failed = reap.apply(this, args);
      expect(() => pool.create(joined.thread)).toThrow(code('ERR_INVALID_ARGUMENT'));
      return failed;
    });
    pool.threadEnded(joined.thread);
    expect([spy.mock.calls.length, pool.used]).toEqual([1, 0]);
    spy.mockRestore();
  });

  it.each(['is free', 'was given out again'])(
    'F13: gets no fence that another thread was making, where its number %s',
    (then) => {
      const { pool, joined } = setUp();
      const { take } = SharedSlots.prototype;
      const spy = vi.spyOn(SharedSlots.prototype, 'take').mockImplementation(function (
        this: SharedSlots,
        thread,
      ) {
        pool.threadEnded(thread);
        if (then === 'was given out again') expect(pool.ticket().thread).toBe(thread);
        return take.call(this, thread);
      });
      expect(() => pool.create(joined.thread)).toThrow(code('ERR_INVALID_ARGUMENT'));
      spy.mockRestore();
      expect(pool.used).toBe(0);
    },
  );

  it('F13: may be the one that made the pool, which goes on', () => {
    const { pool, joined } = setUp();
    const mine = pool.create();
    expect(joined.threadEnded(0)).toBe(1);
    expect(mine.fence.error?.code).toBe('ERR_PRODUCER_CLOSED');
    expect(pool.create().fence.status).toBe('pending');
  });

  it('F13: gives back a slot that it died in the middle of taking', () => {
    const slots = new SharedSlots(SharedSlots.allocate(1), 0);
    const lastOfItsWord = 65_535;
    slots.words[slots.indexOf(0)] = (lastOfItsWord << 16) | (5 << 9) | 4;
    expect(slots.take(0)).toBeNull();
    const stale = slots.wordOf({ slot: 0, generation: lastOfItsWord });
    expect(errorOf(stale, 'demo')).toMatchObject({ code: 'ERR_PRODUCER_CLOSED' });
    slots.reap(5, error);
    expect(slots.take(0)).toEqual({ slot: 0, generation: 65_537 });
  });

  it('leaves room for 127 threads besides the first, at a time', () => {
    const { pool } = setUp();
    const tickets = Array.from({ length: 126 }, () => pool.ticket());
    expect(() => pool.ticket()).toThrow(code('ERR_QUEUE_FULL'));
    pool.threadEnded(tickets[3]?.thread as number);
    expect(pool.ticket().thread).toBe(tickets[3]?.thread);
  });
});

describe('a pool', () => {
  it('closes: fails what this thread had to signal and what it waits for, and takes no more', async () => {
    const { pool, joined, state } = setUp();
    const mine = pool.create();
    const theirs = joined.create();
    const wait = pool.fence(theirs.fence.handle).wait();
    const local = pool.fence(theirs.fence.handle).toFence();
    pool.close();
    pool.close();
    expect(joined.fence(mine.fence.handle).error?.code).toBe('ERR_PRODUCER_CLOSED');
    expect(local.error?.code).toBe('ERR_PRODUCER_CLOSED');
    await expect(wait).rejects.toThrow(code('ERR_PRODUCER_CLOSED'));
    expect(state.kept).toBe(0);
    expect(theirs.fence.status).toBe('pending');
    expect(() => pool.create()).toThrow(code('ERR_CLOSED'));
    expect(() => pool.fence(theirs.fence.handle).wait()).toThrow(code('ERR_CLOSED'));
    theirs.signal();
    expect(pool.fence(theirs.fence.handle).status).toBe('ok');
  });

  it('refuses what does not fit', () => {
    const { runtime, platform, pool } = setUp();
    const bad = (options: object) => () =>
      new SharedFencePool({ runtime, platform, ...options } as never);
    for (const slots of [0, 1.5, 2 ** 21])
      expect(bad({ slots })).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(bad({ platform: {} })).toThrow(code('ERR_INVALID_ARGUMENT'));
    const options = { runtime, platform };
    expect(() => SharedFencePool.join({} as never, options)).toThrow(code('ERR_INVALID_ARGUMENT'));
    const foreign = { ...pool.ticket(), buffer: new SharedArrayBuffer(4096) };
    expect(() => SharedFencePool.join(foreign, options)).toThrow(code('ERR_INVALID_ARGUMENT'));
    for (const handle of [null, { slot: 8, generation: 1 }, { slot: 0, generation: 0.5 }]) {
      expect(() => pool.fence(handle as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
    }
  });
});
