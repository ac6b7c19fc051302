// The limits that a job carries (J10), and the one timer that serves them (T1). What follows a run timeout: timeouts.test.ts.
import { describe, expect, it } from 'vitest';
import { finishedIn, outcome, outcomes, pendingFence, setUp, signalsOf } from './fixture.ts';

describe('queueTimeoutMs', () => {
  it('J10: fails a job that has not started in time, without running it', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    scheduler.createEntity().submit({});
    const job = scheduler.createEntity().submit({}, { queueTimeoutMs: 5 });
    const signals = signalsOf([job]);
    runtime.advanceBy(4999);
    expect(outcome(job)).toBe('pending');
    runtime.advanceBy(1);
    expect([outcome(job), signals]).toEqual(['ERR_QUEUE_TIMEOUT', ['s0', 'f0']]);
    expect(mock.idsOf('runJob')).not.toContain(job.id);
    runtime.advanceBy(0);
    expect(mock.freedCount(job)).toBe(1);
  });

  it('J10: counts from submission, also behind others and behind a dependency', () => {
    const { scheduler, runtime } = setUp();
    const gate = pendingFence(runtime);
    const entity = scheduler.createEntity();
    const head = entity.submit({}, { after: [gate.fence], queueTimeoutMs: 10 });
    runtime.advanceBy(3000);
    const behind = entity.submit({ durationUs: 5 }, { queueTimeoutMs: 4 });
    runtime.advanceBy(4000);
    expect(entity.queued).toBe(1);
    gate.signal();
    runtime.advanceBy(0);
    expect([head.state, outcome(behind)]).toEqual(['running', 'pending']);
  });

  it('J10: does not touch a job that started in time, however long it runs', () => {
    const { scheduler, runtime } = setUp();
    const job = scheduler.createEntity().submit({ durationUs: 50_000 }, { queueTimeoutMs: 5 });
    runtime.runUntilIdle();
    expect(outcome(job)).toBe('ok');
  });

  it('J10: does not start anew where a reset queues the job again', () => {
    const { scheduler, runtime, mock } = setUp({ runTimeoutMs: 10 });
    mock.hang();
    scheduler.createEntity().submit({ durationUs: 5 });
    const again = scheduler.createEntity().submit({ durationUs: 5 }, { queueTimeoutMs: 1 });
    runtime.runUntilIdle();
    expect([outcome(again), again.attempt]).toEqual(['ok', 2]);
  });

  it('J10: of a job in the middle signals in order, after its predecessor', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    const jobs = [
      entity.submit({}),
      entity.submit({}),
      entity.submit({}, { queueTimeoutMs: 2 }),
      entity.submit({}),
    ];
    const signals = signalsOf(jobs);
    runtime.advanceBy(5000);
    expect(finishedIn(signals)).toEqual([]);
    expect(entity.queued).toBe(2);
    for (let i = 0; i < 3; i += 1) {
      mock.complete(1);
      runtime.advanceBy(0);
    }
    expect(finishedIn(signals)).toEqual(['f0', 'f1', 'f2', 'f3']);
    expect(outcomes(jobs)).toEqual(['ok', 'ok', 'ERR_QUEUE_TIMEOUT', 'ok']);
  });
});

