/**
 * Clients and their queues: shares, statistics, closing and killing. In virtual time; the end of a whole device is in
 * device.test.ts.
 */
import { queryObjects } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { QueueCore } from '../../src/device/queueCore.ts';
import type { VirtualRuntime } from '../../src/drivers/sim/index.ts';
import { strictPriority } from '../../src/sched/index.ts';
import { openHandDevice, thrownBy } from './handDevice.ts';

describe('client', () => {
  it('names itself, and has an id of its own', () => {
    const { device } = openHandDevice();
    const [a, b] = [device.open({ label: 'a' }), device.open()];
    expect(a.label).toBe('a');
    expect(b.label).toBe(`client ${b.id}`);
    expect(a.id).not.toBe(b.id);
  });

  it.each<[string, object]>([
    ['label', { label: 1 }],
    ['weight', { weight: 0 }],
    ['priority', { priority: 'urgent' }],
    ['priority', { priority: 'kernel' }],
    ['maxQueued', { maxQueued: 0 }],
    ['maxQueued', { maxQueued: 1.5 }],
    ['maxQueued', { maxQueued: null }],
    ['order', { order: 'random' }],
    ['order', { order: null }],
    ['weight', { weight: null }],
    ['weight', { weight: '2' }],
    ['weight', { weight: Infinity }],
    ['priority', { priority: null }],
    ['memoryBudgetBytes', { memoryBudgetBytes: '5' }],
    ['memoryBudgetBytes', { memoryBudgetBytes: -1 }],
    ['memoryBudgetBytes', { memoryBudgetBytes: null }],
    ['options', null],
    ['options', 5],
    ['options', 'x'],
  ] as [string, object][])(
    'with a wrong %s is refused, and nothing is opened: %j',
    (name, options) => {
      const { device } = openHandDevice();
      const types: string[] = [];
      device.observe({ emit: ({ type }) => types.push(type) });
      const refused = (act: () => unknown): void => {
        const error = thrownBy(act) as Error;
        expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
        expect(error.message).toMatch(new RegExp(`${name}: expected .*, got`));
      };
      refused(() => device.open(options));
      expect([device.stats().clients, device.stats().scheduler.entities]).toEqual([[], 0]);
      expect(types).toEqual([]);
      const client = device.open({ label: 'a' });
      refused(() => client.queue(options));
      expect(client.stats().queues).toHaveLength(1);
      expect(client.queue().label).toBe('a/queue 1');
    },
  );

  it('takes what is just inside those limits', () => {
    const { device } = openHandDevice();
    const client = device.open({ maxQueued: Infinity, memoryBudgetBytes: 0, weight: 1e-3 });
    client.queue({ maxQueued: 1, memoryBudgetBytes: Infinity, priority: 'low' }).submit({});
  });

  it('S8: shares by weight, and more queues buy no larger share', () => {
    const { device, runtime } = openHandDevice({ credits: 1 });
    const one = device.open({ weight: 1 });
    const three = device.open({ weight: 3 });
    const queues = [one, one.queue(), one.queue()];
    for (let i = 0; i < 400; i += 1) {
      for (const queue of queues) queue.submit({ durationUs: 1000 });
      three.submit({ durationUs: 1000 });
    }
    runtime.advanceBy(400_000);
    const share = one.stats().completed / (one.stats().completed + three.stats().completed);
    expect(share).toBeGreaterThan(0.23);
    expect(share).toBeLessThan(0.27);
  });

  it('T6: is banned with all its queues after three guilty jobs; others are not', () => {
    const { device, runtime } = openHandDevice();
    const client = device.open();
    const queue = client.queue();
    for (let i = 0; i < 3; i += 1) queue.submit({}, { runTimeoutMs: 1 });
    runtime.advanceBy(10_000);
    expect(client.stats()).toMatchObject({ karma: 3, banned: true, failed: 3 });
    for (const act of [() => client.submit({}), () => queue.submit({}), () => client.queue()]) {
      expect(thrownBy(act)).toMatchObject({ code: 'ERR_CLIENT_BANNED' });
    }
    expect(client.stats().queues).toHaveLength(2);
    device.open().queue().submit({});
  });
});

