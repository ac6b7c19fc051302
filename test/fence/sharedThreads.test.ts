/**
 * Fences that real threads share: no lost wake-up, no fence signalled twice, threads that are terminated at any moment (F13).
 * The threads run the built package. What one thread can show is in shared.test.ts.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { JobError } from '../../src/base/index.ts';
import { SharedFencePool } from '../../src/fence/index.ts';
import type { SharedFenceHandle } from '../../src/fence/index.ts';
import { SharedSlots } from '../../src/fence/sharedSlots.ts';
import { systemRuntime, threadPlatform } from '../../src/host/index.ts';

const TIMEOUT_MS = 120_000;
const workers: Worker[] = [];

function start(name: string, workerData: object): Worker {
  const worker = new Worker(new URL(`threads/${name}.mjs`, import.meta.url), { workerData });
  workers.push(worker);
  return worker;
}

/** The next message of a thread; rejects where the thread fails. */
async function message<T>(worker: Worker): Promise<T> {
  const [value] = (await once(worker, 'message')) as [T];
  return value;
}

function newPool(slots: number): SharedFencePool {
  return new SharedFencePool({ runtime: systemRuntime(), platform: threadPlatform(), slots });
}

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
});

describe('threads that share fences', () => {
  it(
    'F13: lose no wake-up in 1,000,000 signals between 4 threads',
    { timeout: TIMEOUT_MS },
    async () => {
      const [threads, batches, batchSize] = [4, 3907, 64];
      const pool = newPool(1024);
      const board = new SharedArrayBuffer(4 * threads * (2 + batchSize));
      const reports = await Promise.all(
        Array.from({ length: threads }, (_, me) =>
          message<{ won: number; wrong: string[] }>(
            start('crowd', { ticket: pool.ticket(), board, me, threads, batches, batchSize }),
          ),
        ),
      );
      expect(reports.flatMap(({ wrong }) => wrong)).toEqual([]);
      expect(reports.reduce((sum, { won }) => sum + won, 0)).toBe(threads * batches * batchSize);
      expect(pool.used).toBe(0);
    },
  );

  it('F2: signal each fence exactly once when they collide', { timeout: TIMEOUT_MS }, async () => {
    const [threads, count] = [2, 2000];
    const buffer = SharedSlots.allocate(count);
    const slots = new SharedSlots(buffer, 0);
    const handles = Array.from({ length: count }, () => slots.take(0));
    const gate = new SharedArrayBuffer(4);
    const wins = await Promise.all(
      Array.from({ length: threads }, (_, me) =>
        message<number[]>(start('race', { buffer, handles, gate, me, threads })),
      ),
    );
    expect(wins.flat().sort((a, b) => a - b)).toEqual([...Array(count).keys()]);
  });

  it(
    'F13: fail what a thread left when it is terminated at any moment, and wake who waits',
    { timeout: TIMEOUT_MS },
    async () => {
      const pool = newPool(64);
      const blocked = start('waiter', { ticket: pool.ticket() });
      for (let round = 0; round < 15; round += 1) {
        const ticket = pool.ticket();
        const victim = start('victim', { ticket, left: 8 });
        const handles = await message<SharedFenceHandle[]>(victim);
        blocked.postMessage({ handles, mode: round % 2 === 0 ? 'block' : 'wait' });
        expect(await message(blocked)).toBe('waiting');
        const here = Promise.allSettled(handles.map((handle) => pool.fence(handle).wait()));
        // Some microseconds more each round, so that it is hit at different places.
        for (let spins = 0; spins < round * 1000; spins += 1)
          Atomics.load(new Int32Array(ticket.buffer), 0);
        await victim.terminate();
        expect(
          pool.threadEnded(ticket.thread, new JobError('ERR_DEVICE_GONE')),
        ).toBeGreaterThanOrEqual(8);
        const ends = (await here).map((end) => (end.status === 'rejected' ? end.reason : end).code);
        expect(ends).toEqual(Array(8).fill('ERR_DEVICE_GONE'));
        expect(await message(blocked)).toEqual(Array(8).fill('ERR_DEVICE_GONE'));
        expect(pool.used).toBe(0);
      }
    },
  );

  it(
    'F13: tell a thread that has no Atomics.waitAsync by a message',
    { timeout: TIMEOUT_MS },
    async () => {
      const pool = newPool(8);
      const waiter = start('waiter', { ticket: pool.ticket(), withoutWaitAsync: true });
      const sources = [pool.create(), pool.create()];
      const handles = sources.map(({ fence }) => fence.handle);
      waiter.postMessage({ handles, mode: 'wait' });
      expect(await message(waiter)).toBe('waiting');
      const ends = message(waiter);
      sources[0]?.signal();
      sources[1]?.signal(new JobError('ERR_DRIVER'));
      expect(await ends).toEqual(['ok', 'ERR_DRIVER']);
    },
  );
});
