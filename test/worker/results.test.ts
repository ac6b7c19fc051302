/**
 * What a worker device brings back: results, thrown errors, progress, moved objects; and what it says where there is no module
 * or function. Hangs and crashes are in faults.test.ts, cancelling in cancel.test.ts.
 */
import { pathToFileURL } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { call, errorOf, KERNELS, openTestDevice } from './testDevice.ts';

describe('result', () => {
  it('is what the function returned, or what its promise was fulfilled with', async () => {
    const client = (await openTestDevice()).open();
    await expect(call(client, 'default', [{ a: [1, 2n, new Date(5)] }]).result).resolves.toEqual({
      a: [1, 2n, new Date(5)],
    });
    await expect(call(client, 'sleep', [1, 'later']).result).resolves.toBe('later');
    await expect(client.submit({ module: KERNELS, args: [7] }).result).resolves.toBe(7);
    await expect(call(client, 'default').result).resolves.toBeUndefined();
  });

  it('passes the arguments as they were given, with nothing added', async () => {
    const client = (await openTestDevice()).open();
    await expect(call(client, 'echo', [1, 'two']).result).resolves.toEqual([1, 'two']);
    await expect(call(client, 'echo').result).resolves.toEqual([]);
    await expect(call(client, 'sum', [1]).result).resolves.toBe(101);
  });

  it('is stored before the finished fence signals, and the same promise each time', async () => {
    const client = (await openTestDevice()).open();
    const submission = call(client, 'default', ['stored']);
    await submission.finished.wait();
    expect(submission.finished.status).toBe('ok');
    expect(submission.result).toBe(submission.result);
    await expect(submission.result).resolves.toBe('stored');
  });

  it('comes for each of many jobs, in order, though they are posted in batches', async () => {
    const client = (await openTestDevice({ threads: 2, credits: 64 })).open({ order: 'parallel' });
    const numbers = Array.from({ length: 500 }, (_, i) => i);
    const results = numbers.map((i) => call(client, 'default', [i]).result);
    await expect(Promise.all(results)).resolves.toEqual(numbers);
  });

  it('raises no unhandled rejection where nobody asks for it', async () => {
    const client = (await openTestDevice()).open();
    const submission = call(client, 'fail');
    await call(client, 'default').result;
    expect(submission.finished.error?.code).toBe('ERR_DRIVER');
  });

  it('that cannot be posted fails the job, and names the function', async () => {
    const client = (await openTestDevice()).open();
    const error = await errorOf(call(client, 'returnFunction').result, 'ERR_DRIVER');
    expect(error.message).toMatch(/what returnFunction of .* returned cannot be posted/);
    expect(error.cause).toMatchObject({ name: 'DataCloneError' });
  });
});

describe('thrown error', () => {
  it('comes back as the cause, with its class, stack, code and cause', async () => {
    const client = (await openTestDevice()).open();
    const submission = call(client, 'fail', [], { label: 'broken' });
    const error = await errorOf(submission.result, 'ERR_DRIVER');
    expect(error.message).toMatch(/job broken: fail of .*kernels\.mjs threw: it failed/);
    expect(error.label).toBe('broken');
    expect(submission.finished.error).toBe(error);
    const cause = error.cause as Error;
    expect(cause).toBeInstanceOf(TypeError);
    expect(cause.stack).toMatch(/TypeError: it failed\n.*kernels\.mjs:\d+/);
    expect(cause.cause).toBeInstanceOf(RangeError);
    expect(cause.cause).toMatchObject({ message: 'the reason', code: 'ERR_REASON' });
  });

  it('comes back whatever it is: a value, something that cannot be cloned, several errors, a class of its own', async () => {
    const client = (await openTestDevice()).open();
    const value = await errorOf(call(client, 'failWith', [{ left: 3 }]).result, 'ERR_DRIVER');
    expect(value.cause).toEqual({ left: 3 });
    const undefinedValue = await errorOf(call(client, 'failWith').result, 'ERR_DRIVER');
    expect(undefinedValue.cause).toBeUndefined();
    const text = await errorOf(call(client, 'failWithFunction').result, 'ERR_DRIVER');
    expect(text.cause).toMatch(/nothing that can be cloned/);
    const both = await errorOf(call(client, 'failTogether').result, 'ERR_DRIVER');
    expect(both.cause).toBeInstanceOf(AggregateError);
    expect((both.cause as AggregateError).errors[0]).toBeInstanceOf(TypeError);
    const own = await errorOf(call(client, 'failInOwnWay').result, 'ERR_DRIVER');
    expect(own.cause).toMatchObject({ name: 'OwnError', message: 'in its own way' });
  });

  it('blames nobody: the client goes on, and so does the thread', async () => {
    const client = (await openTestDevice()).open();
    const thread = await call(client, 'threadId').result;
    for (let i = 0; i < 5; i += 1) await errorOf(call(client, 'fail').result, 'ERR_DRIVER');
    expect(client.stats()).toMatchObject({ karma: 0, banned: false, failed: 5 });
    await expect(call(client, 'threadId').result).resolves.toBe(thread);
  });
});

