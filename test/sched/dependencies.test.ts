// What a job waits for before it starts (J5 to J8). The bound on that wait is in limits.test.ts.
import { describe, expect, it } from 'vitest';
import { JobError, UsageError } from '../../src/base/index.ts';
import { signalledFence, Timeline } from '../../src/fence/index.ts';
import type { Fence } from '../../src/fence/index.ts';
import type { MockWork } from '../../src/drivers/sim/index.ts';
import { Scheduler } from '../../src/sched/index.ts';
import type { Driver } from '../../src/sched/index.ts';
import { idsOf, outcome, pendingFence, setUp } from './fixture.ts';
import type { SetUpOptions } from './fixture.ts';

const failure = new JobError('ERR_DRIVER', 'boom');

describe('a dependency', () => {
  it('J5: holds the job until every one has signalled', () => {
    const { scheduler, runtime } = setUp();
    const [a, b] = [pendingFence(runtime), pendingFence(runtime)];
    const job = scheduler.createEntity().submit({}, { after: [a.fence, b.fence] });
    runtime.advanceBy(1);
    expect(job.state).toBe('queued');
    b.signal();
    runtime.advanceBy(1);
    expect(job.state).toBe('queued');
    a.signal();
    runtime.advanceBy(0);
    expect([job.state, job.scheduled.signalledAtUs]).toEqual(['running', 2]);
  });

  it('J5: that has signalled holds nothing', () => {
    const { scheduler, runtime } = setUp();
    const job = scheduler.createEntity().submit({}, { after: [signalledFence(runtime)] });
    runtime.advanceBy(0);
    expect(job.state).toBe('running');
  });

  it('J5: of the head holds what is behind it, and no other entity', () => {
    const { scheduler, runtime, mock } = setUp();
    const entity = scheduler.createEntity();
    entity.submit({}, { after: [pendingFence(runtime).fence] });
    entity.submit({});
    const other = scheduler.createEntity().submit({});
    runtime.advanceBy(0);
    expect(mock.idsOf('runJob')).toEqual([other.id]);
  });

  it.each([
    ['run', 'ok', 1],
    ['fail', 'ERR_DEPENDENCY_FAILED', 0],
    [undefined, 'ok', 1],
  ] as const)(
    'J5: that fails, under %s: the job is %s',
    (onDependencyError, expected, attempts) => {
      const { scheduler, runtime, mock } = setUp();
      const dependency = pendingFence(runtime);
      const job = scheduler
        .createEntity({ ...(onDependencyError && { onDependencyError }) })
        .submit({ durationUs: 5 }, { after: [dependency.fence] });
      dependency.signal(failure);
      runtime.runUntilIdle();
      expect([outcome(job), mock.idsOf('runJob').length]).toEqual([expected, attempts]);
      if (attempts === 0) expect(job.finished.error?.cause).toBe(failure);
    },
  );

  it('J5: the rule of the job goes before the rule of its entity', () => {
    const { scheduler, runtime } = setUp();
    const failed = signalledFence(runtime, failure);
    const entity = scheduler.createEntity({ onDependencyError: 'fail' });
    const runs = entity.submit({ durationUs: 5 }, { after: [failed], onDependencyError: 'run' });
    const fails = entity.submit({ durationUs: 5 }, { after: [failed] });
    runtime.runUntilIdle();
    expect([outcome(runs), outcome(fails)]).toEqual(['ok', 'ERR_DEPENDENCY_FAILED']);
  });

  it('J5: one that fails fails the job only after the others have signalled', () => {
    const { scheduler, runtime } = setUp();
    const [a, b] = [pendingFence(runtime), pendingFence(runtime)];
    const job = scheduler
      .createEntity({ onDependencyError: 'fail' })
      .submit({}, { after: [a.fence, b.fence] });
    a.signal(failure);
    runtime.advanceBy(1);
    b.signal();
    runtime.advanceBy(1);
    expect(outcome(job)).toBe('ERR_DEPENDENCY_FAILED');
  });

  it('J6: the later fence of an ordered timeline stands for the earlier', () => {
    const { scheduler, runtime } = setUp();
    const timeline = new Timeline({ driver: 'test', label: 'ordered', runtime });
    const [first, second] = [timeline.createFence(), timeline.createFence()];
    const job = scheduler.createEntity().submit({}, { after: [second.fence, first.fence] });
    first.signal();
    runtime.advanceBy(1);
    expect(job.state).toBe('queued');
    second.signal();
    runtime.advanceBy(1);
    expect(job.state).toBe('running');
  });

  it('J6: fences of an unordered timeline are all waited for', () => {
    const { scheduler, runtime } = setUp();
    const timeline = new Timeline({ driver: 'test', label: 'any', runtime, ordered: false });
    const [first, second] = [timeline.createFence(), timeline.createFence()];
    const job = scheduler.createEntity().submit({}, { after: [first.fence, second.fence] });
    second.signal();
    runtime.advanceBy(1);
    expect(job.state).toBe('queued');
    first.signal();
    runtime.advanceBy(1);
    expect(job.state).toBe('running');
  });

  it('J6: the error of a fence that a later one stands for is kept', () => {
    const { scheduler, runtime } = setUp();
    const timeline = new Timeline({ driver: 'test', label: 'ordered', runtime });
    const [first, second] = [timeline.createFence(), timeline.createFence()];
    first.signal(failure);
    const entity = scheduler.createEntity({ onDependencyError: 'fail' });
    const job = entity.submit({}, { after: [first.fence, second.fence] });
    second.signal();
    runtime.runUntilIdle();
    expect(outcome(job)).toBe('ERR_DEPENDENCY_FAILED');
  });

  it('J6: on the same serial entity costs nothing under run', () => {
    const { scheduler, runtime, mock } = setUp({ rings: 1, credits: 2 });
    const entity = scheduler.createEntity();
    const first = entity.submit({});
    const second = entity.submit({}, { after: [first.finished, first.scheduled] });
    runtime.advanceBy(0);
    expect(idsOf(mock.jobsOn())).toEqual(idsOf([first, second]));
  });

  it('J6: on the same serial entity is kept under fail', () => {
    const { scheduler, runtime, mock } = setUp({ rings: 1, credits: 2 });
    const entity = scheduler.createEntity({ onDependencyError: 'fail' });
    const first = entity.submit({ durationUs: 5, error: failure });
    const second = entity.submit({ durationUs: 5 }, { after: [first.finished] });
    runtime.advanceBy(0);
    expect(idsOf(mock.jobsOn())).toEqual(idsOf([first]));
    runtime.runUntilIdle();
    expect([outcome(first), outcome(second)]).toEqual(['ERR_DRIVER', 'ERR_DEPENDENCY_FAILED']);
  });

  it('J6: on the same parallel entity is always kept', () => {
    const { scheduler, runtime, mock } = setUp({ rings: 2 });
    const entity = scheduler.createEntity({ order: 'parallel' });
    const first = entity.submit({});
    const second = entity.submit({}, { after: [first.finished] });
    runtime.advanceBy(0);
    expect(second.state).toBe('queued');
    mock.complete(1);
    runtime.advanceBy(0);
    expect(second.state).toBe('running');
  });

  it('J6: on a hardware fence of the same entity is kept', () => {
    const hardware: Fence[] = [];
    const { scheduler, runtime, mock } = setUp({
      driver: (ring) => ({
        ...ring.without(),
        runJob: (job, on) => {
          const fence = ring.runJob(job, on);
          hardware.push(fence);
          return fence;
        },
      }),
    });
    const entity = scheduler.createEntity();
    entity.submit({});
    runtime.advanceBy(0);
    const second = entity.submit({}, { after: [hardware[0]!] });
    runtime.advanceBy(0);
    expect(second.state).toBe('queued');
    mock.complete(1);
    runtime.advanceBy(0);
    expect(second.state).toBe('running');
  });
});

