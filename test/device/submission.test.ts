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

  it.each(['before', 'after'])(
    'J9: by the job itself rejects the result at once, too, asked for %s it',
    async (when) => {
      const { device, runtime } = openHandDevice({ credits: 1 });
      const client = device.open();
      client.submit({});
      runtime.advanceBy(0);
      const queued = client.submit({});
      if (when === 'before') queued.result.catch(() => {});
      expect(queued.job.cancel('why')).toBe('dequeued');
      await expect(queued.result).rejects.toMatchObject({ code: 'ERR_JOB_CANCELLED' });
      expect(queued.finished.status).toBe('pending');
    },
  );

  it('J9: of a job that is dead for another reason rejects with that', async () => {
    const { device, backend, runtime } = openHandDevice({ credits: 1 });
    const client = device.open();
    client.submit({});
    runtime.advanceBy(0);
    const signal = new CountingSignal();
    const queued = client.submit({}, { signal });
    client[Symbol.dispose]();
    expect([queued.cancel(), queued.finished.status]).toEqual(['dequeued', 'pending']);
    signal.abort('too late');
    const error = await queued.result.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_ENTITY_KILLED' });
    backend.end();
    runtime.advanceBy(0);
    expect(queued.finished.error).toBe(error);
  });

  it('F8: leaves no listener on the signal of a job that ends while it is submitted', async () => {
    for (const remove of [undefined, new Error('cannot leave')]) {
      const { device, runtime } = openHandDevice();
      const client = device.open();
      device.observe({
        emit: (event) => event.type === 'job-queue' && client[Symbol.dispose](),
      });
      const signal = new CountingSignal();
      if (remove !== undefined) signal.throws.remove = remove;
      const { result } = client.submit({}, { signal });
      await expect(result).rejects.toMatchObject({ code: 'ERR_ENTITY_KILLED' });
      expect(signal.listeners.size).toBe(0);
      if (remove === undefined) runtime.advanceBy(0);
      else expect(() => runtime.advanceBy(0)).toThrow(remove);
    }
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

  const notSignals: readonly (readonly [string, unknown])[] = [
    ['an empty object', {}],
    ['a number', 5],
    ['null', null],
    ['an AbortController', new AbortController()],
    ['without removeEventListener', { aborted: false, addEventListener: () => {} }],
  ];

  it.each(notSignals)('J1: refuses a signal that is %s, and no job exists', (_name, signal) => {
    const { device, runtime } = openHandDevice();
    const client = device.open();
    for (const queue of [client, client.queue()]) {
      const error = thrownBy(() => queue.submit({}, { signal } as never));
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
      expect((error as Error).message).toMatch(/submit: signal: expected an AbortSignal, got/);
    }
    runtime.advanceBy(1000);
    expect(client.stats()).toMatchObject({ submitted: 0, failed: 0, running: 0 });
  });

  it('J1: changes nothing where the signal throws while it is listened to', () => {
    const { device, runtime } = openHandDevice();
    const client = device.open();
    const signal = new CountingSignal();
    signal.throws = { add: new Error('cannot listen') };
    const moves = { owner: 'caller' as const };
    expect(() => client.submit({ moves }, { signal })).toThrow('cannot listen');
    runtime.advanceBy(1000);
    expect(client.stats()).toMatchObject({ submitted: 0, running: 0 });
    expect([moves.owner, signal.listeners.size]).toEqual(['caller', 0]);
  });

  it('J1: leaves no listener where it refuses the job', () => {
    const { device } = openHandDevice();
    const client = device.open({ maxQueued: 1 });
    client.submit({});
    const signal = new CountingSignal();
    expect(thrownBy(() => client.submit({}, { signal }))).toMatchObject({ code: 'ERR_QUEUE_FULL' });
    expect(signal.listeners.size).toBe(0);
  });

  it('J1: asks its signal nothing any more once there is a job', () => {
    const { device } = openHandDevice();
    const client = device.open();
    const signal = Object.defineProperty(new CountingSignal(), 'aborted', {
      get() {
        if (client.stats().submitted > 0) throw new Error('asked again');
        return false;
      },
    });
    expect(client.submit({}, { signal }).finished.status).toBe('pending');
  });

  it('J1, J9: hears a signal that aborts while it is listened to', async () => {
    const { device, backend, runtime } = openHandDevice();
    const signal = new CountingSignal();
    signal.onListen = () => signal.abort('now');
    const { result, finished } = device.open().submit({}, { signal });
    await expect(result).rejects.toMatchObject({ code: 'ERR_JOB_CANCELLED', cause: 'now' });
    runtime.advanceBy(0);
    expect([finished.status, backend.running.size, signal.listeners.size]).toEqual([
      'failed',
      0,
      0,
    ]);
  });

  it.each([null, 1, 'x', () => {}])('J1: refuses %s in place of its options', (options) => {
    const { device } = openHandDevice();
    const client = device.open();
    const error = thrownBy(() => client.submit({}, options as never));
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(client.stats().submitted).toBe(0);
  });

  it('J1: makes no job of work that cannot be moved', () => {
    const { device, backend, runtime } = openHandDevice();
    const client = device.open();
    const types: string[] = [];
    device.observe({ emit: ({ type }) => types.push(type) });
    const refuseToMove = new Error('cannot be moved');
    expect(() => client.submit({ refuseToMove })).toThrow(refuseToMove);
    runtime.advanceBy(0);
    expect(backend.running.size).toBe(0);
    expect(client.stats()).toMatchObject({ submitted: 0, failed: 0, queued: 0, running: 0 });
    expect([backend.freed, types]).toEqual([0, []]);
  });

  it('J1: takes nothing away where it throws', async () => {
    const { device, runtime } = openHandDevice({ credits: 1 });
    const full = device.open({ maxQueued: 1 });
    const moves: { owner: 'caller' | 'device' } = { owner: 'caller' };
    const aborted = AbortSignal.abort('before');
    expect(thrownBy(() => full.submit({ moves }, { credits: 0 }))).toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    });
    expect(thrownBy(() => full.submit({ moves }, { signal: aborted }))).toBe('before');
    full.submit({ durationUs: 1 });
    expect(thrownBy(() => full.submit({ moves }))).toMatchObject({ code: 'ERR_QUEUE_FULL' });
    const killed = device.open();
    killed[Symbol.dispose]();
    expect(thrownBy(() => killed.submit({ moves }))).toMatchObject({ code: 'ERR_CLOSED' });
    expect(moves.owner).toBe('caller');
    await runtime.settle(10);
    full.submit({ moves });
    expect(moves.owner).toBe('device');
  });
});
