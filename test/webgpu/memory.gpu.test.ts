/**
 * Buffers of clients on real WebGPU: contents, eviction and return, loss and refill. The rules of budgets and victims are in
 * test/device/memory.test.ts.
 */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Client } from 'fenceline';
import type { WebGpuDispatch, WebGpuWork } from 'fenceline/webgpu';
import { missing, title } from './gpu.ts';
import { endsOf, errorOf, openTestDevice, spin, until, watchedGpu } from './testDevice.ts';
import type { Isolation } from './testDevice.ts';

const WHERE: [name: string, isolation: Isolation][] = [
  ['in this realm', 'none'],
  ['in a process of its own', 'process'],
];
const KIB = 1024;

type BufferOf = ReturnType<Client<WebGpuWork>['allocate']>['value'];

/** Adds `by` to every number of `buffer`. */
function add(buffer: BufferOf, by: number): WebGpuDispatch {
  return {
    wgsl: `
      @group(0) @binding(0) var<storage, read_write> data: array<u32>;
      @group(0) @binding(1) var<uniform> by: u32;
      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
        if (id.x < arrayLength(&data)) { data[id.x] += by; }
      }`,
    bindings: [buffer, Uint32Array.of(by)],
    workgroups: [Math.ceil(buffer.bytes / 256)],
  };
}

async function contentsOf(client: Client<WebGpuWork>, buffer: BufferOf): Promise<Uint32Array> {
  return new Uint32Array(await client.submit<ArrayBuffer>({ readBack: buffer }).result);
}

describe.skipIf(missing !== null).each(WHERE)(title('a buffer %s'), (_name, isolation) => {
  const open = (options = {}): ReturnType<typeof openTestDevice> =>
    openTestDevice({ isolation, ...options });

  it('begins as zeros, keeps what jobs write, and is read back in order', async () => {
    const client = (await open()).open();
    using held = client.allocate({ bytes: 16 });
    expect(await contentsOf(client, held.value)).toEqual(new Uint32Array(4));
    const up = client.submit({ upload: held.value, data: Uint32Array.of(1, 2), offset: 8 });
    const jobs = [add(held.value, 5), add(held.value, 5)].map((work) => client.submit(work));
    const contents = await contentsOf(client, held.value);
    expect(contents).toEqual(Uint32Array.of(10, 10, 11, 12));
    expect(await endsOf([up, ...jobs])).toEqual(['ok', 'ok', 'ok']);
    const part = client.submit<ArrayBuffer>({ readBack: held.value, offset: 4, bytes: 8 });
    expect(new Uint32Array(await part.result)).toEqual(Uint32Array.of(10, 11));
    const read = client.submit<[ArrayBuffer]>({ ...add(held.value, 1), read: [0] });
    expect(new Uint32Array((await read.result)[0])).toEqual(Uint32Array.of(11, 11, 12, 13));
  });

  it('M1: memory that changes hands is zeroed', async () => {
    const device = await open({ memoryBytes: 64 * KIB });
    const [one, two] = [device.open(), device.open()];
    const first = one.allocate({ bytes: 64 * KIB });
    await one.submit(add(first.value, 0xdead)).result;
    first.release();
    using second = two.allocate({ bytes: 64 * KIB });
    expect((await contentsOf(two, second.value)).every((value) => value === 0)).toBe(true);
  });

  it('M1: that is larger than WebGPU’s limit is refused with that, at once or when a job needs it', async () => {
    const client = (await open()).open();
    const allocateAndUse = async (): Promise<unknown> => {
      using held = client.allocate({
        bytes: 300 * KIB ** 2,
        label: 'weights',
        refill: () => new Uint8Array(4),
      });
      return client.submit({ upload: held.value, data: new Uint8Array(4) }).result;
    };
    const { message } = await errorOf(allocateAndUse(), 'ERR_OUT_OF_MEMORY');
    expect(message).toMatch(/weights.*(256\.0 MiB|268435456)/s);
    using fits = client.allocate({ bytes: 4 });
    expect(await endsOf([client.submit(add(fits.value, 1))])).toEqual(['ok']);
  });

  it('M3: is evicted while it is idle, and comes back unseen', async () => {
    const client = (await open({ memoryBytes: 4 * KIB })).open();
    const held: { number: number; buffer: BufferOf }[] = [];
    for (let number = 1; number <= 6; number += 1) {
      const { value: buffer } = client.allocate({ bytes: KIB, label: `buffer ${number}` });
      await client.submit(add(buffer, number)).result;
      held.push({ number, buffer });
    }
    expect(held.filter(({ buffer }) => buffer.state === 'evicted')).not.toHaveLength(0);
    for (const { number, buffer } of [...held, ...held]) {
      const contents = await contentsOf(client, buffer);
      expect(
        contents.every((value) => value === number),
        buffer.label,
      ).toBe(true);
    }
    expect(client.stats().memory).toMatchObject({ allocatedBytes: 6 * KIB, buffers: 6 });
  });

  it('M2: is not moved while a job uses it', async () => {
    const device = await open({ memoryBytes: 2 * KIB });
    const client = device.open();
    const [used, idle] = [1, 2].map(() => client.allocate({ bytes: KIB }).value);
    await endsOf([client.submit(add(idle!, 7)), client.submit(add(used!, 1))]);
    const other = device.open();
    const busy = client.submit(spin(300_000));
    const after = client.submit(add(used!, 1));
    const { value: taken } = other.allocate({ bytes: KIB });
    expect([used!.state, idle!.state]).toEqual(['resident', 'leaving']);
    const theirs = other.submit(add(taken, 1));
    expect(() => other.allocate({ bytes: KIB })).toThrow(
      expect.objectContaining({ code: 'ERR_OUT_OF_MEMORY' }),
    );
    expect(await endsOf([busy, after, theirs])).toEqual(['ok', 'ok', 'ok']);
  });

  it('J1: refuses buffers that are not the client’s, released, or too small', async () => {
    const device = await open();
    const [one, two] = [device.open(), device.open()];
    const held = one.allocate({ bytes: 8 });
    const { value } = held;
    const refused = (work: unknown): void => {
      expect(() => two.submit(work as WebGpuWork)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
      );
    };
    refused(add(value, 1));
    refused({ upload: value, data: new Uint8Array(12) });
    refused({ readBack: value, offset: 8 });
    refused({ readBack: {} });
    held.release();
    expect(() => one.submit(add(value, 1))).toThrow(/was not released/);
    expect(() => held.value).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
  });
});

