/**
 * What a worker device does about jobs that hang or kill their thread: who is blamed, who runs again, and with what error.
 * The rules of resets themselves are tested in virtual time with the scheduler; threads that are of no use while no job executes
 * there in stuck.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { systemRuntime } from 'fenceline';
import type { FencelineError, SchedEvent } from 'fenceline';
import { WorkerDriver } from '../../dist/drivers/worker/workerDriver.js';
import { begun, call, errorOf, KERNELS, openTestDevice, sharedWords, until } from './testDevice.ts';

describe('hang', () => {
  it('T1: is stopped after its run timeout, and a spare thread takes over', async () => {
    const device = await openTestDevice();
    const client = device.open();
    const before = await call(client, 'threadId').result;
    await errorOf(call(client, 'spin', [], { runTimeoutMs: 100 }).result, 'ERR_JOB_TIMEOUT');
    await expect(call(client, 'threadId').result).resolves.not.toBe(before);
    expect(device.stats().scheduler).toMatchObject({ resets: 1, timeouts: 1 });
  });

  it('T1: counts from the start of execution, not from submission', async () => {
    const client = (await openTestDevice({ credits: 3 })).open();
    const jobs = [1, 2, 3].map(() => call(client, 'spinFor', [400], { runTimeoutMs: 1000 }).result);
    await expect(Promise.all(jobs)).resolves.toEqual([400, 400, 400]);
  });

  it('T4: jobs that were only queued on that ring run again, in order', async () => {
    const device = await openTestDevice({ credits: 3 });
    const counter = sharedWords(1);
    const hang = call(device.open(), 'spin', [], { runTimeoutMs: 150 });
    await hang.scheduled.wait();
    const innocent = device.open({ order: 'parallel' });
    const queued = [1, 2, 3].map(() => call(innocent, 'count', [counter]));
    await queued[1]?.scheduled.wait();
    await errorOf(hang.result, 'ERR_JOB_TIMEOUT');
    await expect(Promise.all(queued.map((one) => one.result))).resolves.toEqual([1, 2, 3]);
    expect(queued.map((one) => one.job.attempt)).toEqual([2, 2, 1]);
    expect(innocent.stats()).toMatchObject({ failed: 0, karma: 0 });
  });

  it('T4: what was queued behind it does not begin any more where it ends after all, and runs once', async () => {
    const device = await openTestDevice({ credits: 2 });
    const [words, counter] = [sharedWords(2), sharedWords(1)];
    const late = call(device.open(), 'gate', [words], { runTimeoutMs: 100 });
    await begun(words);
    const behind = call(device.open(), 'count', [counter]);
    await behind.scheduled.wait();
    device.observe({
      emit(event) {
        if (event.type !== 'timeout' || event.verdict !== 'reset') return;
        Atomics.store(words, 1, 1);
        Atomics.notify(words, 1);
        Atomics.wait(sharedWords(1), 0, 0, 200);
      },
    });
    await errorOf(late.result, 'ERR_JOB_TIMEOUT');
    await expect(behind.result).resolves.toBe(1);
    expect(behind.job.attempt).toBe(2);
  });

  it('T4: what runs on another ring is not touched', async () => {
    const device = await openTestDevice({ threads: 2 });
    const words = sharedWords(2);
    const held = call(device.open(), 'gate', [words]);
    await begun(words);
    const hang = call(device.open(), 'spin', [], { runTimeoutMs: 150 });
    await errorOf(hang.result, 'ERR_JOB_TIMEOUT');
    expect(held.finished.status).toBe('pending');
    Atomics.store(words, 1, 1);
    Atomics.notify(words, 1);
    await expect(held.result).resolves.toBe('passed');
    expect(held.job.attempt).toBe(1);
  });

  it('T4: a job that moved its buffer still has it when it runs again', async () => {
    const device = await openTestDevice({ credits: 2 });
    const hang = call(device.open(), 'spin', [], { runTimeoutMs: 150 });
    await hang.scheduled.wait();
    const buffer = new ArrayBuffer(16);
    const work = { module: KERNELS, export: 'sizeOf', args: [buffer], transfer: [buffer] };
    const behind = device.open().submit(work);
    await errorOf(hang.result, 'ERR_JOB_TIMEOUT');
    await expect(behind.result).resolves.toBe(16);
  });

  it('T6: bans the client after three, and says so from then on', async () => {
    const device = await openTestDevice({ banAfter: 3 });
    const client = device.open();
    for (let i = 0; i < 3; i += 1) {
      await errorOf(call(client, 'spin', [], { runTimeoutMs: 50 }).result, 'ERR_JOB_TIMEOUT');
    }
    expect(client.stats()).toMatchObject({ karma: 3, banned: true });
    expect(() => call(client, 'default')).toThrow(
      expect.objectContaining({ code: 'ERR_CLIENT_BANNED' }),
    );
    await expect(call(device.open(), 'default', [1]).result).resolves.toBe(1);
  });

  it('T3, T7: is stopped also after a reset that came too late and was tried again', async () => {
    const reset = { timeoutMs: 200, maxTries: 100, backoffMs: 10 };
    const device = await openTestDevice({ runTimeoutMs: 300, reset, banAfter: 100 });
    const [client, other] = [device.open(), device.open()];
    await errorOf(call(client, 'blockFor', [1000]).result, 'ERR_JOB_TIMEOUT');
    await errorOf(call(client, 'spin').result, 'ERR_JOB_TIMEOUT');
    await expect(call(other, 'default', [1], { runTimeoutMs: 30_000 }).result).resolves.toBe(1);
    expect(other.stats().karma).toBe(0);
  });

  it('on every ring at once is cleared at once, also with fewer spares than rings', async () => {
    const device = await openTestDevice({ threads: 2, spares: 1 });
    const guilty = [device.open(), device.open()];
    const hangs = guilty.map((client) => call(client, 'spin', [], { runTimeoutMs: 150 }));
    const next = call(device.open(), 'default', ['next']);
    await Promise.all(hangs.map((hang) => errorOf(hang.result, 'ERR_JOB_TIMEOUT')));
    await expect(next.result).resolves.toBe('next');
  });

  it('of a job that never posts back is a hang like any other', async () => {
    const client = (await openTestDevice()).open();
    await errorOf(call(client, 'neverEnd', [], { runTimeoutMs: 100 }).result, 'ERR_JOB_TIMEOUT');
    await expect(call(client, 'default', [1]).result).resolves.toBe(1);
  });

  it('is not what a late answer is: one that came while this thread was busy counts', async () => {
    const client = (await openTestDevice()).open();
    const words = sharedWords(2);
    const submission = call(client, 'gate', [words], { runTimeoutMs: 300 });
    await begun(words);
    Atomics.store(words, 1, 1);
    Atomics.notify(words, 1);
    const endMs = performance.now() + 900;
    while (performance.now() < endMs);
    await expect(submission.result).resolves.toBe('passed');
    expect(client.stats().karma).toBe(0);
  });
});

describe('thread that dies', () => {
  it('of process.exit fails the job with the exit code, and counts against its client', async () => {
    const client = (await openTestDevice()).open();
    const error = await errorOf(call(client, 'exit', [3]).result, 'ERR_DRIVER');
    expect(error.message).toMatch(/ended its thread: it exited with code 3/);
    expect(client.stats().karma).toBe(1);
    await expect(call(client, 'default', [1]).result).resolves.toBe(1);
  });

  it('of an error outside of the call fails the job with that error as the cause', async () => {
    const client = (await openTestDevice()).open();
    const error = await errorOf(call(client, 'throwOutside').result, 'ERR_DRIVER');
    expect(error.message).toMatch(/an error was thrown outside of the call: thrown outside/);
    expect(error.cause).toMatchObject({ message: 'thrown outside of the call' });
    expect(client.stats().karma).toBe(1);
    await expect(call(client, 'default', [1]).result).resolves.toBe(1);
  });

  it('of its heap limit fails the job with the platform error as the cause', async () => {
    const device = await openTestDevice({ resourceLimits: { maxOldGenerationSizeMb: 24 } });
    const client = device.open();
    const error = await errorOf(call(client, 'exhaustHeap').result, 'ERR_DRIVER');
    expect(error.cause).toMatchObject({ code: 'ERR_WORKER_OUT_OF_MEMORY' });
    expect(error.message).toMatch(/memory/);
    expect(client.stats().karma).toBe(1);
    await expect(call(client, 'default', [1]).result).resolves.toBe(1);
  });

  it('takes no result of a job before with it, and what was queued there runs again', async () => {
    const device = await openTestDevice({ credits: 4 });
    const client = device.open({ order: 'parallel' });
    const before = call(client, 'default', ['before']);
    const death = call(client, 'exit', [1]);
    const after = call(device.open(), 'default', ['after']);
    await expect(before.result).resolves.toBe('before');
    await errorOf(death.result, 'ERR_DRIVER');
    await expect(after.result).resolves.toBe('after');
  });

  it('while no job executes is replaced, and nobody is blamed', async () => {
    const device = await openTestDevice();
    const client = device.open();
    const before = await call(client, 'threadId').result;
    await call(client, 'exitLater', [1]).result;
    let now = before;
    for (let i = 0; i < 1000 && now === before; i += 1) now = await call(client, 'threadId').result;
    expect(now).not.toBe(before);
    expect(client.stats()).toMatchObject({ karma: 0, failed: 0 });
    expect(device.stats().scheduler.resets).toBe(0);
  });

  it('again and again, each after an answer, is replaced each time', async () => {
    const device = await openTestDevice();
    const client = device.open();
    const module = 'data:text/javascript,export default () => void setImmediate(process.exit)';
    for (let i = 0; i < 8; i += 1) await client.submit({ module }).result;
    expect(device.gone.status).toBe('pending');
  });

  it('T8: that executed a job is no sign that threads cannot live, however many die at once', async () => {
    const device = await openTestDevice({ threads: 6 });
    const client = device.open({ order: 'parallel' });
    const before = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(() => call(client, 'rejectLater', [20]).result),
    );
    expect(before).toHaveLength(6);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(device.gone.status).toBe('pending');
    await expect(call(device.open(), 'default', [1]).result).resolves.toBe(1);
  });

  it('T8: five times in a row without an answer means that the device is lost', async () => {
    const driver = new WorkerDriver({
      label: 'doomed',
      threads: 1,
      spares: 0,
      resourceLimits: { maxOldGenerationSizeMb: 1, maxYoungGenerationSizeMb: 1 },
      runtime: systemRuntime(),
    });
    const lost = await new Promise<FencelineError>((resolve) => {
      const memory = { memoryLost: () => {}, memoryBack: () => {} };
      driver.attach({ ...memory, fault: () => {}, broke: () => {}, lost: resolve });
      driver.opened().catch(() => {});
    });
    expect(lost.message).toMatch(/5 threads in a row ended before they executed a job/);
    await driver.close();
  });
});

describe('busy time', () => {
  it('S13: is what the thread measured, however late its answer was heard', async () => {
    const client = (await openTestDevice()).open();
    await call(client, 'default').result;
    const before = client.stats().busyUs;
    const words = sharedWords(2);
    const submission = call(client, 'gate', [words]);
    await begun(words);
    Atomics.store(words, 1, 1);
    Atomics.notify(words, 1);
    const endMs = performance.now() + 3000;
    while (performance.now() < endMs);
    await submission.result;
    const busyUs = client.stats().busyUs - before;
    expect(busyUs).toBeGreaterThan(0);
    expect(busyUs).toBeLessThan(2_000_000);
  });
});

describe('device', () => {
  it('that cannot start its threads says why, and leaves nothing behind', async () => {
    const resourceLimits = { maxOldGenerationSizeMb: 1, maxYoungGenerationSizeMb: 1 };
    const error = await errorOf(openTestDevice({ resourceLimits }), 'ERR_DEVICE_GONE');
    expect(error.message).toMatch(/a thread cannot start/);
  });

  it('tells its events: the timeout, the reset, and the ban', async () => {
    const device = await openTestDevice({ banAfter: 1 });
    const events: SchedEvent[] = [];
    const stop = device.observe({ emit: (event) => events.push(event) });
    const client = device.open({ label: 'hanger' });
    await errorOf(call(client, 'spin', [], { runTimeoutMs: 50 }).result, 'ERR_JOB_TIMEOUT');
    await until('the reset is over', () => events.some((event) => event.type === 'reset-end'));
    stop();
    const types = events.map((event) => event.type);
    for (const type of ['client-open', 'job-run', 'timeout', 'reset-begin', 'reset-end', 'ban']) {
      expect(types).toContain(type);
    }
  });
});
