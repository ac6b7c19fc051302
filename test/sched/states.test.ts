// The life of one job and its two fences (J2, J3, D3). The order among several is in order.test.ts.
import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/base/index.ts';
import { signalledFence } from '../../src/fence/index.ts';
import { cranked, outcome, setUp, signalsOf } from './fixture.ts';

describe('a job', () => {
  it('J2: goes from queued to running to finished', () => {
    const { scheduler, runtime } = setUp();
    const job = scheduler.createEntity().submit({ durationUs: 10 });
    const look = (): unknown[] => [job.state, job.attempt, job.ring, job.retired];
    expect(look().slice(0, 3)).toEqual(['queued', 0, null]);
    runtime.advanceBy(3);
    expect(look()).toEqual(['running', 1, 0, false]);
    runtime.advanceBy(10);
    expect(look()).toEqual(['finished', 1, 0, true]);
  });

  it('J3: its scheduled fence signals when it starts, its finished fence when it ends', () => {
    const { scheduler, runtime } = setUp();
    runtime.advanceBy(7);
    const job = scheduler.createEntity().submit({ durationUs: 10 });
    runtime.runUntilIdle();
    expect([job.scheduled.signalledAtUs, job.finished.signalledAtUs]).toEqual([7, 17]);
    expect([job.scheduled.status, job.finished.status]).toEqual(['ok', 'ok']);
  });

  it.each([
    { atUs: 0.001, durationUs: 0.002 },
    { atUs: 7, durationUs: 10 },
    { atUs: 999_999.999, durationUs: 0.001 },
    { atUs: 12_345_678.125, durationUs: 3_600_000_000 },
    { atUs: 31_536_000_000_000, durationUs: 86_400_000_000 },
  ])('F3: its fences tell the same times whenever they are asked for: %o', (times) => {
    const { atUs, durationUs } = times;
    const timesOf = (isAskedEarly: boolean): unknown[] => {
      const { scheduler, runtime } = setUp();
      runtime.advanceBy(atUs);
      const job = scheduler.createEntity().submit({ durationUs });
      const fences = isAskedEarly ? [job.scheduled, job.finished] : [];
      runtime.runUntilIdle();
      expect(fences.length === 0 || fences[1] === job.finished).toBe(true);
      return [job.scheduled.signalledAtUs, job.finished.signalledAtUs];
    };
    expect(timesOf(true)[0]).toBe(atUs);
    expect(timesOf(false)).toEqual(timesOf(true));
  });

  it('J3: its fences have one time where it never started', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    runtime.advanceBy(5);
    const job = scheduler.createEntity().submit({ durationUs: 10 });
    runtime.advanceBy(0);
    const behind = scheduler.createEntity().submit({ durationUs: 10 });
    runtime.advanceBy(2);
    behind.cancel();
    runtime.runUntilIdle();
    expect([behind.scheduled.signalledAtUs, behind.finished.signalledAtUs]).toEqual([7, 7]);
    expect(behind.scheduled.error).toBe(behind.finished.error);
    expect(job.finished.signalledAtUs).toBe(15);
  });

  it('J3: its state is up to date inside the callbacks of its fences', () => {
    const { scheduler, runtime } = setUp();
    const job = scheduler.createEntity().submit({ durationUs: 10 });
    const seen: unknown[] = [];
    job.scheduled.addCallback(() => seen.push([job.state, job.attempt, job.ring]));
    job.finished.addCallback(() => seen.push([job.state, job.attempt, job.ring]));
    runtime.runUntilIdle();
    expect(seen).toEqual([
      ['running', 1, 0],
      ['finished', 1, 0],
    ]);
  });

  it('J3: a failed hardware fence gives its error to the finished fence as it is', () => {
    const { scheduler, runtime, mock } = setUp();
    const error = new JobError('ERR_DRIVER', 'parity');
    mock.failNext(error);
    const job = scheduler.createEntity().submit({ durationUs: 10 });
    runtime.runUntilIdle();
    expect(job.finished.error).toBe(error);
    expect(job.scheduled.status).toBe('ok');
  });

  it('D2: work that is already complete finishes, scheduled first', () => {
    const { scheduler, runtime } = setUp({
      driver: (mock, virtual) => ({ ...mock.without(), runJob: () => signalledFence(virtual) }),
    });
    const job = scheduler.createEntity().submit({});
    const signals = signalsOf([job]);
    runtime.advanceBy(0);
    expect(signals).toEqual(['s0', 'f0']);
    expect(outcome(job)).toBe('ok');
  });

  it('D2: work that is already complete may have failed', () => {
    const error = new JobError('ERR_DRIVER', 'at once');
    const { scheduler, runtime } = setUp({
      driver: (mock, virtual) => ({
        ...mock.without(),
        runJob: () => signalledFence(virtual, error),
      }),
    });
    const job = scheduler.createEntity().submit({});
    runtime.advanceBy(0);
    expect([job.scheduled.status, job.finished.error]).toEqual(['ok', error]);
  });

  it('J3: one that never reached hardware signals both fences, in that order, with the same error', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    const job = entity.submit({ durationUs: 10 });
    const signals = signalsOf([job]);
    entity.kill();
    runtime.runUntilIdle();
    expect(signals).toEqual(['s0', 'f0']);
    expect(job.scheduled.error).not.toBeNull();
    expect(job.finished.error).toBe(job.scheduled.error);
    expect([job.state, job.attempt, job.ring]).toEqual(['finished', 0, null]);
  });

  it('J3: its scheduled fence signals once, at the first of several attempts', () => {
    const { scheduler, runtime, mock } = setUp({ runTimeoutMs: 1 });
    const [first, second] = [scheduler.createEntity(), scheduler.createEntity()];
    mock.hang();
    first.submit({ durationUs: 10 });
    const job = second.submit({ durationUs: 10 });
    const signals = signalsOf([job]);
    runtime.runUntilIdle();
    expect(job.attempt).toBe(2);
    expect(signals).toEqual(['s0', 'f0']);
    expect(job.scheduled.signalledAtUs).toBe(0);
  });

  it('D3: is freed once, after its finished fence, never inside a callback', () => {
    const { scheduler, runtime, mock } = setUp();
    const job = scheduler.createEntity().submit({ durationUs: 10 });
    const freedInside: number[] = [];
    job.finished.addCallback(() => freedInside.push(mock.freedCount(job)));
    runtime.runUntilIdle();
    expect([freedInside, mock.freedCount(job)]).toEqual([[0], 1]);
  });

  it('D3: is freed once also when it never ran', () => {
    const { scheduler, runtime, mock } = setUp();
    const entity = scheduler.createEntity();
    const job = entity.submit({ durationUs: 10 });
    entity.kill();
    runtime.runUntilIdle();
    expect(mock.idsOf('runJob')).toEqual([]);
    expect(mock.freedCount(job)).toBe(1);
  });

  it('leaves no timer and nothing deferred behind', () => {
    const { scheduler, runtime } = setUp({ runTimeoutMs: 1000 });
    scheduler.createEntity().submit({ durationUs: 10 }, { queueTimeoutMs: 50 });
    runtime.advanceBy(10);
    expect([runtime.pendingTimers, runtime.pendingDeferred]).toEqual([0, 0]);
  });

  it('keeps its fences readable after everything is closed (F6)', async () => {
    const { scheduler, runtime } = setUp();
    const job = scheduler.createEntity({ label: 'mine' }).submit({ durationUs: 10 });
    runtime.runUntilIdle();
    await cranked(runtime, scheduler.close());
    expect([job.finished.status, job.finished.signalledAtUs]).toEqual(['ok', 10]);
    expect(typeof job.finished.timeline.label).toBe('string');
  });
});
