/**
 * What one client does to an isolated WebGPU device concerns nobody else, and ends no process: work that does not fit, memory that is
 * large, closes in the middle of things. What the device stops and survives is in isolated.gpu.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { missing, title } from './gpu.ts';
import { endsOf, gpuProcesses, openTestDevice, spin } from './testDevice.ts';

/** Runs for about ten seconds. */
const TEN_SECONDS = 400_000_000;

describe.skipIf(missing !== null)(title('a GPU process'), () => {
  const open = (options = {}): ReturnType<typeof openTestDevice> =>
    openTestDevice({ isolation: 'process', ...options });

  it('E3, E6: is ended by a close while a job uses a buffer that can be refilled', async () => {
    const others = gpuProcesses();
    const device = await open();
    const client = device.open();
    const { value } = client.allocate({ bytes: 16, refill: () => new Uint8Array(16) });
    await client.submit({ upload: value, data: new Uint8Array(16) }).result;
    const long = { ...spin(0), wgsl: spin(0).wgsl.replace('data[1]', `${TEN_SECONDS}u`) };
    const job = client.submit({ ...long, bindings: [value], read: [] });
    await job.scheduled.wait();
    await device.close({ mode: 'kill' });
    expect((await endsOf([job]))[0]).toBe('ERR_SCHEDULER_CLOSED');
    expect(gpuProcesses()).toEqual(others);
    await device.close();
  });
});
