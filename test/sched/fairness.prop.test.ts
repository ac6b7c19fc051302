// The theorem of docs/fairness.md, and the books that it counts by (S13), over random accounts, weights, lengths, arrivals, rings, credits and wrong estimates. The
// model is in fairnessModel.ts; single rules are in policies.test.ts. FENCELINE_MODEL_RUNS and FENCELINE_MODEL_SEED are as in
// model.prop.test.ts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fair, linuxFair } from '../../src/sched/index.ts';
import type { Policy } from '../../src/sched/index.ts';
import { FairnessModel } from './fairnessModel.ts';
import type { World } from './fairnessModel.ts';

const RUNS = Number(process.env['FENCELINE_MODEL_RUNS'] ?? 500);
const SEED = process.env['FENCELINE_MODEL_SEED'] ?? '1';
const options = { numRuns: RUNS, ...(SEED === 'new' ? {} : { seed: Number(SEED) }) };

const phase = fc.record({
  kind: fc.constantFrom('burst', 'burst', 'oneByOne', 'blocked'),
  atUs: fc.nat(200_000),
  jobs: fc.integer({ min: 1, max: 40 }),
  lengthUs: fc.constantFrom(100, 1000, 3000, 10_000),
  said: fc.constantFrom(null, null, 1, 0, 0.1, 10),
  deadlineMs: fc.constantFrom(null, null, 0, 20),
  entity: fc.nat(3),
});

/** Worlds of accounts with these weights and bands. */
function worlds(
  weight: fc.Arbitrary<number>,
  priority: fc.Arbitrary<'high' | 'normal' | 'low'>,
): fc.Arbitrary<World> {
  const account = fc.record({
    weight,
    priority,
    entities: fc.integer({ min: 1, max: 3 }),
    phases: fc.array(phase, { minLength: 1, maxLength: 4 }),
    weights: fc.array(fc.record({ atUs: fc.nat(250_000), weight }), { maxLength: 2 }),
  });
  return fc.record({
    rings: fc.integer({ min: 1, max: 3 }),
    credits: fc.integer({ min: 1, max: 3 }),
    accounts: fc.array(account, { minLength: 2, maxLength: 5 }),
  }) as fc.Arbitrary<World>;
}

const anyWorld = worlds(
  fc.constantFrom(0.01, 0.5, 1, 1, 2, 8),
  fc.constantFrom('normal', 'normal', 'high', 'low'),
);
const worldOfEquals = worlds(fc.constant(1), fc.constant('normal'));

const holds =
  (policy: () => Policy) =>
  (world: World): void => {
    const model = new FairnessModel(world, policy());
    expect(model.run()).toBeNull();
    expect(model.accountingError(), 'S13').toBeLessThan(1e-6);
  };

describe('the theorem of fairness', () => {
  it('S8, S9, S13: holds for `fair`', { timeout: 600_000 }, () => {
    fc.assert(fc.property(anyWorld, holds(fair)), options);
  });

  it('S8: does not hold for `linuxFair`, even among equals (control)', { timeout: 120_000 }, () => {
    const runs = { numRuns: 1000, seed: 1, endOnFailure: true };
    expect(fc.check(fc.property(worldOfEquals, holds(linuxFair)), runs).failed).toBe(true);
  });
});
