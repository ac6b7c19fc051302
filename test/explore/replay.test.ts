// Replay strings, and the shrinking before them: a finding is made again from its string, to the same end.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defineScenario, explore, replay, smallScenarios } from '../../src/explore/index.ts';
import type { Scenario } from '../../src/explore/index.ts';
import { FollowChooser } from '../../src/explore/choosers.ts';
import { planOf } from '../../src/explore/replay.ts';
import { decodeReplay, encodeReplay } from '../../src/explore/replayString.ts';
import { EARLY_TIMER } from '../../src/explore/run.ts';
import { seededRun } from '../../src/explore/seeded.ts';
import { thrownBy } from '../sched/fixture.ts';

/** A world in which it is wrong that the last client acts before the first, after `extra` steps of others. */
function broken(name = 'broken', harmless = 6): Scenario {
  return defineScenario({
    name,
    about: 'the second client must not be first',
    build(world) {
      const device = world.device();
      const gpu = world.scheduler({ driver: device.driver });
      const entity = world.entity({ schedulers: [gpu] });
      const order: string[] = [];
      for (let other = 0; other < harmless; other += 1) {
        world.client(`other ${other}`, [
          () => void entity.submit({}),
          () => void entity.submit({}),
        ]);
      }
      world.client('first', [() => void order.push('first')]);
      world.client('second', [() => void order.push('second')]);
      world.fault({ label: 'a fault that does nothing', times: 3, run: () => {} });
      world.always('X1', () => (order[0] === 'second' ? 'the second client was first' : null));
    },
  });
}

const [violation] = explore({ scenarios: [broken()], strategy: 'pct', seeds: 200 }).violations;

describe('a finding', () => {
  it('is told with its rule, a signature and a trail that ends with what is wrong', () => {
    expect(violation?.rule).toBe('X1');
    expect(violation?.signature).toBe('X1: the second client was first');
    expect(violation?.trail.split('\n').at(-1)).toBe('X1 is broken: the second client was first');
  });

  it('is shrunk to the one step that matters', () => {
    const plan = decodeReplay(violation?.replay ?? '');
    expect(plan.faults).toEqual([]);
    expect(plan.schedule).toHaveLength(1);
    expect(violation?.trail.split('\n')).toHaveLength(3);
  });

  it('is made again by its string, with the same states', () => {
    const again = replay(violation?.replay ?? '', { scenarios: [broken()] });
    expect(again.violation).toEqual({ rule: 'X1', message: 'the second client was first' });
    expect(again.differsAtStep).toBeNull();
    expect(again.trail).toBe(violation?.trail);
  });

  it('is told apart from a run of a world that has changed, at its first step that differs', () => {
    const again = replay(violation?.replay ?? '', { scenarios: [broken('broken', 5)] });
    expect(again.differsAtStep).not.toBeNull();
  });

  it('comes once for all runs that break the law in the same way', () => {
    const { violations } = explore({ scenarios: [broken()], strategy: 'random', seeds: 300 });
    expect(violations).toHaveLength(1);
  });
});

describe('a replay string', () => {
  it('holds every plan', () => {
    const number = fc.nat(2 ** 53 - 1);
    const pairs = (least: number): fc.Arbitrary<[number, number][]> =>
      fc
        .uniqueArray(fc.nat(5000))
        .chain((steps) =>
          fc.tuple(
            ...steps
              .sort((a, b) => a - b)
              .map((step) =>
                fc.tuple(fc.constant(step), fc.integer({ min: least, max: least + 300 })),
              ),
          ),
        ) as fc.Arbitrary<[number, number][]>;
    const plan = fc.record({
      scenario: fc.string(),
      scope: fc.record({ entities: fc.nat(999), jobs: fc.nat(999) }),
      workload: fc.array(number),
      schedule: pairs(0),
      faults: pairs(EARLY_TIMER),
      hashes: fc.array(number),
    });
    fc.assert(
      fc.property(plan, (one) => {
        expect(decodeReplay(encodeReplay(one))).toEqual(one);
      }),
    );
  });

  it.each([
    ['with faults', { entities: 2, jobs: 2 }],
    ['without faults', { entities: 3, jobs: 2 }],
  ])('of a world of an exhaustive search is the same run again: %s', (_what, scope) => {
    for (const scenario of smallScenarios(scope)) {
      for (let seed = 1; seed <= 20; seed += 1) {
        const { run, workload } = seededRun(scenario, scope, 'pct', seed);
        run.finish();
        // Shrunk, its scope may be one in which an exhaustive search takes another world.
        const smaller = { entities: 1, jobs: 1 };
        for (const one of [scope, smaller]) {
          const { plan } = planOf(scenario, one, workload, new FollowChooser(run.trace));
          expect(replay(encodeReplay(plan)).differsAtStep, `seed ${seed}`).toBeNull();
        }
      }
    }
  });

  it('is refused where it is none', () => {
    for (const text of [
      '',
      'v0.AA',
      'v1.',
      'v1.!!',
      'v1._____w',
      'v1.AQ',
      violation?.replay.slice(0, -3),
    ]) {
      expect(thrownBy(() => replay(text ?? '', { scenarios: [broken()] }))).toBe(
        'ERR_INVALID_ARGUMENT',
      );
    }
  });

  it('is refused where its scenario is not there', () => {
    expect(thrownBy(() => replay(violation?.replay ?? ''))).toBe('ERR_INVALID_ARGUMENT');
  });
});