describe('pipelining', () => {
  const cases: readonly (readonly [string, string, SetUpOptions, 'run' | 'fail'])[] = [
    ['hands the job to the ring', 'running', {}, 'run'],
    ['waits under fail', 'queued', {}, 'fail'],
    ['waits with several rings', 'queued', { rings: 2 }, 'run'],
    ['waits where the ring keeps no order', 'queued', { mock: { ordered: false } }, 'run'],
  ];

  it.each(cases)('J7: on a job that is on the ring: %s', (_, state, options, onDependencyError) => {
    const { scheduler, runtime, mock } = setUp(options);
    const first = scheduler.createEntity().submit({});
    const second = scheduler
      .createEntity({ onDependencyError })
      .submit({}, { after: [first.finished] });
    runtime.advanceBy(0);
    expect([first.state, second.state]).toEqual(['running', state]);
    mock.complete(1);
    runtime.advanceBy(0);
    expect(second.state).toBe('running');
  });

  it('J7: waits for a job of another scheduler', () => {
    const { scheduler, runtime, mock } = setUp();
    const other = new Scheduler<MockWork>({ label: 'other', driver: mock, runtime });
    const first = other.createEntity().submit({});
    const second = scheduler.createEntity().submit({}, { after: [first.finished] });
    runtime.advanceBy(0);
    expect(second.state).toBe('queued');
  });

  it('J7: waits until that job is scheduled', () => {
    const { scheduler, runtime, mock } = setUp();
    const gate = pendingFence(runtime);
    const first = scheduler.createEntity().submit({}, { after: [gate.fence] });
    const second = scheduler.createEntity().submit({}, { after: [first.finished] });
    runtime.advanceBy(0);
    expect(second.state).toBe('queued');
    gate.signal();
    runtime.advanceBy(0);
    expect(idsOf(mock.jobsOn())).toEqual(idsOf([first, second]));
  });

  it('J7: waits for all other dependencies', () => {
    const { scheduler, runtime } = setUp();
    const gate = pendingFence(runtime);
    const first = scheduler.createEntity().submit({});
    const second = scheduler.createEntity().submit({}, { after: [first.finished, gate.fence] });
    runtime.advanceBy(0);
    expect(second.state).toBe('queued');
    gate.signal();
    runtime.advanceBy(0);
    expect(second.state).toBe('running');
  });

  it('J7: a job that was handed over runs again after a reset took both', () => {
    const { scheduler, runtime, mock } = setUp({ runTimeoutMs: 1 });
    mock.hang();
    const first = scheduler.createEntity().submit({ durationUs: 5 });
    const second = scheduler.createEntity().submit({ durationUs: 5 }, { after: [first.finished] });
    runtime.runUntilIdle();
    expect([outcome(first), outcome(second), second.attempt]).toEqual(['ERR_JOB_TIMEOUT', 'ok', 2]);
  });
});

