/**
 * Ending jobs of a worker device early (J9): before they start, while they wait on a ring, while they run, and by a signal.
 */
import { describe, expect, it } from 'vitest';
import { begun, call, errorOf, openTestDevice, sharedWords } from './testDevice.ts';

/** Lets the kernel `gate` go on. */
function open(words: Int32Array): void {
  Atomics.store(words, 1, 1);
  Atomics.notify(words, 1);
}

describe('cancel', () => {
  it('J9: takes a queued job out at once: its result rejects before its fences signal', async () => {
    const client = (await openTestDevice()).open();
    const words = sharedWords(2);
    const first = call(client, 'gate', [words]);
    const queued = [call(client, 'default'), call(client, 'default')];
    const last = queued.at(-1) ?? first;
    await begun(words);
    const rejected = errorOf(last.result, 'ERR_JOB_CANCELLED');
    expect(last.cancel('not needed')).toBe('dequeued');
    expect((await rejected).cause).toBe('not needed');
    expect(last.finished.status).toBe('pending');
    expect(last.cancel()).toBe('dequeued');
    open(words);
    await first.result;
    await expect(last.finished.wait()).rejects.toMatchObject({ code: 'ERR_JOB_CANCELLED' });
    expect(last.job.attempt).toBe(0);
  });

  it('J9: asks a running job, which may look, and fails as cancelled with what it threw as the cause', async () => {
    const client = (await openTestDevice()).open();
    for (const name of ['loopUntilCancelled', 'awaitCancel']) {
      const words = sharedWords(2);
      const submission = call(client, name, [words]);
      await begun(words);
      expect(submission.cancel()).toBe('requested');
      const error = await errorOf(submission.result, 'ERR_JOB_CANCELLED');
      expect(error.cause).toBeInstanceOf(Error);
    }
    expect(client.stats().karma).toBe(0);
  });

  it('J9: leaves a job that completes all the same its result', async () => {
    const client = (await openTestDevice()).open();
    const words = sharedWords(2);
    const submission = call(client, 'returnWhenCancelled', [words]);
    await begun(words);
    expect(submission.cancel()).toBe('requested');
    await expect(submission.result).resolves.toBe('done all the same');
  });

  it('J9: keeps a job that waits on its ring from beginning', async () => {
    const device = await openTestDevice({ credits: 2 });
    const words = sharedWords(2);
    const first = call(device.open(), 'gate', [words]);
    await begun(words);
    const counter = sharedWords(1);
    const second = call(device.open(), 'count', [counter]);
    await second.scheduled.wait();
    expect(second.cancel()).toBe('requested');
    open(words);
    await errorOf(second.result, 'ERR_JOB_CANCELLED');
    await first.result;
    expect(Atomics.load(counter, 0)).toBe(0);
  });

  it('J9: says finished where it comes too late', async () => {
    const client = (await openTestDevice()).open();
    const submission = call(client, 'default', [1]);
    await submission.result;
    expect(submission.cancel()).toBe('finished');
  });
});

describe('signal', () => {
  it('J9: cancels as cancel does, and its reason is the cause', async () => {
    const client = (await openTestDevice()).open({ maxQueued: 1 });
    const words = sharedWords(2);
    const first = call(client, 'gate', [words]);
    await begun(words);
    const filler = call(client, 'default');
    expect(() => call(client, 'default')).toThrow(/maxQueued/);
    filler.cancel();
    const abort = new AbortController();
    const { result } = call(client, 'default', [], { signal: abort.signal });
    const rejected = errorOf(result, 'ERR_JOB_CANCELLED');
    abort.abort(new Error('changed my mind'));
    expect((await rejected).cause).toMatchObject({ message: 'changed my mind' });
    expect(client.stats().queued).toBe(0);
    open(words);
    await first.result;
  });

  it('J1: that is aborted already makes submit throw its reason', async () => {
    const client = (await openTestDevice()).open();
    const signal = AbortSignal.abort(new Error('too late'));
    expect(() => call(client, 'default', [], { signal })).toThrow('too late');
    expect(client.stats().submitted).toBe(0);
  });

  it('is not listened to any more when the job has finished', async () => {
    const client = (await openTestDevice()).open();
    let listeners = 0;
    const signal = {
      aborted: false,
      reason: undefined,
      addEventListener: () => (listeners += 1),
      removeEventListener: () => (listeners -= 1),
    };
    const { result } = call(client, 'default', [1], { signal });
    expect(listeners).toBe(1);
    await result;
    expect(listeners).toBe(0);
  });
});
