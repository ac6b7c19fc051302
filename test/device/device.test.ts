/**
 * A device as a whole: its end, its loss, its events. In virtual time.
 */
import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/base/index.ts';
import type { FencelineError } from '../../src/base/index.ts';
import type { SchedEvent } from '../../src/events/index.ts';
import type { Client as ClientOf } from '../../src/device/index.ts';
import { openHandDevice, thrownBy } from './handDevice.ts';
import type { HandWork } from './handDevice.ts';

type Client = ClientOf<HandWork>;

/** The type of each event, in order. */
async function typesOf(events: AsyncIterable<SchedEvent>, count = Infinity): Promise<string[]> {
  const types: string[] = [];
  for await (const event of events) {
    types.push(event.type);
    if (types.length === count) break;
  }
  return types;
}

describe('close', () => {
  it('E3: lets everything finish, then ends the backend once, however often it is called', async () => {
    const { device, backend, runtime } = openHandDevice();
    const { finished } = device.open().submit({ durationUs: 500 });
    const ended = Promise.all([device.close(), device.close(), device[Symbol.asyncDispose]()]);
    await runtime.settle();
    expect(backend.closed).toBe(0);
    await runtime.settle(500);
    await ended;
    await device.close();
    expect(finished.status).toBe('ok');
    expect(backend.closed).toBe(1);
    expect(device.gone.status).toBe('ok');
    expect(thrownBy(() => device.open())).toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('E3: kills where it is told, also after a drain that takes too long', async () => {
    const { device, backend, runtime } = openHandDevice();
    const client = device.open();
    const { finished } = client.submit({});
    runtime.advanceBy(0);
    const ended = Promise.all([device.close(), device.close({ mode: 'kill' })]);
    await runtime.settle();
    await ended;
    expect(finished.error?.code).toBe('ERR_SCHEDULER_CLOSED');
    expect(backend.closed).toBe(1);
    runtime.advanceBy(0);
    expect(backend.freed).toBe(1);
  });

  it('refuses a mode that it does not know, and stays open', async () => {
    const { device } = openHandDevice();
    for (const options of [{ mode: 'gently' }, null, 5, 'kill']) {
      await expect(device.close(options as never)).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
      });
    }
    device.open().submit({});
  });
});

describe('clients of a device that is closed', () => {
  /** The ids of clients and entities, by the type of the events that name them. */
  function endsOf(device: ReturnType<typeof openHandDevice>['device']) {
    const ends = { 'client-close': [] as number[], 'entity-close': [] as number[] };
    device.observe({
      emit(event) {
        if (event.type === 'client-close') ends[event.type].push(event.client);
        if (event.type === 'entity-close') ends[event.type].push(event.entity);
      },
    });
    return ends;
  }

  it.each(['drain', 'kill', 'gone'] as const)(
    'E6: are reported closed once, with their queues, also where they were closing: %s',
    async (how) => {
      const { device, backend, runtime } = openHandDevice({ credits: 1 });
      const ends = endsOf(device);
      const clients = [device.open(), device.open(), device.open(), device.open()];
      const [open, closing, closed, disposed] = clients as [Client, Client, Client, Client];
      const queue = open.queue();
      for (const one of [open, queue, closing]) one.submit({ durationUs: 50 });
      void closed.close();
      disposed[Symbol.dispose]();
      await runtime.settle(10);
      expect(new Set(ends['client-close'])).toEqual(new Set([closed.id, disposed.id]));
      void closing.close({ flushMs: 1, closeTimeoutMs: 1 });
      if (how === 'gone') backend.host?.lost(new JobError('ERR_DRIVER', 'unplugged'));
      const ended = device.close(how === 'kill' ? { mode: 'kill' } : {});
      await runtime.settle(10_000);
      await ended;
      for (const one of [...clients, queue, device]) {
        const again = one.close();
        await runtime.settle(10_000);
        await again;
      }
      open[Symbol.dispose]();
      await runtime.settle(10_000);
      expect(new Set(ends['client-close'])).toEqual(new Set(clients.map(({ id }) => id)));
      expect(ends['client-close']).toHaveLength(4);
      expect(new Set(ends['entity-close']).size).toBe(5);
      expect(ends['entity-close']).toHaveLength(5);
      expect(device.stats().scheduler.entities).toBe(0);
      const labels = device.stats().clients.map(({ client }) => client);
      expect(labels).toContain(open.id);
      const code = how === 'gone' ? 'ERR_DEVICE_GONE' : 'ERR_CLOSED';
      for (const act of [() => open.submit({}), () => open.queue(), () => device.open()]) {
        expect(['ERR_CLOSED', code]).toContain((thrownBy(act) as FencelineError).code);
      }
    },
  );

  it('E6: are reported closed before the events of the device end', async () => {
    const { device, runtime } = openHandDevice();
    const client = device.open();
    client.queue();
    const types = typesOf(device.events());
    const ended = device.close();
    await runtime.settle();
    await ended;
    const seen = (await types).filter((type) => type.endsWith('-close'));
    expect(seen).toEqual(['entity-close', 'entity-close', 'client-close']);
  });

  it('T8: stay open where the device is gone, until somebody closes it or them', async () => {
    const { device, backend, runtime } = openHandDevice();
    const ends = endsOf(device);
    const [one, other] = [device.open(), device.open()];
    backend.host?.lost(new JobError('ERR_DRIVER', 'unplugged'));
    await runtime.settle(1000);
    expect([ends['client-close'], device.stats().clients.length]).toEqual([[], 2]);
    const closing = one.close();
    await runtime.settle(1000);
    await closing;
    expect(ends['client-close']).toEqual([one.id]);
    const ended = device.close();
    await runtime.settle(1000);
    await ended;
    expect(ends['client-close']).toEqual([one.id, other.id]);
  });
});

