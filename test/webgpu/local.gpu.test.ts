/**
 * What only a WebGPU device in this realm does: functions, adoption, hanging rings, and recovery from lost devices. What both kinds do is
 * in device.gpu.test.ts.
 */
import { describe, expect, it } from 'vitest';
import type { Client } from 'fenceline';
import type {
  GPUBufferLike,
  GPUDeviceLike,
  GPULike,
  WebGpuContext,
  WebGpuWork,
} from 'fenceline/webgpu';
import { missing, title } from './gpu.ts';
import {
  endsOf,
  errorOf,
  openTestDevice,
  ownDevice,
  scale,
  scaled,
  spin,
  spun,
  until,
  watchedGpu,
} from './testDevice.ts';

const USAGE = { mapRead: 1, copySource: 4, copyTarget: 8 };

describe.skipIf(missing !== null)(title('a function job'), () => {
  const open = (): ReturnType<typeof openTestDevice> => openTestDevice({ isolation: 'none' });

  it('encodes into the given encoder, and its result is the job’s', async () => {
    const client = (await open()).open();
    let target: GPUBufferLike | null = null;
    const job = client.submit(({ device, encoder }: WebGpuContext) => {
      const from = device.createBuffer({ size: 4, usage: USAGE.copySource | USAGE.copyTarget });
      device.queue.writeBuffer(from, 0, Uint8Array.of(1, 2, 3, 4));
      target = device.createBuffer({ size: 4, usage: USAGE.mapRead | USAGE.copyTarget });
      encoder.copyBufferToBuffer(from, 0, target, 0, 4);
      return 'encoded';
    });
    expect(await job.result).toBe('encoded');
    await target!.mapAsync(1);
    expect([...new Uint8Array(target!.getMappedRange())]).toEqual([1, 2, 3, 4]);
  });

  it('may submit early and read back what it computed', async () => {
    const client = (await open()).open();
    const job = client.submit(async ({ device, encoder, submit }: WebGpuContext) => {
      const target = device.createBuffer({ size: 4, usage: USAGE.mapRead | USAGE.copyTarget });
      encoder.clearBuffer(target);
      await submit();
      await expect(submit()).rejects.toThrow(/a job submits once/);
      await target.mapAsync(1);
      return target.getMappedRange().byteLength;
    });
    expect(await job.result).toBe(4);
  });

  it('may await before it encodes, and others run after it all the same', async () => {
    const client = (await open()).open();
    const order: string[] = [];
    const slow = client.submit(async ({ encoder }: WebGpuContext) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      encoder.beginComputePass().end();
      order.push('slow');
    });
    const fast = client.submit(() => void order.push('fast'));
    expect(await endsOf([slow, fast])).toEqual(['ok', 'ok']);
    expect(order).toEqual(['slow', 'fast']);
  });

  it('is given its buffers', async () => {
    const client = (await open()).open();
    using held = client.allocate({ bytes: 8 });
    await client.submit({ upload: held.value, data: Uint32Array.of(1, 2) }).result;
    const encode = ({ encoder, buffers }: WebGpuContext): void =>
      encoder.clearBuffer(buffers[0]!, 0, 4);
    await client.submit({ encode, buffers: [held.value] }).result;
    const contents = await client.submit<ArrayBuffer>({ readBack: held.value }).result;
    expect(new Uint32Array(contents)).toEqual(Uint32Array.of(0, 2));
  });

  it.each([
    [
      'throws',
      () => {
        throw new RangeError('no');
      },
      /threw while encoding: no/,
    ],
    ['rejects', () => Promise.reject(new RangeError('no')), /threw while encoding: no/],
    [
      'makes what is not valid',
      ({ device }: WebGpuContext) => void device.createBuffer({ size: 4, usage: 0xffff }),
      /is not valid: .*65535/,
    ],
    [
      'makes what is not valid after an await',
      async ({ device }: WebGpuContext) => {
        await Promise.resolve();
        device.createBuffer({ size: 4, usage: 0xffff });
      },
      /is not valid: .*65535/,
    ],
    [
      'encodes what is not valid',
      ({ device, encoder }: WebGpuContext) => {
        const one = device.createBuffer({ size: 4, usage: USAGE.copySource });
        encoder.copyBufferToBuffer(one, 0, one, 0, 4);
      },
      /is not valid: /,
    ],
    [
      'destroys the device',
      ({ device }: WebGpuContext) => device.destroy(),
      /the device is shared/,
    ],
    [
      'assigns to the device',
      ({ device }: WebGpuContext) => Object.assign(device, { label: 'mine' }),
      /threw while encoding/,
    ],
  ])('that %s fails alone', async (_name, run, message) => {
    const client = (await open()).open();
    const jobs = [scale([1]), run as () => unknown, scale([1])].map((work) => client.submit(work));
    expect((await errorOf(jobs[1]!.result, 'ERR_DRIVER')).message).toMatch(message);
    expect(await endsOf([jobs[0]!, jobs[2]!])).toEqual(['ok', 'ok']);
  });

  it('leaves the stack of error scopes as it was', async () => {
    const raw = await ownDevice();
    const client = (await openTestDevice({ device: raw })).open();
    raw.pushErrorScope('validation');
    const leaves = client.submit(({ device }: WebGpuContext) => {
      device.pushErrorScope('validation');
      device.pushErrorScope('internal');
      device.createBuffer({ size: 4, usage: 0xffff });
    });
    const pops = client.submit(({ device }: WebGpuContext) => device.popErrorScope());
    expect(await endsOf([leaves, pops])).toEqual(['ok', 'ERR_DRIVER']);
    expect(await raw.popErrorScope()).toBeNull();
    await expect(raw.popErrorScope()).rejects.toThrow();
  });

  it('has the error scopes that it can need: all where it may make something', async () => {
    const { gpu, devices } = await watchedGpu();
    const opened: string[] = [];
    const watch = (raw: GPUDeviceLike): void => {
      const push = raw.pushErrorScope.bind(raw);
      raw.pushErrorScope = (filter) => {
        opened.push(filter);
        push(filter);
      };
    };
    const scopesOf = async (client: Client<WebGpuWork>, work: WebGpuWork): Promise<string[]> => {
      opened.length = 0;
      await client.submit(work).result;
      return [...opened];
    };
    const onlyEncodes = ({ encoder }: WebGpuContext): void => encoder.beginComputePass().end();
    const makes = ({ device }: WebGpuContext): void =>
      device.createBuffer({ size: 4, usage: 4 }).destroy();
    const all = ['validation', 'out-of-memory', 'internal'];
    const client = (await openTestDevice({ gpu })).open();
    watch(devices[0]!);
    expect(await scopesOf(client, onlyEncodes)).toEqual(['validation']);
    expect(await scopesOf(client, makes)).toEqual(all);
    const raw = await ownDevice();
    watch(raw);
    const owner = (await openTestDevice({ device: raw })).open();
    expect(await scopesOf(owner, onlyEncodes), 'who owns it may make things anyhow').toEqual(all);
  });

  it.each<[string, (context: WebGpuContext) => unknown]>([
    ['returns', () => 1],
    ['awaits', () => Promise.resolve(1)],
    ['throws', () => JSON.parse('{')],
  ])('that %s has the device until it ends, and keeps what it made', async (_, end) => {
    const client = (await open()).open();
    let kept: GPUDeviceLike | null = null;
    let create: GPUDeviceLike['createBuffer'] | null = null;
    let made: GPUBufferLike | null = null;
    const job = client.submit((context: WebGpuContext) => {
      kept = context.device;
      create = kept.createBuffer;
      made = create({ size: 4, usage: USAGE.mapRead | USAGE.copyTarget });
      return end(context);
    });
    await Promise.allSettled([job.result]);
    expect(() => kept!.queue).toThrow(/revoked: its job has ended/);
    expect(() => create!({ size: 4, usage: USAGE.copyTarget })).toThrow(/revoked/);
    await made!.mapAsync(USAGE.mapRead);
    expect(made!.getMappedRange().byteLength).toBe(4);
    made!.destroy();
  });

  it('J10: that never settles fails on time, loses the device, and frees the ring', async () => {
    const device = await open();
    const client = device.open();
    let kept: GPUDeviceLike | null = null;
    const never = client.submit(
      ({ device: shared }: WebGpuContext) => {
        kept = shared;
        return new Promise(() => {});
      },
      { runTimeoutMs: 50 },
    );
    const next = client.submit(scale([1]));
    await errorOf(never.result, 'ERR_JOB_TIMEOUT');
    expect(await endsOf([next])).toEqual(['ok']);
    expect(() => kept!.createCommandEncoder()).toThrow(/revoked/);
    expect(device.stats().scheduler.rings[0]).toMatchObject({ hung: false, creditsUsed: 0 });
    expect(client.stats().karma).toBe(1);
  });
});