describe('a share that changes', () => {
  /** Two clients, the first with one more queue, all with much to do. */
  function twoBusy(options: Parameters<typeof openHandDevice>[0] = {}) {
    const { device, runtime } = openHandDevice({ credits: 1, ...options });
    const [one, other] = [device.open({ label: 'one' }), device.open({ label: 'other' })];
    const queue = one.queue();
    const fill = (): void => {
      for (let i = 0; i < 600; i += 1) {
        for (const each of [one, queue, other]) each.submit({ durationUs: 1000 });
      }
    };
    /** What each got of the next 400 ms, in jobs. */
    const next = () => {
      const count = () => [one.stats(), queue.stats(), other.stats()].map((is) => is.completed);
      const before = count();
      runtime.advanceBy(400_000);
      const [all = 0, side = 0, others = 0] = count().map((is, i) => is - (before[i] ?? 0));
      return { all, side, others };
    };
    return { device, runtime, one, other, queue, fill, next };
  }

  it('S8: of a client, by weight, holds for what is queued and for all its queues', () => {
    const { one, other, fill, next } = twoBusy();
    fill();
    expect(Math.abs(next().all - 200)).toBeLessThanOrEqual(4);
    one.setWeight(3);
    expect(Math.abs(next().all - 300)).toBeLessThanOrEqual(4);
    other.setWeight(3);
    expect(Math.abs(next().all - 200)).toBeLessThanOrEqual(4);
  });

  it('S8: of a client, by band, holds for what is queued and for all its queues', () => {
    const { one, other, fill, next } = twoBusy();
    fill();
    other.setPriority('low');
    expect(Math.abs(next().all - (400 * 8) / 9)).toBeLessThanOrEqual(4);
    one.setPriority('low');
    expect(Math.abs(next().all - 200)).toBeLessThanOrEqual(4);
  });

  it('S8: holds for who has nothing queued when it submits', () => {
    const { one, fill, next } = twoBusy();
    one.setWeight(3);
    fill();
    expect(Math.abs(next().all - 300)).toBeLessThanOrEqual(4);
  });

  it('S8: of one more queue is a part of what the client gets', () => {
    const { queue, fill, next } = twoBusy();
    fill();
    queue.setWeight(3);
    const { all, side } = next();
    expect(Math.abs(all - 200)).toBeLessThanOrEqual(4);
    expect(Math.abs(side - 150)).toBeLessThanOrEqual(4);
  });

  it('S7: of a client is the band of its queues that have none of their own', () => {
    const { one, queue, other, fill, next } = twoBusy({ policy: strictPriority() });
    fill();
    one.setPriority('high');
    expect(next()).toEqual({ all: 400, side: 200, others: 0 });
    queue.setPriority('low');
    expect(next()).toEqual({ all: 400, side: 0, others: 0 });
    one.setPriority('normal');
    other.setPriority('high');
    expect(next()).toEqual({ all: 0, side: 0, others: 400 });
    queue.setPriority('high');
    expect(next().side).toBeGreaterThan(0);
  });

  it('refuses what no share is, with nothing changed', () => {
    const { one, queue, fill, next } = twoBusy();
    for (const each of [one, queue]) {
      for (const weight of [0, -1, NaN, Infinity, '2', null, undefined]) {
        const error = thrownBy(() => each.setWeight(weight as never)) as Error;
        expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
        expect(error.message).toMatch(/setWeight: expected a number above 0, got/);
      }
      for (const priority of ['kernel', 'urgent', 1, null, undefined]) {
        const error = thrownBy(() => each.setPriority(priority as never)) as Error;
        expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
        expect(error.message).toMatch(/setPriority: expected 'high', 'normal' or 'low'/);
      }
    }
    fill();
    expect(Math.abs(next().all - 200)).toBeLessThanOrEqual(4);
  });

  it('E6: may be changed after the end of the client and of the device', async () => {
    const { device, runtime, one, queue } = twoBusy();
    queue[Symbol.dispose]();
    one[Symbol.dispose]();
    const ended = device.close();
    await runtime.settle(1000);
    await ended;
    for (const each of [one, queue]) {
      each.setWeight(2);
      each.setPriority('low');
    }
    expect(runtime.pendingTimers).toBe(0);
  });
});

