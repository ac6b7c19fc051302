/**
 * A device that is adopted is left as it was found: its error scopes, and what was made on it. That it is not destroyed is in
 * local.gpu.test.ts.
 */
import { describe, expect, it } from 'vitest';
import type { GPUDeviceLike } from 'fenceline/webgpu';
import { missing, title } from './gpu.ts';
import { createGpu, endsOf, errorOf, openTestDevice, spin, until } from './testDevice.ts';

/** A device to adopt that counts what lives on it, and its open error scopes. */
async function countedDevice() {
  const adapter = await (await createGpu()).requestAdapter();
  const requiredFeatures = adapter!.features.has('timestamp-query') ? ['timestamp-query'] : [];
  const raw = await adapter!.requestDevice({ requiredFeatures });
  const living = new Set<object>();
  const counts = { scopes: 0 };
  const counted = <T extends { destroy(): void }>(made: T): T => {
    const destroy = made.destroy.bind(made);
    living.add(made);
    made.destroy = () => {
      living.delete(made);
      destroy();
    };
    return made;
  };
  const { createBuffer, createQuerySet, pushErrorScope, popErrorScope } = raw;
  Object.assign(raw, {
    createBuffer: (one: { size: number; usage: number }) => counted(createBuffer.call(raw, one)),
    createQuerySet: (one: object) => counted(createQuerySet.call(raw, one)),
    pushErrorScope: (filter: 'validation') => {
      pushErrorScope.call(raw, filter);
      counts.scopes += 1;
    },
    popErrorScope: () => {
      counts.scopes -= 1;
      return popErrorScope.call(raw);
    },
  } satisfies Partial<GPUDeviceLike>);
  return { raw, living, counts };
}

/** Computes for some hundreds of milliseconds on SwiftShader. */
const LONG = spin(20_000_000);

describe.skipIf(missing !== null)(title('an adopted device that is closed'), () => {
  it('has nothing on it that was made for jobs', async () => {
    const { raw, living, counts } = await countedDevice();
    const device = await openTestDevice({ device: raw });
    const client = device.open();
    const held = client.allocate({ bytes: 64 });
    await client.submit({ upload: held.value, data: new Uint8Array(8) }).result;
    await client.submit(spin(1)).result;
    expect(living.size).toBeGreaterThan(0);
    await device.close();
    await until('all is destroyed', () => living.size === 0);
    expect(counts.scopes).toBe(0);
    raw.destroy();
  });

  it('J11: by a kill: has what a running job uses until the hardware is done with it', async () => {
    const { raw, living, counts } = await countedDevice();
    const device = await openTestDevice({ device: raw });
    const client = device.open();
    const held = client.allocate({ bytes: 8 });
    await client.submit({ upload: held.value, data: Uint32Array.of(1, 20_000_000) }).result;
    const job = client.submit({ ...LONG, bindings: [held.value], read: [] });
    await job.scheduled.wait();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await device.close({ mode: 'kill' });
    await errorOf(job.result, 'ERR_SCHEDULER_CLOSED');
    const usage = (): number | undefined => device.stats().scheduler.rings[0]?.creditsUsed;
    expect([job.job.retired, usage()]).toEqual([false, 1]);
    expect(living.size).toBeGreaterThan(0);
    await raw.queue.onSubmittedWorkDone();
    await until('the job is retired', () => job.job.retired);
    await until('all is destroyed', () => living.size === 0);
    expect([usage(), counts.scopes]).toEqual([0, 0]);
    raw.destroy();
  });

  it('F9, J11: by a kill: retires what the hardware does not end within its bound', async () => {
    const { raw } = await countedDevice();
    const device = await openTestDevice({ device: raw, hungTimeoutMs: 50 });
    const job = device.open().submit(spin(40_000_000));
    await job.scheduled.wait();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const done = raw.queue.onSubmittedWorkDone().then(() => 'done');
    await device.close({ mode: 'kill' });
    expect(job.job.retired).toBe(false);
    const retired = until('the job is retired', () => job.job.retired).then(() => 'retired');
    expect(await Promise.race([done, retired])).toBe('retired');
    await done;
    raw.destroy();
  });

  it('M1: has no open error scope of a buffer that WebGPU throws for', async () => {
    const { raw, counts } = await countedDevice();
    Object.defineProperty(raw, 'limits', { value: undefined });
    const device = await openTestDevice({ device: raw, memoryBytes: Infinity });
    const client = device.open();
    const held = client.allocate({ bytes: Number.MAX_SAFE_INTEGER });
    await until('it is refused', () => held.value.state === 'lost');
    expect(counts.scopes).toBe(0);
    const job = client.submit({ upload: held.value, data: new Uint8Array(4) });
    expect(await endsOf([job])).toEqual(['ERR_OUT_OF_MEMORY']);
    await device.close();
    raw.destroy();
  });
});
