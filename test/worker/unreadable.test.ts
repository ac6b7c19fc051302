/**
 * What a worker device does about messages that the other end cannot read, because what they carry is nested too deep there, and
 * about what was thrown and throws when it is read: one job fails, nobody is blamed, and the thread goes on.
 * What cannot be posted at all is in results.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { call, errorOf, KERNELS, openTestDevice } from './testDevice.ts';

/** Deeper than the main thread can read, and not deeper than a thread can write. */
const TOO_DEEP = 3000;

function nest(depth: number): object {
  let object = {};
  for (let i = 0; i < depth; i += 1) object = { object };
  return object;
}

describe('an answer that cannot be read', () => {
  it.each(['nest', 'throwNested'])(
    'F9: of %s fails its job alone; others do not notice',
    async (name) => {
      const device = await openTestDevice({ credits: 8 });
      const [guilty, other] = [device.open(), device.open({ order: 'parallel' })];
      const thread = await call(other, 'threadId').result;
      for (const depth of [1, TOO_DEEP]) {
        const before = [1, 2, 3].map((i) => call(other, 'default', [i]).result);
        const job = call(guilty, name, [depth]);
        const behind = [4, 'text', 6].map((i) => call(other, 'default', [i]).result);
        const settled = await Promise.allSettled([job.result]);
        if (depth === TOO_DEEP) {
          const error = await errorOf(job.result, 'ERR_DRIVER');
          expect(error.message).toContain(`what ${name} of`);
          expect(error.message).toContain('returned or threw cannot be read here');
          expect(error.cause).toBeInstanceOf(RangeError);
        } else if (name === 'nest') {
          expect(settled[0]).toMatchObject({ value: { object: {} } });
        }
        await expect(Promise.all([...before, ...behind])).resolves.toEqual([1, 2, 3, 4, 'text', 6]);
      }
      expect(guilty.stats().karma).toBe(0);
      expect(device.stats().scheduler).toMatchObject({ resets: 0, timeouts: 0 });
      await expect(call(other, 'threadId').result).resolves.toBe(thread);
    },
  );

  it('F9: fails its job at once where nothing is behind it', async () => {
    const client = (await openTestDevice()).open();
    await errorOf(call(client, 'nest', [TOO_DEEP]).result, 'ERR_DRIVER');
    await expect(call(client, 'default', [1]).result).resolves.toBe(1);
  });

  it('is not told where it is progress; what is told after it is, and the job goes on', async () => {
    const client = (await openTestDevice()).open();
    const seen: unknown[] = [];
    const work = { module: KERNELS, export: 'tellNested', args: [TOO_DEEP] };
    const job = client.submit({ ...work, onProgress: (value) => seen.push(value) });
    await expect(job.result).resolves.toBe('done');
    expect(seen).toEqual(['told']);
  });
});

describe('arguments that the thread cannot read', () => {
  it('F9: fail their job alone; those behind it run in order', async () => {
    const device = await openTestDevice({ credits: 8, resourceLimits: { stackSizeMb: 0.3 } });
    const [guilty, other] = [device.open(), device.open({ order: 'parallel' })];
    const counter = new Int32Array(new SharedArrayBuffer(4));
    const before = call(other, 'count', [counter]);
    const job = call(guilty, 'default', [nest(800)]);
    const behind = [1, 2, 3].map(() => call(other, 'count', [counter]).result);
    const buffer = new ArrayBuffer(16);
    const moved = { module: KERNELS, export: 'sizeOf', args: [buffer], transfer: [buffer] };
    const last = device.open().submit(moved);
    const error = await errorOf(job.result, 'ERR_DRIVER');
    expect(error.message).toContain('its arguments cannot be posted');
    await expect(Promise.all([before.result, ...behind])).resolves.toEqual([1, 2, 3, 4]);
    await expect(last.result).resolves.toBe(16);
    expect(guilty.stats().karma).toBe(0);
    expect(device.stats().scheduler).toMatchObject({ resets: 0, timeouts: 0 });
  });

  it('J9: a job that was sent again and is cancelled does not run', async () => {
    const device = await openTestDevice({ credits: 8, resourceLimits: { stackSizeMb: 0.3 } });
    const counter = new Int32Array(new SharedArrayBuffer(4));
    const job = call(device.open(), 'default', [nest(800)]);
    const behind = call(device.open(), 'count', [counter]);
    await behind.scheduled.wait();
    behind.cancel();
    await errorOf(job.result, 'ERR_DRIVER');
    await errorOf(behind.result, 'ERR_JOB_CANCELLED');
    expect(counter[0]).toBe(0);
    await expect(call(device.open(), 'count', [counter]).result).resolves.toBe(1);
  });
});

describe('what was thrown', () => {
  it.each([
    ['message', 'cannot be read'],
    ['proxy', 'cannot be read'],
    ['text', 'cannot be read'],
    ['cause', 'seen'],
  ])('and throws when it is read (%s) fails its job; the thread goes on', async (how, message) => {
    const client = (await openTestDevice()).open();
    const thread = await call(client, 'threadId').result;
    const error = await errorOf(call(client, 'failUnreadably', [how]).result, 'ERR_DRIVER');
    expect(error.message).toContain(message);
    expect(client.stats().karma).toBe(0);
    await expect(call(client, 'threadId').result).resolves.toBe(thread);
  });
});

describe('the port to a thread', () => {
  it('is not to be found by what jobs import', async () => {
    await expect(call((await openTestDevice()).open(), 'findsPort').result).resolves.toEqual([]);
  });
});
