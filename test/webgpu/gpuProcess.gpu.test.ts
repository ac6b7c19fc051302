/**
 * What one client does to an isolated WebGPU device concerns nobody else, and ends no process: work that does not fit, memory that is
 * large, closes in the middle of things. What the device stops and survives is in isolated.gpu.test.ts.
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { WebGpuDispatch } from 'fenceline/webgpu';
import { missing, title } from './gpu.ts';
import { endsOf, errorOf, gpuProcesses, openTestDevice, scale, spin, until } from './testDevice.ts';

/** A GPU that what a shader says can end. */
const FRAGILE = new URL('fragile.mjs', import.meta.url).href;
/** A GPU that can be made not to start. */
const HANGING = new URL('hanging.mjs', import.meta.url).href;
afterEach(() => vi.unstubAllEnvs());

/** Writes one number; `first` begins its text. */
function small(first = ''): WebGpuDispatch {
  const wgsl = `${first}
    @group(0) @binding(0) var<storage, read_write> data: array<u32>;
    @compute @workgroup_size(1) fn main() { data[0] = 1u; }`;
  return { wgsl, bindings: [{ size: 4 }], workgroups: [1] };
}

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

  it.each<[string, Partial<WebGpuDispatch>, string]>([
    ['a buffer of 4 GiB', { bindings: [{ size: 2 ** 32 }] }, 'ERR_DRIVER'],
    ['a buffer of 4 bytes more', { bindings: [{ size: 2 ** 32 + 4 }] }, 'ERR_DRIVER'],
    [
      'the largest buffer that can be asked for',
      { bindings: [{ size: Number.MAX_SAFE_INTEGER }] },
      'ERR_DRIVER',
    ],
    [
      '5,000 bindings',
      { bindings: Array.from({ length: 5000 }, () => ({ size: 4 })) },
      'ERR_DRIVER',
    ],
    ['5,000 reads', { read: Array.from({ length: 5000 }, () => 0) }, 'ok'],
  ])('T6: the job alone is concerned by %s, as in this realm', async (_name, part, end) => {
    for (const isolation of ['none', 'process'] as const) {
      const device = await open({ isolation, credits: 16 });
      const [odd, client] = [device.open(), device.open()];
      const jobs = [1, 2, 3].map((value) => [
        ...[client.submit(scale([value])), odd.submit({ ...small(), ...part })],
      ]);
      expect(await endsOf(jobs.flat())).toEqual(jobs.flatMap(() => ['ok', end]));
      expect([odd.stats().karma, device.stats().scheduler.resets]).toEqual([0, 0]);
    }
  });

  it('T6: compiles what one client sends for that client, whatever it looks like', async () => {
    for (const isolation of ['none', 'process'] as const) {
      const device = await open({ isolation, credits: 8 });
      const [odd, client] = [device.open(), device.open()];
      const [alike, plain] = [small(), small('// by us')];
      const jobs = [
        odd.submit({ ...alike, wgsl: plain.wgsl.slice(9), entryPoint: '// by us' }),
        client.submit(plain),
      ];
      expect(await endsOf(jobs)).toEqual(['ERR_DRIVER', 'ok']);
    }
  });

  it('T6: that loses a device which was destroyed has nobody to blame', async () => {
    const device = await open({ module: FRAGILE, reset: { backoffMs: 1 } });
    const client = device.open();
    const { wgsl, ...rest } = spin(20_000_000);
    const lost = client.submit({ ...rest, wgsl: `/* LOSE */${wgsl}` }, { resubmit: false });
    expect(await endsOf([lost])).toEqual(['ERR_JOB_RESET']);
    expect(client.stats().karma).toBe(0);
  });

  it('T6: that ends with a job and a request of the memory has nobody to blame', async () => {
    const others = gpuProcesses();
    const device = await open({ spares: 0 });
    const [client, other] = [device.open(), device.open()];
    const job = client.submit(spin(TEN_SECONDS), { resubmit: false });
    await job.scheduled.wait();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const ours = gpuProcesses().filter((pid) => !others.includes(pid));
    for (const pid of ours) process.kill(pid, 'SIGSTOP');
    const { value } = other.allocate({ bytes: 4 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (const pid of ours) process.kill(pid, 'SIGKILL');
    expect(await endsOf([job])).toEqual(['ERR_JOB_RESET']);
    expect(client.stats().karma).toBe(0);
    const upload = other.submit({ upload: value, data: new Uint8Array(4) });
    expect(await endsOf([upload])).toEqual(['ok']);
  });

  it('F9: that is not ready in time counts as one that died', async () => {
    vi.stubEnv('FENCELINE_TEST_HANG', '1');
    const error = await errorOf(open({ module: HANGING, startTimeoutMs: 300 }), 'ERR_DEVICE_GONE');
    expect(error.message).toMatch(/not ready after 300 ms/);
  });

  it('T6, F9: that is not ready convicts nobody: jobs wait for the next one', async () => {
    const others = gpuProcesses();
    const device = await open({ module: HANGING, spares: 0, startTimeoutMs: 4000 });
    const client = device.open();
    await client.submit(scale([1])).result;
    vi.stubEnv('FENCELINE_TEST_HANG', '1');
    const ours = gpuProcesses().filter((pid) => !others.includes(pid));
    for (const pid of ours) process.kill(pid, 'SIGKILL');
    await until('its end is heard of', () => !gpuProcesses().some((pid) => ours.includes(pid)));
    await new Promise((resolve) => setTimeout(resolve, 100));
    // The driver may ask ten times for more time, and then would a reset come.
    const job = client.submit(scale([1]), { runTimeoutMs: 350 });
    await until('another one starts', () => gpuProcesses().length > others.length);
    vi.unstubAllEnvs();
    expect(await endsOf([job])).toEqual(['ok']);
    expect([client.stats().karma, device.stats().scheduler.resets]).toEqual([0, 0]);
  });

  it('T4, T6: that a job ended is no idle one, however much of what was posted with the job it left unread', async () => {
    const device = await open({ module: FRAGILE, credits: 16 });
    const [rogue, client] = [device.open(), device.open()];
    const jobs = [
      rogue.submit(small('/* CRASH */'), { resubmit: false }),
      client.submit({ ...small(), bindings: [new Uint8Array(2 ** 26)] }),
      client.submit(scale([1])),
    ];
    expect(await endsOf(jobs)).toEqual(['ERR_JOB_RESET', 'ok', 'ok']);
    expect([rogue.stats().karma, client.stats().karma]).toEqual([0, 0]);
    expect([device.gone.status, device.stats().scheduler.resets]).toEqual(['pending', 1]);
    const alone = rogue.submit(small('/* CRASH */'));
    expect((await errorOf(alone.result, 'ERR_DRIVER')).message).toMatch(/ended by SIGKILL/);
    expect(rogue.stats().karma).toBe(1);
  });
});
