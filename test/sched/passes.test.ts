// When passes run, and how long they may take (S2).
import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/base/index.ts';
import type { VirtualRuntime } from '../../src/drivers/sim/index.ts';
import { signalledFence } from '../../src/fence/index.ts';
import { fifo } from '../../src/sched/index.ts';
import type { Policy } from '../../src/sched/index.ts';
import { eventsOf, outcomes, pendingFence, setUp } from './fixture.ts';

describe('a pass', () => {
  it('S2: runs once for however many submits', () => {
    const { scheduler, runtime, events } = setUp({ credits: 100 });
    const entities = [scheduler.createEntity(), scheduler.createEntity()];
    const jobs = Array.from({ length: 20 }, (_, i) => entities[i % 2]!.submit({}));
    runtime.advanceBy(0);
    expect(jobs.every((job) => job.state === 'running')).toBe(true);
    expect(eventsOf(events, 'pass-begin')).toHaveLength(1);
    expect(eventsOf(events, 'pass-end').map((event) => event.started)).toEqual([20]);
  });

  it('S2: follows a completion that frees a credit', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    const [, b] = [1, 2].map(() => scheduler.createEntity().submit({}));
    runtime.advanceBy(0);
    mock.complete(1);
    expect(b!.state).toBe('queued');
    runtime.advanceBy(0);
    expect(b!.state).toBe('running');
  });

  it('S3: leaves ready who waits for room alone', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const [running, full, blocked, idle] = [1, 2, 3, 4].map(() => scheduler.createEntity());
    running!.submit({});
    full!.submit({});
    blocked!.submit({}, { after: [pendingFence(runtime).fence] });
    runtime.advanceBy(0);
    const ready = [running, full, blocked, idle].map((entity) => entity!.ready);
    expect(ready).toEqual([false, true, false, false]);
  });

  it('S2: follows a dependency that signals', () => {
    const { scheduler, runtime } = setUp();
    const gate = pendingFence(runtime);
    const job = scheduler.createEntity().submit({}, { after: [gate.fence] });
    runtime.advanceBy(5);
    gate.signal();
    runtime.advanceBy(0);
    expect(job.state).toBe('running');
  });

  it('S2: loses no wake-up when a dependency signals while it runs', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    const first = scheduler.createEntity().submit({ durationUs: 5 });
    const second = scheduler.createEntity().submit({ durationUs: 5 }, { after: [first.scheduled] });
    runtime.runUntilIdle();
    expect(outcomes([first, second])).toEqual(['ok', 'ok']);
    expect(mock.idsOf('runJob')).toEqual([first.id, second.id]);
  });

  it('S2: loses no wake-up when runJob submits', () => {
    const env = setUp({
      driver: (mock) => ({
        ...mock.without(),
        runJob: (job, ring) => {
          if (job.label === 'parent') child.push(other.submit({ durationUs: 5 }));
          return mock.runJob(job, ring);
        },
      }),
    });
    const other = env.scheduler.createEntity();
    const child: ReturnType<typeof other.submit>[] = [];
    env.scheduler.createEntity().submit({ durationUs: 5 }, { label: 'parent' });
    env.runtime.runUntilIdle();
    expect(outcomes(child)).toEqual(['ok']);
  });

  it('S2: continues through a timer after 256 starts, so that timers are not starved', () => {
    const { scheduler, runtime, events } = setUp({
      credits: 10_000,
      driver: (mock, virtual) => ({ ...mock.without(), runJob: () => signalledFence(virtual) }),
    });
    const entity = scheduler.createEntity({ order: 'parallel' });
    const jobs = Array.from({ length: 1000 }, () => entity.submit({}));
    let startedBeforeTimer = -1;
    runtime.setTimer(0, () => {
      startedBeforeTimer = jobs.filter((job) => job.attempt > 0).length;
    });
    runtime.advanceBy(0);
    expect(jobs.every((job) => job.finished.status === 'ok')).toBe(true);
    expect(startedBeforeTimer).toBeLessThanOrEqual(256);
    for (const { started } of eventsOf(events, 'pass-end'))
      expect(started).toBeLessThanOrEqual(256);
  });

  it('S2: follows the next request where the timer that it was to continue through was refused', () => {
    const { scheduler, runtime } = setUp({
      credits: 10_000,
      driver: (mock, virtual) => ({ ...mock.without(), runJob: () => signalledFence(virtual) }),
    });
    const entity = scheduler.createEntity();
    const jobs = Array.from({ length: 300 }, () => entity.submit({}));
    const { setTimer } = runtime;
    runtime.setTimer = () => {
      throw new Error('no timers here');
    };
    expect(() => runtime.advanceBy(0)).toThrow('no timers here');
    runtime.setTimer = setTimer;
    expect(jobs.at(-1)!.state).toBe('queued');
    scheduler.createEntity().submit({});
    runtime.advanceBy(0);
    expect(jobs.every((job) => job.finished.status === 'ok')).toBe(true);
  });

  it('S2: is not asked for by a submit that cannot start', () => {
    const { scheduler, runtime, events } = setUp();
    const gate = pendingFence(runtime);
    scheduler.createEntity().submit({}, { after: [gate.fence] });
    runtime.advanceBy(0);
    const passes = eventsOf(events, 'pass-begin').length;
    runtime.advanceBy(1_000_000);
    expect(eventsOf(events, 'pass-begin')).toHaveLength(passes);
    expect(runtime.pendingDeferred).toBe(0);
  });

  it('S2, S3: loses no wake-up of who is told that a job does not fit', () => {
    const { scheduler, runtime, mock } = setUp({ credits: 1 });
    const [running, waiting] = [1, 2].map(() => scheduler.createEntity().submit({}));
    scheduler.observe({
      emit: (event) => event.type === 'job-blocked' && running && mock.finish(running),
    });
    runtime.runUntilIdle();
    expect([running!.finished.status, waiting!.state]).toEqual(['ok', 'running']);
  });

  it('S2: lets timers in also where pass follows pass, because each job that ends at once is followed by another', () => {
    const starved: Record<string, number> = {};
    for (const how of ['freeJob', 'another scheduler', 'one pass'] as const) {
      let starts = 0;
      let timerAt = -1;
      const next = (): void => {
        if (timerAt === -1 && starts < 5000) submit();
      };
      const driver = {
        runJob: () => {
          starts += 1;
          return signalledFence(env.runtime);
        },
        ...(how === 'freeJob' ? { freeJob: next } : {}),
      };
      const env = setUp({ driver: () => driver });
      const other = setUp({ runtime: env.runtime, driver: () => driver });
      const entities = [env.scheduler.createEntity(), other.scheduler.createEntity()];
      const submit = (): void => {
        const job = entities[how === 'another scheduler' ? starts % 2 : 0]!.submit({});
        if (how !== 'freeJob') job.finished.addCallback(next);
      };
      env.runtime.setTimer(0, () => (timerAt = starts));
      submit();
      env.runtime.advanceBy(0);
      starved[how] = timerAt;
    }
    expect(starved).toEqual({ freeJob: 256, 'another scheduler': 512, 'one pass': 256 });
  });

  it('S2: lets timers in also where each job dies when it is looked at, and is submitted again', () => {
    const deaths: Record<string, number> = {};
    for (const how of ['a failed dependency', 'prepareJob'] as const) {
      let died = 0;
      let timerAt = -1;
      const { scheduler, runtime } = setUp({
        driver: (mock) => ({
          ...mock.without(),
          ...(how === 'prepareJob' ? { prepareJob: () => 'no fence' as never } : {}),
        }),
      });
      const failed = pendingFence(runtime);
      failed.signal(new JobError('ERR_DRIVER'));
      const after = how === 'prepareJob' ? [] : [failed.fence];
      const entity = scheduler.createEntity({ onDependencyError: 'fail' });
      const again = (): void => {
        const job = entity.submit({}, { after });
        job.finished.addCallback(() => {
          died += 1;
          if (timerAt === -1 && died < 5000) again();
        });
      };
      runtime.setTimer(0, () => (timerAt = died));
      again();
      runtime.advanceBy(0);
      deaths[how] = timerAt;
    }
    expect(deaths).toEqual({ 'a failed dependency': 256, prepareJob: 256 });
  });

  it.each(['add', 'remove', 'changed', 'pick', 'started', 'ended'] as const)(
    'S7, F9: goes on where the policy throws once in %s, and the platform hears of it',
    (hook) => {
      const error = new Error(`policy ${hook}`);
      const policy = throwingPolicy(hook, 1, error);
      const { scheduler, runtime } = setUp({ credits: 1, policy });
      const entities = [scheduler.createEntity(), scheduler.createEntity()];
      const jobs = [0, 1, 2, 3].map((at) => entities[at % 2]!.submit({ durationUs: 10 }));
      const errors = thrownIn(runtime, 5);
      entities[1]!.setWeight(2);
      errors.push(...thrownIn(runtime, 1000));
      expect(outcomes(jobs)).toEqual(['ok', 'ok', 'ok', 'ok']);
      expect(errors).toEqual([error]);
      const late = entities.map((entity) => entity.submit({ durationUs: 10 }));
      runtime.runUntilIdle();
      expect(outcomes(late)).toEqual(['ok', 'ok']);
      expect(scheduler.stats().rings[0]).toMatchObject({ running: 0, creditsUsed: 0 });
    },
  );

  it.each(['add', 'pick', 'remove'] as const)(
    'S7: does not follow pass for ever where the policy throws always in %s; the scheduler can be closed',
    async (hook) => {
      const error = new Error(`policy ${hook}`);
      const { scheduler, runtime, events } = setUp({
        policy: throwingPolicy(hook, Infinity, error),
      });
      const jobs = [1, 2].map(() => scheduler.createEntity().submit({ durationUs: 10 }));
      expect(new Set(thrownIn(runtime, 1000))).toEqual(new Set([error]));
      expect(eventsOf(events, 'pass-begin').length).toBeLessThan(10);
      expect(runtime.pendingDeferred).toBe(0);
      const closed = scheduler.close({ mode: 'kill' });
      thrownIn(runtime, 1000);
      await closed;
      expect(outcomes(jobs)).not.toContain('pending');
    },
  );
});

/** First come, first served, but `hook` throws the first `times` times; so it does nothing then. */
function throwingPolicy(hook: Exclude<keyof Policy, 'name'>, times: number, error: Error): Policy {
  const policy = fifo();
  let left = times;
  const call = policy[hook] as (...given: unknown[]) => unknown;
  const thrower = (...given: unknown[]): unknown => {
    left -= 1;
    if (left >= 0) throw error;
    return call(...given);
  };
  return { ...policy, [hook]: thrower };
}

/** What reaches the platform while time passes. */
function thrownIn(runtime: VirtualRuntime, us: number): unknown[] {
  const errors: unknown[] = [];
  const endUs = runtime.nowUs() + us;
  while (runtime.nowUs() < endUs) {
    try {
      runtime.advanceBy(endUs - runtime.nowUs());
    } catch (error) {
      errors.push(error);
    }
  }
  return errors;
}
