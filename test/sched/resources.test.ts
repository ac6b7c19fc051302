// Resource pools (S6): who gets slots, when, and when they go back. Credits are in credits.test.ts.
import { describe, expect, it } from 'vitest';
import { MockRing, VirtualRuntime } from '../../src/drivers/sim/index.ts';
import { ResourcePool, Scheduler } from '../../src/sched/index.ts';
import type { Job } from '../../src/sched/index.ts';

interface Payload {
  durationUs?: number;
}

function setUp(credits = 16) {
  const runtime = new VirtualRuntime();
  const driver = new MockRing({ runtime });
  const scheduler = new Scheduler<Payload>({ label: 'gfx', driver, runtime, credits });
  const grants = (job: Job<Payload>) => [...job.grants.values()].map((slots) => [...slots]);
  return { runtime, driver, scheduler, grants };
}

describe('a resource pool', () => {
  it('S6: gives a job the numbered slots that it asks for before runJob, and takes them back when its attempt is retired', () => {
    const { runtime, driver, scheduler, grants } = setUp();
    const pool = new ResourcePool({ label: 'vm', slots: 3 });
    const entity = scheduler.createEntity();
    const job = entity.submit({}, { resources: [{ pool, count: 2 }] });
    expect(pool.free).toBe(3);
    runtime.advanceBy(0);
    expect(job.state).toBe('running');
    expect(grants(job)).toEqual([[0, 1]]);
    expect(pool.free).toBe(1);
    driver.complete(1);
    runtime.advanceBy(0);
    expect(pool.free).toBe(3);
    expect(grants(job)).toEqual([]);
  });

  it('S6: gives all slots of all pools or none, so that nobody holds some while waiting for others', () => {
    const { runtime, driver, scheduler } = setUp();
    const a = new ResourcePool({ label: 'a', slots: 1 });
    const b = new ResourcePool({ label: 'b', slots: 1 });
    const [one, two, three] = [0, 1, 2].map(() => scheduler.createEntity());
    one?.submit({}, { resources: [{ pool: b }] });
    runtime.advanceBy(0);
    const both = two?.submit({}, { resources: [{ pool: a }, { pool: b }] });
    runtime.advanceBy(0);
    expect(both?.state).toBe('queued');
    expect(a.free).toBe(1);
    // Nobody passes it in a pool that it wants, and it holds nothing there.
    const later = three?.submit({}, { resources: [{ pool: a }] });
    runtime.advanceBy(0);
    expect(later?.state).toBe('queued');
    driver.complete(1);
    runtime.advanceBy(0);
    expect(both?.state).toBe('running');
    driver.complete(1);
    runtime.advanceBy(0);
    expect(later?.state).toBe('running');
  });

  it('S6: serves first come, first served within a rank, and a higher rank first', () => {
    const { runtime, driver, scheduler } = setUp();
    const pool = new ResourcePool({ label: 'vm', slots: 1 });
    const ask = { resources: [{ pool }] };
    scheduler.createEntity().submit({}, ask);
    runtime.advanceBy(0);
    const first = scheduler.createEntity().submit({}, ask);
    const second = scheduler.createEntity().submit({}, ask);
    const high = scheduler.createEntity({ priority: 'high' }).submit({}, ask);
    const order: Job<Payload>[] = [];
    for (const job of [first, second, high]) job.scheduled.addCallback(() => order.push(job));
    runtime.advanceBy(0);
    for (let i = 0; i < 4; i += 1) {
      driver.complete(1);
      runtime.advanceBy(0);
    }
    expect(order).toEqual([high, first, second]);
  });

  it('S6: serves a low waiter in the end, however many of higher rank come after it', () => {
    const { runtime, driver, scheduler } = setUp();
    const pool = new ResourcePool({ label: 'vm', slots: 1 });
    const ask = { resources: [{ pool }] };
    const high = scheduler.createEntity({ priority: 'high', order: 'parallel' });
    high.submit({}, ask);
    runtime.advanceBy(0);
    const low = scheduler.createEntity({ priority: 'low' }).submit({}, ask);
    let rounds = 0;
    while (low.state === 'queued' && rounds < 50) {
      high.submit({}, ask);
      runtime.advanceBy(0);
      driver.complete(1);
      runtime.advanceBy(0);
      rounds += 1;
    }
    expect(low.state).toBe('running');
    expect(rounds).toBeGreaterThan(1);
  });

  it('S6: keeps what is reserved for a priority from the others', () => {
    const { runtime, scheduler } = setUp();
    const pool = new ResourcePool({ label: 'vm', slots: 3, reserve: { high: 1 } });
    const normal = scheduler.createEntity({ order: 'parallel' });
    const jobs = [1, 2, 3].map(() => normal.submit({}, { resources: [{ pool }] }));
    runtime.advanceBy(0);
    expect(jobs.map((job) => job.state)).toEqual(['running', 'running', 'queued']);
    const high = scheduler.createEntity({ priority: 'high' });
    const job = high.submit({}, { resources: [{ pool }] });
    runtime.advanceBy(0);
    expect(job.state).toBe('running');
  });

  it('S6: lets nobody pass an earlier waiter of its priority by what is reserved for both; others it does not hold back', () => {
    const { runtime, driver, scheduler } = setUp();
    const pool = new ResourcePool({ label: 'vm', slots: 5, reserve: { normal: 2, high: 1 } });
    const submit = (priority: 'normal' | 'high', count: number) =>
      scheduler.createEntity({ priority }).submit({}, { resources: [{ pool, count }] });
    const holders = [submit('normal', 1), submit('normal', 1)];
    runtime.advanceBy(0);
    const all = submit('normal', 4);
    const later = submit('normal', 1);
    const high = submit('high', 1);
    runtime.advanceBy(0);
    expect([all, later, high].map((job) => job.state)).toEqual(['queued', 'queued', 'running']);
    driver.complete(2);
    runtime.advanceBy(0);
    expect(holders.map((job) => job.state)).toEqual(['finished', 'finished']);
    expect([all, later].map((job) => job.state)).toEqual(['running', 'queued']);
    driver.complete(2);
    runtime.advanceBy(0);
    expect(later.state).toBe('running');
  });

  it.each(['cancel', 'kill', 'close'])(
    'S6, J11: has all its slots back where an observer ends the job that gets them (%s)',
    (how) => {
      const { runtime, scheduler } = setUp();
      const pools = ['a', 'b'].map((label) => new ResourcePool({ label, slots: 1 }));
      const resources = pools.map((pool) => ({ pool }));
      const entity = scheduler.createEntity();
      const types: string[] = [];
      scheduler.observe({
        emit({ type }) {
          if (type !== 'grant' && type !== 'release' && type !== 'job-blocked') return;
          types.push(type);
          if (type !== 'grant' || job.state === 'finished') return;
          if (how === 'cancel') job.cancel();
          else if (how === 'kill') entity.kill();
          else void scheduler.close({ mode: 'kill' });
        },
      });
      const job = entity.submit({}, { resources });
      runtime.runUntilIdle();
      expect([job.state, job.attempt, job.grants.size]).toEqual(['finished', 0, 0]);
      expect(pools.map(({ free }) => free)).toEqual([1, 1]);
      expect(types).toEqual(['grant', 'release', 'release']);
      const next = new Scheduler<Payload>({
        label: 'next',
        driver: new MockRing({ runtime }),
        runtime,
      })
        .createEntity()
        .submit({}, { resources });
      runtime.advanceBy(0);
      expect(next.state).toBe('running');
    },
  );

  it('S6: serves a job whose entity lost, after its submit, the priority for which slots are reserved', () => {
    const { runtime, driver, scheduler } = setUp();
    const pool = new ResourcePool({ label: 'vm', slots: 2, reserve: { high: 1 } });
    const entity = scheduler.createEntity({ priority: 'high', order: 'parallel' });
    entity.submit({}, { resources: [{ pool }] });
    const both = entity.submit({}, { resources: [{ pool, count: 2 }] });
    runtime.advanceBy(0);
    entity.setPriority('normal');
    runtime.advanceBy(0);
    expect(both.state).toBe('queued');
    driver.complete(1);
    runtime.advanceBy(0);
    expect(both.state).toBe('running');
  });

  it('S6: gives what is reserved for a priority to a job that waits when its entity gets that priority', () => {
    const { runtime, scheduler } = setUp();
    const pool = new ResourcePool({ label: 'vm', slots: 2, reserve: { high: 1 } });
    const [holder, waiter] = [scheduler.createEntity(), scheduler.createEntity()];
    holder.submit({}, { resources: [{ pool }] });
    const job = waiter.submit({}, { resources: [{ pool }] });
    runtime.advanceBy(0);
    expect(job.state).toBe('queued');
    waiter.setPriority('high');
    runtime.advanceBy(0);
    expect(job.state).toBe('running');
  });

  it('S6: refuses requests that the pool can never meet', () => {
    const { scheduler } = setUp();
    const pool = new ResourcePool({ label: 'vm', slots: 2 });
    const entity = scheduler.createEntity();
    const submit = (count: number) => () => entity.submit({}, { resources: [{ pool, count }] });
    expect(submit(3)).toThrow(/1 to 2 slots of vm/);
    expect(submit(0)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
    expect(entity.queued).toBe(0);
    expect(() => new ResourcePool({ label: 'x', slots: 1, reserve: { low: 2 } })).toThrow();
  });

  it('S6: holds slots of a timed out job until its attempt is retired (J11)', () => {
    const runtime = new VirtualRuntime();
    const mock = new MockRing({ runtime });
    const driver = mock.without('reset');
    const scheduler = new Scheduler<Payload>({ label: 'gfx', driver, runtime, credits: 4 });
    const pool = new ResourcePool({ label: 'vm', slots: 1 });
    mock.hang(1);
    const job = scheduler
      .createEntity()
      .submit({ durationUs: 10 }, { resources: [{ pool }], runTimeoutMs: 1 });
    runtime.advanceBy(1000);
    expect(job.finished.error?.code).toBe('ERR_JOB_TIMEOUT');
    expect(pool.free).toBe(0);
    mock.finish(job);
    runtime.advanceBy(0);
    expect(pool.free).toBe(1);
  });

  it('S6: takes slots back from a job that a reset displaces from the head of its queue', () => {
    const runtime = new VirtualRuntime();
    const driver = new MockRing({ runtime, rings: 2 });
    const options = { label: 'gfx', driver, runtime, rings: 2, credits: 1 };
    const scheduler = new Scheduler<Payload>(options);
    const pool = new ResourcePool({ label: 'vm', slots: 1 });
    const entity = scheduler.createEntity({ order: 'parallel' });
    const first = entity.submit({ durationUs: 5000 }, { resubmit: true });
    runtime.advanceBy(0);
    driver.hang(1);
    const other = scheduler.createEntity();
    const guilty = other.submit({ durationUs: 10 }, { runTimeoutMs: 1 });
    runtime.advanceBy(0);
    const next = entity.submit({ durationUs: 10 }, { resources: [{ pool }] });
    runtime.advanceBy(0);
    expect(next.state).toBe('queued');
    expect(pool.free).toBe(0);
    const released: number[] = [];
    scheduler.observe({
      emit: (event) => event.type === 'release' && released.push(event.atUs),
    });
    runtime.runUntilIdle();
    expect(released[0]).toBe(1000);
    expect(guilty.finished.status).toBe('failed');
    expect([first.attempt, first.finished.status]).toEqual([2, 'ok']);
    expect([next.attempt, next.finished.status]).toEqual([1, 'ok']);
    expect(pool.free).toBe(1);
  });

  it('S6: frees the place of waiters that are cancelled or killed', () => {
    const { runtime, driver, scheduler } = setUp();
    const pool = new ResourcePool({ label: 'vm', slots: 1 });
    const ask = { resources: [{ pool }] };
    scheduler.createEntity().submit({}, ask);
    runtime.advanceBy(0);
    const cancelled = scheduler.createEntity().submit({}, ask);
    const killed = scheduler.createEntity();
    killed.submit({}, ask);
    const last = scheduler.createEntity().submit({}, ask);
    runtime.advanceBy(0);
    expect(cancelled.cancel()).toBe('dequeued');
    killed.kill();
    driver.complete(1);
    runtime.advanceBy(0);
    expect(last.state).toBe('running');
  });

  it('S6: admits jobs of several entries to a firmware queue of 128 without starving the large one', () => {
    const { runtime, scheduler } = setUp(1000);
    const pool = new ResourcePool({ label: 'queue', slots: 128 });
    const small = scheduler.createEntity({ order: 'parallel' });
    const large = scheduler.createEntity();
    for (let i = 0; i < 300; i += 1) {
      small.submit({ durationUs: 10 }, { resources: [{ pool }] });
    }
    runtime.advanceBy(0);
    const job = large.submit({ durationUs: 10 }, { resources: [{ pool, count: 100 }] });
    for (let i = 0; i < 300; i += 1) {
      small.submit({ durationUs: 10 }, { resources: [{ pool }] });
    }
    runtime.advanceBy(2500);
    expect(job.state).not.toBe('queued');
    runtime.runUntilIdle();
    expect(job.finished.status).toBe('ok');
    expect(pool.free).toBe(128);
    expect(small.stats().completed).toBe(600);
  });
});
