/**
 * What `openWorkerDevice` and `submit` of a worker device refuse, and what they take by default.
 */
import { describe, expect, it } from 'vitest';
import type { WorkerDeviceOptions, WorkerWork } from 'fenceline/worker';
import { openWorkerDevice } from 'fenceline/worker';
import { call, KERNELS, openTestDevice } from './testDevice.ts';

describe('openWorkerDevice', () => {
  it('starts as many rings as it is told, named', async () => {
    const device = await openTestDevice({ threads: 2, label: 'farm' });
    expect(device).toMatchObject({ label: 'farm', driver: 'worker', rings: 2 });
    expect(device.stats()).toMatchObject({ label: 'farm', driver: 'worker', clients: [] });
    expect(device.stats().scheduler.rings).toHaveLength(2);
  });

  it.each<[string, WorkerDeviceOptions]>([
    ['threads', { threads: 0 }],
    ['threads', { threads: 1.5 }],
    ['threads', { threads: 1025 }],
    ['threads', { threads: '2' as never }],
    ['spares', { spares: -1 }],
    ['spares', { spares: NaN }],
    ['label', { label: 5 as never }],
    ['resourceLimits', { resourceLimits: 64 as never }],
    ['credits', { credits: 0 }],
    ['runTimeoutMs', { runTimeoutMs: -1 }],
    ['dependencyTimeoutMs', { dependencyTimeoutMs: NaN }],
    ['banAfter', { banAfter: 0 }],
    ['credits', { credits: null as never }],
    ['reset', { reset: null as never }],
    ['reset', { reset: 5 as never }],
    ['policy', { policy: null as never }],
    ['runtime', { runtime: {} as never }],
    ['runtime', { runtime: null as never }],
  ])('refuses a wrong %s and says what it expected', async (name, options) => {
    const opened = openWorkerDevice({ threads: 1, ...options });
    await expect(opened).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    await expect(opened).rejects.toThrow(new RegExp(`${name}: expected .*, got`));
  });

  it.each([null, 5, 'options'])('refuses %j for its options', async (options) => {
    const opened = openWorkerDevice(options as never);
    await expect(opened).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    await expect(opened).rejects.toThrow(
      'openWorkerDevice: options: expected an object of options, got',
    );
  });

  it('starts nothing where an option is wrong', async () => {
    let started = 0;
    const hook = (): number => (started += 1);
    process.on('worker', hook);
    await expect(openWorkerDevice({ threads: 1, credits: 0 })).rejects.toThrow('credits');
    expect(started).toBe(0);
    await openTestDevice({ threads: 1, spares: 0 });
    process.off('worker', hook);
    expect(started).toBe(1);
  });

  it('F9: takes no end of a run timeout only where it is written out', async () => {
    const device = await openTestDevice({ runTimeoutMs: Infinity });
    await expect(call(device.open(), 'default', [1]).result).resolves.toBe(1);
  });
});

describe('work', () => {
  it.each<[string, WorkerWork]>([
    ['work', null as never],
    ['work', 'module' as never],
    ['work.module', {} as never],
    ['work.module', { module: '' }],
    ['work.module', { module: 5 as never }],
    ['work.export', { module: KERNELS, export: '' }],
    ['work.args', { module: KERNELS, args: 'abc' as never }],
    ['work.transfer', { module: KERNELS, transfer: {} as never }],
    ['work.onProgress', { module: KERNELS, onProgress: 1 as never }],
  ])('J1: with a wrong %s is refused, and nothing is queued', async (name, work) => {
    const client = (await openTestDevice()).open();
    expect(() => client.submit(work)).toThrow(`${name}: expected`);
    expect(client.stats().submitted).toBe(0);
  });

  it('J1: that would move an object twice, or one that cannot be moved, is refused', async () => {
    const client = (await openTestDevice()).open();
    const buffer = new ArrayBuffer(4);
    const twice = { module: KERNELS, args: [buffer], transfer: [buffer, buffer] };
    expect(() => client.submit(twice)).toThrow(/work\.args: expected arguments that can be cloned/);
    const odd = { module: KERNELS, args: [], transfer: [{} as never] };
    expect(() => client.submit(odd)).toThrow(/work\.args/);
    const locked = new ReadableStream();
    locked.getReader();
    const streams = new TransformStream();
    void streams.writable.getWriter();
    for (const stream of [locked, streams]) {
      const work = { module: KERNELS, args: [buffer, stream], transfer: [buffer, stream] };
      expect(() => client.submit(work)).toThrow(/work\.transfer: expected streams that are not/);
    }
    const uncloned = { module: KERNELS, args: [() => {}, buffer], transfer: [buffer] };
    expect(() => client.submit(uncloned)).toThrow(/work\.args/);
    expect(buffer.byteLength).toBe(4);
    expect(client.stats()).toMatchObject({ submitted: 0, failed: 0 });
    await expect(client.submit({ module: KERNELS, args: [1] }).result).resolves.toBe(1);
  });
});
