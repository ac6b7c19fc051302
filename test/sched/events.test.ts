// What the scheduler reports, in which order, with which fields.
import { describe, expect, it } from 'vitest';
import type { SchedEvent } from '../../src/events/index.ts';
import { eventsOf, pendingFence, setUp } from './fixture.ts';
import type { MockJob } from './fixture.ts';

const ref = (job: MockJob): [number, number] => [job.finished.timeline.id, job.finished.seqno];

/** The types of the events that are about jobs and resets, in order. */
const story = (events: readonly SchedEvent[]): string[] =>
  events.map((event) => event.type).filter((type) => /^(job|reset|timeout|ban|gone)/.test(type));

describe('the events of a job', () => {
  it('tell its life in order', () => {
    const { scheduler, runtime, events } = setUp();
    scheduler.createEntity().submit({ durationUs: 10 });
    runtime.runUntilIdle();
    const told = story(events);
    expect([...told].sort()).toEqual(
      ['job-done', 'job-free', 'job-queue', 'job-retire', 'job-run'].sort(),
    );
    expect(told[0]).toBe('job-queue');
    expect(told[1]).toBe('job-run');
    expect(told.at(-1)).toBe('job-free');
  });

  it('job-queue and job-run name everything that a trace needs', () => {
    const { scheduler, runtime, events } = setUp();
    const entity = scheduler.createEntity({ client: 7, label: 'mine' });
    const job = entity.submit({ durationUs: 10 }, { label: 'copy' });
    runtime.advanceBy(0);
    expect(eventsOf(events, 'job-queue')).toMatchObject([
      {
        atUs: 0,
        scheduler: 'test',
        client: 7,
        job: job.id,
        fence: ref(job),
        label: 'copy',
        queued: 1,
        inFlight: 0,
      },
    ]);
    const [run] = eventsOf(events, 'job-run');
    expect(run).toMatchObject({ fence: ref(job), ring: 0, client: 7, attempt: 1 });
    expect([run?.queued, run?.inFlight]).toEqual([0, 1]);
    expect(run?.hardware).toHaveLength(2);
    expect(run?.hardware).not.toEqual(ref(job));
  });

  it('job-done tells error, busy time and ring', () => {
    const { scheduler, runtime, events, mock } = setUp({ credits: 1 });
    const entity = scheduler.createEntity();
    mock.failNext();
    const failed = entity.submit({ durationUs: 10 });
    const killed = entity.submit({ durationUs: 10 });
    runtime.advanceBy(5);
    entity.kill();
    runtime.runUntilIdle();
    expect(eventsOf(events, 'job-done')).toEqual([
      { type: 'job-done', atUs: 10, fence: ref(failed), error: 'ERR_DRIVER', busyUs: 10, ring: 0 },
      {
        type: 'job-done',
        atUs: 10,
        fence: ref(killed),
        error: 'ERR_ENTITY_KILLED',
        busyUs: 0,
        ring: null,
      },
    ]);
  });

  it('job-dependency and job-blocked tell on what', () => {
    const { scheduler, runtime, events } = setUp();
    const gate = pendingFence(runtime);
    const job = scheduler.createEntity().submit({}, { after: [gate.fence] });
    runtime.advanceBy(0);
    const on = [gate.fence.timeline.id, gate.fence.seqno];
    expect(eventsOf(events, 'job-dependency')).toEqual([
      { type: 'job-dependency', atUs: 0, fence: ref(job), on },
    ]);
    expect(eventsOf(events, 'job-blocked')).toEqual([
      { type: 'job-blocked', atUs: 0, fence: ref(job), on },
    ]);
  });

  it('job-blocked tells why, where it is credits', () => {
    const { scheduler, runtime, events } = setUp({ credits: 1 });
    scheduler.createEntity().submit({});
    const waits = scheduler.createEntity().submit({});
    runtime.advanceBy(0);
    expect(eventsOf(events, 'job-blocked')).toContainEqual({
      type: 'job-blocked',
      atUs: 0,
      fence: ref(waits),
      why: 'credits',
    });
  });

  it('fence-signal tells both fences, also where nobody asked for them', () => {
    const { scheduler, runtime, events } = setUp();
    const job = scheduler.createEntity().submit({ durationUs: 10 });
    runtime.runUntilIdle();
    const scheduled = [job.scheduled.timeline.id, job.scheduled.seqno];
    const told = eventsOf(events, 'fence-signal').map((event) => [event.atUs, ...event.fence]);
    expect(told.filter(([, id]) => id === scheduled[0])).toEqual([[0, ...scheduled]]);
    expect(told.filter(([, id]) => id === ref(job)[0])).toEqual([[10, ...ref(job)]]);
  });

  it('tell a timeout, the reset, and the attempt that follows', () => {
    const { scheduler, runtime, events } = setUp({ runTimeoutMs: 1 });
    const hung = scheduler.createEntity().submit({ hangs: true });
    const again = scheduler.createEntity().submit({ durationUs: 5 });
    runtime.runUntilIdle();
    const told = story(events);
    const order = ['timeout', 'reset-begin', 'reset-end', 'job-requeue'].map((type) =>
      told.indexOf(type),
    );
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order).not.toContain(-1);
    expect(eventsOf(events, 'job-requeue')).toMatchObject([{ fence: ref(again), attempt: 1 }]);
    expect(eventsOf(events, 'job-run').map((event) => event.attempt)).toEqual([1, 1, 2]);
    expect(eventsOf(events, 'job-retire').map((event) => event.fence)).toContainEqual(ref(hung));
  });

  it('job-cancel is told once for each cancel that did something', () => {
    const { scheduler, runtime, events } = setUp();
    const job = scheduler.createEntity().submit({});
    job.cancel();
    runtime.runUntilIdle();
    job.cancel();
    expect(eventsOf(events, 'job-cancel')).toMatchObject([{ fence: ref(job), attempt: 0 }]);
  });
});

