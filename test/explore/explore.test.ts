// Searches: what they report, that they are the same each time, how they go on, and what they refuse. That the judge finds what is
// wrong: judge.test.ts and test/mutants. Replay strings: replay.test.ts.
import { describe, expect, it } from 'vitest';
import {
  builtInScenarios,
  defineScenario,
  Exploration,
  explore,
  replay,
  smallScenarios,
} from '../../src/explore/index.ts';
import type { Checkpoint, ExploreReport } from '../../src/explore/index.ts';
import { thrownBy } from '../sched/fixture.ts';

const SMALL = { entities: 1, jobs: 2 };

/** What of a report does not depend on the machine. */
function plain({
  strategy,
  scope,
  schedules,
  states,
  violations,
  complete,
}: ExploreReport): unknown {
  return { strategy, scope, schedules, states, violations, complete };
}

describe('an exhaustive search', () => {
  it('F9: finds nothing in one client with two jobs, a hang, a kill and slow work, and says that it saw all', () => {
    const report = explore({ scope: SMALL });
    expect(report).toMatchObject({
      strategy: 'exhaustive',
      scope: '1x2',
      violations: [],
      complete: true,
    });
    expect(report.states).toBeGreaterThan(100);
    expect(plain(explore({ scope: SMALL }))).toEqual(plain(report));
  });

  it('goes on from a checkpoint as if it had never stopped', () => {
    const whole = explore({ scope: SMALL });
    const first = new Exploration({ scope: SMALL });
    for (let step = 0; step < 40; step += 1) first.next();
    const resume = JSON.parse(JSON.stringify(first.checkpoint())) as Checkpoint;
    expect(plain(explore({ resume }))).toEqual(plain(whole));
  });
});

describe('an exhaustive search of a scenario of a user', () => {
  /** Two clients that read a number, and write one more: what they hold is in their closures. */
  function counting(tellsState: boolean) {
    return defineScenario({
      name: 'counting',
      about: 'a lost update',
      build(world) {
        let count = 0;
        const read = [0, 0];
        for (const at of [0, 1]) {
          world.client(`client ${at}`, [
            () => (read[at] = count),
            () => (count = (read[at] ?? 0) + 1),
          ]);
        }
        world.eventually('X1', () => (count === 2 ? null : `the count is ${count}`));
        if (tellsState) world.state(() => [count, ...read]);
      },
    });
  }

  for (const tellsState of [false, true]) {
    it(`finds what depends on state that ${tellsState ? 'the scenario tells of' : 'no hash can see'}`, () => {
      const report = explore({ scenarios: [counting(tellsState)], strategy: 'exhaustive' });
      expect(report.complete).toBe(true);
      expect(report.violations.map(({ signature }) => signature)).toEqual(['X1: the count is #']);
    });
  }

  it('takes two ways for one state only where the scenario tells of its state', () => {
    const states = [false, true].map(
      (tells) => explore({ scenarios: [counting(tells)], strategy: 'exhaustive' }).states,
    );
    expect(states[0]).toBeGreaterThan(states[1] ?? Infinity);
  });
});

describe('a seeded search', () => {
  for (const strategy of ['pct', 'random'] as const) {
    it(
      `S3: finds nothing in 600 runs of all families, each the same when it is made again: ${strategy}`,
      { timeout: 60_000 },
      () => {
        const options = { strategy, seeds: 600 };
        const report = explore(options);
        expect(report.violations.map(({ signature }) => signature)).toEqual([]);
        expect(report.schedules).toBe(600);
        expect(plain(explore(options))).toEqual(plain(report));
      },
    );
  }

  it('goes on from a checkpoint with the next seed', () => {
    const first = new Exploration({ strategy: 'pct', seeds: 50 });
    for (let step = 0; step < 20; step += 1) first.next();
    const checkpoint = first.checkpoint();
    expect(checkpoint.nextSeed).toBe(21);
    const second = new Exploration({ resume: checkpoint, seeds: 50 });
    while (second.next());
    expect(second.report().schedules).toBe(50);
    expect(second.checkpoint().nextSeed).toBe(51);
  });

  it('stops when its time is up', () => {
    let nowMs = 0;
    const report = explore({ strategy: 'pct', seconds: 1, clock: () => (nowMs += 10) });
    expect(report.seconds).toBeGreaterThanOrEqual(1);
    expect(report.schedules).toBeLessThan(200);
  });

  it('has its time for itself where it goes on from a checkpoint, and reports the sum', () => {
    let nowMs = 0;
    const options = { strategy: 'pct', seconds: 1, clock: () => (nowMs += 10) } as const;
    const first = new Exploration(options);
    while (first.next());
    const second = new Exploration({ ...options, resume: first.checkpoint() });
    while (second.next());
    expect(second.schedules).toBeGreaterThan(1.5 * first.schedules);
    expect(second.report().seconds).toBeGreaterThanOrEqual(2);
  });

  it('says so where a run is not the same when it is made again', () => {
    let calls = 0;
    const scenario = defineScenario({
      name: 'fickle',
      about: 'a world that is another each time',
      build(world) {
        calls += 1;
        const steps = Array.from({ length: calls }, () => () => {});
        world.client('A', steps);
      },
    });
    const { violations } = explore({ scenarios: [scenario], strategy: 'pct', seeds: 100 });
    expect(violations.map(({ rule }) => rule)).toEqual(['determinism']);
  });
});

