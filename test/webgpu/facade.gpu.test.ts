/**
 * What a function job may do to the device and the queue that it shares, and to those who run after it, by mistake or on purpose. What it is
 * for is in local.gpu.test.ts.
 */
import { describe, expect, it } from 'vitest';
import type { Lease } from 'fenceline';
import type { GPUDeviceLike, GPUQueueLike, WebGpuContext } from 'fenceline/webgpu';
import { missing, title } from './gpu.ts';
import {
  endsOf,
  errorOf,
  openTestDevice,
  ownDevice,
  scale,
  spin,
  spun,
  until,
} from './testDevice.ts';

describe.skipIf(missing !== null)(title('a function job that throws'), () => {
  it.each<[string, () => unknown]>([
    ['an error whose message is no text', () => Object.assign(new Error(), { message: Symbol() })],
    [
      'an error whose message throws',
      () =>
        Object.defineProperty(new Error(), 'message', {
          get() {
            throw new Error('no');
          },
        }),
    ],
    [
      'what throws whatever is done to it',
      () =>
        new Proxy(
          {},
          {
            getPrototypeOf() {
              throw new Error('no');
            },
          },
        ),
    ],
    ['nothing', () => undefined],
  ])('D4: %s: fails alone', async (_, thrown) => {
    const client = (await openTestDevice({ isolation: 'none' })).open();
    const throws = client.submit(() => {
      throw thrown();
    });
    const rejects = client.submit(() => Promise.reject(thrown()));
    const next = client.submit(scale([1]));
    for (const job of [throws, rejects]) {
      const { message } = await errorOf(job.result, 'ERR_DRIVER');
      expect(message).toMatch(/threw while encoding: a thrown value/);
    }
    expect(await endsOf([next])).toEqual(['ok']);
  });
});

describe.skipIf(missing !== null)(title('the queue that a function job is lent'), () => {
  it.each<[string, (queue: GPUQueueLike) => unknown]>([
    ['replace a method of', (queue) => (queue.submit = () => {})],
    ['define on', (queue) => Object.defineProperty(queue, 'label', { value: 'mine' })],
    ['freeze', (queue) => Object.freeze(queue)],
    ['prevent extensions of', (queue) => Object.preventExtensions(queue)],
    ['change the prototype of', (queue) => Object.setPrototypeOf(queue, {})],
  ])('a job cannot %s it, nor the device', async (_, change) => {
    const client = (await openTestDevice({ isolation: 'none' })).open();
    const jobs = [
      client.submit(({ device }: WebGpuContext) => change(device.queue)),
      client.submit(({ device }: WebGpuContext) => change(device as never)),
      client.submit(scale([1])),
    ];
    expect(await endsOf(jobs)).toEqual(['ERR_DRIVER', 'ERR_DRIVER', 'ok']);
  });

  it('what it refuses fails the job, also after an await, and is not the owner’s to hear', async () => {
    const raw = (await ownDevice()) as GPUDeviceLike & { onuncapturederror: unknown };
    let heard = 0;
    raw.onuncapturederror = () => (heard += 1);
    const client = (await openTestDevice({ device: raw })).open();
    const small = raw.createBuffer({ size: 4, usage: 8 });
    const late = client.submit(async ({ device }: WebGpuContext) => {
      await Promise.resolve();
      device.queue.writeBuffer(small, 0, new Uint8Array(64));
    });
    expect((await errorOf(late.result, 'ERR_DRIVER')).message).toMatch(/is not valid/);
    await raw.queue.onSubmittedWorkDone();
    expect(heard).toBe(0);
    raw.destroy();
  });

  it('ends with the job', async () => {
    const client = (await openTestDevice({ isolation: 'none' })).open();
    let kept: GPUQueueLike | null = null;
    let submit: GPUQueueLike['submit'] | null = null;
    const job = client.submit(({ device }: WebGpuContext) => {
      kept = device.queue;
      submit = kept.submit;
      return device.queue === kept;
    });
    expect(await job.result).toBe(true);
    expect(() => kept!.submit).toThrow(/revoked: its job has ended/);
    expect(() => submit!([])).toThrow(/revoked: its job has ended/);
  });
});

