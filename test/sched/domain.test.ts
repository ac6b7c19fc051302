// Who belongs to a reset domain, from when on and until when (T3, T8, J11). The procedure itself: reset.test.ts; a device that
// is lost: gone.test.ts; bans on several schedulers: bans.test.ts.
import { describe, expect, it } from 'vitest';
import { cranked, eventsOf, oneDomain, outcome, outcomes, setUp, thrownBy } from './fixture.ts';
import type { MockJob, SetUp } from './fixture.ts';

/** Runs one job that hangs on `env` past its timeout of 1 ms, so that a reset begins. */
function hangOne(env: SetUp): MockJob {
  const job = env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 1 });
  env.runtime.advanceBy(1000);
  return job;
}

/** Closes `env` with `kill` while its hardware works on a job, and goes on doing so. */
async function closedAtWork(env: SetUp): Promise<MockJob> {
  env.mock.ignoresCancel = true;
  const job = env.scheduler.createEntity().submit({ hangs: true });
  env.runtime.advanceBy(0);
  await cranked(env.runtime, env.scheduler.close({ mode: 'kill' }));
  return job;
}

const resetsOf = ({ mock }: SetUp): number =>
  mock.calls.filter(({ hook }) => hook === 'reset').length;

describe('a scheduler that was closed while its hardware worked', () => {
  it('J11, D3: is covered by the next reset of its domain, which retires and frees its jobs', async () => {
    const make = oneDomain();
    const [gfx, copy] = [make('gfx'), make('copy')];
    const cutOff = await closedAtWork(copy);
    expect([outcome(cutOff), cutOff.retired, copy.mock.freedCount(cutOff)]).toEqual([
      'ERR_SCHEDULER_CLOSED',
      false,
      0,
    ]);
    const hung = hangOne(gfx);
    gfx.runtime.advanceBy(0);
    expect(outcome(hung)).toBe('ERR_JOB_TIMEOUT');
    expect([cutOff.retired, copy.mock.freedCount(cutOff)]).toEqual([true, 1]);
    expect(copy.scheduler.stats()).toMatchObject({ rings: [{ running: 0, creditsUsed: 0 }] });
    const reset = copy.mock.calls.find(({ hook }) => hook === 'reset')?.reset;
    expect(reset!.running).toContain(cutOff.id);
  });

  it('J11: is covered where it has the driver in common with an open one, too', async () => {
    const make = oneDomain();
    const gfx = make('gfx');
    const copy = make('copy', { driver: () => gfx.mock });
    gfx.mock.ignoresCancel = true;
    const cutOff = copy.scheduler.createEntity().submit({ hangs: true });
    copy.runtime.advanceBy(0);
    await cranked(copy.runtime, copy.scheduler.close({ mode: 'kill' }));
    gfx.scheduler.recover();
    gfx.runtime.advanceBy(0);
    expect([resetsOf(gfx), cutOff.retired, gfx.mock.freedCount(cutOff)]).toEqual([1, true, 1]);
  });

  it.each([
    ['while its hardware works on', true],
    ['when nothing of it is left', false],
  ])('T8: takes its domain with it where its device is removed %s', async (_, works) => {
    const make = oneDomain();
    const [gfx, copy] = [make('gfx'), make('copy')];
    const job = gfx.scheduler.createEntity().submit({});
    if (works) await closedAtWork(copy);
    else await cranked(copy.runtime, copy.scheduler.close());
    copy.scheduler.removeDevice();
    gfx.runtime.runUntilIdle();
    expect([outcome(job), outcome(gfx.scheduler.gone)]).toEqual(Array(2).fill('ERR_DEVICE_GONE'));
    expect(copy.scheduler.gone.status).toBe('ok');
    expect(thrownBy(() => gfx.scheduler.createEntity().submit({}))).toBe('ERR_DEVICE_GONE');
  });

  it('T8, D3: has its jobs retired and freed when the device of its domain is lost', async () => {
    const make = oneDomain();
    const [gfx, copy] = [make('gfx'), make('copy')];
    const cutOff = await closedAtWork(copy);
    gfx.scheduler.removeDevice();
    gfx.runtime.advanceBy(0);
    expect([outcome(cutOff), cutOff.retired, copy.mock.freedCount(cutOff)]).toEqual([
      'ERR_SCHEDULER_CLOSED',
      true,
      1,
    ]);
  });

  it('J11: leaves its domain once its hardware is done: its driver is asked for no reset', async () => {
    const make = oneDomain();
    const [gfx, copy] = [make('gfx'), make('copy')];
    const cutOff = await closedAtWork(copy);
    copy.mock.finish(cutOff);
    copy.runtime.advanceBy(0);
    expect([cutOff.retired, copy.mock.freedCount(cutOff)]).toEqual([true, 1]);
    hangOne(gfx);
    gfx.runtime.advanceBy(0);
    expect([resetsOf(gfx), resetsOf(copy)]).toEqual([1, 0]);
  });

  it('J11: leaves its domain after the reset that covered it', async () => {
    const make = oneDomain();
    const [gfx, copy] = [make('gfx'), make('copy')];
    await closedAtWork(copy);
    hangOne(gfx);
    gfx.runtime.advanceBy(0);
    hangOne(gfx);
    gfx.runtime.advanceBy(0);
    expect([resetsOf(gfx), resetsOf(copy)]).toEqual([2, 1]);
  });
});