describe('dependencyTimeoutMs', () => {
  it('J10: fails a job that is blocked at the head for too long', () => {
    const { scheduler, runtime, mock } = setUp();
    const gate = pendingFence(runtime);
    const job = scheduler
      .createEntity()
      .submit({}, { after: [gate.fence], dependencyTimeoutMs: 5 });
    runtime.advanceBy(4999);
    expect(outcome(job)).toBe('pending');
    runtime.advanceBy(1);
    expect(outcome(job)).toBe('ERR_DEPENDENCY_FAILED');
    const { error } = job.finished;
    expect(error?.cause).toMatchObject({ code: 'ERR_WAIT_TIMEOUT', message: error?.message });
    expect([mock.idsOf('runJob'), gate.fence.status]).toEqual([[], 'pending']);
  });

  it('J10: is satisfied by a dependency in time', () => {
    const { scheduler, runtime } = setUp();
    const gate = pendingFence(runtime);
    const job = scheduler
      .createEntity()
      .submit({ durationUs: 20_000 }, { after: [gate.fence], dependencyTimeoutMs: 5 });
    runtime.advanceBy(4000);
    gate.signal();
    runtime.runUntilIdle();
    expect(outcome(job)).toBe('ok');
  });

  it('J10: counts only while the job is at the head of its queue', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    const gate = pendingFence(runtime);
    const [, , job] = [
      entity.submit({}),
      entity.submit({}),
      entity.submit({}, { after: [gate.fence], dependencyTimeoutMs: 5 }),
    ];
    runtime.advanceBy(20_000);
    mock.complete(1);
    runtime.advanceBy(4999);
    expect(outcome(job)).toBe('pending');
    mock.complete(1);
    runtime.advanceBy(1);
    expect(outcome(job)).toBe('ERR_DEPENDENCY_FAILED');
  });

  it('J10: does not count waiting for credits', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    scheduler.createEntity().submit({});
    runtime.advanceBy(0);
    const job = scheduler.createEntity().submit({ durationUs: 5 }, { dependencyTimeoutMs: 5 });
    runtime.advanceBy(50_000);
    mock.complete(1);
    runtime.runUntilIdle();
    expect(outcome(job)).toBe('ok');
  });

  it('J10: counts fences from prepareJob', () => {
    const { scheduler, runtime, mock } = setUp();
    mock.prepareNext(pendingFence(runtime).fence);
    const job = scheduler.createEntity().submit({}, { dependencyTimeoutMs: 5 });
    runtime.advanceBy(5000);
    expect(outcome(job)).toBe('ERR_DEPENDENCY_FAILED');
  });

  it('J10, F9: is that of the scheduler where the job says none, also for fences from prepareJob', () => {
    const { scheduler, runtime, mock } = setUp({ dependencyTimeoutMs: 5 });
    mock.prepareNext(pendingFence(runtime).fence);
    const plain = scheduler.createEntity().submit({});
    const after = scheduler.createEntity().submit({}, { after: [pendingFence(runtime).fence] });
    runtime.advanceBy(5000);
    expect(outcomes([plain, after])).toEqual(['ERR_DEPENDENCY_FAILED', 'ERR_DEPENDENCY_FAILED']);
  });

  it('J10, F9: bounds the waits of a second attempt as well', () => {
    const { scheduler, runtime, mock } = setUp({ dependencyTimeoutMs: 5, runTimeoutMs: 1 });
    const gate = pendingFence(runtime);
    const hung = scheduler.createEntity().submit({ hangs: true });
    const again = scheduler.createEntity().submit({}, { after: [gate.fence] });
    runtime.advanceBy(500);
    gate.signal();
    runtime.advanceBy(400);
    expect([hung.state, again.state, again.attempt]).toEqual(['running', 'running', 1]);
    mock.prepareNext(pendingFence(runtime).fence);
    runtime.advanceBy(100);
    expect([outcome(hung), again.state]).toEqual(['ERR_JOB_TIMEOUT', 'queued']);
    runtime.advanceBy(5000);
    expect(outcome(again)).toBe('ERR_DEPENDENCY_FAILED');
  });

  it('J10: also ends the wait of a kill', () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    const after = [pendingFence(runtime).fence];
    const bounded = entity.submit({}, { after, dependencyTimeoutMs: 5 });
    entity.kill();
    runtime.advanceBy(4000);
    expect(outcome(bounded)).toBe('pending');
    runtime.advanceBy(5000);
    expect(outcome(bounded)).toBe('ERR_ENTITY_KILLED');
  });
});

describe('deadlineMs', () => {
  it('J10: never kills', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    scheduler.createEntity().submit({ durationUs: 9000 });
    const job = scheduler.createEntity().submit({ durationUs: 9000 }, { deadlineMs: 1 });
    runtime.runUntilIdle();
    expect(outcome(job)).toBe('ok');
  });
});

describe('the timer of a scheduler', () => {
  it('T1: is not set where no deadline exists', () => {
    const { scheduler, runtime } = setUp();
    const gate = pendingFence(runtime);
    scheduler.createEntity().submit({});
    scheduler.createEntity().submit({}, { after: [gate.fence], runTimeoutMs: Infinity });
    runtime.advanceBy(0);
    expect(runtime.pendingTimers).toBe(0);
  });

  it('T1: is one for run, queue and dependency timeouts together', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const gate = pendingFence(runtime);
    scheduler.createEntity().submit({}, { runTimeoutMs: 50 });
    scheduler.createEntity().submit({}, { queueTimeoutMs: 60 });
    scheduler.createEntity().submit({}, { after: [gate.fence], dependencyTimeoutMs: 70 });
    runtime.advanceBy(0);
    expect([runtime.pendingTimers, runtime.nextTimerAtUs]).toEqual([1, 50_000]);
  });

  it('T1: is gone when its last deadline is', () => {
    const { scheduler, runtime, mock } = setUp();
    scheduler.createEntity().submit({}, { runTimeoutMs: 50, queueTimeoutMs: 60 });
    runtime.advanceBy(0);
    mock.complete(1);
    runtime.advanceBy(0);
    expect(runtime.pendingTimers).toBe(0);
  });
});

describe('the dependency clock', () => {
  it('J10: stops when a reset puts a predecessor in front, and starts anew at the head', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 4 });
    const gate = pendingFence(runtime);
    const other = scheduler.createEntity();
    const entity = scheduler.createEntity();
    other.submit({ hangs: true }, { runTimeoutMs: 1 });
    runtime.advanceBy(0);
    entity.submit({ durationUs: 5 });
    const blocked = entity.submit({}, { after: [gate.fence], dependencyTimeoutMs: 5 });
    runtime.advanceBy(500);
    const predecessor = pendingFence(runtime);
    mock.prepareNext(predecessor.fence);
    runtime.advanceBy(10_000);
    expect([blocked.state, entity.queued]).toEqual(['queued', 2]);
    predecessor.signal();
    runtime.advanceBy(4_900);
    expect(entity.queued).toBe(1);
    runtime.advanceBy(200);
    expect(blocked.finished.error?.code).toBe('ERR_DEPENDENCY_FAILED');
  });
});
