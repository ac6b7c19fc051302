/**
 * Leases (S14): turns on a device for code that submits to it by itself. In virtual time. Slices in the core: test/sched/slices.test.ts.
 */
import { describe, expect, it } from 'vitest';
import type { FencelineError } from '../../src/base/index.ts';
import type { Lease } from '../../src/device/index.ts';
import { CountingSignal } from '../fixtures/countingSignal.ts';
import { openHandDevice } from './handDevice.ts';

/** What a promise came to, by now. */
interface Seen<T> {
  value: T | undefined;
  error: FencelineError | undefined;
}

function seen<T>(promise: Promise<T>): Seen<T> {
  const result: Seen<T> = { value: undefined, error: undefined };
  promise.then(
    (value) => (result.value = value),
    (error: FencelineError) => (result.error = error),
  );
  return result;
}

describe('a lease', () => {
  it('S14: is granted when its turn comes, and is alone on its ring until it is released', async () => {
    const { device, runtime } = openHandDevice({ credits: 4 });
    const [holder, other] = [device.open({ label: 'holder' }), device.open()];
    const before = other.submit({ durationUs: 1000 });
    const granted = seen(holder.lease());
    await runtime.settle(500);
    expect([before.job.state, granted.value]).toEqual(['running', undefined]);
    const behind = other.submit({ durationUs: 1000 });
    await runtime.settle(1000);
    const lease = granted.value as Lease;
    expect(lease.signal.aborted).toBe(false);
    expect(behind.job.state).toBe('queued');
    lease.release();
    lease.release();
    await runtime.settle(1500);
    expect([behind.finished.status, lease.signal.aborted]).toEqual(['ok', false]);
    expect(holder.stats()).toMatchObject({ submitted: 1, completed: 1, busyUs: 500 });
    await expect(lease.yield()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('S14: yields at once where nobody waits, and to who waits where the policy says so', async () => {
    const { device, runtime } = openHandDevice({ credits: 1 });
    const [holder, other] = [device.open(), device.open()];
    const granted = seen(holder.lease());
    await runtime.settle(0);
    const lease = granted.value as Lease;
    await runtime.settle(400);
    await lease.yield();
    expect(holder.stats()).toMatchObject({ running: 1, attempts: 1 });
    const waiting = other.submit({ durationUs: 300 });
    await runtime.settle(400);
    expect(waiting.job.state).toBe('queued');
    const yielded = seen(lease.yield().then(() => 'back'));
    await runtime.settle(0);
    expect([waiting.job.state, yielded.value]).toEqual(['running', undefined]);
    await runtime.settle(300);
    expect([waiting.finished.status, yielded.value]).toEqual(['ok', 'back']);
    lease.release();
    await runtime.settle(0);
    expect(holder.stats()).toMatchObject({ completed: 1, attempts: 1, busyUs: 800 });
  });

  it('S14, S8: shares with who has jobs of the same length', async () => {
    const { device, runtime } = openHandDevice({ credits: 1 });
    const [holder, other] = [device.open({ weight: 3 }), device.open({ order: 'parallel' })];
    for (let i = 0; i < 200; i += 1) other.submit({ durationUs: 1000 });
    let steps = 0;
    const hold = async (lease: Lease): Promise<void> => {
      for (; steps < 300; steps += 1) {
        await new Promise<void>((resolve) => runtime.setTimer(runtime.nowUs() + 1000, resolve));
        await lease.yield();
      }
      lease.release();
    };
    void holder.lease().then(hold);
    await runtime.settle(200_000);
    const [mine, theirs] = [holder.stats().busyUs, other.stats().busyUs];
    expect(Math.abs(mine - 3 * theirs)).toBeLessThanOrEqual(4000);
  });

  it('S14: that is held for longer than maxMs is revoked, and others are served; a yield starts the time anew', async () => {
    const { device, runtime } = openHandDevice({ credits: 1 });
    const [holder, other] = [device.open(), device.open()];
    const granted = seen(holder.lease({ maxMs: 10 }));
    await runtime.settle(0);
    const lease = granted.value as Lease;
    await runtime.settle(9000);
    await lease.yield();
    await runtime.settle(9000);
    expect(lease.signal.aborted).toBe(false);
    const waiting = other.submit({ durationUs: 10 });
    await runtime.settle(2000);
    expect(lease.signal.aborted).toBe(true);
    expect(lease.signal.reason).toMatchObject({ code: 'ERR_JOB_TIMEOUT' });
    expect(waiting.finished.status).toBe('ok');
    await expect(lease.yield()).rejects.toMatchObject({ code: 'ERR_JOB_TIMEOUT' });
    lease.release();
    expect(holder.stats()).toMatchObject({ failed: 1, karma: 0, banned: false });
    expect(device.stats().scheduler).toMatchObject({ resets: 0, running: 0, queued: 0 });
  });

  it('S14: expires after a second where nothing is said', async () => {
    const { device, runtime } = openHandDevice();
    const granted = seen(device.open().lease());
    await runtime.settle(999_000);
    expect(granted.value?.signal.aborted).toBe(false);
    await runtime.settle(2000);
    expect(granted.value?.signal.aborted).toBe(true);
  });

  it('rejects with the reason of its signal while it waits; afterwards the signal does nothing', async () => {
    const { device, runtime } = openHandDevice({ credits: 1 });
    const client = device.open();
    const [first, second] = [new CountingSignal(), new CountingSignal()];
    const granted = seen(client.lease({ signal: first }));
    const waiting = seen(client.lease({ signal: second }));
    await runtime.settle(0);
    second.abort('enough');
    first.abort('too late');
    await runtime.settle(0);
    expect(waiting.error).toBe('enough');
    expect(granted.value?.signal.aborted).toBe(false);
    expect([first.listeners.size, second.listeners.size]).toEqual([0, 0]);
    granted.value?.release();
    await expect(client.lease({ signal: second })).rejects.toBe('enough');
    await runtime.settle(0);
    expect(client.stats()).toMatchObject({ submitted: 2, queued: 0, running: 0 });
  });

  it.each(['first in its queue', 'behind a job of its client'])(
    'rejects with the reason of its signal, and not with what the job then fails with: %s',
    async (where) => {
      const { device, runtime } = openHandDevice({ credits: 1 });
      const [holder, client] = [device.open(), device.open()];
      holder.submit({});
      await runtime.settle(0);
      if (where !== 'first in its queue') client.submit({});
      const signal = new CountingSignal();
      const waiting = seen(client.lease({ signal }));
      await runtime.settle(0);
      const reason = new Error('enough');
      signal.abort(reason);
      await runtime.settle(0);
      expect(waiting.error).toBe(reason);
      expect(signal.listeners.size).toBe(0);
    },
  );

  it.each([
    ['an empty object', {}],
    ['a number', 5],
    ['null', null],
    ['an AbortController', new AbortController()],
  ])('J1: refuses a signal that is %s, and takes no turn', async (_name, signal) => {
    const { device, runtime } = openHandDevice({ credits: 1 });
    const client = device.open();
    for (const queue of [client, client.queue()]) {
      const refused = queue.lease({ signal, maxMs: Infinity } as never);
      await expect(refused).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    }
    expect(client.stats().submitted).toBe(0);
    const other = device.open().submit({ durationUs: 1 });
    await runtime.settle(1);
    expect(other.finished.status).toBe('ok');
  });

  it('J1: takes no turn where its signal throws while it is listened to', async () => {
    const { device } = openHandDevice({ credits: 1 });
    const client = device.open();
    const signal = new CountingSignal();
    signal.throws = { add: new Error('cannot listen') };
    await expect(client.lease({ signal })).rejects.toThrow('cannot listen');
    expect(client.stats().submitted).toBe(0);
  });

  it('is granted also where its signal throws when it is left', async () => {
    const { device, runtime } = openHandDevice({ credits: 1 });
    const signal = new CountingSignal();
    signal.throws = { remove: new Error('cannot leave') };
    const granted = seen(device.open().lease({ signal }));
    await expect(runtime.settle(0)).rejects.toThrow('cannot leave');
    await runtime.settle(0);
    expect(granted.value?.signal.aborted).toBe(false);
  });

  it('rejects where its signal aborts while it is listened to', async () => {
    const { device, runtime } = openHandDevice({ credits: 1 });
    const client = device.open();
    const signal = new CountingSignal();
    signal.onListen = () => signal.abort('now');
    const waiting = seen(client.lease({ signal }));
    await runtime.settle(0);
    expect(waiting.error).toBe('now');
    expect(client.stats()).toMatchObject({ queued: 0, running: 0 });
  });

  it('F9: rejects where its job ends while it is submitted', async () => {
    const { device, runtime } = openHandDevice();
    const client = device.open();
    device.observe({ emit: (event) => event.type === 'job-queue' && client[Symbol.dispose]() });
    const waiting = seen(client.lease());
    await runtime.settle(0);
    expect(waiting.error?.code).toBe('ERR_ENTITY_KILLED');
  });

  it('rejects with the reason of its signal where that aborts while its turn comes', async () => {
    const { device, runtime } = openHandDevice();
    const signal = new CountingSignal();
    device.observe({ emit: (event) => event.type === 'job-run' && signal.abort('mine') });
    const waiting = seen(device.open().lease({ signal }));
    await runtime.settle(0);
    expect(waiting).toMatchObject({ value: undefined, error: 'mine' });
    expect(device.stats().scheduler.running).toBe(0);
  });

  it('E4, E2: leaves no room for what its client still has queued when that closes', async () => {
    const { device, runtime } = openHandDevice();
    const client = device.open();
    const granted = seen(client.lease({ maxMs: Infinity }));
    await runtime.settle(0);
    const queued = client.submit({ durationUs: 1000 });
    void client.close({ flushMs: 1 });
    await runtime.settle(10_000);
    expect(granted.value?.signal.reason).toMatchObject({ code: 'ERR_JOB_CANCELLED' });
    expect([queued.job.attempt, queued.finished.error?.code]).toEqual([0, 'ERR_ENTITY_KILLED']);
  });

  it('F8: that is released while a yield waits for which nobody does raises no unhandled rejection', async () => {
    const { device, runtime } = openHandDevice({ credits: 1 });
    const [holder, other] = [device.open(), device.open()];
    const granted = seen(holder.lease());
    await runtime.settle(0);
    other.submit({ durationUs: 1000 });
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', note);
    void granted.value?.yield();
    granted.value?.release();
    await runtime.settle(2000);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
    expect(holder.stats()).toMatchObject({ completed: 1, failed: 0 });
  });

  it.each([null, 1, 'x', () => {}])('J1: refuses %s in place of its options', async (options) => {
    const client = openHandDevice().device.open();
    const refused = client.lease(options as never);
    await expect(refused).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(client.stats().submitted).toBe(0);
  });

  it('S14: may be released while a yield waits', async () => {
    const { device, runtime } = openHandDevice({ credits: 1 });
    const [holder, other] = [device.open(), device.open()];
    const granted = seen(holder.lease());
    await runtime.settle(0);
    other.submit({ durationUs: 1000 });
    await runtime.settle(500);
    const yielded = seen((granted.value as Lease).yield());
    await runtime.settle(500);
    granted.value?.release();
    await runtime.settle(2000);
    expect(yielded.error?.code).toBe('ERR_CLOSED');
    expect(granted.value?.signal.aborted).toBe(false);
    expect(holder.stats()).toMatchObject({ queued: 0, running: 0, completed: 1, failed: 0 });
  });

  it('S14, T4: is lost in a reset of its ring', async () => {
    const { device, runtime, backend } = openHandDevice({ credits: 1, rings: 2 });
    const granted = seen(device.open().lease());
    await runtime.settle(0);
    const hangs = device.open().submit({}, { runTimeoutMs: 1 });
    await runtime.settle(5000);
    expect(hangs.finished.error?.code).toBe('ERR_JOB_TIMEOUT');
    expect(granted.value?.signal.reason).toMatchObject({ code: 'ERR_JOB_RESET' });
    expect(backend.freed).toBe(1);
    expect(device.stats().scheduler.running).toBe(0);
  });

  it.each(['kill', 'close', 'drain', 'gone'] as const)(
    'S14, E4: ends with its client and its device: %s',
    async (end) => {
      const { device, runtime, backend } = openHandDevice({ credits: 1 });
      const client = device.open();
      const granted = seen(client.lease({ maxMs: Infinity }));
      await runtime.settle(0);
      const waiting = seen(device.open().lease());
      const ended =
        end === 'kill'
          ? Promise.resolve(client[Symbol.dispose]())
          : end === 'close'
            ? client.close({ flushMs: 5 })
            : end === 'drain'
              ? device.close({ mode: 'kill' })
              : Promise.resolve(backend.host?.lost(new Error('pulled') as never));
      const isEnded = seen(ended.then(() => true));
      await runtime.settle(6000);
      expect(isEnded.value).toBe(true);
      expect(granted.value?.signal.aborted).toBe(true);
      const code = {
        kill: 'ERR_JOB_CANCELLED',
        close: 'ERR_JOB_CANCELLED',
        drain: 'ERR_SCHEDULER_CLOSED',
        gone: 'ERR_DEVICE_GONE',
      }[end];
      expect(granted.value?.signal.reason).toMatchObject({ code });
      if (end === 'drain' || end === 'gone') expect(waiting.error?.code).toBe(code);
      else expect(waiting.value).toBeDefined();
      expect(client.stats()).toMatchObject({ queued: 0, running: 0 });
    },
  );

  it('refuses options that do not fit, and a client that was closed', async () => {
    const { device, runtime } = openHandDevice();
    const client = device.open();
    for (const options of [{ maxMs: 0 }, { maxMs: -1 }, { estimateMs: Infinity }]) {
      await expect(client.lease(options)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    }
    const queue = client.queue();
    const granted = seen(queue.lease());
    await runtime.settle(0);
    granted.value?.release();
    client[Symbol.dispose]();
    await expect(client.lease()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});