describe('the events of an entity', () => {
  it('tell its open, kill and close', async () => {
    const { scheduler, runtime, events } = setUp();
    const entity = scheduler.createEntity({ label: 'mine', client: 7, weight: 2, priority: 'low' });
    entity.kill();
    entity.kill();
    void entity.close();
    await runtime.settle();
    const told = events.filter((event) => event.type.startsWith('entity-'));
    expect(told.map((event) => event.type)).toEqual(['entity-open', 'entity-kill', 'entity-close']);
    for (const event of told) {
      expect(event).toMatchObject({ client: 7, label: 'mine', weight: 2, priority: 'low' });
    }
  });
});

describe('the events of passes and hooks', () => {
  it('come in pairs', () => {
    const { scheduler, runtime, events, mock } = setUp({ runTimeoutMs: 1 });
    mock.throwNext('prepareJob');
    for (let i = 0; i < 3; i += 1) scheduler.createEntity().submit({ durationUs: 5 });
    runtime.runUntilIdle();
    expect(eventsOf(events, 'pass-begin').length).toBe(eventsOf(events, 'pass-end').length);
    const hooks = eventsOf(events, 'hook-enter').map((event) => event.hook);
    expect(eventsOf(events, 'hook-exit').map((event) => event.hook)).toEqual(hooks);
    expect(eventsOf(events, 'hook-exit').filter((event) => event.outcome === 'threw')).toHaveLength(
      1,
    );
    expect(hooks.filter((hook) => hook === 'freeJob')).toHaveLength(3);
  });
});

describe('observe', () => {
  it('hands every event to any number of observers until they stop', () => {
    const { scheduler, runtime } = setUp();
    const [first, second]: [SchedEvent[], SchedEvent[]] = [[], []];
    const stop = scheduler.observe({ emit: (event) => first.push(event) });
    scheduler.observe({ emit: (event) => second.push(event) });
    const entity = scheduler.createEntity();
    entity.submit({ durationUs: 5 });
    runtime.runUntilIdle();
    expect(first.length).toBeGreaterThan(5);
    expect(first).toEqual(second);
    stop();
    stop();
    const count = first.length;
    entity.submit({ durationUs: 5 });
    runtime.runUntilIdle();
    expect([first.length, second.length > count]).toEqual([count, true]);
  });

  it('an observer that throws stops nothing; its error reaches the runtime', () => {
    const { scheduler, runtime } = setUp();
    let thrown = 0;
    scheduler.observe({
      emit: (event) => {
        if (event.type !== 'job-run') return;
        thrown += 1;
        throw new Error('observer');
      },
    });
    const job = scheduler.createEntity().submit({ durationUs: 5 });
    expect(() => runtime.runUntilIdle()).toThrow('observer');
    runtime.runUntilIdle();
    expect([thrown, job.finished.status]).toEqual([1, 'ok']);
  });

  it('every event has a type and a time that never goes back', () => {
    const { scheduler, runtime, events } = setUp({ runTimeoutMs: 1 });
    scheduler.createEntity().submit({ hangs: true });
    scheduler.createEntity().submit({ durationUs: 5 });
    runtime.runUntilIdle();
    let lastUs = 0;
    for (const event of events) {
      expect(typeof event.type).toBe('string');
      expect(event.atUs).toBeGreaterThanOrEqual(lastUs);
      lastUs = event.atUs;
    }
  });
});
