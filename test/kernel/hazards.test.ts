// Known hazards of the kernel's scheduler, by the numbers of docs/kernel-differences.md: shares, wake-ups, dependencies and
// limits. Each test sets up what goes wrong there. Recovery and ends: hazardsOfRecovery.test.ts. That none of the hazards
// is forgotten: hazardTable.test.ts.
import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/base/index.ts';
import { signalledFence, Timeline } from '../../src/fence/index.ts';
import { Entity } from '../../src/sched/index.ts';
import { eventsOf, finishedIn, idsOf, outcome, outcomes } from '../sched/fixture.ts';
import { pendingFence, setUp, signalsOf, thrownBy } from '../sched/fixture.ts';
import type { MockJob, SetUp } from '../sched/fixture.ts';

/** Submits `count` jobs of `durationUs`. */
function fill(entity: Entity<{ durationUs?: number }>, count: number, durationUs: number): void {
  for (let i = 0; i < count; i += 1) entity.submit({ durationUs });
}

describe('shares', () => {
  for (const credits of [1, 2]) {
    it(`H-1, S8: charge a client that submits one job at a time as it goes, with ${credits} credits`, () => {
      const { scheduler, runtime } = setUp({ credits });
      const deep = scheduler.createEntity();
      const synchronous = scheduler.createEntity();
      fill(deep, 3000, 1000);
      for (let i = 0; i < 100; i += 1) {
        const job = synchronous.submit({ durationUs: 10_000 });
        while (job.finished.status === 'pending') runtime.advanceBy(500);
      }
      // Both had half of the time, so nothing is left to be charged at once for the jobs of the past.
      expect(Math.abs(deep.stats().busyUs - synchronous.stats().busyUs)).toBeLessThanOrEqual(
        20_000,
      );
      const beganUs = runtime.nowUs();
      const burst = [0, 1, 2, 3].map(() => synchronous.submit({ durationUs: 10_000 }));
      runtime.runUntilIdle();
      const endsUs = burst.map((job) => Number(job.finished.signalledAtUs) - beganUs);
      endsUs.forEach((endUs, index) => expect(endUs).toBeLessThanOrEqual((index + 2) * 20_000));
    });
  }

  it('H-2, S9: give no catch-up to an entity that was blocked, and blocked ones hold no time back', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const gate = pendingFence(runtime);
    const blocked = scheduler.createEntity();
    const steady = scheduler.createEntity();
    fill(blocked, 1, 1000);
    blocked.submit({ durationUs: 1000 }, { after: [gate.fence] });
    fill(blocked, 2000, 1000);
    fill(steady, 4000, 1000);
    runtime.advanceBy(1_000_000);
    expect(steady.stats().busyUs).toBe(999_000);
    const newcomer = scheduler.createEntity();
    fill(newcomer, 2000, 1000);
    runtime.advanceBy(100_000);
    expect(Math.abs(newcomer.stats().busyUs - 50_000)).toBeLessThanOrEqual(2000);
    gate.signal();
    const before = [blocked, steady, newcomer].map((entity) => entity.stats().busyUs);
    runtime.advanceBy(90_000);
    [blocked, steady, newcomer].forEach((entity, at) => {
      const gainedUs = entity.stats().busyUs - Number(before[at]);
      expect(Math.abs(gainedUs - 30_000)).toBeLessThanOrEqual(2000);
    });
  });
});

