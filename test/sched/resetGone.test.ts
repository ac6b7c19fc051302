// A device that is gone, or not there, while a reset of it goes on (T7, T8, T11, D3). Devices that are gone otherwise: gone.test.ts.
import { describe, expect, it } from 'vitest';
import { FencelineError } from '../../src/base/index.ts';
import { VirtualRuntime } from '../../src/drivers/sim/index.ts';
import type { Timer } from '../../src/events/index.ts';
import type { CrashReport } from '../../src/sched/index.ts';
import { cranked, outcome, pendingFence, setUp, thrownBy } from './fixture.ts';
import type { MockJob, SetUp } from './fixture.ts';

const hooksOf = ({ mock }: SetUp): string[] => mock.calls.map(({ hook }) => hook);

/** A job that hangs, and whatever removes the device in the reset that follows at 1 ms. */
function hanging(options: Parameters<typeof setUp>[0] = {}): SetUp & {
  job: MockJob;
  reports: CrashReport[];
} {
  const reports: CrashReport[] = [];
  const env = setUp({
    runTimeoutMs: 1,
    reset: { timeoutMs: 10, maxTries: 3, backoffMs: 1 },
    onCrash: (report) => reports.push(report),
    ...options,
    mock: { interruptWaits: true, ...options.mock },
  });
  const job = env.scheduler.createEntity().submit({ hangs: true });
  return { ...env, job, reports };
}

/** What has to be true once the device is gone in a reset. */
async function expectGone(env: ReturnType<typeof hanging>): Promise<void> {
  const { runtime, scheduler, job, mock } = env;
  runtime.runUntilIdle();
  expect([outcome(job), outcome(scheduler.gone)]).toEqual(['ERR_DEVICE_GONE', 'ERR_DEVICE_GONE']);
  expect(hooksOf(env).slice(-1)).toEqual(['freeJob']);
  expect([mock.freedCount(job), runtime.pendingTimers, scheduler.stats().resets]).toEqual([
    1, 0, 0,
  ]);
  const other = pendingFence(runtime);
  const wait = other.fence.wait({ interruptible: true });
  other.signal();
  await expect(cranked(runtime, wait)).resolves.toBeUndefined();
  expect(env.reports.map(({ recovered }) => recovered)).toEqual([false]);
}

describe('a device that is gone in a reset', () => {
  it('T8, T11: said by capture, is asked nothing more and stops no waits', async () => {
    const env = hanging({
      driver: (mock) => ({
        ...mock.without('capture'),
        capture: () => env.scheduler.removeDevice('registers read as ones'),
      }),
    });
    await expectGone(env);
    expect(hooksOf(env)).not.toContain('reset');
  });

  it.each([
    ['reset-begin', 0],
    ['reset-end', 1],
  ] as const)('T8, T11: said by who hears %s, is asked nothing more', async (type, resets) => {
    const env = hanging();
    env.mock.failReset(9);
    env.scheduler.observe({
      emit: (event) => {
        if (event.type === type) env.scheduler.removeDevice('enough');
      },
    });
    await expectGone(env);
    expect(hooksOf(env).filter((hook) => hook === 'reset')).toHaveLength(resets);
  });

  it('T8: said by who hears that a try is late, is asked nothing more', async () => {
    const env = hanging();
    env.mock.resetUs = 1e6;
    env.scheduler.observe({
      emit: (event) => {
        if (event.type === 'reset-end') env.scheduler.removeDevice('too late');
      },
    });
    await expectGone(env);
    expect(hooksOf(env).filter((hook) => hook === 'reset')).toHaveLength(1);
  });

  it('T8: said in the hook itself, is asked nothing more', async () => {
    const env = hanging({
      driver: (mock) => ({
        ...mock.without('reset'),
        reset: (context) => {
          env.scheduler.removeDevice();
          return mock.reset(context);
        },
      }),
    });
    await expectGone(env);
  });

  it('T8: said in a callback of a settled job, fails the rest as gone', () => {
    const env = hanging({ rings: 2 });
    env.runtime.advanceBy(0);
    const other = env.scheduler.createEntity().submit({ hangs: true }, { runTimeoutMs: 5 });
    env.job.finished.addCallback(() => env.scheduler.removeDevice());
    env.runtime.runUntilIdle();
    expect([outcome(env.job), outcome(other)]).toEqual(['ERR_JOB_TIMEOUT', 'ERR_DEVICE_GONE']);
    expect([env.mock.freedCount(other), env.runtime.pendingTimers]).toEqual([1, 0]);
    expect(env.reports).toHaveLength(1);
  });

  it('T8, T11: takes no job of who waited for the reset to be over', async () => {
    const env = hanging();
    env.mock.resetUs = 5000;
    const entity = env.scheduler.createEntity();
    const fence = pendingFence(env.runtime).fence;
    const wait = fence.wait({ interruptible: true }).catch((error: unknown) => error);
    env.runtime.advanceBy(1500);
    const error = await cranked(env.runtime, wait);
    const resetDone = error instanceof FencelineError ? error.resetDone : undefined;
    const thrown: unknown[] = [];
    resetDone!.addCallback(() =>
      thrown.push(
        thrownBy(() => entity.submit({})),
        outcome(env.job),
      ),
    );
    env.scheduler.removeDevice();
    expect([resetDone!.status, thrown]).toEqual(['ok', ['ERR_DEVICE_GONE', 'ERR_DEVICE_GONE']]);
  });
});

