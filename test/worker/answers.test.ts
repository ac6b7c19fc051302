/**
 * Answers that a thread writes without telling at once: they are heard while a later job holds the thread, in order with what is
 * posted, and are safe when the thread is killed; and what the device learns from them. The log itself is tested in answerLog.test.ts.
 */
import { describe, expect, it } from 'vitest';
import type { Client, Submission } from 'fenceline';
import type { WorkerWork } from 'fenceline/worker';
import { begun, call, errorOf, KERNELS, openTestDevice, sharedWords } from './testDevice.ts';

/** More than a thread needs to have behind it to be quiet. */
const MANY = 600;

function parallel(
  count: number,
  submit: (index: number) => Submission<number>,
): Submission<number>[] {
  return Array.from({ length: count }, (_, index) => submit(index));
}

/** A client whose calls of `gate` and `sum` its thread takes for short ones. */
async function openWarm(): Promise<Client<WorkerWork>> {
  const device = await openTestDevice({ credits: 4096 });
  const client = device.open({ order: 'parallel' });
  const open = sharedWords(2);
  Atomics.store(open, 1, 1);
  const warm = parallel(100, (index) =>
    call<number>(client, index % 2 === 0 ? 'gate' : 'sum', [open, 1]),
  );
  await Promise.all(warm.map(({ result }) => result));
  return client;
}

describe('answer that nobody was told of', () => {
  it('is heard while a later job, which was taken for a short one, holds the thread', async () => {
    const client = await openWarm();
    const words = sharedWords(2);
    const before = parallel(3, (index) => call<number>(client, 'sum', [index, 1]));
    const held = call(client, 'gate', [words]);
    const behind = parallel(MANY, (index) => call<number>(client, 'sum', [index, 1]));
    await begun(words);
    await expect(Promise.all(before.map(({ result }) => result))).resolves.toEqual([1, 2, 3]);
    expect(held.finished.status).toBe('pending');
    Atomics.store(words, 1, 1);
    Atomics.notify(words, 1);
    await expect(held.result).resolves.toBe('passed');
    await expect(behind.at(-1)?.result).resolves.toBe(MANY);
  });

  it('T4: is not lost when its thread is killed, and its job does not run again', async () => {
    const client = await openWarm();
    const counter = sharedWords(1);
    const before = parallel(3, () => call<number>(client, 'count', [counter]));
    const hang = call(client, 'spin', [], { runTimeoutMs: 150 });
    const behind = parallel(MANY, () => call<number>(client, 'count', [counter]));
    await errorOf(hang.result, 'ERR_JOB_TIMEOUT');
    const results = await Promise.all([...before, ...behind].map(({ result }) => result));
    expect(results).toEqual(results.map((_, index) => index + 1));
    expect(before.map(({ job }) => job.attempt)).toEqual([1, 1, 1]);
  });

  it('J9: does not keep a cancel from the job that executes behind it', async () => {
    const client = await openWarm();
    const words = sharedWords(2);
    call(client, 'sum', [1, 1]);
    const looping = call(client, 'returnWhenCancelled', [words]);
    const behind = parallel(MANY, (index) => call<number>(client, 'sum', [index, 1]));
    await begun(words);
    expect(looping.cancel()).toBe('requested');
    await expect(looping.result).resolves.toBe('done all the same');
    await expect(behind.at(-1)?.result).resolves.toBe(MANY);
  });

  it('comes in order with progress and with answers that are posted', async () => {
    const client = await openWarm();
    const heard: unknown[] = [];
    const submit = (name: string, index: number): void => {
      const onProgress = (value: unknown): void => void heard.push(value);
      const work = { module: KERNELS, export: name, args: [index, 0], onProgress };
      const { finished } = client.submit(work);
      finished.addCallback(() => heard.push(index));
    };
    for (let index = 0; index < MANY; index += 3) {
      submit('sum', index);
      submit('echo', index + 1);
      submit('progresses', index + 2);
    }
    await call(client, 'sum', [1]).result;
    const expected = Array.from({ length: MANY }, (_, i) => (i % 3 === 2 ? [`says ${i}`, i] : i));
    expect(heard).toEqual(expected.flat());
  });
});

describe('time target', () => {
  it('S4: sends no slow calls ahead, however quick the other calls of the same client are', async () => {
    const device = await openTestDevice({ credits: { targetMs: 4 } });
    const client = device.open({ order: 'parallel' });
    await call(client, 'sleep', [20]).result;
    await Promise.all(parallel(200, (i) => call<number>(client, 'sum', [i])).map((s) => s.result));
    const slow = parallel(5, () => call(client, 'sleep', [20]));
    await slow[0]?.job.scheduled.wait();
    expect(slow.map(({ job }) => job.state)).toEqual(['running', ...Array(4).fill('queued')]);
    await Promise.all(slow.map(({ result }) => result));
  });
});