/** Submits a loop of so many turns to the queue itself. */
function spins({ device }: WebGpuContext, turns: number): void {
  const { wgsl } = spin(turns);
  const module = device.createShaderModule({ code: wgsl });
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module } });
  const buffer = device.createBuffer({ size: 8, usage: 128 + 8 });
  device.queue.writeBuffer(buffer, 0, new Uint8Array(Uint32Array.of(1, turns).buffer));
  const entries = [{ binding: 0, resource: { buffer } }];
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(1);
  pass.end();
  device.queue.submit([encoder.finish()]);
}

describe.skipIf(missing !== null)(title('a function job that submits by itself'), () => {
  /** Takes SwiftShader some hundreds of milliseconds. */
  const TURNS = 20_000_000;

  it.each<[string, (context: WebGpuContext) => unknown]>([
    [
      'throws',
      (context) => {
        spins(context, TURNS);
        throw new RangeError('no');
      },
    ],
    [
      'rejects',
      async (context) => {
        await Promise.resolve();
        spins(context, TURNS);
        throw new RangeError('no');
      },
    ],
  ])('J11, S11: and %s: is on the hardware until that is done, at its own cost', async (_, run) => {
    const device = await openTestDevice({ isolation: 'none' });
    const [rogue, client] = [device.open(), device.open()];
    await endsOf([client.submit(scale([1]))]);
    const job = rogue.submit(run);
    const next = client.submit<[Uint32Array]>(spin(10));
    await errorOf(job.result, 'ERR_DRIVER');
    expect((await next.result)[0][0]).toBe(spun(10));
    expect(rogue.stats().busyUs).toBeGreaterThan(10 * client.stats().busyUs);
  });

  it('J11: and never settles: holds its credit until the hardware is done', async () => {
    const device = await openTestDevice({ isolation: 'none' });
    const client = device.open();
    const job = client.submit(
      (context: WebGpuContext) => {
        spins(context, 3 * TURNS);
        return new Promise(() => {});
      },
      { runTimeoutMs: 100 },
    );
    const next = device.open().submit(scale([1]));
    await errorOf(job.result, 'ERR_JOB_TIMEOUT');
    expect(job.job.retired).toBe(false);
    expect(await endsOf([next])).toEqual(['ok']);
    expect(job.job.retired).toBe(true);
  });

  it('J9: and waits for ever: is taken away by a cancel', async () => {
    const device = await openTestDevice({ isolation: 'none' });
    let begun = (): void => {};
    const begins = new Promise<void>((resolve) => (begun = resolve));
    const job = device.open().submit((context: WebGpuContext) => {
      spins(context, 10);
      begun();
      return new Promise(() => {});
    });
    await begins;
    expect(job.cancel()).toBe('requested');
    await errorOf(job.result, 'ERR_JOB_CANCELLED');
  });
});

describe.skipIf(missing !== null)(title('a lease whose holder submits by itself'), () => {
  it.each<[string, (lease: Lease) => unknown]>([
    ['released', (lease) => lease.release()],
    ['released twice', (lease) => [lease.release(), lease.release()]],
    ['yielded', (lease) => void lease.yield()],
  ])('J11, S14: %s: has its turn until the hardware is done, at its own cost', async (_, end) => {
    const raw = await ownDevice();
    const device = await openTestDevice({ device: raw });
    const [holder, client] = [device.open(), device.open()];
    await endsOf([client.submit(scale([1]))]);
    const lease = await holder.lease();
    spins({ device: raw } as WebGpuContext, 5_000_000);
    const next = client.submit<[Uint32Array]>(spin(10));
    end(lease);
    expect((await next.result)[0][0]).toBe(spun(10));
    expect(lease.signal.aborted).toBe(false);
    expect(holder.stats().busyUs).toBeGreaterThan(10 * client.stats().busyUs);
    lease.release();
    await until('the lease is over', () => holder.stats().running === 0);
    expect(holder.stats()).toMatchObject({ completed: 1, failed: 0, karma: 0 });
    raw.destroy();
  });
});