describe('memory of a device', () => {
  it.each([0, -1, NaN, null, '5'])('M1: is a number of bytes, not %s', (memoryBytes) => {
    expect(thrownBy(() => openHandDevice({ memoryBytes } as never))).toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    });
  });
});

describe('lost device', () => {
  it('T8: fails every job in order, refuses clients and jobs, and stays readable', async () => {
    const { device, backend, runtime } = openHandDevice({ credits: 1 });
    const client = device.open({ label: 'left' });
    const jobs = [client.submit({}), client.submit({}), client.submit({})];
    const order: number[] = [];
    jobs.forEach(({ finished }, index) => finished.addCallback(() => order.push(index)));
    runtime.advanceBy(0);
    const cause = new JobError('ERR_DRIVER', 'unplugged');
    backend.host?.lost(cause);
    expect(order).toEqual([0, 1, 2]);
    for (const { finished } of jobs) {
      expect(finished.error).toMatchObject({ code: 'ERR_DEVICE_GONE', cause });
    }
    await runtime.settle();
    expect(device.gone.error?.code).toBe('ERR_DEVICE_GONE');
    expect(thrownBy(() => device.open())).toMatchObject({ code: 'ERR_DEVICE_GONE' });
    expect(thrownBy(() => client.submit({}))).toMatchObject({ code: 'ERR_DEVICE_GONE' });
    expect(client.stats()).toMatchObject({ label: 'left', failed: 3 });
    expect(backend.closed).toBe(1);
    const ended = Promise.all([device.close(), client.close()]);
    await runtime.settle();
    await ended;
    expect(backend.closed).toBe(1);
  });

  it('T8: is gone for the callbacks of its jobs: nothing opens on it any more', () => {
    const { device, backend, runtime } = openHandDevice({ credits: 1 });
    const client = device.open();
    const jobs = [client.submit({}), client.submit({})];
    runtime.advanceBy(0);
    const seen: unknown[] = [];
    for (const { finished } of jobs) {
      finished.addCallback(() => {
        seen.push(device.gone.error?.code);
        for (const act of [() => device.open(), () => client.queue(), () => client.submit({})]) {
          seen.push((thrownBy(act) as FencelineError).code);
        }
      });
    }
    backend.host?.lost(new JobError('ERR_DRIVER', 'unplugged'));
    expect(seen).toEqual(Array(8).fill('ERR_DEVICE_GONE'));
  });

  it('T8: opens no queue for a client afterwards, nor where it is closed', async () => {
    const [gone, closed] = [openHandDevice(), openHandDevice()];
    const [one, other] = [gone.device.open(), closed.device.open()];
    gone.backend.host?.lost(new JobError('ERR_DRIVER', 'unplugged'));
    await gone.runtime.settle();
    expect(thrownBy(() => one.queue())).toMatchObject({ code: 'ERR_DEVICE_GONE' });
    expect(one.stats().queues).toHaveLength(1);
    const ended = closed.device.close();
    expect(thrownBy(() => other.queue())).toMatchObject({ code: 'ERR_CLOSED' });
    await closed.runtime.settle();
    await ended;
    expect(thrownBy(() => other.queue())).toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('T6: a job that the backend blames fails with the error that it gives', () => {
    const { device, backend, runtime } = openHandDevice();
    const client = device.open();
    const { finished } = client.submit({});
    runtime.advanceBy(0);
    const [job] = backend.running.keys();
    if (job === undefined) throw new Error('the job did not start');
    backend.host?.fault(job, new JobError('ERR_DRIVER', 'it broke the hardware'));
    runtime.advanceBy(0);
    expect(finished.error).toMatchObject({ code: 'ERR_DRIVER', message: 'it broke the hardware' });
    expect(client.stats().karma).toBe(1);
  });
});

describe('events', () => {
  it('tell what happens from the call on, and end with the device', async () => {
    const { device, runtime } = openHandDevice();
    device.open();
    const events = device.events();
    const client = device.open();
    client.submit({ durationUs: 10 });
    const types = typesOf(events);
    await runtime.settle(10);
    void device.close();
    await runtime.settle();
    const seen = await types;
    expect(seen.filter((type) => type.startsWith('client'))).toEqual([
      'client-open',
      'client-close',
      'client-close',
    ]);
    expect(seen.indexOf('job-queue')).toBeLessThan(seen.indexOf('job-run'));
    expect(seen.indexOf('job-run')).toBeLessThan(seen.indexOf('job-done'));
    await expect(typesOf(device.events())).resolves.toEqual([]);
  });

  it('say in their place how many were lost to a slow reader', async () => {
    const { device, runtime } = openHandDevice();
    const events = device.events({ capacity: 2 });
    let count = 0;
    device.observe({ emit: () => (count += 1) });
    for (let i = 0; i < 5; i += 1) device.open()[Symbol.dispose]();
    await runtime.settle();
    const lost = count - 2;
    const reader = events[Symbol.asyncIterator]();
    const types: string[] = [];
    for (let i = 0; i < 2; i += 1) types.push((await reader.next()).value.type);
    expect(types).not.toContain('dropped');
    expect((await reader.next()).value).toMatchObject({ type: 'dropped', count: lost });
    device.open();
    for (let i = 0; i < 2; i += 1) types.push((await reader.next()).value.type);
    expect(types.slice(2)).toEqual(['client-open', 'entity-open']);
  });

  it('stop when the reader does, and cost nothing then', async () => {
    const { device } = openHandDevice();
    const events = device.events();
    device.open();
    await expect(typesOf(events, 1)).resolves.toHaveLength(1);
    device.open();
    await expect(typesOf(events)).resolves.toEqual([]);
  });

  it('give nothing after a return, also in the middle of an event', async () => {
    const { device } = openHandDevice();
    device.observe({ emit: () => void stream.return?.() });
    const stream = device.events()[Symbol.asyncIterator]();
    device.open();
    await expect(stream.next()).resolves.toEqual({ done: true, value: undefined });
  });

  it('need a capacity', () => {
    const { device } = openHandDevice();
    for (const capacity of [0, 1.5, null, '1']) {
      expect(() => device.events({ capacity } as never)).toThrow(/events: capacity: expected/);
    }
    for (const options of [null, 5, 'x']) {
      expect(() => device.events(options as never)).toThrow(/events: options: expected/);
    }
  });
});

describe('observe', () => {
  it('hands over events synchronously until it is stopped', () => {
    const { device } = openHandDevice();
    const seen: string[] = [];
    const stop = device.observe({ emit: (event) => seen.push(event.type) });
    const client = device.open();
    client[Symbol.dispose]();
    stop();
    stop();
    device.open();
    expect(seen.filter((type) => type.startsWith('client'))).toEqual([
      'client-open',
      'client-close',
    ]);
  });

  it('hands what an observer throws to the uncaught-error handling', () => {
    const { device, runtime } = openHandDevice();
    device.observe({
      emit(event) {
        if (event.type === 'client-open') throw new Error('observer broke');
      },
    });
    device.open();
    expect(() => runtime.advanceBy(0)).toThrow('observer broke');
  });
});
