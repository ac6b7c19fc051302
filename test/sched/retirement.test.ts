// When an attempt is retired, and what is held until then (J11, S4).
import { describe, expect, it } from 'vitest';
import type { Fence } from '../../src/fence/index.ts';
import { cranked, outcome, setUp } from './fixture.ts';

describe('an attempt', () => {
  it('J11: is retired when its hardware fence signals, and its credit is free then', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    const job = scheduler.createEntity().submit({});
    runtime.advanceBy(0);
    expect([job.retired, scheduler.stats().rings[0]?.creditsUsed]).toEqual([false, 1]);
    mock.complete(1);
    expect([job.retired, scheduler.stats().rings[0]?.creditsUsed]).toEqual([true, 0]);
  });

  it('J11: that timed out without a reset holds its credit until the hardware completes', () => {
    const { scheduler, runtime, mock } = setUp({
      credits: 1,
      runTimeoutMs: 5,
      driver: (ring) => ring.without('reset'),
    });
    const job = scheduler.createEntity().submit({});
    const next = scheduler.createEntity().submit({ durationUs: 5 });
    runtime.advanceBy(5000);
    expect([outcome(job), job.retired]).toEqual(['ERR_JOB_TIMEOUT', false]);
    runtime.advanceBy(1_000_000);
    expect([next.state, scheduler.stats().rings[0]?.creditsUsed]).toEqual(['queued', 1]);
    expect(mock.freedCount(job)).toBe(0);
    mock.complete(1);
    runtime.advanceBy(10);
    expect([outcome(job), job.retired, outcome(next)]).toEqual(['ERR_JOB_TIMEOUT', true, 'ok']);
    expect(mock.freedCount(job)).toBe(1);
  });

  it('F4: whose job fails while it is scheduled waits for its hardware fence once', () => {
    const heard: string[] = [];
    let hardware: Fence | null = null;
    const env = setUp({
      driver: (mock) => {
        const hooks = mock.without('reset');
        return {
          ...hooks,
          runJob: (job, ring) => {
            hardware = hooks.runJob(job, ring);
            hardware.addCallback(() => heard.push('driver'));
            return hardware;
          },
        };
      },
    });
    const job = env.scheduler.createEntity().submit({ durationUs: 10 });
    job.scheduled.addCallback(() => env.scheduler.fault(job));
    job.finished.addCallback(() => hardware?.addCallback(() => heard.push('user')));
    env.runtime.runUntilIdle();
    expect(outcome(job)).toBe('ERR_JOB_TIMEOUT');
    expect([heard, env.mock.freedCount(job)]).toEqual([['driver', 'user'], 1]);
  });

  it('J11: that timed out with a reset is retired by it', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1, runTimeoutMs: 5 });
    const job = scheduler.createEntity().submit({ hangs: true });
    const next = scheduler.createEntity().submit({ durationUs: 5 });
    runtime.runUntilIdle();
    expect([outcome(job), job.retired, outcome(next)]).toEqual(['ERR_JOB_TIMEOUT', true, 'ok']);
    expect(mock.freedCount(job)).toBe(1);
  });

  it('J11: is not retired by a reset that failed; by the next that succeeded it is', () => {
    const { scheduler, runtime, mock } = setUp({
      runTimeoutMs: 5,
      reset: { timeoutMs: 10, maxTries: 3, backoffMs: 10 },
    });
    mock.failReset(1);
    const job = scheduler.createEntity().submit({ hangs: true });
    runtime.advanceBy(6000);
    expect(job.retired).toBe(false);
    runtime.runUntilIdle();
    expect([job.retired, mock.freedCount(job)]).toEqual([true, 1]);
  });

  it('J11: is retired when the device is removed', () => {
    const { scheduler, runtime, mock } = setUp();
    const job = scheduler.createEntity().submit({});
    runtime.advanceBy(0);
    scheduler.removeDevice();
    runtime.advanceBy(0);
    expect([outcome(job), job.retired, mock.freedCount(job)]).toEqual(['ERR_DEVICE_GONE', true, 1]);
  });

  it('J11: that close cut off is retired, and freed, when its hardware completes', async () => {
    const { scheduler, runtime, mock } = setUp();
    mock.ignoresCancel = true;
    const job = scheduler.createEntity().submit({});
    runtime.advanceBy(0);
    await cranked(runtime, scheduler.close({ mode: 'kill' }));
    expect([outcome(job), job.retired]).toEqual(['ERR_SCHEDULER_CLOSED', false]);
    expect(mock.freedCount(job)).toBe(0);
    mock.complete(1);
    runtime.advanceBy(0);
    expect([outcome(job), job.retired]).toEqual(['ERR_SCHEDULER_CLOSED', true]);
    expect(mock.freedCount(job)).toBe(1);
  });

  it('J11, D3: that its own finished callback retires is freed once', async () => {
    const { scheduler, runtime, mock } = setUp();
    mock.ignoresCancel = true;
    const job = scheduler.createEntity().submit({});
    job.finished.addCallback(() => mock.finish(job));
    runtime.advanceBy(0);
    await cranked(runtime, scheduler.close({ mode: 'kill' }));
    expect([outcome(job), mock.freedCount(job)]).toEqual(['ERR_SCHEDULER_CLOSED', 1]);
  });

  it('J11: that a reset took is retired while its job is queued again, and the next one is not', () => {
    const { scheduler, runtime } = setUp();
    const hung = scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    const again = scheduler.createEntity().submit({ durationUs: 5 });
    const look = (): unknown[] => [again.state, again.attempt, again.retired];
    const seen: unknown[] = [look()];
    hung.finished.addCallback(() => seen.push(look()));
    runtime.advanceBy(999);
    seen.push(look());
    runtime.advanceBy(1);
    seen.push(look());
    runtime.runUntilIdle();
    expect([...seen, look()]).toEqual([
      ['queued', 0, false],
      ['running', 1, false],
      ['queued', 1, true],
      ['running', 2, false],
      ['finished', 2, true],
    ]);
  });

  it('J11: is retired before freeJob is called', () => {
    const retiredAtFree: boolean[] = [];
    const { scheduler, runtime } = setUp({
      driver: (mock) => ({
        ...mock.without(),
        freeJob: (job) => retiredAtFree.push(job.retired),
      }),
    });
    scheduler.createEntity().submit({ durationUs: 5 });
    runtime.runUntilIdle();
    expect(retiredAtFree).toEqual([true]);
  });
});
