// Arguments that do not fit: each is refused by a UsageError that names it, with nothing changed. Those of submit that have a
// rule of their own are in submit.test.ts.
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/base/index.ts';
import { MockRing, VirtualRuntime } from '../../src/drivers/sim/index.ts';
import {
  Account,
  Entity,
  fifo,
  ResetDomain,
  ResourcePool,
  Scheduler,
} from '../../src/sched/index.ts';
import { outcome, setUp, thrownBy } from './fixture.ts';

/** Makes one with whatever a caller without types may give. */
type Make = new (...args: unknown[]) => unknown;

function refused(act: () => unknown): void {
  expect(act).toThrow(UsageError);
  expect(thrownBy(act)).toBe('ERR_INVALID_ARGUMENT');
}

const pool = new ResourcePool({ label: 'slots', slots: 2 });
const notOptions: readonly unknown[] = [null, 5, 'x', [], () => {}];

describe('submit', () => {
  it.each([
    ['credits without bound', { credits: Infinity }],
    ['credits as a symbol', { credits: Symbol('2') }],
    ['resources that are an object', { resources: { length: 1 } }],
    ['resources that are null', { resources: null }],
    ['a resource request that is null', { resources: [null] }],
    ['a resource request that is missing', { resources: Array(1) }],
    ['a resource request of no pool', { resources: [{ count: 1 }] }],
    ['a resource count that is a symbol', { resources: [{ pool, count: Symbol('1') }] }],
  ])('J1: refuses %s and changes nothing', (_, options) => {
    const { scheduler } = setUp();
    const entity = scheduler.createEntity();
    refused(() => entity.submit({}, options as object));
    expect([entity.queued, entity.stats().submitted, pool.free]).toEqual([0, 0, 2]);
  });

  it('J1: accepts a list of no resources (control)', () => {
    const { scheduler, runtime } = setUp();
    const job = scheduler.createEntity().submit({ durationUs: 5 }, { resources: [] });
    runtime.runUntilIdle();
    expect(outcome(job)).toBe('ok');
  });
});

describe('new Scheduler', () => {
  it.each([undefined, ...notOptions])('refuses %s as its options', (options) => {
    refused(() => new (Scheduler as unknown as Make)(options));
  });

  it.each([
    ['credits', null],
    ['credits', 'x'],
    ['credits', Infinity],
    ['credits', { targetMs: 1, maxJobs: Infinity }],
    ['rings', Infinity],
    ['reset', null],
    ['reset', 5],
    ['reset', 'x'],
    ['reset', { maxTries: 0 }],
    ['policy', null],
    ['policy', { pick: () => null }],
    ['device', 5],
    ['onCrash', 'x'],
    ['resetDomain', {}],
  ])('refuses wrong %s: %o', (name, value) => {
    const runtime = new VirtualRuntime();
    const driver = new MockRing({ runtime });
    refused(() => new Scheduler({ label: 'gfx', driver, runtime, [name]: value }));
  });

  it('leaves a policy free for another where it was refused', () => {
    const policy = fifo();
    const runtime = new VirtualRuntime();
    const driver = new MockRing({ runtime });
    refused(() => new Scheduler({ label: 'gfx', driver, runtime, policy, rings: 0 }));
    expect(() => new Scheduler({ label: 'gfx', driver, runtime, policy })).not.toThrow();
  });

  it('T3: refuses a reset domain of another runtime', () => {
    const resetDomain = new ResetDomain({ label: 'card', runtime: new VirtualRuntime() });
    refused(() => setUp({ resetDomain }));
  });

  it('accepts limits that are written out as none', () => {
    const runtime = new VirtualRuntime();
    const { scheduler } = setUp({
      runtime,
      resetDomain: new ResetDomain({ label: 'card', runtime }),
      maxAttempts: Infinity,
      banAfter: Infinity,
      noHangLimit: Infinity,
      reset: { maxTries: Infinity, timeoutMs: Infinity },
    });
    const stats = scheduler.stats();
    expect(JSON.parse(JSON.stringify(stats))).toEqual(stats);
  });
});

describe('new ResetDomain', () => {
  it.each([undefined, ...notOptions, {}, { label: 1 }, { label: 'card' }])(
    'refuses %o as its options',
    (options) => refused(() => new (ResetDomain as unknown as Make)(options)),
  );
});

describe('an entity', () => {
  it.each([undefined, ...notOptions, {}])('refuses %o as the options of its own', (options) => {
    refused(() => new (Entity as unknown as Make)(options));
  });

  it.each(notOptions)('is not opened by createEntity(%s)', (options) => {
    const { scheduler } = setUp();
    refused(() => scheduler.createEntity(options as object));
    expect(scheduler.stats().entities).toBe(0);
  });

  it.each([
    ['priority', null],
    ['weight', null],
    ['maxQueued', 1.5],
    ['maxQueued', null],
    ['maxQueued', '2'],
  ])('refuses wrong %s: %o', (name, value) => {
    const { scheduler } = setUp();
    refused(() => scheduler.createEntity({ [name]: value }));
  });

  it('accepts a maxQueued of Infinity (control)', () => {
    const { scheduler } = setUp();
    expect(() => scheduler.createEntity({ maxQueued: Infinity }).submit({})).not.toThrow();
  });

  it.each(notOptions)('E1, E4: refuses %s as the options of flush and of close', (options) => {
    const { scheduler } = setUp();
    const entity = scheduler.createEntity();
    refused(() => void entity.flush(options as object));
    refused(() => void entity.close(options as object));
    expect(thrownBy(() => entity.submit({}))).toBeUndefined();
  });

  it('J11: refuses to call what is no function when it is retired', () => {
    const { scheduler } = setUp();
    refused(() => scheduler.createEntity().whenRetired(5 as unknown as () => void));
  });
});

describe('a scheduler', () => {
  it.each(notOptions)('E3: refuses %s as the options of close, and stays open', (options) => {
    const { scheduler } = setUp();
    refused(() => void scheduler.close(options as object));
    expect(thrownBy(() => scheduler.createEntity().submit({}))).toBeUndefined();
  });

  it('T6: refuses an error of a fault that is none', () => {
    const { scheduler, runtime } = setUp();
    const job = scheduler.createEntity().submit({ durationUs: 5 });
    runtime.advanceBy(0);
    refused(() => scheduler.fault(job, 'x' as never));
    runtime.runUntilIdle();
    expect(outcome(job)).toBe('ok');
  });
});

describe('new Account', () => {
  it.each([...notOptions, { label: 5 }, { weight: null }, { priority: null }])(
    'refuses %o as its options',
    (options) => refused(() => new (Account as unknown as Make)(options)),
  );
});

describe('new ResourcePool', () => {
  it.each([
    undefined,
    ...notOptions,
    { label: 'p', slots: 2, reserve: null },
    { label: 'p', slots: 2, reserve: 5 },
    { label: 'p', slots: 2, reserve: { high: 3 } },
  ])('S6: refuses %o as its options', (options) =>
    refused(() => new (ResourcePool as unknown as Make)(options)),
  );
});
