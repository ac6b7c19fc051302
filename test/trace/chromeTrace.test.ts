import { describe, expect, it } from 'vitest';
import type { FenceRef, SchedEvent } from '../../src/events/index.ts';
import { ChromeTrace } from '../../src/trace/index.ts';
import type { ChromeEvent, ChromeTraceOptions } from '../../src/trace/index.ts';
import { expectSound } from './expectSound.ts';

// The Chrome trace format: which slices, arrows and instants a stream of events becomes. That a whole run writes a file
// which holds together is tested in test/cli/command.test.ts.

const GOLDEN = '../fixtures/trace/two-jobs.chrome.json';

const OPEN = { account: 1, weight: 1, priority: 'normal' };

function queue(atUs: number, client: number, fence: FenceRef, label: string): SchedEvent {
  const counts = { queued: 1, inFlight: 0, device: 'd', scheduler: 's', entity: client };
  return { type: 'job-queue', atUs, client, fence, label, job: fence[1], ...counts };
}

function run(atUs: number, fence: FenceRef, ring: number, attempt = 1): SchedEvent {
  const hardware: FenceRef = [99, fence[1]];
  return {
    type: 'job-run',
    atUs,
    fence,
    hardware,
    ring,
    client: 1,
    attempt,
    queued: 0,
    inFlight: 1,
  };
}

function done(atUs: number, fence: FenceRef, error: 'ERR_JOB_TIMEOUT' | null = null): SchedEvent {
  return { type: 'job-done', atUs, fence, error, busyUs: 10, ring: 0 };
}

function traced(events: readonly SchedEvent[], options: ChromeTraceOptions = {}): ChromeEvent[] {
  const trace = new ChromeTrace(options);
  for (const event of events) trace.emit(event);
  trace.finish();
  const text = [...trace.chunks()].join('');
  return (JSON.parse(text) as { traceEvents: ChromeEvent[] }).traceEvents;
}

const A: FenceRef = [10, 1];
const B: FenceRef = [20, 1];
const TWO_JOBS: SchedEvent[] = [
  { type: 'client-open', atUs: 1000, client: 1, label: 'viewport', ...OPEN },
  { type: 'client-open', atUs: 1000, client: 2, label: 'solver', ...OPEN },
  queue(1010, 1, A, 'tile'),
  queue(1020, 2, B, 'block'),
  { type: 'job-dependency', atUs: 1020, fence: B, on: A },
  run(1030, A, 0),
  run(1040, B, 0),
  done(1100, A),
  done(1150, B),
];

describe('the Chrome trace', () => {
  it('has a track for each client and ring, slices for jobs, and an arrow for a dependency', async () => {
    const events = traced(TWO_JOBS);
    expectSound(events);
    await expect(JSON.stringify(events, null, 2) + '\n').toMatchFileSnapshot(GOLDEN);
  });

  it('lets a job execute from the end of its predecessor on the ring', () => {
    const slices = traced(TWO_JOBS).filter(({ ph }) => ph === 'X');
    expect(slices.map(({ name, ts, dur }) => [name, ts, dur])).toEqual([
      ['tile', 30, 70],
      ['block', 100, 50],
    ]);
  });

  it('draws no arrow from a job that never executed', () => {
    const control = traced(TWO_JOBS).filter(({ ph }) => ph === 's' || ph === 'f');
    expect(control).toHaveLength(2);
    const events = traced(
      TWO_JOBS.filter((event) => !(event.type === 'job-run' && event.fence === A)),
    );
    expect(events.filter(({ ph }) => ph === 's' || ph === 'f')).toEqual([]);
    expectSound(events);
  });

  it('shows a reset as a slice and its timeout and ban as instants, and each attempt that executed', () => {
    const events = traced([
      ...TWO_JOBS.slice(0, 7),
      { type: 'timeout', atUs: 1300, fence: A, client: 1, ring: 0, verdict: 'reset' },
      { type: 'reset-begin', atUs: 1300, guilty: [A], innocent: [B], tries: 1 },
      done(1310, A, 'ERR_JOB_TIMEOUT'),
      { type: 'job-requeue', atUs: 1310, fence: B, attempt: 1 },
      { type: 'ban', atUs: 1310, client: 1, entity: 1, karma: 3 },
      {
        type: 'reset-end',
        atUs: 1320,
        guilty: [A],
        innocent: [B],
        tries: 1,
        outcome: 'ok',
        tookUs: 20,
      },
      run(1330, B, 0, 2),
      done(1380, B),
    ]);
    expectSound(events);
    expect(events.filter(({ ph }) => ph === 'i').map(({ name }) => name)).toEqual([
      'timeout',
      'ban',
    ]);
    const slices = events.filter(({ ph }) => ph === 'X');
    expect(slices.map(({ name, ts, dur }) => [name, ts, dur])).toEqual([
      ['tile', 30, 280],
      ['reset', 300, 20],
      ['block', 330, 50],
    ]);
  });

  it('ends what is unfinished when the trace ends', () => {
    const events = traced(TWO_JOBS.slice(0, 7));
    expectSound(events);
    expect(events.filter(({ ph }) => ph === 'e').map(({ args }) => args?.['error'])).toEqual([
      'unfinished',
      'unfinished',
    ]);
  });

  it('keeps no more than it was told to, says how many it dropped, and stays sound', () => {
    const trace = new ChromeTrace({ maxEvents: 5 });
    for (const event of TWO_JOBS) trace.emit(event);
    trace.finish();
    expect(trace.dropped).toBeGreaterThan(0);
    for (let maxEvents = 0; maxEvents < 12; maxEvents++) {
      const events = traced(TWO_JOBS, { maxEvents });
      for (const { ph, id } of events) {
        if (ph === 'e')
          expect(events.some((event) => event.ph === 'b' && event.id === id)).toBe(true);
      }
    }
  });
});
