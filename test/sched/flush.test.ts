// Waiting for an entity to empty (E1), and closing it.
import { describe, expect, it } from 'vitest';
import { cranked, outcome, outcomes, pendingFence, setUp, thrownBy } from './fixture.ts';

describe('flush', () => {
  it('E1: resolves true when the queue is empty and the last job finished', async () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    const jobs = [1, 2, 3].map(() => entity.submit({ durationUs: 10 }));
    expect(await cranked(runtime, entity.flush(), 30)).toBe(true);
    expect(outcomes(jobs)).toEqual(['ok', 'ok', 'ok']);
  });

  it('E1: is not over while the last job runs', async () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    entity.submit({ durationUs: 10 });
    await expect(cranked(runtime, entity.flush(), 9)).rejects.toThrow(/not settled/);
  });

  it('E1: resolves true at once where nothing is unfinished', async () => {
    expect(await setUp().scheduler.createEntity().flush({ timeoutMs: 0 })).toBe(true);
  });

  it('E1: resolves false when the time is up, and kills nothing', async () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    const jobs = [entity.submit({ durationUs: 5000 }), entity.submit({ durationUs: 5000 })];
    expect(await cranked(runtime, entity.flush({ timeoutMs: 6 }), 6000)).toBe(false);
    expect(outcomes(jobs)).toEqual(['ok', 'pending']);
    runtime.runUntilIdle();
    expect(outcomes(jobs)).toEqual(['ok', 'ok']);
    expect(thrownBy(() => entity.submit({}))).toBeUndefined();
  });

  it('E1: leaves no timer behind', async () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    entity.submit({ durationUs: 10 });
    await cranked(runtime, entity.flush({ timeoutMs: 100 }), 10);
    expect(runtime.pendingTimers).toBe(0);
  });

  it('E1: ends also where the jobs fail, are killed or cancelled', async () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    mock.failNext();
    entity.submit({ durationUs: 10 });
    entity.submit({}).cancel();
    entity.submit({ durationUs: 10 });
    const flushed = entity.flush();
    runtime.advanceBy(1);
    entity.kill();
    expect(await cranked(runtime, flushed, 20)).toBe(true);
    expect(entity.lastError?.code).toBe('ERR_ENTITY_KILLED');
  });

  it('E1: waits for what is submitted meanwhile', async () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    entity.submit({ durationUs: 10 });
    const flushed = entity.flush();
    runtime.advanceBy(5);
    const late = entity.submit({ durationUs: 10 });
    await cranked(runtime, flushed, 20);
    expect(outcome(late)).toBe('ok');
  });
});

describe('close of an entity', () => {
  it('takes no more jobs at once, and lets those it has finish', async () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    const job = entity.submit({ durationUs: 10 });
    const closed = entity.close();
    expect(thrownBy(() => entity.submit({}))).toBe('ERR_CLOSED');
    await cranked(runtime, closed, 10);
    expect(outcome(job)).toBe('ok');
  });

  it('kills what is left after flushMs', async () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    const jobs = [entity.submit({}), entity.submit({})];
    await cranked(runtime, entity.close({ flushMs: 2 }), 2000);
    expect([jobs[0]!.state, entity.queued]).toEqual(['running', 0]);
    runtime.advanceBy(0);
    const gate = jobs[0]!;
    expect(outcome(gate)).toBe('pending');
    gate.cancel();
    runtime.advanceBy(0);
    expect(outcomes(jobs)).toEqual(['ERR_JOB_CANCELLED', 'ERR_ENTITY_KILLED']);
  });

  it('E6: can be called twice, and after a kill, and after the scheduler closed', async () => {
    const { scheduler, runtime } = setUp();
    const [a, b, c] = [1, 2, 3].map(() => scheduler.createEntity());
    await cranked(runtime, Promise.all([a!.close(), a!.close()]));
    b!.kill();
    await cranked(runtime, b!.close());
    await cranked(runtime, scheduler.close({ mode: 'kill' }));
    await cranked(runtime, c!.close());
    expect(scheduler.stats().entities).toBe(0);
  });

  it('keeps its statistics readable (S13)', async () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    entity.submit({ durationUs: 10 });
    await cranked(runtime, entity.close(), 10);
    expect(entity.stats()).toMatchObject({ submitted: 1, completed: 1, busyUs: 10 });
  });

  it('is bounded although a dependency never signals', async () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    entity.submit({}, { after: [pendingFence(runtime).fence] });
    await cranked(runtime, entity.close({ flushMs: 2 }), 2000);
    expect(entity.queued).toBe(0);
  });
});