describe.skipIf(missing !== null)(title('a buffer whose device is lost'), () => {
  it('is refilled where its client gave a way to, and fails its jobs where not', async () => {
    const { gpu, devices } = await watchedGpu();
    const device = await openTestDevice({ gpu, reset: { backoffMs: 1 } });
    const client = device.open();
    const refill = (): Uint8Array<ArrayBuffer> => new Uint8Array(Uint32Array.of(7, 7).buffer);
    using refilled = client.allocate({ bytes: 8, refill });
    using lost = client.allocate({ bytes: 8, label: 'unsaved' });
    await endsOf([client.submit(add(refilled.value, 1)), client.submit(add(lost.value, 1))]);
    devices[0]!.destroy();
    await until('the loss is heard of', () => lost.value.state === 'lost');
    const error = await errorOf(client.submit(add(lost.value, 1)).result, 'ERR_JOB_RESET');
    expect(error.message).toMatch(/unsaved, whose contents were lost/);
    expect(await contentsOf(client, refilled.value)).toEqual(Uint32Array.of(7, 7));
    expect(devices).toHaveLength(2);
  });

  it('fails its jobs with why its refill failed', async () => {
    const { gpu, devices } = await watchedGpu();
    const device = await openTestDevice({ gpu, reset: { backoffMs: 1 } });
    const client = device.open();
    const cause = new Error('the network is down');
    using held = client.allocate({
      bytes: 8,
      label: 'weights',
      refill: () => Promise.reject(cause),
    });
    await client.submit(add(held.value, 1)).result;
    devices[0]!.destroy();
    await until('the loss is heard of', () => held.value.state === 'evicted');
    for (const job of [add(held.value, 1), { readBack: held.value }]) {
      const error = await errorOf(client.submit(job).result, 'ERR_JOB_RESET');
      expect(error.message).toMatch(
        /needs the buffer weights: .*refill failed: the network is down/,
      );
      expect(error.cause).toBe(cause);
    }
  });

  it('is refilled in a new process, too', async () => {
    const device = await openTestDevice({ isolation: 'process' });
    onTestFinished(() => device.close({ mode: 'kill' }));
    const [client, rogue] = [device.open(), device.open()];
    using refilled = client.allocate({ bytes: 4, refill: () => Uint32Array.of(3).buffer });
    using lost = client.allocate({ bytes: 4 });
    await client.submit(add(refilled.value, 1)).result;
    const hang = rogue.submit(spin(2_000_000_000), { runTimeoutMs: 300 });
    const [waiting, failing] = [refilled, lost].map((one) =>
      client.submit<ArrayBuffer>({ readBack: one.value }),
    );
    await errorOf(hang.result, 'ERR_JOB_TIMEOUT');
    expect(new Uint32Array(await waiting!.result)).toEqual(Uint32Array.of(3));
    await errorOf(failing!.result, 'ERR_JOB_RESET');
  });
});