describe('module', () => {
  it('is imported once by a thread, however it is named', async () => {
    const client = (await openTestDevice()).open();
    const { href } = KERNELS;
    for (const module of [KERNELS, href, new URL(href).pathname]) {
      await expect(client.submit({ module, export: 'importCount' }).result).resolves.toBe(1);
    }
  });

  it('may be a path from the working directory', async () => {
    const client = (await openTestDevice()).open();
    const here = pathToFileURL(`${process.cwd()}/`).href;
    expect(KERNELS.href.startsWith(here)).toBe(true);
    const module = `./${KERNELS.href.slice(here.length)}`;
    await expect(client.submit({ module, args: [1] }).result).resolves.toBe(1);
  });

  it('that cannot be imported fails the job with its name and the reason', async () => {
    const client = (await openTestDevice()).open();
    const missing = client.submit({ module: './no/such/module.mjs' });
    const error = await errorOf(missing.result, 'ERR_DRIVER');
    expect(error.message).toMatch(/cannot import file:.*no\/such\/module\.mjs: Cannot find module/);
    expect(error.cause).toMatchObject({ code: 'ERR_MODULE_NOT_FOUND' });
    const throwing = client.submit({
      module: 'data:text/javascript,throw new TypeError("at import")',
    });
    const second = await errorOf(throwing.result, 'ERR_DRIVER');
    expect(second.message).toMatch(/cannot import data:.*: at import/);
    expect(second.cause).toBeInstanceOf(TypeError);
    expect(client.stats().karma).toBe(0);
  });

  it('without that function fails the job with the functions that it has', async () => {
    const client = (await openTestDevice()).open();
    for (const name of ['nope', 'notAFunction', 'toString']) {
      const error = await errorOf(call(client, name).result, 'ERR_DRIVER');
      expect(error.message).toContain(`cannot call ${name} of ${KERNELS.href}`);
      expect(error.message).toContain('it exports append, awaitCancel');
    }
    const empty = client.submit({ module: 'data:text/javascript,' });
    await expect(empty.result).rejects.toThrow(/it exports no function/);
  });
});

describe('progress', () => {
  it('comes in order, before the result', async () => {
    const client = (await openTestDevice()).open();
    const seen: unknown[] = [];
    const submission = client.submit({
      module: KERNELS,
      export: 'report',
      args: [3],
      onProgress: (value) => seen.push(value),
    });
    await expect(submission.result).resolves.toBe(3);
    expect(seen).toEqual([{ step: 1 }, { step: 2 }, { step: 3 }]);
  });

  it('costs nothing where nobody listens', async () => {
    const client = (await openTestDevice()).open();
    await expect(call(client, 'report', [1000]).result).resolves.toBe(1000);
  });
});

describe('transfer', () => {
  it('moves objects there and back', async () => {
    const client = (await openTestDevice()).open();
    const buffer = new ArrayBuffer(4);
    const { result } = client.submit<ArrayBuffer>({
      module: KERNELS,
      export: 'fill',
      args: [buffer, 9],
      transfer: [buffer],
    });
    expect(buffer.byteLength).toBe(0);
    expect([...new Uint8Array(await result)]).toEqual([9, 9, 9, 9]);
  });

  it('moves a port, over which the job can speak', async () => {
    const client = (await openTestDevice()).open();
    const { port1, port2 } = new MessageChannel();
    const heard = new Promise((resolve) => port1.once('message', resolve));
    const { result } = client.submit({
      module: KERNELS,
      export: 'speak',
      args: [port2, 'hello'],
      transfer: [port2],
    });
    await result;
    await expect(heard).resolves.toBe('hello');
    port1.close();
  });

  it('J1: leaves the caller what it has where submit throws', async () => {
    const client = (await openTestDevice()).open({ maxQueued: 1 });
    const buffer = new ArrayBuffer(4);
    const work = { module: KERNELS, export: 'sizeOf', args: [buffer], transfer: [buffer] };
    call(client, 'default');
    expect(() => client.submit(work)).toThrow(expect.objectContaining({ code: 'ERR_QUEUE_FULL' }));
    expect(() => client.submit({ ...work, args: [buffer, () => {}] }, {})).toThrow();
    expect(buffer.byteLength).toBe(4);
  });
});

describe('arguments', () => {
  it('J1: that cannot be cloned make submit throw, and no job', async () => {
    const client = (await openTestDevice()).open();
    for (const args of [[() => {}], [{ deep: { down: Symbol('no') } }]]) {
      let thrown: unknown;
      try {
        call(client, 'default', args);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
      expect((thrown as Error).message).toMatch(
        /work\.args: expected arguments that can be cloned/,
      );
    }
    expect(client.stats().submitted).toBe(0);
  });

  it('are those of the moment of submit, whatever becomes of them later', async () => {
    const client = (await openTestDevice()).open();
    const list = [1];
    const { result } = call(client, 'default', [list]);
    list.push(2);
    await expect(result).resolves.toEqual([1]);
  });

  it('are not shared between jobs of one batch', async () => {
    const client = (await openTestDevice({ credits: 4 })).open({ order: 'parallel' });
    const list: number[] = [];
    const results = [1, 2, 3].map((n) => call(client, 'append', [list, n]).result);
    await expect(Promise.all(results)).resolves.toEqual([[1], [2], [3]]);
  });
});
