/** A fence that follows a promise, always with a deadline (F9). The other direction, `wait`, is in wait.test.ts. */
import { describe, expect, it } from 'vitest';
import { promiseFence } from '../../src/fence/index.ts';
import { ManualRuntime } from './manualRuntime.ts';

const code = (code: string) => expect.objectContaining({ code });
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('promiseFence', () => {
  it('F9: is ok when the promise is fulfilled, and leaves no timer', async () => {
    const runtime = new ManualRuntime();
    const fence = promiseFence(Promise.resolve(1), { deadlineMs: 10, runtime, label: 'upload' });
    expect(fence.status).toBe('pending');
    expect(fence.timeline).toMatchObject({ driver: 'promise', label: 'upload' });
    await turn();
    expect(fence.status).toBe('ok');
    expect(runtime.pendingTimers).toBe(0);
  });

  it('F9: fails with ERR_DEPENDENCY_FAILED and the cause when the promise is rejected', async () => {
    const runtime = new ManualRuntime();
    const cause = new Error('no');
    const fence = promiseFence(Promise.reject(cause), { deadlineMs: 10, runtime });
    await turn();
    expect(fence.error).toMatchObject({ code: 'ERR_DEPENDENCY_FAILED', cause });
    expect(runtime.pendingTimers).toBe(0);
  });

  it('F9: fails with ERR_WAIT_TIMEOUT past the deadline, whatever the promise does later', async () => {
    const runtime = new ManualRuntime();
    let resolve = (): void => {};
    const promise = new Promise<void>((fn) => (resolve = fn));
    const fence = promiseFence(promise, { deadlineMs: 10, runtime });
    runtime.advanceBy(9_999);
    expect(fence.status).toBe('pending');
    runtime.advanceBy(1);
    expect(fence.error?.code).toBe('ERR_WAIT_TIMEOUT');
    resolve();
    await turn();
    expect(fence.signalledAtUs).toBe(10_000);
  });

  it.each([undefined, Infinity, Number.NaN, -1, '5'])('F9: refuses deadlineMs %s', (deadlineMs) => {
    const runtime = new ManualRuntime();
    const options = { deadlineMs: deadlineMs as number, runtime };
    expect(() => promiseFence(Promise.resolve(), options)).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(runtime.pendingTimers).toBe(0);
  });

  it('refuses what is no promise', () => {
    const runtime = new ManualRuntime();
    expect(() => promiseFence(5 as never, { deadlineMs: 1, runtime })).toThrow(
      code('ERR_INVALID_ARGUMENT'),
    );
  });

  it('takes a thenable that throws for one that is rejected', () => {
    const runtime = new ManualRuntime();
    const cause = new Error('then');
    const thenable = {
      // oxlint-disable-next-line unicorn/no-thenable -- a broken one is what is tested
      then: (): never => {
        throw cause;
      },
    };
    const fence = promiseFence(thenable, { deadlineMs: 1, runtime });
    expect(fence.error).toMatchObject({ code: 'ERR_DEPENDENCY_FAILED', cause });
    expect(runtime.pendingTimers).toBe(0);
  });
});
