// The scheduler that is kept so that compiled code is: that no user sees it. What it saves is measured by bench/core.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { VirtualRuntime } from '../../src/drivers/sim/index.ts';
import { keepShapes, keptJobs } from '../../src/sched/keptShapes.ts';
import { setUp } from './fixture.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

describe('the kept scheduler', () => {
  it('is made once, and has a job in each state', () => {
    keepShapes();
    const jobs = keptJobs();
    keepShapes();
    expect(keptJobs()).toBe(jobs);
    expect(jobs.map((job) => job.state)).toEqual(['finished', 'running', 'queued']);
  });

  it('uses nothing of the runtime of those that are opened', () => {
    const idsOf = (): number[] => {
      const runtime = new VirtualRuntime();
      const { scheduler } = setUp({ runtime });
      return [scheduler.createEntity().id, scheduler.createEntity().id, runtime.nowUs()];
    };
    const first = idsOf();
    keepShapes();
    expect(idsOf()).toEqual(first);
  });

  it('holds on to none of them', async () => {
    const open = (): WeakRef<object> => {
      const { scheduler, runtime } = setUp();
      scheduler.createEntity().submit({ durationUs: 10 });
      runtime.runUntilIdle();
      return new WeakRef(scheduler);
    };
    const ref = open();
    for (let tries = 0; tries < 10 && ref.deref() !== undefined; tries += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      collect();
    }
    expect(ref.deref()).toBeUndefined();
  });
});