describe('a dependency that was passed over', () => {
  it('J7, E2: signals before the job that was handed over ahead of it and never ran', () => {
    const { runtime, mock } = setUp();
    const throwing: Driver<MockWork> = {
      runJob(job, ring) {
        if (job.payload.hangs === true) throw new Error('no');
        return mock.runJob(job, ring);
      },
    };
    const scheduler = new Scheduler({ label: 'throws', driver: throwing, runtime, credits: 4 });
    const first = scheduler.createEntity().submit({});
    const entity = scheduler.createEntity({ order: 'parallel' });
    const second = entity.submit({ hangs: true }, { after: [first.finished] });
    const alone = entity.submit({ hangs: true });
    runtime.advanceBy(0);
    expect([outcome(alone), outcome(second)]).toEqual(['ERR_DRIVER', 'pending']);
    expect(second.state).toBe('queued');
    mock.complete(1);
    runtime.advanceBy(0);
    expect([outcome(first), outcome(second)]).toEqual(['ok', 'ERR_DRIVER']);
  });

  it('J7, E2: signals before the job that a reset fails, where the reset has it run again', () => {
    const { scheduler, runtime } = setUp({ credits: 3 });
    scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    const first = scheduler.createEntity().submit({ durationUs: 5 });
    const options = { after: [first.finished], resubmit: false };
    const second = scheduler.createEntity().submit({ durationUs: 5 }, options);
    const order: string[] = [];
    first.finished.addCallback(() => order.push('first'));
    second.finished.addCallback(() => order.push('second'));
    runtime.runUntilIdle();
    expect([outcome(first), outcome(second)]).toEqual(['ok', 'ERR_JOB_RESET']);
    expect(order).toEqual(['first', 'second']);
  });

  it('J7, T4: counts again for the next attempt', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 3 });
    const hung = scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
    const first = scheduler.createEntity().submit({ durationUs: 5 });
    const second = scheduler.createEntity().submit({ durationUs: 5 }, { after: [first.finished] });
    runtime.advanceBy(500);
    expect(idsOf(mock.jobsOn())).toEqual(idsOf([hung, first, second]));
    const gate = pendingFence(runtime);
    mock.prepareNext(gate.fence);
    runtime.advanceBy(1000);
    expect([first.state, second.state]).toEqual(['queued', 'queued']);
    gate.signal();
    runtime.runUntilIdle();
    expect([outcome(first), outcome(second)]).toEqual(['ok', 'ok']);
    expect(second.finished.signalledAtUs).toBe(first.finished.signalledAtUs! + 5);
  });

  it('J7, E2: counts again when the job is killed', () => {
    const { scheduler, runtime, mock } = setUp();
    const gate = pendingFence(runtime);
    const first = scheduler.createEntity().submit({});
    const entity = scheduler.createEntity();
    const second = entity.submit({}, { after: [first.finished, gate.fence] });
    runtime.advanceBy(0);
    entity.kill();
    gate.signal();
    runtime.advanceBy(0);
    expect([first.state, outcome(second)]).toEqual(['running', 'pending']);
    mock.complete(1);
    runtime.advanceBy(0);
    expect(outcome(second)).toBe('ERR_ENTITY_KILLED');
  });
});