describe('wake-ups', () => {
  const from: Record<string, (env: SetUp, first: MockJob, submit: () => void) => void> = {
    'the callback of a finished fence': (_, first, submit) =>
      void first.finished.addCallback(submit),
    'the callback of a scheduled fence': (_, first, submit) =>
      void first.scheduled.addCallback(submit),
    'a deferred function': (env, first, submit) =>
      void first.finished.addCallback(() => env.runtime.defer(submit)),
    'what is deferred at the end of a pass': (env, _, submit) => {
      const stop = env.scheduler.observe({
        emit: (event) => {
          if (event.type !== 'pass-end') return;
          stop();
          env.runtime.defer(submit);
        },
      });
    },
  };
  /** Lets the first job go only as far as the submit needs it, so that no later event hides a lost wake-up. */
  const endUntilSubmitted = (env: SetUp, added: readonly MockJob[]): void => {
    env.runtime.advanceBy(0);
    if (added.length > 0) return;
    env.mock.complete(1);
    env.runtime.advanceBy(0);
  };

  for (const [where, arrange] of Object.entries(from)) {
    it(`H-3, S2: come from a submit to an idle entity in ${where}`, () => {
      const env = setUp();
      const idle = env.scheduler.createEntity();
      const added: MockJob[] = [];
      const first = env.scheduler.createEntity().submit({});
      arrange(env, first, () => void added.push(idle.submit({})));
      endUntilSubmitted(env, added);
      expect(added.map((job) => job.state)).toEqual(['running']);
    });
  }

  for (const hook of ['runJob', 'freeJob', 'prepareJob'] as const) {
    it(`H-3, S2: come from a submit to an idle entity in the hook ${hook}`, () => {
      const added: MockJob[] = [];
      const called = (name: string, job: MockJob): void => {
        if (name === hook && job.label === 'first') added.push(idle.submit({}));
      };
      const env = setUp({
        driver: (mock) => ({
          ...mock.without(),
          runJob: (job, ring) => {
            called('runJob', job);
            return mock.runJob(job, ring);
          },
          prepareJob: (job) => {
            called('prepareJob', job);
            return null;
          },
          freeJob: (job) => called('freeJob', job),
        }),
      });
      const idle = env.scheduler.createEntity();
      env.scheduler.createEntity().submit({}, { label: 'first' });
      endUntilSubmitted(env, added);
      expect(added.map((job) => job.state)).toEqual(['running']);
    });
  }

  it('H-4: a job that ran and was freed before its submitter looked again still answers', () => {
    const env = setUp({
      driver: (mock, runtime) => ({ ...mock.without(), runJob: () => signalledFence(runtime) }),
    });
    const job = env.scheduler.createEntity().submit({});
    env.runtime.advanceBy(0);
    expect(env.mock.freedCount(job)).toBe(1);
    expect([job.state, job.retired, job.scheduled.status, outcome(job)]).toEqual([
      'finished',
      true,
      'ok',
      'ok',
    ]);
  });

  it('H-4, S5: a head that did not fit and is cancelled makes way at once, without any other event', () => {
    const { scheduler, runtime } = setUp({ credits: 2 });
    scheduler.createEntity().submit({});
    const entity = scheduler.createEntity();
    const big = entity.submit({}, { credits: 2 });
    const small = entity.submit({});
    runtime.advanceBy(0);
    expect([big.state, small.state]).toEqual(['queued', 'queued']);
    big.cancel();
    runtime.advanceBy(0);
    expect(small.state).toBe('running');
  });

  it('H-5: a head that turns out to be blocked after it was chosen leaves its turn to others', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    const gate = pendingFence(runtime);
    const other = pendingFence(runtime);
    mock.prepareNext(gate.fence, other.fence);
    const [a, b] = [scheduler.createEntity(), scheduler.createEntity()];
    const first = a.submit({ durationUs: 100 });
    const second = b.submit({ durationUs: 100 });
    const third = scheduler.createEntity().submit({ durationUs: 100 });
    runtime.runUntilIdle();
    expect(outcomes([first, second, third])).toEqual(['pending', 'pending', 'ok']);
    other.signal();
    runtime.runUntilIdle();
    expect(outcomes([first, second])).toEqual(['pending', 'ok']);
    gate.signal();
    runtime.runUntilIdle();
    expect(outcome(first)).toBe('ok');
  });

  it('H-5, S12: go to the scheduler that the entity moved to, and to no other', () => {
    const before = setUp();
    const { runtime } = before;
    const to = setUp({ runtime });
    const entity = new Entity({ schedulers: [before.scheduler] });
    entity.submit({ durationUs: 100 });
    runtime.runUntilIdle();
    entity.setSchedulers([to.scheduler]);
    const gate = pendingFence(runtime);
    const passes: string[] = [];
    for (const [name, { scheduler }] of Object.entries({ before, to })) {
      scheduler.observe({
        emit: (event) => void (event.type === 'pass-begin' && passes.push(name)),
      });
    }
    const job = entity.submit({ durationUs: 100 }, { after: [gate.fence] });
    runtime.advanceBy(0);
    gate.signal();
    runtime.runUntilIdle();
    expect([outcome(job), to.mock.idsOf('runJob')]).toEqual(['ok', [job.id]]);
    expect(new Set(passes)).toEqual(new Set(['to']));
  });
});

