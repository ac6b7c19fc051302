/**
 * Jobs of a worker device that are generator functions (S14): served slice by slice, in the thread that keeps them.
 */
import { describe, expect, it } from 'vitest';
import type { SchedEvent } from 'fenceline';
import { begun, call, errorOf, KERNELS, openTestDevice, sharedWords, until } from './testDevice.ts';

describe('a generator function', () => {
  it('S14: is one job whose result is what it returns; what it yields is progress', async () => {
    const device = await openTestDevice();
    const slices: SchedEvent[] = [];
    device.observe({ emit: (event) => event.type === 'job-slice' && slices.push(event) });
    const client = device.open();
    const seen: unknown[] = [];
    const work = { module: KERNELS, export: 'countInSlices', args: [3] };
    const submission = client.submit({ ...work, onProgress: (value) => seen.push(value) });
    expect(await submission.result).toBe(3);
    expect(seen).toEqual([0, 1, 2]);
    expect(slices).toHaveLength(3);
    expect(client.stats()).toMatchObject({ submitted: 1, completed: 1, attempts: 1 });
  });

  it('S14: keeps its context: progress in any slice, objects that move with the result', async () => {
    const client = (await openTestDevice()).open();
    const seen: unknown[] = [];
    const work = { module: KERNELS, export: 'sliceContext' };
    const { result } = client.submit({ ...work, onProgress: (value) => seen.push(value) });
    expect(await result).toBeInstanceOf(ArrayBuffer);
    expect(seen).toEqual(['second']);
  });

  it('S14, T4: that reports progress between its slices costs nobody the thread', async () => {
    const device = await openTestDevice();
    const seen: unknown[] = [];
    const work = { module: KERNELS, export: 'tick', args: [30] };
    const { result } = device.open().submit({ ...work, onProgress: (value) => seen.push(value) });
    const other = device.open();
    for (let i = 0; i < 8; i += 1) await call(other, 'sleep', [20]).result;
    await expect(result).resolves.toBe(30);
    expect(other.stats()).toMatchObject({ completed: 8, failed: 0 });
    expect(seen.every((value) => value === 'tick')).toBe(true);
  });

  it('S14: lets others have the thread between its slices', async () => {
    const device = await openTestDevice({ credits: 1 });
    const long = call(device.open(), 'countInSlices', [200, 5]);
    await long.scheduled.wait();
    const other = device.open();
    for (let i = 0; i < 3; i += 1) await call(other, 'default', [i]).result;
    expect(long.finished.status).toBe('pending');
    expect(long.cancel()).toBe('requested');
    await errorOf(long.result, 'ERR_JOB_CANCELLED');
  });

  it('S14, J4: nothing of its serial client begins before it ended, known as a generator or not', async () => {
    const client = (await openTestDevice({ credits: 8 })).open();
    for (let round = 0; round < 2; round += 1) {
      const order: string[] = [];
      const jobs = [
        call(client, 'countInSlices', [3]),
        call(client, 'default'),
        call(client, 'countInSlices', [2]),
      ];
      jobs.forEach((job, i) => job.finished.addCallback(() => order.push(`${i}`)));
      expect(await Promise.all(jobs.map(({ result }) => result))).toEqual([3, undefined, 2]);
      expect(order).toEqual(['0', '1', '2']);
    }
  });

  it('S14: several take turns on each thread, and each goes on in its own', async () => {
    const device = await openTestDevice({ threads: 2, credits: 2 });
    const jobs = [1, 2, 3, 4, 5, 6].map((steps) =>
      call(device.open(), 'countInSlices', [steps, 1]),
    );
    expect(await Promise.all(jobs.map(({ result }) => result))).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('S14: is told to end when its job ends between two slices', async () => {
    const device = await openTestDevice({ credits: 1 });
    const words = sharedWords(2);
    const submission = call(device.open(), 'endInSlices', [words]);
    const rejected = errorOf(submission.result, 'ERR_JOB_CANCELLED');
    await begun(words);
    submission.cancel();
    await rejected;
    await until('its finally block ran', () => Atomics.load(words, 1) === 1);
    expect(await call(device.open(), 'default', ['goes on']).result).toBe('goes on');
  });

  it('S14, T1: fails by what it throws, and by its run timeout, in any slice', async () => {
    const client = (await openTestDevice()).open();
    const failed = await errorOf(call(client, 'failLater').result, 'ERR_DRIVER');
    expect(failed.cause).toBeInstanceOf(RangeError);
    const hangs = call(client, 'hangLater', [], { runTimeoutMs: 200 });
    await errorOf(hangs.result, 'ERR_JOB_TIMEOUT');
    expect(await call(client, 'countInSlices', [2]).result).toBe(2);
  });

  it('S14, T4: is lost with its thread, unless it may begin anew', async () => {
    for (const resubmit of [false, true]) {
      const device = await openTestDevice({ credits: 1 });
      const sliced = call(device.open(), 'countInSlices', [40, 10], { resubmit });
      await sliced.scheduled.wait();
      const hangs = call(device.open(), 'spin', [], { runTimeoutMs: 200 });
      await errorOf(hangs.result, 'ERR_JOB_TIMEOUT');
      if (resubmit) expect(await sliced.result).toBe(40);
      else await errorOf(sliced.result, 'ERR_JOB_RESET');
      expect(sliced.job.attempt).toBe(resubmit ? 2 : 1);
    }
  });
});

describe('a lease of a worker device', () => {
  it('S14: keeps jobs off its thread, yields to them, and is revoked when it is overdue', async () => {
    const device = await openTestDevice({ credits: 4 });
    const [holder, other] = [device.open(), device.open()];
    const lease = await holder.lease({ maxMs: 60_000 });
    const waiting = call(other, 'default', ['served']);
    // It has had its turn for a shorter time than others expect to need: the policy may give it a few more.
    while (waiting.finished.status === 'pending') {
      await new Promise((resolve) => setTimeout(resolve, 1));
      await lease.yield();
    }
    expect(await waiting.result).toBe('served');
    lease.release();
    const overdue = await holder.lease({ maxMs: 20 });
    expect(overdue.signal).toBeInstanceOf(AbortSignal);
    expect(await call(other, 'default', ['served again']).result).toBe('served again');
    expect(overdue.signal.reason).toMatchObject({ code: 'ERR_JOB_TIMEOUT' });
  });
});

describe('a generator that was cancelled between two slices', () => {
  it('T4, T6: and hangs when it is told to end is no fault of the job that comes next', async () => {
    const device = await openTestDevice({ credits: 2 });
    const long = device.open();
    const next = device.open({ priority: 'high' });
    for (let round = 0; round < 3; round += 1) {
      const sliced = call(long, 'hangWhenEnded', [], { credits: 2 });
      await sliced.scheduled.wait();
      const words = sharedWords(2);
      const held = call(next, 'gate', [words]);
      await begun(words);
      sliced.cancel();
      const behind = call(next, 'default', [round], { runTimeoutMs: 200 });
      Atomics.store(words, 1, 1);
      Atomics.notify(words, 1);
      await held.result;
      await errorOf(sliced.result, 'ERR_JOB_CANCELLED');
      await expect(behind.result).resolves.toBe(round);
    }
    expect(next.stats()).toMatchObject({ failed: 0, karma: 0 });
    expect(device.stats().scheduler.resets).toBe(0);
  });
});