describe('statistics', () => {
  it('add up over the queues of a client, also those that were closed', async () => {
    const { device, runtime } = openHandDevice();
    const client = device.open({ label: 'sum' });
    const queue = client.queue({ label: 'side' });
    client.submit({ durationUs: 100 });
    queue.submit({ durationUs: 300 });
    runtime.advanceBy(1000);
    expect(client.stats()).toMatchObject({ submitted: 2, completed: 2, attempts: 2 });
    expect(client.stats().queues.map(({ label }) => label)).toEqual(['sum', 'side']);
    const before = client.stats();
    expect(before.waitUs.count).toBe(2);
    await closed(runtime, queue.close());
    const after = client.stats();
    expect(after.queues).toHaveLength(1);
    expect(after).toEqual({ ...before, queues: after.queues });
    expect(queue.stats()).toMatchObject({ label: 'side', submitted: 1, completed: 1 });
  });

  it.each(['dispose', 'close'] as const)(
    'S13: go on after a queue with work in hand ended: %s',
    async (end) => {
      const { device, backend, runtime } = openHandDevice({ credits: 1 });
      const client = device.open();
      const queue = client.queue();
      for (let i = 0; i < 3; i += 1) queue.submit({});
      await runtime.settle(100);
      const ended =
        end === 'dispose'
          ? Promise.resolve(queue[Symbol.dispose]())
          : queue.close({ flushMs: 0, closeTimeoutMs: 0 });
      await runtime.settle(100);
      await ended;
      expect(client.stats()).toMatchObject({ submitted: 3, running: 1, completed: 0, busyUs: 0 });
      expect(client.stats().queues).toHaveLength(1);
      backend.end();
      await runtime.settle(10);
      const done = { submitted: 3, running: 0, completed: 1, failed: 2, busyUs: 200 };
      expect(queue.stats()).toMatchObject(done);
      for (const stats of [client.stats(), device.stats().clients[0]]) {
        expect(stats).toMatchObject(done);
        expect(stats?.turnaroundUs.count).toBe(3);
      }
    },
  );

  it('S13: of a client that opens and closes queues for ever keep none of them', async () => {
    const { device, runtime } = openHandDevice({ credits: 2 });
    const client = device.open();
    const before = countOf(QueueCore);
    for (let i = 0; i < 200; i += 1) {
      const queue = client.queue();
      queue.submit({ durationUs: 5 });
      if (i % 2 === 0) await runtime.settle(10);
      queue[Symbol.dispose]();
    }
    await runtime.settle(1_000_000);
    expect(client.stats()).toMatchObject({ submitted: 200, completed: 100, failed: 100 });
    await new Promise((resolve) => setImmediate(resolve));
    // The scheduler keeps what it used last for the next.
    expect(countOf(QueueCore) - before).toBeLessThan(20);
  });

  it('are plain JSON', () => {
    const { device } = openHandDevice();
    device.open().submit({});
    const stats = device.stats();
    expect(JSON.parse(JSON.stringify(stats))).toEqual(stats);
  });
});

