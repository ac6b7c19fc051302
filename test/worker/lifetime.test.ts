/**
 * What is left of a worker device: nothing, in a process of its own where it counts; and how posts to threads are batched.
 */
import { spawn } from 'node:child_process';
import { MessagePort } from 'node:worker_threads';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { call, errorOf, KERNELS, openTestDevice, PATIENCE_MS, until } from './testDevice.ts';

/** Runs `body` as a script with a device module and the kernels at hand; resolves when the process has ended by itself. */
function inProcess(
  body: string,
  flags: readonly string[] = [],
): Promise<{ code: number | null; output: string }> {
  const script = `
    import { openWorkerDevice } from '${new URL('../../dist/drivers/worker/index.js', import.meta.url).href}';
    const KERNELS = '${KERNELS.href}';
    ${body}`;
  const child = spawn(process.execPath, [...flags, '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 4 * PATIENCE_MS,
  });
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  return new Promise((resolve) =>
    child.on('close', (code) => resolve({ code, output: output.trim() })),
  );
}

describe('process', () => {
  it('ends after close, also where jobs hung', async () => {
    const { code, output } = await inProcess(`
      const device = await openWorkerDevice({ threads: 2 });
      const client = device.open();
      const hang = client.submit({ module: KERNELS, export: 'spin' }, { runTimeoutMs: 50 });
      await hang.result.catch((error) => console.log(error.code));
      client.submit({ module: KERNELS, export: 'spin' });
      await device.close({ mode: 'kill' });
      console.log(process.getActiveResourcesInfo().filter((name) => /Worker|MessagePort|Timeout/.test(name)));`);
    expect(output).toBe('ERR_JOB_TIMEOUT\n[]');
    expect(code).toBe(0);
  });

  it('ends without a close when nothing runs any more, and waits for what does', async () => {
    const { code, output } = await inProcess(`
      const device = await openWorkerDevice({ threads: 2 });
      const client = device.open();
      client.submit({ module: KERNELS, export: 'sleep', args: [100, 'slept'] }).result.then(console.log);`);
    expect(output).toBe('slept');
    expect(code).toBe(0);
  });

  it('E6: closes twice, in any order, and during a reset', async () => {
    const { code, output } = await inProcess(`
      const device = await openWorkerDevice({ threads: 1 });
      const client = device.open();
      const hang = client.submit({ module: KERNELS, export: 'spin' }, { runTimeoutMs: 30 });
      let closed;
      device.observe({ emit: (event) => { if (event.type === 'reset-begin') closed = [device.close({ mode: 'kill' }), client.close(), device.close()]; } });
      await hang.result.catch((error) => console.log(error.code));
      await Promise.all(closed);
      await device.close();
      console.log(hang.finished.status);`);
    expect(output).toMatch(/^ERR_(SCHEDULER_CLOSED|JOB_TIMEOUT)\nfailed$/);
    expect(code).toBe(0);
  });

  it(
    'E4: keeps nothing of a thousand clients that were opened, killed and closed',
    { timeout: 8 * PATIENCE_MS },
    async () => {
      const { code, output } = await inProcess(
        `
      const device = await openWorkerDevice({ threads: 2 });
      const refs = [];
      const settle = async () => { for (let i = 0; i < 3; i += 1) { await new Promise((r) => setTimeout(r, 20)); gc(); } };
      const round = async (count) => {
        for (let i = 0; i < count; i += 1) {
          const client = device.open({ label: 'soak ' + i });
          refs.push(new WeakRef(client));
          const one = client.submit({ module: KERNELS, args: [i] });
          client.submit({ module: KERNELS, export: 'echo', args: [{ i }] });
          if (i % 100 === 99) client.submit({ module: KERNELS, export: 'spin' }, { runTimeoutMs: 5 });
          if (i % 3 === 0) await one.result;
          if (i % 2 === 0) client[Symbol.dispose]();
          else await client.close({ flushMs: i % 4 === 1 ? 0 : 1000 });
        }
        while (device.stats().scheduler.running > 0) await new Promise((r) => setTimeout(r, 1));
        await settle();
      };
      await round(2000);
      const before = process.memoryUsage().heapUsed;
      refs.length = 0;
      await round(1000);
      const grown = process.memoryUsage().heapUsed - before;
      const alive = refs.filter((ref) => ref.deref() !== undefined).length;
      const { clients, scheduler } = device.stats();
      await device.close();
      const left = process.getActiveResourcesInfo().filter((name) => /Worker|MessagePort|Timeout|Immediate/.test(name));
      console.log(JSON.stringify({ clients: clients.length, entities: scheduler.entities, running: scheduler.running, left, alive: alive <= 10 ? 0 : alive, small: grown < 1_000_000 ? true : grown }));`,
        ['--expose-gc'],
      );
      expect(output).toBe(
        '{"clients":0,"entities":0,"running":0,"left":[],"alive":0,"small":true}',
      );
      expect(code).toBe(0);
    },
  );
});

describe('close', () => {
  it('E3: lets everything finish by default', async () => {
    const device = await openTestDevice({ threads: 2 });
    const client = device.open({ order: 'parallel' });
    const results = [1, 2, 3, 4, 5].map((n) => call(client, 'sleep', [5, n]).result);
    await device.close();
    await expect(Promise.all(results)).resolves.toEqual([1, 2, 3, 4, 5]);
    expect(device.gone.status).toBe('ok');
    expect(() => device.open()).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
    expect(() => call(client, 'default')).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
  });

  it('E3: fails everything at once where it is told to kill', async () => {
    const device = await openTestDevice();
    const client = device.open();
    const running = call(client, 'spin');
    const queued = call(client, 'default');
    await running.scheduled.wait();
    const failed = [running, queued].map((one) => errorOf(one.result, 'ERR_SCHEDULER_CLOSED'));
    await device.close({ mode: 'kill' });
    await Promise.all(failed);
  });

  it('E4: of a client kills what is queued after flushMs, and gives up on what runs after closeTimeoutMs', async () => {
    const device = await openTestDevice({ credits: 1 });
    const client = device.open();
    const running = call(client, 'spin');
    const queued = call(client, 'default');
    const killed = errorOf(queued.result, 'ERR_ENTITY_KILLED');
    await running.scheduled.wait();
    await client.close({ flushMs: 10, closeTimeoutMs: 10 });
    expect(running.finished.status).toBe('pending');
    expect(device.stats().clients).toEqual([]);
    await device.close({ mode: 'kill' });
    await killed;
  });
});

describe('posts', () => {
  it('go out once for each ring and pass, however many jobs start', async () => {
    const device = await openTestDevice({ threads: 2, credits: 8 });
    const client = device.open({ order: 'parallel' });
    await call(client, 'default').result;
    const batches: number[] = [];
    const posts = vi.spyOn(MessagePort.prototype, 'postMessage');
    onTestFinished(() => posts.mockRestore());
    const submissions = Array.from({ length: 16 }, (_, i) => call(client, 'default', [i]));
    await until('all have started', () => submissions.every(({ job }) => job.attempt === 1));
    for (const [message] of posts.mock.calls) {
      if (message?.type === 'jobs') batches.push(message.jobs.length);
    }
    expect(batches).toEqual([8, 8]);
    await Promise.all(submissions.map(({ result }) => result));
  });
});
