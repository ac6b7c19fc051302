/**
 * What only a WebGPU device in a process of its own does: it stops what hangs, survives crashes, and says what it refuses. What
 * both kinds do is in device.gpu.test.ts; what must not end its process is in gpuProcess.gpu.test.ts; the bytes between the processes are
 * in wire.prop.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { missing, title } from './gpu.ts';
import {
  endsOf,
  errorOf,
  gpuProcesses,
  openTestDevice,
  scale,
  scaled,
  spin,
  until,
} from './testDevice.ts';

/** Runs for about ten seconds. */
const TEN_SECONDS = 400_000_000;

describe.skipIf(missing !== null)(title('an isolated WebGPU device'), () => {
  const open = (options = {}): ReturnType<typeof openTestDevice> =>
    openTestDevice({ isolation: 'process', ...options });

  it('stops a shader of ten seconds after 500 ms, blames it, and goes on within 250 ms', async () => {
    const device = await open();
    const [rogue, client] = [device.open(), device.open()];
    await scaled(client, [1]);
    // The spare has long been ready where a shader has run for half a second.
    const tookMs: number[] = [];
    for (let round = 0; round < 2; round += 1) {
      const hang = rogue.submit(spin(TEN_SECONDS), { runTimeoutMs: 500 });
      const innocents = [1, 2, 3].map((value) => client.submit(scale([value])));
      let failedAt = 0;
      hang.finished.addCallback(() => (failedAt = performance.now()));
      const next = innocents[0]!.result.then(() => performance.now());
      await errorOf(hang.result, 'ERR_JOB_TIMEOUT');
      expect(await endsOf(innocents)).toEqual(['ok', 'ok', 'ok']);
      // An innocent may have run before the shader that hung.
      const afterMs = (await next) - failedAt;
      if (afterMs > 0) tookMs.push(afterMs);
    }
    // The machine may be busy with other things in one of them.
    if (tookMs.length > 0)
      expect(Math.min(...tookMs), 'timeout to the next result').toBeLessThan(250);
    expect([rogue.stats().karma, client.stats().karma]).toEqual([2, 0]);
    expect(device.stats().scheduler.resets).toBe(2);
  });

  it('T6: bans who hangs three times, and serves the others', async () => {
    const device = await open();
    const [rogue, client] = [device.open(), device.open()];
    const hangs = Array.from({ length: 5 }, () =>
      rogue.submit(spin(TEN_SECONDS), { runTimeoutMs: 150 }),
    );
    const innocents = Array.from({ length: 20 }, () => client.submit(scale([1])));
    const timeouts = Array.from({ length: 3 }, () => 'ERR_JOB_TIMEOUT');
    expect(await endsOf(hangs)).toEqual([...timeouts, 'ERR_CLIENT_BANNED', 'ERR_CLIENT_BANNED']);
    expect(await endsOf(innocents)).toEqual(innocents.map(() => 'ok'));
  });

  it('T4: a process that is killed fails whoever was alone, and the others run again', async () => {
    const others = gpuProcesses();
    const device = await open({ spares: 0, credits: 4 });
    const client = device.open();
    await scaled(client, [1]);
    const kill = (): void => {
      for (const pid of gpuProcesses()) if (!others.includes(pid)) process.kill(pid, 'SIGKILL');
    };
    const alone = client.submit(spin(TEN_SECONDS));
    await alone.scheduled.wait();
    await new Promise((resolve) => setTimeout(resolve, 50));
    kill();
    expect((await errorOf(alone.result, 'ERR_DRIVER')).message).toMatch(/ended by SIGKILL/);
    expect(client.stats().karma).toBe(1);
    await scaled(client, [1]);
    const [first, ...rest] = [spin(TEN_SECONDS), scale([1]), scale([2])].map((work) =>
      client.submit(work, { credits: 1 }),
    );
    await until('the others are on the ring', () => client.stats().running === 3);
    await new Promise((resolve) => setTimeout(resolve, 50));
    kill();
    expect(await endsOf([first!, ...rest])).toEqual(['ERR_JOB_RESET', 'ok', 'ok']);
    expect(client.stats().karma, 'nobody is blamed where several were there').toBe(1);
  });

  it('a process that is killed while idle is replaced unseen', async () => {
    const others = gpuProcesses();
    const device = await open();
    const client = device.open();
    await scaled(client, [1]);
    for (const pid of gpuProcesses()) if (!others.includes(pid)) process.kill(pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await scaled(client, [3])).toEqual([6]);
    expect(device.stats().scheduler.resets).toBe(0);
  });

  it('T4, T6: a process that died before it read a job has no one to blame, and the job runs', async () => {
    const others = gpuProcesses();
    const device = await open({ credits: 4 });
    const client = device.open();
    await scaled(client, [1]);
    for (let round = 1; round <= 4; round += 1) {
      for (const pid of gpuProcesses()) if (!others.includes(pid)) process.kill(pid, 'SIGKILL');
      const jobs = Array.from({ length: round }, () => client.submit(scale([round])));
      expect(await endsOf(jobs)).toEqual(jobs.map(() => 'ok'));
    }
    expect(client.stats()).toMatchObject({ karma: 0, failed: 0 });
    expect(device.stats().scheduler.resets).toBe(0);
  });

  it('T6: a process that loses its device while idle has no one to blame, and the job runs', async () => {
    const module = new URL('fragile.mjs', import.meta.url).href;
    const others = gpuProcesses();
    const device = await open({ module });
    const client = device.open();
    await scaled(client, [1]);
    for (let round = 1; round <= 4; round += 1) {
      for (const pid of gpuProcesses()) if (!others.includes(pid)) process.kill(pid, 'SIGUSR2');
      // Only then do they find out, and nothing of it is heard here yet.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
      expect(await scaled(client, [round])).toEqual([2 * round]);
      await until('a spare is there', () => gpuProcesses().length > others.length + 1);
    }
    expect(client.stats()).toMatchObject({ karma: 0, failed: 0 });
    expect(device.stats().scheduler.resets).toBe(0);
  });

  it('J1: refuses functions, and more bytes than travel at once', async () => {
    const client = (await open()).open();
    const refused = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' });
    expect(() => client.submit(() => 1)).toThrow(refused);
    expect(() => client.submit({ encode: () => 1, buffers: [] })).toThrow(/cannot travel/);
    const large = { wgsl: 'x', bindings: [{ size: 2 ** 29 }], workgroups: [1] as const, read: [0] };
    expect(() => client.submit(large)).toThrow(refused);
  });

  it('leaves no process behind', async () => {
    const others = gpuProcesses();
    const device = await open();
    await scaled(device.open(), [1]);
    expect(gpuProcesses().length).toBeGreaterThan(others.length);
    await device.close();
    expect(gpuProcesses()).toEqual(others);
  });
});