describe('kills', () => {
  it('H-6, F5: from inside the callback of a job’s own dependency end it, and neither hang nor recurse', () => {
    const { scheduler, runtime, mock } = setUp();
    const gate = pendingFence(runtime);
    const entity = scheduler.createEntity();
    gate.fence.addCallback(() => entity.kill());
    const jobs = [0, 1].map(() => entity.submit({}, { after: [gate.fence] }));
    runtime.advanceBy(0);
    gate.signal();
    runtime.runUntilIdle();
    expect(outcomes(jobs)).toEqual(['ERR_ENTITY_KILLED', 'ERR_ENTITY_KILLED']);
    expect(mock.idsOf('runJob')).toEqual([]);
  });

  it('H-6, F5: of ten thousand entities that wait for each other signal in one turn, in order', () => {
    const { scheduler, runtime } = setUp();
    const gate = pendingFence(runtime);
    let before = gate.fence;
    const jobs = Array.from({ length: 10_000 }, () => {
      const entity = scheduler.createEntity();
      const job = entity.submit({}, { after: [before] });
      entity.kill();
      before = job.finished;
      return job;
    });
    const ends: number[] = [];
    for (const job of jobs) job.finished.addCallback(() => ends.push(job.id));
    runtime.advanceBy(0);
    expect(ends).toEqual([]);
    gate.signal();
    expect(ends).toEqual(idsOf(jobs));
  });

  it('H-7, E2: let fences signal only after the predecessor and all dependencies have', () => {
    const { scheduler, runtime, mock } = setUp();
    const entity = scheduler.createEntity();
    const running = entity.submit({});
    const gate = pendingFence(runtime);
    const killed = entity.submit({}, { after: [gate.fence] });
    const signals = signalsOf([running, killed]);
    runtime.advanceBy(0);
    entity.kill();
    gate.signal();
    runtime.runUntilIdle();
    expect(finishedIn(signals)).toEqual([]);
    mock.complete(1);
    expect(finishedIn(signals)).toEqual(['f0', 'f1']);
  });

  it('H-7, E2: wait also for a dependency that pipelining had passed over', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    const writer = scheduler.createEntity().submit({});
    const entity = scheduler.createEntity();
    const reader = entity.submit({}, { after: [writer.finished] });
    runtime.advanceBy(0);
    expect(reader.state).toBe('queued');
    entity.kill();
    runtime.advanceBy(1000);
    expect(outcome(reader)).toBe('pending');
    mock.complete(1);
    expect(outcomes([writer, reader])).toEqual(['ok', 'ERR_ENTITY_KILLED']);
  });

  it('H-9, J1: make every later submit throw, with nothing parked', () => {
    const { scheduler, mock } = setUp();
    const entity = scheduler.createEntity();
    entity.kill();
    expect(thrownBy(() => entity.submit({}))).toBe('ERR_CLOSED');
    expect(thrownBy(() => entity.submit({}))).toBe('ERR_CLOSED');
    expect([entity.queued, entity.stats().submitted, scheduler.stats().queued]).toEqual([0, 0, 0]);
    expect(mock.calls).toEqual([]);
  });
});

describe('a submit', () => {
  it('H-15, J1: without a usable scheduler throws, and nothing changed', () => {
    const [one, other] = [setUp(), setUp()];
    const entity = new Entity({ schedulers: [one.scheduler, other.scheduler] });
    const fine = entity.submit({ durationUs: 100 });
    one.runtime.runUntilIdle();
    other.runtime.runUntilIdle();
    void one.scheduler.close();
    void other.scheduler.close();
    expect(thrownBy(() => entity.submit({}))).toBe('ERR_NO_SCHEDULER');
    expect([outcome(fine), entity.queued, entity.stats().submitted]).toEqual(['ok', 0, 1]);
    expect(thrownBy(() => new Entity({ schedulers: [] }))).toBe('ERR_NO_SCHEDULER');
  });

  it('H-17, J1: that throws has taken hold of nothing', () => {
    const { scheduler, runtime, events } = setUp();
    const entity = scheduler.createEntity({ maxQueued: 1 });
    const gate = pendingFence(runtime);
    const kept = entity.submit({}, { after: [gate.fence] });
    runtime.advanceBy(0);
    const told = events.length;
    const refuse = (): unknown => entity.submit({}, { after: [gate.fence], queueTimeoutMs: 1 });
    expect(thrownBy(refuse)).toBe('ERR_QUEUE_FULL');
    runtime.advanceBy(5000);
    expect(events).toHaveLength(told);
    gate.signal();
    runtime.advanceBy(0);
    expect([kept.state, kept.finished.seqno, entity.stats().submitted]).toEqual(['running', 1, 1]);
  });
});

