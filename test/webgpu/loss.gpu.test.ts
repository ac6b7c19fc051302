/**
 * Devices in this realm that are lost at bad moments: when a result is there, while another one is had, before a buffer is filled.
 * Recovery that goes well is in local.gpu.test.ts.
 */
import { describe, expect, it } from 'vitest';
import type { GPUAdapterLike, GPUDeviceLike, GPULike } from 'fenceline/webgpu';
import { missing, title } from './gpu.ts';
import {
  createGpu,
  endsOf,
  openTestDevice,
  ownDevice,
  scale,
  spin,
  until,
  watchedGpu,
} from './testDevice.ts';

/** Destroys `raw` at the moment at which the next thing that it maps is mapped. */
function destroyWhenMapped(raw: GPUDeviceLike): void {
  const createBuffer = raw.createBuffer.bind(raw);
  raw.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    const mapAsync = buffer.mapAsync.bind(buffer);
    buffer.mapAsync = (mode) => mapAsync(mode).then(() => raw.destroy());
    return buffer;
  };
}

describe.skipIf(missing !== null)(title('a device that is lost when a result is there'), () => {
  it('T8: adopted: the job fails with the device, and this process goes on', async () => {
    const raw = await ownDevice();
    const device = await openTestDevice({ device: raw });
    destroyWhenMapped(raw);
    expect(await endsOf([device.open().submit(scale([1]))])).toEqual(['ERR_DEVICE_GONE']);
  });

  it('T6: ours: the job fails, nobody is blamed, and the next one runs', async () => {
    const { gpu, devices } = await watchedGpu();
    const device = await openTestDevice({ gpu, reset: { backoffMs: 1 } });
    const client = device.open();
    destroyWhenMapped(devices[0]!);
    expect(await endsOf([client.submit(scale([1]))])).toEqual(['ERR_JOB_RESET']);
    expect(await endsOf([client.submit(scale([1]))])).toEqual(['ok']);
    expect(client.stats().karma).toBe(0);
  });
});

/** A GPU of whose devices the test destroys those that `isBad` names, by number from 1, before they are given. */
async function lossyGpu(
  isBad: (number: number) => boolean,
): Promise<{ gpu: GPULike; devices: GPUDeviceLike[] }> {
  const real = await createGpu();
  const devices: GPUDeviceLike[] = [];
  const requestAdapter = async (options?: object): Promise<GPUAdapterLike> => {
    const adapter = (await real.requestAdapter(options)) as GPUAdapterLike;
    const requestDevice = async (descriptor?: object): Promise<GPUDeviceLike> => {
      const device = await adapter.requestDevice(descriptor);
      devices.push(device);
      if (isBad(devices.length)) device.destroy();
      return device;
    };
    return { features: adapter.features, requestDevice };
  };
  return { gpu: { requestAdapter }, devices };
}

describe.skipIf(missing !== null)(title('a replacement that is lost already'), () => {
  it('T6, T7: costs a try of the reset, and nobody is blamed', async () => {
    const { gpu, devices } = await lossyGpu((number) => number === 2);
    const device = await openTestDevice({ gpu, reset: { backoffMs: 1 } });
    const client = device.open();
    devices[0]!.destroy();
    await until('the device is replaced', () => device.stats().scheduler.resets === 1);
    expect(devices).toHaveLength(3);
    expect(await endsOf([client.submit(scale([1]), { runTimeoutMs: 10_000 })])).toEqual(['ok']);
    expect([device.stats().scheduler.timeouts, client.stats().karma]).toEqual([0, 0]);
  });

  it('T7: the device is gone when all are, within the budget', async () => {
    const { gpu, devices } = await lossyGpu((number) => number > 1);
    const device = await openTestDevice({ gpu, reset: { backoffMs: 1, maxTries: 3 } });
    devices[0]!.destroy();
    await until('the device is gone', () => device.gone.status === 'failed');
    expect(devices).toHaveLength(4);
  });
});

describe.skipIf(missing !== null)(title('a refill that never settles'), () => {
  it('J10: holds up its own jobs, within their bound, and nobody else', async () => {
    const { gpu, devices } = await watchedGpu();
    const device = await openTestDevice({ gpu, credits: 1, reset: { backoffMs: 1 } });
    const [rogue, client] = [device.open(), device.open()];
    using held = rogue.allocate({ bytes: 16, refill: () => new Promise(() => {}) });
    const upload = { upload: held.value, data: new Uint8Array(4) };
    expect(await endsOf([rogue.submit(upload), client.submit(scale([1]))])).toEqual(['ok', 'ok']);
    const long = client.submit(spin(2_000_000));
    await long.scheduled.wait();
    const waits = rogue.submit(upload, { dependencyTimeoutMs: 500 });
    const next = client.submit(scale([1]));
    // It is prepared, and waits for a credit.
    await new Promise((resolve) => setTimeout(resolve, 5));
    devices[0]!.destroy();
    expect(await endsOf([next])).toEqual(['ok']);
    expect(waits.finished.status).toBe('pending');
    expect(await endsOf([waits])).toEqual(['ERR_DEPENDENCY_FAILED']);
    expect([rogue.stats().karma, client.stats().karma]).toEqual([0, 0]);
  });
});
