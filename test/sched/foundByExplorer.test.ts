// What the explorer found in the scheduler, each as the shortest run that shows it. The rules themselves are tested where they
// belong; here is the order of events that nobody had thought of.
import { describe, expect, it } from 'vitest';
import { MockRing } from '../../src/drivers/sim/index.ts';
import type { MockWork } from '../../src/drivers/sim/index.ts';
import { Entity, ResetDomain, ResourcePool, Scheduler } from '../../src/sched/index.ts';
import type { Driver } from '../../src/sched/index.ts';
import { outcome, outcomes, pendingFence, setUp, signalsOf, thrownBy } from './fixture.ts';
import type { MockJob, SetUp } from './fixture.ts';

/** Two schedulers on one runtime, and an entity that may use both. */
function two(resetDomain?: (env: SetUp) => ResetDomain): {
  a: SetUp;
  b: SetUp;
  entity: Entity<MockWork>;
} {
  const a = setUp({ label: 'a' });
  const domain = resetDomain?.(a);
  const first = domain === undefined ? a : inDomain(a, domain, 'a');
  const b =
    domain === undefined ? setUp({ label: 'b', runtime: a.runtime }) : inDomain(a, domain, 'b');
  const entity = new Entity<MockWork>({ schedulers: [first.scheduler, b.scheduler] });
  return { a: first, b, entity };
}

function inDomain(env: SetUp, resetDomain: ResetDomain, label: string): SetUp {
  const { runtime } = env;
  const mock = new MockRing({ runtime });
  const scheduler = new Scheduler<MockWork>({ label, driver: mock, runtime, resetDomain });
  return { ...env, mock, scheduler };
}

describe('an entity that moves', () => {
  it('S2, S12: starts on its new scheduler also where the old one was asked to look at it', () => {
    const { a, b, entity } = two();
    a.scheduler.createEntity().submit({});
    entity.setPriority('high');
    const job = entity.submit({});
    a.runtime.advanceBy(0);
    expect(job.state).toBe('running');
    expect(b.mock.jobsOn(0)).toHaveLength(1);
  });

  it('S12: is left alone by the pass in which its last job there died', () => {
    const { a, b, entity } = two();
    a.mock.throwNext('prepareJob');
    const added: MockJob[] = [];
    const dies = entity.submit({});
    dies.finished.addCallback(() => {
      a.scheduler.createEntity().submit({ durationUs: 10 });
      added.push(entity.submit({ durationUs: 10 }));
    });
    a.runtime.runUntilIdle();
    expect(outcomes([dies, ...added])).toEqual(['ERR_DRIVER', 'ok']);
    for (const { scheduler } of [a, b]) {
      expect([scheduler.stats().queued, scheduler.stats().running]).toEqual([0, 0]);
    }
  });

  it('E3: holds up no drain of the scheduler that it left inside a callback', () => {
    const { a, entity } = two();
    const first = entity.submit({ durationUs: 10 });
    first.finished.addCallback(() => {
      void a.scheduler.close();
      entity.submit({ hangs: true });
    });
    a.runtime.advanceBy(100);
    expect(a.scheduler.gone.status).toBe('ok');
  });

  it('E3: is not ended with the scheduler that it left inside a callback of that very end', () => {
    const { a, entity } = two();
    const added: MockJob[] = [];
    const first = entity.submit({});
    first.finished.addCallback(() => void added.push(entity.submit({ durationUs: 10 })));
    void a.scheduler.close({ mode: 'kill' });
    expect(added.map((job) => job.state)).toEqual(['queued']);
    a.runtime.runUntilIdle();
    expect(outcomes([first, ...added])).toEqual(['ERR_SCHEDULER_CLOSED', 'ok']);
  });

  it('T8: finds no scheduler that is about to be lost with the one it was on', () => {
    const { a, entity } = two(({ runtime }) => new ResetDomain({ label: 'card', runtime }));
    const refused: unknown[] = [];
    const job = entity.submit({});
    job.finished.addCallback(() => refused.push(thrownBy(() => entity.submit({}))));
    a.scheduler.removeDevice();
    expect(refused).toEqual(['ERR_NO_SCHEDULER']);
  });
});

describe('a job that never ran', () => {
  it('J4: signals both fences before anybody who acts inside a callback of the first can finish later jobs', () => {
    const { scheduler } = setUp();
    const entity = scheduler.createEntity();
    const jobs = [entity.submit({}), entity.submit({})];
    const signals = signalsOf(jobs);
    jobs[0]!.scheduled.addCallback(() => scheduler.removeDevice());
    jobs[0]!.cancel();
    expect(signals).toEqual(['s0', 'f0', 's1', 'f1']);
  });
});