describe.skipIf(missing !== null)(title('a dispatch that hangs in this realm'), () => {
  it('J11: fails on time, holds its credit until the hardware is done, and the ring is hung', async () => {
    const device = await openTestDevice({ isolation: 'none' });
    const [rogue, client] = [device.open(), device.open()];
    const before = performance.now();
    const hang = rogue.submit(spin(60_000_000), { runTimeoutMs: 200 });
    const next = client.submit(spin(10));
    await errorOf(hang.result, 'ERR_JOB_TIMEOUT');
    const tookMs = performance.now() - before;
    expect(tookMs).toBeGreaterThanOrEqual(200);
    expect(device.stats().scheduler.rings[0]).toMatchObject({ hung: true });
    expect([hang.job.retired, next.finished.status]).toEqual([false, 'pending']);
    const [numbers] = (await next.result) as [Uint32Array];
    expect(numbers[0], 'what waited behind it ran, and nobody blamed it').toBe(spun(10));
    expect(device.stats().scheduler).toMatchObject({ resets: 0, timeouts: 1 });
    expect([hang.job.retired, rogue.stats().karma, client.stats().karma]).toEqual([true, 1, 0]);
    expect(device.stats().scheduler.rings[0]).toMatchObject({ hung: false, creditsUsed: 0 });
  });

  it('F9: takes the device with it where the hardware goes on for too long', async () => {
    const device = await openTestDevice({ isolation: 'none', hungTimeoutMs: 100 });
    const client = device.open();
    const hang = client.submit(spin(60_000_000), { runTimeoutMs: 100 });
    const next = device.open().submit(spin(10));
    await errorOf(hang.result, 'ERR_JOB_TIMEOUT');
    expect((await errorOf(next.result, 'ERR_DEVICE_GONE')).cause).toMatchObject({
      message: expect.stringMatching(/hangs on the hardware/),
    });
    expect(device.gone.status).toBe('failed');
  });
});

