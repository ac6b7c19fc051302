/**
 * What a worker device does about threads that hold jobs up while no job executes there: stuck in what an earlier job left behind, or
 * slow to start. Jobs that hang: faults.test.ts.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { call, openTestDevice, PATIENCE_MS } from './testDevice.ts';

describe('thread that is stuck', () => {
  it('is not one that had no time yet to begin', async () => {
    const device = await openTestDevice({ noHangLimit: 1000 });
    const client = device.open();
    const kept: boolean[] = [];
    for (let round = 0; round < 6; round += 1) {
      const thread = await call(client, 'threadId').result;
      await call(client, 'busyLater', [8]).result;
      const job = call(client, 'threadId', [], { runTimeoutMs: 2 });
      kept.push((await job.result) === thread);
    }
    // Where the machine itself leaves the thread alone for as long as a stuck one, it is replaced.
    expect(kept).toContain(true);
  });

  it('in what an earlier job left behind is replaced, and the job that waits there is innocent', async () => {
    const device = await openTestDevice({ runTimeoutMs: 200 });
    const leaver = device.open();
    await call(leaver, 'stickLater', [0]).result;
    await new Promise((resolve) => setTimeout(resolve, 50));
    const innocent = device.open();
    await expect(call(innocent, 'default', ['saved']).result).resolves.toBe('saved');
    expect(innocent.stats()).toMatchObject({ karma: 0, failed: 0 });
  });

  it('T4, T6: in a call of the platform keeps nobody waiting until that returns', async () => {
    const device = await openTestDevice({ runTimeoutMs: 200, noHangLimit: 1 });
    await call(device.open(), 'blockLater', [4000]).result;
    await new Promise((resolve) => setTimeout(resolve, 50));
    const innocent = device.open();
    const startMs = performance.now();
    await expect(call(innocent, 'default', ['saved']).result).resolves.toBe('saved');
    expect(performance.now() - startMs).toBeLessThan(4000);
    expect(innocent.stats()).toMatchObject({ karma: 0, failed: 0 });
    expect(device.stats().scheduler.resets).toBe(0);
  });
});

describe('thread that starts slowly', () => {
  it('T1, T6: is waited for, and the job that waits for it is innocent', async () => {
    const [slow, script] = ['slowThread', 'slowStart'].map((name) =>
      fileURLToPath(new URL(`./kernels/${name}.mjs`, import.meta.url)),
    ) as [string, string];
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', slow, script], {
      timeout: PATIENCE_MS,
    });
    expect(stdout).toBe('ERR_JOB_TIMEOUT behind 1 0');
  });
});