describe('a scheduler that joins a domain', () => {
  it('T3: during a reset starts nothing before that is over', () => {
    const make = oneDomain();
    const gfx = make('gfx');
    gfx.mock.resetUs = 500;
    hangOne(gfx);
    const copy = make('copy');
    const job = copy.scheduler.createEntity().submit({ durationUs: 5 });
    gfx.runtime.advanceBy(499);
    expect([job.state, copy.mock.idsOf('runJob')]).toEqual(['queued', []]);
    gfx.runtime.advanceBy(6);
    expect(outcome(job)).toBe('ok');
    expect([resetsOf(copy), copy.scheduler.stats().resets]).toEqual([0, 0]);
  });

  it('T3, T7: waits for the further tries of a reset that failed, too', () => {
    const make = oneDomain();
    const gfx = make('gfx', { reset: { backoffMs: 1 } });
    gfx.mock.failReset(1);
    hangOne(gfx);
    const job = make('copy').scheduler.createEntity().submit({ durationUs: 5 });
    gfx.runtime.advanceBy(999);
    expect(job.state).toBe('queued');
    gfx.runtime.advanceBy(6);
    expect(outcome(job)).toBe('ok');
  });

  it('T6: during a reset may report a fault of its own, and is reset after that', () => {
    const make = oneDomain();
    const gfx = make('gfx');
    gfx.mock.resetUs = 500;
    hangOne(gfx);
    const copy = make('copy');
    copy.scheduler.fault();
    gfx.runtime.advanceBy(499);
    expect(resetsOf(copy)).toBe(0);
    gfx.runtime.advanceBy(600);
    expect([resetsOf(gfx), resetsOf(copy)]).toEqual([2, 1]);
  });

  it('T3: may be closed before the reset is over', async () => {
    const make = oneDomain();
    const gfx = make('gfx');
    gfx.mock.resetUs = 500;
    hangOne(gfx);
    const copy = make('copy');
    const job = copy.scheduler.createEntity().submit({ durationUs: 5 });
    await cranked(copy.runtime, copy.scheduler.close({ mode: 'kill' }));
    gfx.runtime.advanceBy(1000);
    expect([outcome(job), copy.mock.idsOf('runJob')]).toEqual(['ERR_SCHEDULER_CLOSED', []]);
  });

  it('T8: during a reset that is given up is gone with the others', () => {
    const make = oneDomain();
    const gfx = make('gfx', { reset: { maxTries: 2, backoffMs: 1 } });
    gfx.mock.failReset(2);
    const hung = hangOne(gfx);
    const copy = make('copy');
    const job = copy.scheduler.createEntity().submit({ durationUs: 5 });
    gfx.runtime.advanceBy(2000);
    expect(outcomes([hung, job])).toEqual(['ERR_DEVICE_GONE', 'ERR_DEVICE_GONE']);
    expect(copy.mock.idsOf('runJob')).toEqual([]);
  });

  it('T8: whose device is gone is gone from the start', async () => {
    const make = oneDomain();
    const gfx = make('gfx');
    gfx.scheduler.removeDevice();
    gfx.runtime.advanceBy(0);
    const copy = make('copy');
    const entity = copy.scheduler.createEntity();
    expect(thrownBy(() => entity.submit({}))).toBe('ERR_DEVICE_GONE');
    expect(outcome(copy.scheduler.gone)).toBe('ERR_DEVICE_GONE');
    await cranked(copy.runtime, copy.scheduler.close());
    expect(copy.scheduler.gone.error).toBe(gfx.scheduler.gone.error);
  });

  it('T8: is open where only the device of another domain is gone (control)', () => {
    const gfx = oneDomain()('gfx');
    gfx.scheduler.removeDevice();
    const { scheduler, runtime, events } = setUp();
    const job = scheduler.createEntity().submit({ durationUs: 5 });
    runtime.runUntilIdle();
    expect([outcome(job), eventsOf(events, 'gone')]).toEqual(['ok', []]);
  });
});
