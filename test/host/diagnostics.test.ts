// The bridge to node:diagnostics_channel: what is published where, what it costs and what it withstands. The events
// themselves: test/sched/events.test.ts.
import { spawnSync } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { VirtualRuntime } from '../../src/drivers/sim/index.ts';
import { publisher } from '../../src/events/index.ts';
import type { SchedEvent } from '../../src/events/index.ts';
import { publishOnChannels } from '../../src/host/diagnostics.ts';
import '../../src/host/index.ts';
import { Observers } from '../../src/sched/observers.ts';
import { setUp } from '../sched/fixture.ts';
import type { SetUp } from '../sched/fixture.ts';

type Listener = Parameters<typeof subscribe>[1];

const NAMES = ['queue', 'run', 'done', 'timeout', 'reset'].map((name) => `fenceline:job:${name}`);
const subscribed: [string, Listener][] = [];

afterEach(() => {
  for (const [name, listener] of subscribed.splice(0)) unsubscribe(name, listener);
});

function listenTo(name: string, listener: Listener): void {
  subscribe(name, listener);
  subscribed.push([name, listener]);
}

/** `channel type` of everything that is published on the channels `names`. */
function published(names: readonly string[]): string[] {
  const found: string[] = [];
  for (const name of names) {
    listenTo(name, (event, channel) => {
      found.push(`${String(channel)} ${(event as SchedEvent).type}`);
    });
  }
  return found;
}

/** One job that ends, then one that hangs. */
function runTwo(env: SetUp): void {
  const entity = env.scheduler.createEntity();
  entity.submit({ durationUs: 10 });
  env.runtime.runUntilIdle();
  entity.submit({ hangs: true }, { runTimeoutMs: 1 });
  env.runtime.runUntilIdle();
}

describe('the diagnostics channels', () => {
  it('publishes queue, run, done, timeout, and the begin and the end of a reset', () => {
    const found = published(NAMES);
    const env = setUp();
    runTwo(env);
    expect(found).toEqual(
      [
        ...['queue job-queue', 'run job-run', 'done job-done', 'queue job-queue', 'run job-run'],
        ...['timeout timeout', 'reset reset-begin', 'reset reset-end', 'done job-done'],
      ].map((line) => `fenceline:job:${line}`),
    );
  });

  it('publishes the event itself', () => {
    const messages: unknown[] = [];
    listenTo('fenceline:job:done', (message) => messages.push(message));
    const env = setUp();
    runTwo(env);
    expect(messages).toHaveLength(2);
    expect(env.events).toContain(messages[0]);
    expect(messages[1]).toMatchObject({ type: 'job-done', error: 'ERR_JOB_TIMEOUT' });
  });

  it('publishes on the channels that somebody subscribed to, whenever that was', () => {
    const env = setUp();
    runTwo(env);
    const found = published(['fenceline:job:timeout']);
    runTwo(env);
    expect(found).toEqual(['fenceline:job:timeout timeout']);
    for (const [name, listener] of subscribed.splice(0)) unsubscribe(name, listener);
    runTwo(env);
    expect(found).toHaveLength(1);
  });

  it('has no event made while nobody is subscribed', () => {
    const observers = new Observers(new VirtualRuntime());
    expect(observers.listening).toBe(false);
    published(['fenceline:job:done']);
    observers.refresh();
    expect(observers.listening).toBe(true);
    for (const [name, listener] of subscribed.splice(0)) unsubscribe(name, listener);
    observers.refresh();
    expect(observers.listening).toBe(false);
  });

  it('withstands a subscriber that throws: the error is uncaught, the jobs end', () => {
    const program = `
      import { subscribe } from 'node:diagnostics_channel';
      import { Scheduler } from 'fenceline';
      import { MockRing, VirtualRuntime } from 'fenceline/sim';
      process.on('uncaughtException', (error) => console.log('uncaught', error.message));
      subscribe('fenceline:job:run', () => { throw new Error('from a subscriber'); });
      const runtime = new VirtualRuntime();
      const scheduler = new Scheduler({ label: 'a', driver: new MockRing({ runtime }), runtime });
      const job = scheduler.createEntity().submit({ durationUs: 10 });
      runtime.runUntilIdle();
      console.log(job.finished.status);`;
    const ran = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
      cwd: join(import.meta.dirname, '..', '..'),
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(ran.stdout.trim().split('\n')).toEqual(['ok', 'uncaught from a subscriber']);
    expect(ran.status).toBe(0);
  });

  it('does nothing where the platform has no such module', () => {
    const platform = Object.getOwnPropertyDescriptor(globalThis, 'process')!;
    const before = publisher;
    try {
      Object.defineProperty(globalThis, 'process', { value: undefined, configurable: true });
      publishOnChannels();
    } finally {
      Object.defineProperty(globalThis, 'process', platform);
    }
    expect(publisher).toBe(before);
  });
});