describe('what a driver returns', () => {
  for (const value of [null, undefined, true]) {
    it(`H-22, D2: ${String(value)} from runJob is a failure, not success`, () => {
      const env = setUp({
        driver: (mock) => ({ ...mock.without(), runJob: () => value as never }),
      });
      const job = env.scheduler.createEntity().submit({});
      env.runtime.runUntilIdle();
      expect([outcome(job), env.mock.freedCount(job)]).toEqual(['ERR_DRIVER', 1]);
    });
  }

  it('H-25, D2: a fence that has signalled completes the job at once, and holds no credit', () => {
    const env = setUp({
      credits: 1,
      driver: (mock, runtime) => ({ ...mock.without(), runJob: () => signalledFence(runtime) }),
    });
    const entity = env.scheduler.createEntity();
    const jobs = [0, 1, 2].map(() => entity.submit({}));
    env.runtime.advanceBy(0);
    expect(outcomes(jobs)).toEqual(['ok', 'ok', 'ok']);
    expect(env.scheduler.stats().rings[0]).toMatchObject({ running: 0, creditsUsed: 0 });
  });

  it('H-25, S4: a job that costs more than there is runs all the same', () => {
    const { scheduler, runtime, events } = setUp({ credits: 2 });
    const job = scheduler.createEntity().submit({ durationUs: 10 }, { credits: 5 });
    runtime.runUntilIdle();
    expect([outcome(job), eventsOf(events, 'warning').length]).toEqual(['ok', 1]);
  });

  it('H-25, J5: a dependency that failed ends the job once, when the others have signalled, and not what follows', () => {
    const { scheduler, runtime } = setUp();
    const failed = pendingFence(runtime);
    failed.signal(new JobError('ERR_DRIVER'));
    const gate = pendingFence(runtime);
    const entity = scheduler.createEntity({ onDependencyError: 'fail' });
    const job = entity.submit({}, { after: [failed.fence, gate.fence] });
    gate.signal();
    runtime.advanceBy(0);
    const after = entity.submit({ durationUs: 10 });
    runtime.runUntilIdle();
    expect(outcomes([job, after])).toEqual(['ERR_DEPENDENCY_FAILED', 'ok']);
  });
});

describe('limits', () => {
  it('H-24, J10: a cycle over a fence that somebody signals by hand is broken by the bound on waiting', () => {
    const { scheduler, runtime } = setUp({ dependencyTimeoutMs: 50 });
    const gate = new Timeline({ driver: 'test', label: 'gate', runtime }).createFence();
    const job = scheduler.createEntity().submit({}, { after: [gate.fence] });
    job.finished.addCallback(() => void gate.signal());
    runtime.runUntilIdle();
    expect([outcome(job), job.finished.signalledAtUs, gate.fence.status]).toEqual([
      'ERR_DEPENDENCY_FAILED',
      50_000,
      'ok',
    ]);
  });

  it('H-24, J6: a job cannot be named before it exists, so jobs alone form no cycle', () => {
    const { scheduler, runtime, mock } = setUp();
    const [a, b] = [scheduler.createEntity(), scheduler.createEntity()];
    const jobs: MockJob[] = [];
    for (let i = 0; i < 40; i += 1) {
      const after = jobs.slice(-7).map((job) => job.finished);
      jobs.push((i % 2 === 0 ? a : b).submit({ durationUs: 10 }, { after }));
    }
    runtime.runUntilIdle();
    expect(new Set(outcomes(jobs))).toEqual(new Set(['ok']));
    expect(mock.idsOf('runJob')).toEqual(idsOf(jobs));
  });

  it('H-26, T1: later submits do not postpone the timeout of a job that hangs', () => {
    const { scheduler, runtime } = setUp({ credits: 1000, runTimeoutMs: 10 });
    const entity = scheduler.createEntity();
    const hung = entity.submit({ hangs: true });
    for (let atMs = 0; atMs < 20; atMs += 1) {
      entity.submit({ durationUs: 1 });
      runtime.advanceBy(1000);
    }
    expect([outcome(hung), hung.finished.signalledAtUs]).toEqual(['ERR_JOB_TIMEOUT', 10_000]);
  });
});