describe('a world with chance of its own', () => {
  /** The same numbers each time the test is run, others in each world. */
  function ownChance(): () => number {
    let state = 1;
    return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  }

  it('is told, where only times differ', () => {
    const chance = ownChance();
    const scenario = defineScenario({
      name: 'lengths',
      about: 'jobs whose length is left to chance',
      build(world) {
        const gpu = world.scheduler({ driver: world.device().driver });
        const entity = world.entity({ schedulers: [gpu] });
        const submit = (): void => void entity.submit({ durationUs: chance() < 0.5 ? 10 : 700 });
        world.client('A', [submit, submit]);
      },
    });
    const { violations } = explore({ scenarios: [scenario], strategy: 'pct', seeds: 1000 });
    expect(violations.map(({ rule }) => rule)).toContain('determinism');
  });

  it('has findings that cannot be made again, and their strings never pass for the same run', () => {
    const chance = ownChance();
    const scenario = defineScenario({
      name: 'sometimes',
      about: 'a law that chance breaks',
      build(world) {
        const isBad = chance() < 0.02;
        let steps = 0;
        world.client('A', [() => {}, () => {}]);
        world.always('X1', () => (isBad && (steps += 1) > 1 ? 'chance has broken it' : null));
      },
    });
    const scenarios = [scenario];
    const { violations } = explore({ scenarios, strategy: 'pct', seeds: 90 });
    expect(violations.map(({ rule }) => rule)).toEqual(['determinism']);
    expect(violations[0]?.trail).toContain('chance has broken it');
    const again = replay(violations[0]?.replay ?? '', { scenarios });
    expect([again.violation, again.differsAtStep !== null]).toEqual([null, true]);
  });
});

describe('the families of worlds', () => {
  it('have names of their own, and say what they are for', () => {
    const small = [SMALL, { entities: 3, jobs: 2 }].flatMap((scope) => smallScenarios(scope));
    const names = [...builtInScenarios(), ...small].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { about } of builtInScenarios()) expect(about).not.toBe('');
  });
});

describe('the options of explore', () => {
  const refused: Record<string, Parameters<typeof explore>[0]> = {
    'a scope without jobs': { scope: { entities: 1, jobs: 0 } },
    'no seeds': { seeds: 0 },
    'half a seed': { seeds: 0.5 },
    'seconds without a clock': { seconds: 1 },
    'no seconds': { seconds: 0, clock: () => 0 },
    'another strategy': { strategy: 'luck' as 'pct' },
    'no scenario': { scenarios: [] },
    'no violations': { maxViolations: 0 },
    'no options': null as never,
    'a list of options': [] as never,
    'a scope in words': { scope: '2x2' as never },
    'a scope of nothing': { scope: {} as never },
    'no scope': { scope: null as never },
    'a scope in words, with a number of seeds': { scope: '2x2' as never, seeds: 1 },
    'a scenario that is none': { scenarios: [{} as never] },
    'no list of scenarios': { scenarios: 5 as never },
    'a clock that is none': { clock: 5 as never, seeds: 1 },
    'nothing to go on from': { resume: {} as never },
    'no checkpoint': { resume: null as never },
    'a checkpoint without a number': {
      resume: { ...new Exploration().checkpoint(), nextSeed: undefined } as never,
    },
    'a checkpoint without its list of states': {
      resume: { ...new Exploration().checkpoint(), exhaustive: {} } as never,
    },
  };
  for (const [what, options] of Object.entries(refused)) {
    it(`refuse ${what}`, () => {
      expect(thrownBy(() => explore(options))).toBe('ERR_INVALID_ARGUMENT');
    });
  }
});