describe('a reset whose scheduler is closed, and then its device removed', () => {
  it('D3, T8: is tried no more, so that no hook sees a job that was freed', () => {
    const env = hanging();
    env.mock.failReset(9);
    env.runtime.advanceBy(1500);
    void env.scheduler.close({ mode: 'kill' });
    env.scheduler.removeDevice();
    env.runtime.runUntilIdle();
    expect([outcome(env.job), env.mock.freedCount(env.job)]).toEqual(['ERR_SCHEDULER_CLOSED', 1]);
    expect(hooksOf(env).filter((hook) => hook === 'reset')).toHaveLength(1);
    expect(env.runtime.pendingTimers).toBe(0);
  });
});

describe('a reset in which something unexpected is thrown', () => {
  it('T7: ends with a device that is gone, and the error reaches the platform', () => {
    const error = new Error('a runtime with a bug');
    let armed = false;
    class BadRuntime extends VirtualRuntime {
      override setTimer(atUs: number, fn: () => void): Timer {
        if (!armed) return super.setTimer(atUs, fn);
        armed = false;
        throw error;
      }
    }
    const env = hanging({ runtime: new BadRuntime() });
    env.runtime.advanceBy(999);
    // The next timer is that of the try.
    armed = true;
    expect(() => env.runtime.runUntilIdle()).toThrow(error);
    env.runtime.runUntilIdle();
    expect([outcome(env.job), outcome(env.scheduler.gone)]).toEqual(
      Array(2).fill('ERR_DEVICE_GONE'),
    );
    expect([env.mock.freedCount(env.job), env.runtime.pendingTimers]).toEqual([1, 0]);
  });
});

describe('a device without a reset hook', () => {
  it('T2, J11: is not recovered: what its hardware has goes on', () => {
    const { scheduler, runtime, mock } = setUp({ driver: (ring) => ring.without('reset') });
    const jobs = [1, 2].map(() => scheduler.createEntity().submit({ durationUs: 1000 }));
    runtime.advanceBy(100);
    scheduler.recover();
    runtime.advanceBy(0);
    expect(mock.jobsOn()).toHaveLength(2);
    runtime.runUntilIdle();
    expect(jobs.map((job) => [outcome(job), job.attempt])).toEqual([
      ['ok', 1],
      ['ok', 1],
    ]);
    expect(scheduler.stats().resets).toBe(0);
  });
});
