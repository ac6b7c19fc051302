/**
 * Submissions: results, errors, cancelling, signals, and what `submit` refuses. In virtual time; with threads in test/worker.
 */
import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/base/index.ts';
import { CountingSignal } from '../fixtures/countingSignal.ts';
import { openHandDevice, thrownBy } from './handDevice.ts';

describe('result', () => {
  it('follows the finished fence, whenever it is asked for', async () => {
    const { device, backend, runtime } = openHandDevice();
    const submission = device.open().submit({ result: 42 });
    const early = submission.result;
    runtime.advanceBy(0);
    backend.end();
    expect(submission.finished.status).toBe('ok');
    await expect(early).resolves.toBe(42);
    expect(submission.result).toBe(early);
    const late = device.open().submit({ durationUs: 10, result: 'late' });
    runtime.advanceBy(10);
    await expect(late.result).resolves.toBe('late');
  });

  it('is the error of the job where it failed, even if a result was stored', async () => {
    const { device, backend, runtime } = openHandDevice();
    const submission = device.open().submit({ result: 42 });
    runtime.advanceBy(0);
    backend.end(undefined, new JobError('ERR_DRIVER', 'no'));
    await expect(submission.result).rejects.toMatchObject({ code: 'ERR_DRIVER', message: 'no' });
  });

  it('F9: rejects after the run timeout, 30 seconds where nothing else was said', async () => {
    const { device, runtime } = openHandDevice();
    const { finished, result } = device.open().submit({});
    runtime.advanceBy(29_999_000);
    expect(finished.status).toBe('pending');
    runtime.advanceBy(2_000);
    await expect(result).rejects.toMatchObject({ code: 'ERR_JOB_TIMEOUT' });
  });

  it('F9: rejects after the dependency timeout, 60 seconds where nothing else was said', async () => {
    const { device, runtime } = openHandDevice({ runTimeoutMs: Infinity });
    const blocker = device.open().submit({});
    const { finished, result } = device.open().submit({}, { after: [blocker.finished] });
    runtime.advanceBy(59_999_000);
    expect(finished.status).toBe('pending');
    runtime.advanceBy(2_000);
    await expect(result).rejects.toMatchObject({ code: 'ERR_DEPENDENCY_FAILED' });
    expect(blocker.finished.status).toBe('pending');
  });

  it('J5: fails where a dependency failed, unless it was told to run', async () => {
    const { device, backend, runtime } = openHandDevice();
    const client = device.open({ order: 'parallel' });
    const broken = client.submit({});
    const after = [broken.finished];
    const careful = client.submit({ durationUs: 1 }, { after });
    const careless = client.submit(
      { durationUs: 1, result: 1 },
      { after, onDependencyError: 'run' },
    );
    runtime.advanceBy(0);
    backend.end(undefined, new JobError('ERR_DRIVER', 'broken'));
    runtime.advanceBy(10);
    await expect(careful.result).rejects.toMatchObject({
      code: 'ERR_DEPENDENCY_FAILED',
      cause: { message: 'broken' },
    });
    await expect(careless.result).resolves.toBe(1);
  });
});

describe('cancel', () => {
  it('J9: rejects the result of a queued job at once, with the reason as the cause', async () => {
    const { device, runtime } = openHandDevice({ credits: 1 });
    const client = device.open({ maxQueued: 1 });
    client.submit({});
    runtime.advanceBy(0);
    const queued = client.submit({});
    const { result } = queued;
    expect(queued.cancel('why')).toBe('dequeued');
    expect(queued.finished.status).toBe('pending');
    await expect(result).rejects.toMatchObject({ code: 'ERR_JOB_CANCELLED', cause: 'why' });
    expect(client.stats().queued).toBe(0);
    client.submit({});
  });

  it('J9: says what happened: requested of a running job, finished of one that ended', async () => {
    const { device, backend, runtime } = openHandDevice();
    const submission = device.open().submit({ result: 'all the same' });
    runtime.advanceBy(0);
    expect(submission.cancel()).toBe('requested');
    backend.end();
    expect(submission.cancel()).toBe('finished');
    await expect(submission.result).resolves.toBe('all the same');
  });

  it('J9: is what an aborted signal does; nothing listens to it afterwards', async () => {
    const { device, backend, runtime } = openHandDevice({ credits: 1 });
    const client = device.open();
    client.submit({});
    runtime.advanceBy(0);
    const signal = new CountingSignal();
    const { result } = client.submit({}, { signal });
    expect(signal.listeners.size).toBe(1);
    signal.abort('enough');
    await expect(result).rejects.toMatchObject({ code: 'ERR_JOB_CANCELLED', cause: 'enough' });
    backend.end();
    runtime.advanceBy(0);
    expect(signal.listeners.size).toBe(0);
  });

  it('leaves no listener on the signal of a job that finished', () => {
    const { device, runtime } = openHandDevice();
    const signal = new CountingSignal();
    device.open().submit({ durationUs: 1 }, { signal });
    expect(signal.listeners.size).toBe(1);
    runtime.advanceBy(1);
    expect(signal.listeners.size).toBe(0);
  });
});

describe('submit', () => {
  it('J1: throws with nothing changed: work that does not encode, an aborted signal, a full queue', () => {
    const { device } = openHandDevice();
    const client = device.open({ maxQueued: 1 });
    expect(() => client.submit(1 as never)).toThrow('not work');
    const signal = new CountingSignal();
    signal.abort('before');
    expect(thrownBy(() => client.submit({}, { signal }))).toBe('before');
    expect(client.stats().submitted).toBe(0);
    client.submit({});
    expect(thrownBy(() => client.submit({}))).toMatchObject({ code: 'ERR_QUEUE_FULL' });
    expect(client.stats().submitted).toBe(1);
  });

  it('J1: takes back a job whose work cannot be moved', () => {
    const { device, backend, runtime } = openHandDevice();
    const client = device.open();
    const refuseToMove = new Error('cannot be moved');
    expect(() => client.submit({ refuseToMove })).toThrow(refuseToMove);
    runtime.advanceBy(0);
    expect(backend.running.size).toBe(0);
    expect(client.stats()).toMatchObject({ queued: 0, running: 0 });
    expect(backend.freed).toBe(1);
  });
});
