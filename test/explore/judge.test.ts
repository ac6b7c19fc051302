// The judge: a driver or a world that keeps the rules gives no finding, and one that breaks a single rule gives that. Bugs of the scheduler
// itself are planted in test/mutants.
import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/base/index.ts';
import { signalledFence, Timeline } from '../../src/fence/index.ts';
import { defineScenario, explore } from '../../src/explore/index.ts';
import { shares } from '../../src/explore/scenarios/shares.ts';
import type { ModelWork, World } from '../../src/explore/index.ts';
import { fair, fifo } from '../../src/sched/index.ts';
import type { Driver, Policy } from '../../src/sched/index.ts';

/** The rules that a world breaks, in every order of its steps. */
function brokenBy(build: (world: World) => void): string[] {
  const scenario = defineScenario({ name: 'test', about: 'a test', build });
  const { violations, complete } = explore({ scenarios: [scenario], strategy: 'exhaustive' });
  if (violations.length === 0) expect(complete).toBe(true);
  return violations.map(({ rule }) => rule);
}

/** Two clients, one job each, over a model device with a change. */
function twoClients(
  world: World,
  change: (driver: Driver<ModelWork>) => Partial<Driver<ModelWork>>,
): void {
  const device = world.device();
  const driver = { ...device.driver, ...change(device.driver) };
  const gpu = world.scheduler<ModelWork>({ driver });
  world.state(() => []);
  for (const label of ['A', 'B']) {
    const entity = world.entity<ModelWork>({ label, schedulers: [gpu] });
    world.client(label, [() => void entity.submit({})]);
  }
}

describe('a driver', () => {
  it('D2: that keeps the rules breaks none', () => {
    expect(brokenBy((world) => twoClients(world, () => ({})))).toEqual([]);
  });

  it('D2: that fails in runJob is no fault of the scheduler', () => {
    const throws = (): never => {
      throw new Error('no');
    };
    expect(brokenBy((world) => twoClients(world, () => ({ runJob: throws })))).toEqual([]);
  });

  it('F9: that never signals a fence, without a limit of time, is found to hang its job for ever', () => {
    const runJob = (world: World) => (): ReturnType<Driver['runJob']> =>
      new Timeline({ driver: 'test', label: 'never', runtime: world.runtime }).createFence().fence;
    const rules = brokenBy((world) => twoClients(world, () => ({ runJob: runJob(world) })));
    expect(rules).toEqual(['F9']);
  });

  it('F9: that never signals, with a limit of time and a reset, costs only its job', () => {
    const rules = brokenBy((world) => {
      const device = world.device();
      const gpu = world.scheduler({ driver: device.driver, runTimeoutMs: 1 });
      const entity = world.entity({ schedulers: [gpu] });
      world.client('A', [() => void entity.submit({}), () => void entity.submit({})]);
      world.fault({
        label: 'hang',
        enabled: () => device.canComplete(0),
        run: () => device.hang(0),
      });
    });
    expect(rules).toEqual([]);
  });
});

describe('a job that completes between its timeout and the reset', () => {
  it('T2, T3: is taken by the reset, also where nobody is asked and two timers are due at the same time', () => {
    const rules = brokenBy((world) => {
      for (const label of ['A', 'B']) {
        const { driver } = world.device({ lacks: ['timedOut'] });
        const gpu = world.scheduler({ driver, runTimeoutMs: 1 });
        const entity = world.entity({ label, schedulers: [gpu] });
        world.client(label, [() => void entity.submit({})]);
      }
    });
    expect(rules).toEqual([]);
  });
});

describe('the rules of a world', () => {
  const failing = (world: World): void => {
    const device = world.device();
    const gpu = world.scheduler({ driver: device.driver });
    const entity = world.entity({ schedulers: [gpu] });
    world.client('A', [() => void entity.submit({})]);
    world.fault({
      label: 'fails',
      enabled: () => device.canComplete(0),
      run: () => device.complete(0, 0, new JobError('ERR_DRIVER')),
    });
  };

  it('are looked at after each step, when nothing is on its way, and at the end', () => {
    for (const when of ['always', 'holds', 'eventually'] as const) {
      const rules = brokenBy((world) => {
        failing(world);
        world[when]('X1', () => (world.runtime.nowUs() >= 100 ? 'a job has ended' : null));
      });
      expect(rules, when).toContain('X1');
    }
  });

  it('break nothing where they hold', () => {
    expect(
      brokenBy((world) => {
        failing(world);
        for (const when of ['always', 'holds', 'eventually'] as const)
          world[when]('X1', () => null);
      }),
    ).toEqual([]);
  });

  it('are told where a step of the world throws', () => {
    expect(
      brokenBy((world) =>
        world.client('A', [
          () => {
            throw new Error('the world is broken');
          },
        ]),
      ),
    ).toEqual(['crash']);
  });
});

describe('a gate', () => {
  it('J5: holds a job back until it is open, in every order', () => {
    const rules = brokenBy((world) => {
      const device = world.device();
      const gpu = world.scheduler({ driver: device.driver });
      const entity = world.entity({ schedulers: [gpu] });
      const gate = world.gate('gate');
      const opened = signalledFence(world.runtime);
      world.client('A', [() => void entity.submit({}, { after: [gate.fence, opened] })]);
      world.client('opens', [() => gate.signal()]);
      world.always('J5', () =>
        gate.fence.status === 'pending' && device.canComplete(0) ? 'the job runs' : null,
      );
    });
    expect(rules).toEqual([]);
  });
});

describe('fair shares', () => {
  const brokenUnder = (policy: () => Policy): string[] => {
    const options = { scope: { entities: 3, jobs: 4 }, strategy: 'pct', seeds: 200 } as const;
    return explore({ scenarios: [shares(policy)], maxViolations: 1, ...options }).violations.map(
      ({ rule }) => rule,
    );
  };

  it('S8: hold to the theorem under fair', () => {
    expect(brokenUnder(fair)).toEqual([]);
  });

  it('S8: that fifo gives, first come, first served, are found to be none', () => {
    expect(brokenUnder(fifo)).toEqual(['S8']);
  });
});
