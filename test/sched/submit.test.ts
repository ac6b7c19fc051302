// What submit accepts and refuses (J1). Limits that a job carries are in limits.test.ts, bans in bans.test.ts.
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/base/index.ts';
import type { CancelSignal } from '../../src/base/index.ts';
import { signalledFence } from '../../src/fence/index.ts';
import { Entity } from '../../src/sched/index.ts';
import type { SubmitOptions } from '../../src/sched/index.ts';
import { cranked, finishedIn, outcome, setUp, signalsOf, thrownBy } from './fixture.ts';
import type { MockJob } from './fixture.ts';

describe('submit', () => {
  it('J1: returns a queued job whose fences are pending', () => {
    const { scheduler } = setUp();
    const payload = { durationUs: 5 };
    const job = scheduler.createEntity().submit(payload, { label: 'first' });
    expect(job).toMatchObject({ state: 'queued', attempt: 0, ring: null, label: 'first' });
    expect(job.payload).toBe(payload);
    expect([job.scheduled.status, job.finished.status]).toEqual(['pending', 'pending']);
  });

  it('S2: starts nothing before the call stack ends', () => {
    const { scheduler, mock, runtime } = setUp();
    const job = scheduler.createEntity().submit({});
    expect(mock.calls).toEqual([]);
    runtime.advanceBy(0);
    expect(job.state).toBe('running');
  });

  it('gives out ids that grow in the order of submission, over all entities', () => {
    const { scheduler } = setUp();
    const [a, b] = [scheduler.createEntity(), scheduler.createEntity()];
    const ids = [a.submit({}), b.submit({}), a.submit({}), b.submit({})].map((job) => job.id);
    expect(ids).toEqual([...ids].sort((x, y) => x - y));
    expect(new Set(ids).size).toBe(4);
  });

  it('counts a job as queued until it starts, and as running until it ends', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    entity.submit({ durationUs: 5 });
    entity.submit({ durationUs: 5 });
    expect([entity.queued, entity.running]).toEqual([2, 0]);
    runtime.advanceBy(0);
    expect([entity.queued, entity.running]).toEqual([1, 1]);
    runtime.runUntilIdle();
    expect([entity.queued, entity.running]).toEqual([0, 0]);
  });

  const refused: readonly (readonly [string, unknown])[] = [
    ['credits of 0', { credits: 0 }],
    ['negative credits', { credits: -1 }],
    ['credits that are no number', { credits: NaN }],
    ['a dependency that is no fence', { after: [{}] }],
    ['dependencies that are no list', { after: 'fence' }],
    ['a negative run timeout', { runTimeoutMs: -1 }],
    ['a run timeout that is no number', { runTimeoutMs: NaN }],
    ['a negative queue timeout', { queueTimeoutMs: -1 }],
    ['a negative dependency timeout', { dependencyTimeoutMs: -1 }],
    ['a negative estimate', { estimateMs: -1 }],
    ['an unknown rule for failed dependencies', { onDependencyError: 'ignore' }],
    ['a signal that is an empty object', { signal: {} }],
    ['a signal that is a number', { signal: 5 }],
    ['a signal that is null', { signal: null }],
    ['a controller instead of its signal', { signal: new AbortController() }],
    ['a signal that cannot be left', { signal: { aborted: false, addEventListener: () => {} } }],
    ['options that are null', null],
    ['options that are a number', 1],
    ['options that are a string', 'x'],
    ['options that are a function', () => {}],
    ['options that are a list', []],
  ];

  it.each(refused)('J1: refuses %s and changes nothing', (_, options) => {
    const { scheduler, runtime, events } = setUp();
    const entity = scheduler.createEntity();
    const before = entity.submit({ durationUs: 1 });
    const [countBefore, statsBefore] = [events.length, entity.stats()];
    expect(() => entity.submit({}, options as SubmitOptions)).toThrow(UsageError);
    expect(thrownBy(() => entity.submit({}, options as SubmitOptions))).toBe(
      'ERR_INVALID_ARGUMENT',
    );
    expect(entity.queued).toBe(1);
    expect(events.length).toBe(countBefore);
    expect(entity.stats()).toEqual(statsBefore);
    const after = entity.submit({ durationUs: 1 });
    expect(after.finished.seqno).toBe(before.finished.seqno + 1);
    runtime.runUntilIdle();
    expect(outcome(after)).toBe('ok');
  });

  it('J1: can be asked beforehand, for who gives something away with the job', () => {
    const { scheduler } = setUp();
    const entity = scheduler.createEntity({ maxQueued: 1 });
    const reason = new Error('stop');
    entity.checkSubmit({ label: 'fits', after: [] });
    expect(thrownBy(() => entity.checkSubmit({ credits: 0 }))).toBe('ERR_INVALID_ARGUMENT');
    expect(() => entity.checkSubmit({ signal: AbortSignal.abort(reason) })).toThrow(reason);
    expect(entity.stats()).toMatchObject({ submitted: 0, queued: 0 });
    entity.submit({});
    expect(thrownBy(() => entity.checkSubmit())).toBe('ERR_QUEUE_FULL');
    entity.kill();
    expect(thrownBy(() => entity.checkSubmit())).toBe('ERR_CLOSED');
    expect(entity.stats().submitted).toBe(1);
  });

  it('accepts what is just inside those limits', () => {
    const { scheduler, runtime } = setUp();
    const job = scheduler.createEntity().submit(
      { durationUs: 1 },
      {
        credits: 1,
        after: [signalledFence(runtime)],
        runTimeoutMs: Infinity,
        queueTimeoutMs: Infinity,
        dependencyTimeoutMs: Infinity,
        onDependencyError: 'fail',
      },
    );
    runtime.runUntilIdle();
    expect(outcome(job)).toBe('ok');
  });

  it('J1: throws the reason of a signal that has aborted, with nothing changed', () => {
    const { scheduler } = setUp();
    const entity = scheduler.createEntity();
    const reason = new Error('changed my mind');
    expect(() => entity.submit({}, { signal: AbortSignal.abort(reason) })).toThrow(reason);
    expect([entity.queued, entity.stats().submitted]).toEqual([0, 0]);
    expect(() => entity.submit({}, { signal: new AbortController().signal })).not.toThrow();
  });

  /** A signal of somebody's own making. */
  function ownSignal(methods: Partial<CancelSignal> = {}): CancelSignal {
    const nothing = (): void => {};
    return {
      aborted: false,
      reason: undefined,
      addEventListener: nothing,
      removeEventListener: nothing,
      ...methods,
    };
  }

  it('J1: changes nothing where the signal throws while it is listened to, and leaves no listener', async () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    const error = new Error('no listeners today');
    const listeners = new Set<unknown>();
    const signal = ownSignal({
      addEventListener: (_, fn) => {
        listeners.add(fn);
        throw error;
      },
      removeEventListener: (_, fn) => void listeners.delete(fn),
    });
    expect(() => entity.submit({}, { signal })).toThrow(error);
    expect([entity.queued, entity.stats().submitted, listeners.size]).toEqual([0, 0, 0]);
    await cranked(runtime, scheduler.close());
  });

  it('J1, J9: accepts and cancels a job whose signal aborts while it is listened to', () => {
    const { scheduler, runtime, mock } = setUp();
    const entity = scheduler.createEntity();
    let listeners = 0;
    const signal = ownSignal({
      reason: new Error('just now'),
      addEventListener: (_, fn) => {
        listeners += 1;
        fn();
      },
      removeEventListener: () => void (listeners -= 1),
    });
    const job = entity.submit({}, { signal });
    expect([entity.queued, entity.stats().submitted]).toEqual([0, 1]);
    runtime.runUntilIdle();
    expect([outcome(job), job.finished.error?.cause]).toEqual(['ERR_JOB_CANCELLED', signal.reason]);
    expect([mock.idsOf('runJob'), listeners]).toEqual([[], 0]);
  });

  it.each(['an option', 'the signal'])(
    'F1, J1: counts a job that %s submits meanwhile: each has a seqno of its own, in order, and a full queue is full',
    (what) => {
      const { scheduler, runtime } = setUp();
      const listeners = new Set<unknown>();
      const optionsOf = (act: () => void): SubmitOptions => {
        if (what === 'an option') {
          return {
            get label() {
              act();
              return 'outer';
            },
          };
        }
        const signal = ownSignal({
          addEventListener: (_: string, fn: () => void) => {
            listeners.add(fn);
            act();
          },
          removeEventListener: (_: string, fn: () => void) => void listeners.delete(fn),
        });
        return { signal };
      };
      const entity = scheduler.createEntity();
      const inner: MockJob[] = [];
      const submitInner = (): void => void inner.push(entity.submit({ durationUs: 1 }));
      const outer = entity.submit({ durationUs: 1 }, optionsOf(submitInner));
      const jobs = [...inner, outer];
      const signals = signalsOf(jobs);
      expect(jobs.map(({ finished }) => finished.seqno)).toEqual([1, 2]);
      const small = scheduler.createEntity({ maxQueued: 1 });
      const fill = (): void => void small.submit({ durationUs: 1 });
      expect(thrownBy(() => small.submit({}, optionsOf(fill)))).toBe('ERR_QUEUE_FULL');
      expect([small.queued, small.stats().submitted]).toEqual([1, 1]);
      const killed = scheduler.createEntity();
      const kill = (): void => killed.kill();
      expect(thrownBy(() => killed.submit({}, optionsOf(kill)))).toBe('ERR_CLOSED');
      runtime.runUntilIdle();
      expect(finishedIn(signals)).toEqual(['f0', 'f1']);
      const last = scheduler.createEntity();
      const close = (): void => void scheduler.close({ mode: 'kill' });
      expect(thrownBy(() => last.submit({}, optionsOf(close)))).toBe('ERR_CLOSED');
      expect([last.queued, scheduler.stats().queued, listeners.size]).toEqual([0, 0, 0]);
    },
  );

  it('S12: goes where its entity has got work meanwhile', () => {
    const { scheduler: a, runtime } = setUp({ label: 'a' });
    const { scheduler: b } = setUp({ label: 'b', runtime });
    const entity = a.createEntity();
    const inner: MockJob[] = [];
    const outer = entity.submit(
      { durationUs: 1 },
      {
        queueTimeoutMs: 1,
        get label() {
          if (inner.length === 0) {
            entity.setSchedulers([b]);
            inner.push(entity.submit({ durationUs: 1 }));
          }
          return 'outer';
        },
      },
    );
    expect([a.stats().queued, b.stats().queued]).toEqual([0, 2]);
    runtime.runUntilIdle();
    expect([...inner, outer].map(outcome)).toEqual(['ok', 'ok']);
  });

  it('J1: throws ERR_CLOSED where listening to the signal closed the scheduler', () => {
    const { scheduler } = setUp();
    const entity = scheduler.createEntity();
    const signal = ownSignal({
      addEventListener: () => void scheduler.close({ mode: 'kill' }),
    });
    expect(thrownBy(() => entity.submit({}, { signal }))).toBe('ERR_CLOSED');
    expect([entity.queued, entity.stats().submitted]).toEqual([0, 0]);
  });

  it('J1: signals both fences of a job whose signal throws when it is left', () => {
    const { scheduler, runtime } = setUp();
    const error = new Error('stay');
    const signal = ownSignal({
      removeEventListener: () => {
        throw error;
      },
    });
    const job = scheduler.createEntity().submit({ durationUs: 5 }, { signal });
    expect(() => runtime.runUntilIdle()).toThrow(error);
    runtime.runUntilIdle();
    expect([job.scheduled.status, outcome(job)]).toEqual(['ok', 'ok']);
  });

  it('J1: throws ERR_QUEUE_FULL at maxQueued, and accepts again once a job started', () => {
    const { scheduler, runtime } = setUp({ credits: 1 });
    const entity = scheduler.createEntity({ maxQueued: 2 });
    entity.submit({ durationUs: 5 });
    entity.submit({ durationUs: 5 });
    expect(thrownBy(() => entity.submit({}))).toBe('ERR_QUEUE_FULL');
    expect(entity.queued).toBe(2);
    runtime.advanceBy(0);
    expect(() => entity.submit({ durationUs: 5 })).not.toThrow();
    expect(thrownBy(() => entity.submit({}))).toBe('ERR_QUEUE_FULL');
  });

  it('J1: throws ERR_CLOSED on a killed and on a closed entity', async () => {
    const { scheduler, runtime } = setUp();
    const [killed, closed, open] = [1, 2, 3].map(() => scheduler.createEntity());
    killed!.kill();
    const closing = closed!.close();
    expect(thrownBy(() => killed!.submit({}))).toBe('ERR_CLOSED');
    expect(thrownBy(() => closed!.submit({}))).toBe('ERR_CLOSED');
    expect(thrownBy(() => open!.submit({}))).toBeUndefined();
    await cranked(runtime, closing);
  });

  it('J1: throws ERR_CLOSED where the one scheduler is closed', async () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    await cranked(runtime, scheduler.close());
    expect(thrownBy(() => entity.submit({}))).toBe('ERR_CLOSED');
  });

  it('J1: throws ERR_NO_SCHEDULER without a scheduler, or where none of several is usable', async () => {
    expect(thrownBy(() => new Entity({ schedulers: [] }).submit({}))).toBe('ERR_NO_SCHEDULER');
    const { scheduler: first, runtime } = setUp();
    const { scheduler: second } = setUp({ runtime });
    const entity = new Entity({ schedulers: [first, second] });
    await cranked(runtime, first.close());
    expect(thrownBy(() => entity.submit({}))).toBeUndefined();
    await cranked(runtime, second.close({ mode: 'kill' }));
    expect(thrownBy(() => entity.submit({}))).toBe('ERR_NO_SCHEDULER');
  });

  it('J1: throws ERR_DEVICE_GONE after the device was removed', () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    scheduler.removeDevice();
    runtime.runUntilIdle();
    expect(thrownBy(() => entity.submit({}))).toBe('ERR_DEVICE_GONE');
  });

  it('may be called inside a fence callback', () => {
    const { scheduler, runtime } = setUp();
    const entity = scheduler.createEntity();
    const outcomesSeen: string[] = [];
    entity.submit({ durationUs: 5 }).finished.addCallback(() => {
      const next = entity.submit({ durationUs: 5 });
      next.finished.addCallback((fence) => outcomesSeen.push(fence.status));
    });
    runtime.runUntilIdle();
    expect(outcomesSeen).toEqual(['ok']);
    expect(runtime.nowUs()).toBe(10);
  });
});