describe.skipIf(missing !== null)(title('a device that is lost'), () => {
  it('T8: adopted: everything fails, and its owner’s destroy is the end', async () => {
    const raw = await ownDevice();
    const device = await openTestDevice({ device: raw });
    const jobs = [spin(200_000), spin(1)].map((work) => device.open().submit(work));
    await jobs[0]!.scheduled.wait();
    raw.destroy();
    expect(await endsOf(jobs)).toEqual(['ERR_DEVICE_GONE', 'ERR_DEVICE_GONE']);
    expect(() => device.open()).toThrow(expect.objectContaining({ code: 'ERR_DEVICE_GONE' }));
  });

  it('T8, F9: adopted: is not opened where it is lost already', async () => {
    const raw = await ownDevice();
    raw.destroy();
    await raw.lost;
    const error = await errorOf(openTestDevice({ device: raw }), 'ERR_DEVICE_GONE');
    expect(error.message).toMatch(/its device is lost/);
    const late = await ownDevice();
    const device = await openTestDevice({ device: late });
    late.destroy();
    await until('the loss is heard of', () => device.gone.status === 'failed');
  });

  it('adopted: is not destroyed by a close', async () => {
    const raw = await ownDevice();
    const device = await openTestDevice({ device: raw });
    expect(await scaled(device.open(), [1])).toEqual([2]);
    await device.close();
    raw.pushErrorScope('validation');
    raw.createBuffer({ size: 4, usage: USAGE.copyTarget }).destroy();
    expect(await raw.popErrorScope()).toBeNull();
    raw.destroy();
  });

  it('T6: ours: nobody is blamed for a device that was destroyed, and the next one works', async () => {
    const { gpu, devices } = await watchedGpu();
    const device = await openTestDevice({ gpu });
    const client = device.open();
    expect(await scaled(client, [1])).toEqual([2]);
    devices[0]!.destroy();
    await until('the loss is heard of', () => device.stats().scheduler.resets === 1);
    expect(await scaled(client, [2])).toEqual([4]);
    expect([devices.length, client.stats().karma]).toEqual([2, 0]);
  });

  it('T7: ours: is gone where no other can be had', async () => {
    const { gpu, devices } = await watchedGpu();
    let adapters = 1;
    const poor: GPULike = {
      requestAdapter: (options) =>
        adapters-- > 0 ? gpu.requestAdapter(options) : Promise.resolve(null),
    };
    const device = await openTestDevice({ gpu: poor, reset: { maxTries: 2, backoffMs: 1 } });
    const client = device.open();
    devices[0]!.destroy();
    await until('the device is gone', () => device.gone.status === 'failed');
    expect(() => client.submit(scale([1]))).toThrow(
      expect.objectContaining({ code: 'ERR_DEVICE_GONE' }),
    );
  });

  it('T4: at 200 random moments: every fence settles, and no result is wrong', async () => {
    const { gpu, devices } = await watchedGpu();
    const reset = { backoffMs: 1, maxTries: 3 };
    const device = await openTestDevice({ gpu, reset, credits: 4, maxAttempts: 1000 });
    const clients = [device.open(), device.open()];
    const seed = 20261121;
    let state = seed;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const counts = { ok: 0, reset: 0 };
    for (let loss = 1; loss <= 200; loss += 1) {
      const jobs = Array.from({ length: 6 }, () => {
        const turns = random(4000);
        const resubmit = random(2) === 0;
        const submission = clients[random(2)]!.submit<[Uint32Array]>(spin(turns), {
          ...(resubmit ? { resubmit } : {}),
        });
        return { turns, resubmit, submission };
      });
      const delayUs = random(3000);
      const endUs = performance.now() * 1000 + delayUs;
      while (performance.now() * 1000 < endUs)
        await new Promise((resolve) => setImmediate(resolve));
      devices.at(-1)!.destroy();
      for (const { turns, resubmit, submission } of jobs) {
        const where = `seed ${seed}, loss ${loss}, ${turns} turns`;
        try {
          expect((await submission.result)[0][0], where).toBe(spun(turns));
          counts.ok += 1;
        } catch (error) {
          expect(error, where).toMatchObject({ code: 'ERR_JOB_RESET' });
          expect(resubmit, where).toBe(false);
          counts.reset += 1;
        }
      }
    }
    expect(counts.ok + counts.reset).toBe(1200);
    expect(counts.ok).toBeGreaterThan(600);
    expect(clients.map((client) => client.stats().karma)).toEqual([0, 0]);
  });
});
