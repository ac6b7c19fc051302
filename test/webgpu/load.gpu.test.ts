/**
 * WebGPU devices under load and at their end: memory after many jobs, shares by time on the GPU, and processes that end by themselves.
 * How long jobs wait is measured by bench/webgpu.
 */
import { spawn } from 'node:child_process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { Client } from 'fenceline';
import type { WebGpuContext, WebGpuWork } from 'fenceline/webgpu';
import { missing, MODULE, PATIENCE_MS, title } from './gpu.ts';
import { openTestDevice, spin } from './testDevice.ts';
import type { Isolation } from './testDevice.ts';

const WHERE: [name: string, isolation: Isolation][] = [
  ['in this realm', 'none'],
  ['in a process of its own', 'process'],
];

function collected(): number {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  gc();
  gc();
  return process.memoryUsage().heapUsed;
}

async function submitMany(
  client: Client<WebGpuWork>,
  work: WebGpuWork,
  count: number,
): Promise<void> {
  for (let left = count; left > 0; left -= 1000) {
    const batch = Array.from({ length: Math.min(1000, left) }, () => client.submit(work).result);
    await Promise.all(batch);
  }
}

describe.skipIf(missing !== null)(title('100,000 jobs on a WebGPU device'), () => {
  const empty = ({ encoder }: WebGpuContext): void => encoder.beginComputePass().end();
  const plain = {
    wgsl: '@group(0) @binding(0) var<storage, read_write> a: array<u32>; @compute @workgroup_size(1) fn main() { a[0] = 1u; }',
    bindings: [{ size: 4 }],
    workgroups: [1] as const,
  };

  it.each([
    ['functions in this realm', 'none' as const, empty],
    ['plain data in a process of its own', 'process' as const, plain],
  ])('leave nothing behind: %s', async (_name, isolation, work) => {
    // The backend that executes nothing: what is looked for is what jobs leave behind on the host.
    const device = await openTestDevice({ isolation, flags: ['backend=null'] });
    const client = device.open();
    await submitMany(client, work, 20_000);
    const beforeBytes = collected();
    await submitMany(client, work, 80_000);
    const bytesPerJob = (collected() - beforeBytes) / 80_000;
    expect(bytesPerJob).toBeLessThan(10);
    expect(client.stats()).toMatchObject({ completed: 100_000, failed: 0, queued: 0, running: 0 });
    expect(device.stats().scheduler.rings[0]).toMatchObject({ running: 0, creditsUsed: 0 });
  });
});

describe.skipIf(missing !== null).each(WHERE)(title('shares %s'), (_name, isolation) => {
  it('S8: are equal by time on the GPU, where one client’s jobs are ten times as long', async () => {
    const device = await openTestDevice({ isolation });
    const [long, short] = [device.open({ label: 'long' }), device.open({ label: 'short' })];
    await Promise.all([long.submit(spin(100)).result, short.submit(spin(100)).result]);
    const before = [long, short].map((client) => client.stats().busyUs);
    const endMs = performance.now() + 5000;
    const keepBusy = async (client: Client<WebGpuWork>, turns: number): Promise<void> => {
      const live = new Set<Promise<unknown>>();
      while (performance.now() < endMs) {
        while (live.size < 100) {
          const result = client.submit(spin(turns)).result;
          live.add(result);
          void result.then(() => live.delete(result));
        }
        await Promise.race(live);
      }
      busyUs.push(client.stats().busyUs - (before[client === long ? 0 : 1] ?? 0));
      await Promise.all(live);
    };
    const busyUs: number[] = [];
    await Promise.all([keepBusy(long, 100_000), keepBusy(short, 10_000)]);
    const [one = 0, other = 0] = busyUs;
    expect(Math.abs(one - other) / (one + other), `busy ${busyUs.join(' and ')} us`).toBeLessThan(
      0.05,
    );
  });
});

describe.skipIf(missing !== null).each(WHERE)(
  title('a process with a device %s'),
  (_name, isolation) => {
    it.each([
      ['was closed', 'await device.close();'],
      ['is still open, and idle', ''],
      [
        'hung and was killed',
        `
      const hang = client.submit({ ...work, workgroups: [1] }, { runTimeoutMs: 50 });
      await hang.result.catch(() => {});
      await device.close({ mode: 'kill' });`,
      ],
    ])('ends by itself where the device %s', async (_what, end) => {
      const program = `
      import { openWebGpuDevice } from 'fenceline/webgpu';
      const module = ${JSON.stringify(MODULE)};
      const device = await openWebGpuDevice({ isolation: '${isolation}', module });
      const client = device.open();
      const wgsl = '@group(0) @binding(0) var<storage, read_write> a: array<u32>;' +
        '@compute @workgroup_size(1) fn main() { for (var i = 0u; i < a[0]; i++) { a[1] = a[1] * 3u + i; } }';
      const work = { wgsl, bindings: [Uint32Array.of(10_000_000, 0)], workgroups: [1], read: [0] };
      await client.submit({ ...work, bindings: [Uint32Array.of(1, 0)] }).result;
      ${end}
      console.log('over');`;
      const { code, out } = await run(program);
      expect([code, out.trim()]).toEqual([0, 'over']);
    });
  },
);

describe.skipIf(missing !== null)(
  title('a program that opens WebGPU devices again and again'),
  () => {
    it('survives that those before are closed and collected', async () => {
      const program = `
      import { openWebGpuDevice } from 'fenceline/webgpu';
      const module = ${JSON.stringify(MODULE)};
      const wgsl = '@group(0) @binding(0) var<storage, read_write> a: array<u32>;' +
        '@compute @workgroup_size(1) fn main() { a[0] += 1u; }';
      for (let opened = 0; opened < 400; opened += 1) {
        const device = await openWebGpuDevice({ isolation: 'none', module });
        const work = { wgsl, bindings: [Uint32Array.of(1)], workgroups: [1], read: [0] };
        if (opened % 3 === 0) await device.open().submit(work).result;
        await device.close();
      }
      console.log('over');`;
      const { code, out } = await run(program);
      expect([code, out.trim()]).toEqual([0, 'over']);
    });
  },
);

function run(program: string): Promise<{ code: number | null; out: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the process did not end within ${PATIENCE_MS} ms`));
    }, PATIENCE_MS);
    let out = '';
    child.stdout.on('data', (data: Buffer) => (out += data.toString()));
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, out });
    });
  });
}