describe('close', () => {
  it('E4: takes no more jobs, and waits for those that it has', async () => {
    const { device, runtime } = openHandDevice();
    const client = device.open();
    const submission = client.submit({ durationUs: 500 });
    const ended = client.close();
    expect(thrownBy(() => client.submit({}))).toMatchObject({ code: 'ERR_CLOSED' });
    expect(thrownBy(() => client.queue())).toMatchObject({ code: 'ERR_CLOSED' });
    await closed(runtime, ended);
    expect(submission.finished.status).toBe('ok');
    expect(device.stats().clients).toEqual([]);
  });

  it('E4: kills what is queued after flushMs, and waits for what runs', async () => {
    const { device, backend, runtime } = openHandDevice({ credits: 1 });
    const client = device.open();
    const running = client.submit({});
    const queued = client.submit({});
    runtime.advanceBy(0);
    const ended = client.close({ flushMs: 10 });
    await runtime.settle(9_000);
    expect(client.stats().queued).toBe(1);
    await runtime.settle(2_000);
    expect(client.stats().queued).toBe(0);
    backend.end();
    await closed(runtime, ended);
    expect(running.finished.status).toBe('ok');
    expect(queued.finished.error?.code).toBe('ERR_ENTITY_KILLED');
  });

  it('E4: gives up after closeTimeoutMs; the job goes on, and holds its credit until it is retired', async () => {
    const { device, backend, runtime } = openHandDevice({ credits: 1 });
    const client = device.open();
    const running = client.submit({});
    runtime.advanceBy(0);
    const ended = client.close({ flushMs: 10, closeTimeoutMs: 20 });
    await runtime.settle(31_000);
    await ended;
    expect(running.finished.status).toBe('pending');
    expect(device.stats().scheduler.rings[0]?.creditsUsed).toBe(1);
    backend.end();
    expect(device.stats().scheduler.rings[0]?.creditsUsed).toBe(0);
  });

  it('E4: kills what is queued also where the thread stood still past both bounds, and the later one is told first', async () => {
    const { device, backend, runtime } = openHandDevice({ credits: 1 });
    const client = device.open();
    const running = client.submit({});
    const queued = client.submit({});
    runtime.advanceBy(0);
    const setTimer = runtime.setTimer.bind(runtime);
    let timers = 0;
    Object.assign(runtime, {
      setTimer: (atUs: number, fn: () => void) =>
        setTimer(atUs + (timers++ === 0 ? 90_000 : 0), fn),
    });
    const ended = client.close({ flushMs: 10, closeTimeoutMs: 20 });
    await runtime.settle(31_000);
    await ended;
    backend.end();
    await runtime.settle(0);
    expect(
      [running, queued].map(({ finished }) => finished.error?.code ?? finished.status),
    ).toEqual(['ok', 'ERR_ENTITY_KILLED']);
  });

  it('E6: may be called twice, and after a kill', async () => {
    const { device, runtime } = openHandDevice();
    const client = device.open();
    const first = client.close();
    expect(client.close()).toBe(first);
    await closed(runtime, first);
    await client.close();
    const killed = device.open();
    killed[Symbol.dispose]();
    killed[Symbol.dispose]();
    await killed.close();
    await killed[Symbol.asyncDispose]();
    expect(device.stats().clients).toEqual([]);
    expect(device.stats().scheduler.entities).toBe(0);
  });

  it.each([
    { flushMs: -1 },
    { flushMs: '1' },
    { flushMs: null },
    { flushMs: {} },
    { closeTimeoutMs: NaN },
    { closeTimeoutMs: '1' },
    { closeTimeoutMs: null },
    null,
    5,
    'x',
  ])('E4: refuses times that are none, with nothing changed: %j', async (options) => {
    const { device, runtime } = openHandDevice();
    const client = device.open();
    const queue = client.queue();
    for (const one of [queue, client]) {
      const error = thrownBy(() => one.close(options as never));
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
      one.submit({ durationUs: 1 });
      await closed(runtime, one.close());
      expect(thrownBy(() => one.submit({}))).toMatchObject({ code: 'ERR_CLOSED' });
    }
    expect(client.stats().completed).toBe(2);
  });

  it('E4: refuses a time that is a bigint', () => {
    const client = openHandDevice().device.open();
    const error = thrownBy(() => client.close({ closeTimeoutMs: 1n as never }));
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    client.submit({});
  });

  it('E4: opens no queue of a client that is closed while it opens', async () => {
    const { device, runtime } = openHandDevice();
    const client = device.open();
    device.observe({ emit: (event) => event.type === 'entity-open' && void client.close() });
    expect(thrownBy(() => client.queue())).toMatchObject({ code: 'ERR_CLOSED' });
    await runtime.settle(10);
    expect(device.stats()).toMatchObject({ clients: [], scheduler: { entities: 0 } });
  });

  it('of one queue leaves the client open', async () => {
    const { device, runtime } = openHandDevice();
    const client = device.open();
    const queue = client.queue();
    const other = client.queue();
    await closed(runtime, queue.close());
    other[Symbol.dispose]();
    expect(thrownBy(() => queue.submit({}))).toMatchObject({ code: 'ERR_CLOSED' });
    expect(thrownBy(() => other.submit({}))).toMatchObject({ code: 'ERR_CLOSED' });
    client.submit({});
    expect(device.stats().clients).toHaveLength(1);
  });
});

describe('kill', () => {
  it('E2: by dispose fails what is queued at once and lets what runs run out', () => {
    const { device, backend, runtime } = openHandDevice({ credits: 1 });
    const client = device.open();
    const [running, queued] = [client.submit({}), client.submit({})];
    runtime.advanceBy(0);
    client[Symbol.dispose]();
    expect(device.stats().clients).toEqual([]);
    expect(client.stats()).toMatchObject({ queued: 0, running: 1 });
    backend.end();
    runtime.advanceBy(0);
    expect(running.finished.status).toBe('ok');
    expect(queued.finished.error?.code).toBe('ERR_ENTITY_KILLED');
  });

  it('E4: in a tight loop leaves nothing behind', () => {
    const { device, backend, runtime } = openHandDevice({ credits: 2 });
    for (let i = 0; i < 1000; i += 1) {
      const client = device.open();
      client.submit({ durationUs: 5 });
      client.submit({ durationUs: 5 });
      if (i % 2 === 0) runtime.advanceBy(0);
      client[Symbol.dispose]();
    }
    runtime.advanceBy(1_000_000);
    expect(device.stats()).toMatchObject({
      clients: [],
      scheduler: { entities: 0, queued: 0, running: 0 },
    });
    expect(backend.freed).toBe(2000);
    expect(backend.running.size).toBe(0);
  });
});

/** Lets promises run, and a second pass, in which `ended` must be fulfilled. */
async function closed(runtime: VirtualRuntime, ended: Promise<void>): Promise<void> {
  let done = false;
  void ended.then(() => {
    done = true;
  });
  await runtime.settle(1_000_000);
  expect(done, 'close did not resolve').toBe(true);
}

/** How many objects of a class are alive, after a garbage collection. */
function countOf(constructor: Parameters<typeof queryObjects>[0]): number {
  return Number(queryObjects(constructor));
}