describe('prepareJob', () => {
  it('J8: is asked after all dependencies until it returns null, each fence waited for', () => {
    const { scheduler, runtime, mock } = setUp();
    const [gate, a, b] = [1, 2, 3].map(() => pendingFence(runtime));
    mock.prepareNext(a!.fence, b!.fence);
    const job = scheduler.createEntity().submit({}, { after: [gate!.fence] });
    const asked = (): number => mock.idsOf('prepareJob').length;
    runtime.advanceBy(1);
    expect(asked()).toBe(0);
    gate!.signal();
    runtime.advanceBy(1);
    expect([asked(), job.state]).toEqual([1, 'queued']);
    a!.signal();
    runtime.advanceBy(1);
    expect([asked(), job.state]).toEqual([2, 'queued']);
    b!.signal();
    runtime.advanceBy(1);
    expect([asked(), job.state]).toEqual([3, 'running']);
  });

  it('J8: a fence that has signalled is skipped', () => {
    const { scheduler, runtime, mock } = setUp();
    const done = signalledFence(runtime);
    mock.prepareNext(...Array.from({ length: 999 }, () => done));
    const job = scheduler.createEntity().submit({});
    runtime.advanceBy(0);
    expect(job.state).toBe('running');
  });

  it('J8: a thousand of them in a row fail the job', () => {
    const { scheduler, runtime } = setUp({
      driver: (mock, virtual) => ({
        ...mock.without(),
        prepareJob: () => signalledFence(virtual),
      }),
    });
    const job = scheduler.createEntity().submit({});
    runtime.advanceBy(0);
    expect(outcome(job)).toBe('ERR_DRIVER');
    expect(job.finished.error?.cause).toBeInstanceOf(UsageError);
  });

  it('D2: anything but a fence or null fails the job with the cause', () => {
    const { scheduler, runtime } = setUp({
      driver: (mock) => ({ ...mock.without(), prepareJob: () => 5 as unknown as Fence }),
    });
    const job = scheduler.createEntity().submit({});
    runtime.advanceBy(0);
    expect(outcome(job)).toBe('ERR_DRIVER');
    expect(job.finished.error?.cause).toBeInstanceOf(UsageError);
  });

  it('D2: a throw fails the job with the cause, and the next job runs', () => {
    const { scheduler, runtime, mock } = setUp();
    const thrown = new Error('no memory');
    mock.throwNext('prepareJob', thrown);
    const entity = scheduler.createEntity();
    const [failed, next] = [entity.submit({ durationUs: 5 }), entity.submit({ durationUs: 5 })];
    runtime.runUntilIdle();
    expect([outcome(failed), outcome(next)]).toEqual(['ERR_DRIVER', 'ok']);
    expect(failed.finished.error?.cause).toBe(thrown);
    expect(mock.idsOf('runJob')).toEqual([next.id]);
  });

  it('J8: is asked anew at each attempt', () => {
    const { scheduler, runtime, mock } = setUp({ runTimeoutMs: 1 });
    mock.hang();
    scheduler.createEntity().submit({ durationUs: 5 });
    const again = scheduler.createEntity().submit({ durationUs: 5 });
    runtime.runUntilIdle();
    expect(again.attempt).toBe(2);
    expect(mock.idsOf('prepareJob').filter((id) => id === again.id)).toHaveLength(2);
  });
});

