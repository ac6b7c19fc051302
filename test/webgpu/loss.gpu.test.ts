/**
 * Devices in this realm that are lost at bad moments: when a result is there, while another one is had, before a buffer is filled.
 * Recovery that goes well is in local.gpu.test.ts.
 */
import { describe, expect, it } from 'vitest';
import type { GPUDeviceLike } from 'fenceline/webgpu';
import { missing, title } from './gpu.ts';
import { endsOf, openTestDevice, ownDevice, scale, watchedGpu } from './testDevice.ts';

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