describe('an entity', () => {
  it.each([
    ['weight', { weight: 0 }],
    ['weight', { weight: NaN }],
    ['priority', { priority: 'urgent' }],
    ['maxQueued', { maxQueued: -1 }],
    ['order', { order: 'random' }],
  ])('refuses a wrong %s', (_, options) => {
    const { scheduler } = setUp();
    const act = (): unknown => scheduler.createEntity(options as object);
    expect(thrownBy(act)).toBe('ERR_INVALID_ARGUMENT');
  });

  it('cannot be opened on a closed scheduler', async () => {
    const { scheduler, runtime } = setUp();
    await cranked(runtime, scheduler.close());
    expect(thrownBy(() => scheduler.createEntity().submit({}))).toBe('ERR_CLOSED');
  });
});

describe('a scheduler', () => {
  it.each([
    ['rings', { rings: 0 }],
    ['rings', { rings: 1.5 }],
    ['credits', { credits: 0 }],
    ['credits', { credits: { targetMs: -1 } }],
    ['runTimeoutMs', { runTimeoutMs: -1 }],
    ['maxAttempts', { maxAttempts: 0 }],
    ['banAfter', { banAfter: 0 }],
    ['label', { label: 7 }],
  ])('refuses wrong %s', (_, options) => {
    const act = (): unknown => setUp({ mock: { rings: 2 }, ...(options as object) });
    expect(thrownBy(act)).toBe('ERR_INVALID_ARGUMENT');
  });
});