describe('prepareJob of a job that waits for a ring while that is reset', () => {
  function waitingJob() {
    const { scheduler, runtime, mock } = setUp({ credits: 1, runTimeoutMs: 1 });
    scheduler.createEntity().submit({ hangs: true });
    const job = scheduler.createEntity().submit({ durationUs: 5 }, { dependencyTimeoutMs: 1 });
    runtime.advanceBy(500);
    expect([job.state, mock.idsOf('prepareJob').filter((id) => id === job.id)]).toEqual([
      'queued',
      [job.id],
    ]);
    return { scheduler, runtime, mock, job };
  }

  it('J8, J10: is asked anew: what is to be waited for is waited for in the queue, within its bound', () => {
    const { scheduler, runtime, mock, job } = waitingJob();
    mock.prepareNext(pendingFence(runtime).fence);
    runtime.advanceBy(600);
    const next = scheduler.createEntity().submit({ durationUs: 5 });
    runtime.advanceBy(100);
    expect([job.state, next.state]).toEqual(['queued', 'finished']);
    runtime.advanceBy(1000);
    expect(outcome(job)).toBe('ERR_DEPENDENCY_FAILED');
  });

  it('J8: is asked anew, and runs at once where there is nothing to wait for', () => {
    const { runtime, mock, job } = waitingJob();
    runtime.advanceBy(600);
    expect([outcome(job), job.attempt]).toEqual(['ok', 1]);
    expect(mock.idsOf('prepareJob').filter((id) => id === job.id)).toHaveLength(2);
  });
});

describe('a pipelined dependency', () => {
  it('J7: is waited for after all where its job left the ring before the dependent job started', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const gate = pendingFence(runtime);
    const [first, second] = [scheduler.createEntity(), scheduler.createEntity()];
    // Dead, and waiting for the gate: what ends behind it in its entity cannot finish.
    const held = first.submit(
      { durationUs: 10 },
      { after: [gate.fence], onDependencyError: 'run' },
    );
    const dependency = first.submit({ durationUs: 10 });
    held.cancel();
    runtime.advanceBy(0);
    const dependent = second.submit({ durationUs: 10 }, { after: [dependency.finished] });
    runtime.advanceBy(1000);
    expect([dependency.finished.status, dependent.state]).toEqual(['pending', 'queued']);
    gate.signal();
    runtime.advanceBy(0);
    expect([dependency.finished.status, dependent.state]).toEqual(['ok', 'running']);
  });

  it('J7, T4: is waited for after all where a reset put its job back', () => {
    const { scheduler, runtime } = setUp({ credits: 2 });
    const [rogue, first, second] = [1, 2, 3].map(() => scheduler.createEntity());
    rogue!.submit({ hangs: true }, { runTimeoutMs: 1 });
    const dependency = first!.submit({ durationUs: 10 });
    runtime.advanceBy(0);
    const dependent = second!.submit({ durationUs: 10 }, { after: [dependency.finished] });
    runtime.advanceBy(500);
    expect([dependency.state, dependent.state]).toEqual(['running', 'queued']);
    runtime.runUntilIdle();
    expect(dependency.attempt).toBe(2);
    expect(dependent.scheduled.signalledAtUs).toBeGreaterThanOrEqual(
      dependency.scheduled.signalledAtUs!,
    );
    expect([dependency.finished.status, dependent.finished.status]).toEqual(['ok', 'ok']);
  });

  it('J6, J7: stands for the earlier ones of its timeline, which may be on no ring', () => {
    const { scheduler, runtime } = setUp({ credits: 2 });
    const gate = pendingFence(runtime);
    const [first, second] = [scheduler.createEntity(), scheduler.createEntity()];
    const dead = first.submit({}, { after: [gate.fence] });
    const dependency = first.submit({});
    dead.cancel();
    runtime.advanceBy(0);
    const after = [dead.finished, dependency.finished];
    const dependent = second.submit({ durationUs: 10 }, { after });
    const control = scheduler.createEntity().submit({ durationUs: 10 });
    runtime.advanceBy(0);
    expect(dependency.state).toBe('running');
    expect([dependent.state, control.state]).toEqual(['queued', 'running']);
    gate.signal();
    runtime.advanceBy(0);
    expect(dead.finished.status).toBe('failed');
  });
});