describe('a driver', () => {
  it('E3: is asked for no reset when its scheduler was closed after the fault', () => {
    const { scheduler, runtime, mock } = setUp();
    scheduler.createEntity().submit({ hangs: true });
    runtime.advanceBy(0);
    scheduler.fault();
    void scheduler.close({ mode: 'kill' });
    runtime.runUntilIdle();
    expect(mock.calls.filter(({ hook }) => hook === 'reset')).toEqual([]);
  });

  it('J9: is asked once to cancel a job that is cancelled and then closed', () => {
    let asked = 0;
    const { scheduler, runtime } = setUp({
      driver: (mock) => ({ ...mock.without(), cancelJob: () => void (asked += 1) }),
    });
    const job = scheduler.createEntity().submit({ hangs: true });
    runtime.advanceBy(0);
    job.cancel();
    void scheduler.close({ mode: 'kill' });
    expect(asked).toBe(1);
  });

  it('J8: prepares no job whose dependency a reset took off the ring, until it is there again', () => {
    const prepared: string[] = [];
    const { scheduler, runtime } = setUp({
      credits: 4,
      driver: (mock) => ({
        ...mock.without(),
        prepareJob: (job) => {
          prepared.push(`${job.label} ${first.state}`);
          return null;
        },
      }),
    });
    const gate = pendingFence(runtime);
    const first = scheduler
      .createEntity()
      .submit({ hangs: true }, { label: 'first', resubmit: true });
    const after = [first.finished, gate.fence];
    const second = scheduler.createEntity().submit({}, { label: 'second', after });
    runtime.advanceBy(0);
    scheduler.createEntity().submit({});
    runtime.advanceBy(0);
    scheduler.fault();
    first.finished.addCallback(() => {});
    runtime.defer(() => void gate.signal());
    runtime.advanceBy(0);
    expect(outcome(second)).toBe('pending');
    expect(prepared.filter((text) => text.startsWith('second'))).not.toContain('second queued');
  });
});

describe('a prepareJob that ends its scheduler', () => {
  it('J2: and then throws, leaves the counters right', () => {
    const { scheduler, runtime } = setUp({
      driver: (mock) => ({
        ...mock.without(),
        prepareJob: () => {
          scheduler.removeDevice();
          throw new Error('gone');
        },
      }),
    });
    const entity = scheduler.createEntity();
    const job = entity.submit({});
    runtime.runUntilIdle();
    expect([outcome(job), entity.queued, entity.running]).toEqual(['ERR_DEVICE_GONE', 0, 0]);
  });
});

describe('a pool', () => {
  it('S6: takes its slots back from a job whose dependency a reset took off the ring', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 3 });
    const pool = new ResourcePool({ label: 'slots', slots: 1 });
    const resources = [{ pool }];
    const holder = scheduler.createEntity().submit({ hangs: true }, { resources });
    const a = scheduler.createEntity();
    const first = a.submit({ durationUs: 10 });
    const jobs = [first, a.submit({ durationUs: 10 }, { resources })];
    runtime.advanceBy(0);
    const depends = { after: [first.finished], resources };
    jobs.push(scheduler.createEntity().submit({ durationUs: 10 }, depends));
    runtime.advanceBy(0);
    scheduler.fault(holder);
    runtime.runUntilIdle();
    expect(mock.freedCount(holder)).toBe(1);
    expect(outcomes(jobs)).toEqual(['ok', 'ok', 'ok']);
  });
});

describe('a pool with a reserve', () => {
  it('S6: refuses a job that asks for more than its priority can ever have', () => {
    const { scheduler } = setUp();
    const pool = new ResourcePool({ label: 'slots', slots: 3, reserve: { high: 1 } });
    const normal = scheduler.createEntity();
    expect(thrownBy(() => normal.submit({}, { resources: [{ pool, count: 3 }] }))).toBe(
      'ERR_INVALID_ARGUMENT',
    );
    expect(thrownBy(() => normal.submit({}, { resources: [{ pool, count: 2 }] }))).toBeUndefined();
    const high = scheduler.createEntity({ priority: 'high' });
    expect(thrownBy(() => high.submit({}, { resources: [{ pool, count: 3 }] }))).toBeUndefined();
  });
});

describe('a fault that names nobody', () => {
  const reset = (mock: MockRing, during: () => void): Driver<MockWork> => ({
    ...mock.without(),

    reset: (context) => {
      during();
      mock.reset(context);
    },
  });

  it.each([
    ['device', 1],
    ['ring', 2],
  ] as const)(
    'T3: while a reset takes one ring of a %s, has %i resets in all',
    (resetScope, resets) => {
      let faults = 1;
      const { scheduler, runtime } = setUp({
        rings: 2,
        mock: { resetScope },
        driver: (mock) =>
          reset(mock, () => {
            if (faults-- > 0) scheduler.fault();
          }),
      });
      const entity = scheduler.createEntity({ order: 'parallel' });
      const guilty = entity.submit({ hangs: true });
      const innocent = entity.submit({ durationUs: 5 }, { resubmit: true });
      runtime.advanceBy(0);
      scheduler.fault(guilty);
      runtime.runUntilIdle();
      expect(outcome(guilty)).toBe('ERR_JOB_TIMEOUT');
      expect(innocent.finished.status).not.toBe('pending');
      expect(scheduler.stats().resets).toBe(resets);
    },
  );

  it('T3: in a callback of a reset that is over, has another one', () => {
    const { scheduler, runtime } = setUp();
    const guilty = scheduler.createEntity().submit({ hangs: true });
    runtime.advanceBy(0);
    guilty.finished.addCallback(() => scheduler.fault());
    scheduler.fault(guilty);
    runtime.runUntilIdle();
    expect(scheduler.stats().resets).toBe(2);
  });
});
