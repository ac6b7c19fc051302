// How long a client with little demand waits under `fair` (S10), over random crowds that are backlogged. What is divided among
// those is in fairness.prop.test.ts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { strictPriority } from '../../src/sched/index.ts';
import type { Policy } from '../../src/sched/index.ts';
import { setUp } from './fixture.ts';

const RUNS = Number(process.env['FENCELINE_MODEL_RUNS'] ?? 500) / 5;
const SEED = process.env['FENCELINE_MODEL_SEED'] ?? '1';
const options = { numRuns: RUNS, ...(SEED === 'new' ? {} : { seed: Number(SEED) }) };

const ROUNDS = 4;

interface Crowd {
  readonly credits: number;
  readonly heavy: readonly { readonly weight: number; readonly us: number }[];
  readonly light: readonly {
    readonly us: number;
    readonly afterUs: number;
    /** Milliseconds to the deadline hint of each job; `null`: none. */
    readonly deadlineMs: number | null;
  }[];
}

const crowds: fc.Arbitrary<Crowd> = fc.record({
  credits: fc.integer({ min: 1, max: 3 }),
  heavy: fc.array(
    fc.record({ weight: fc.constantFrom(0.5, 1, 4), us: fc.integer({ min: 1000, max: 10_000 }) }),
    { minLength: 1, maxLength: 5 },
  ),
  light: fc.array(
    fc.record({
      us: fc.integer({ min: 1, max: 500 }),
      afterUs: fc.nat(5000),
      deadlineMs: fc.constantFrom(null, 0, 5, 5000),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});

/** By how many microseconds some light client waited longer than S10 allows; at most 0 where none did. */
function excessUs({ credits, heavy, light }: Crowd, policy?: Policy): number {
  const env = setUp({ credits, ...(policy && { policy }) });
  const longestUs = Math.max(...heavy.map(({ us }) => us));
  const shares = heavy.reduce((sum, { weight }) => sum + weight, light.length);
  const quantaUs = light.reduce((sum, { us }) => sum + us, 0);
  // Little demand: a quarter of its share, and not before each of the others was served again.
  const periodUs = Math.max(4 * 500 * shares, (heavy.length + 2) * (credits + 2) * longestUs * 2);
  for (const { weight, us } of heavy) {
    const entity = env.scheduler.createEntity({ weight });
    const submit = (): void => void entity.submit({ durationUs: us }).finished.addCallback(submit);
    for (let depth = 0; depth < 20; depth += 1) submit();
  }
  // The others are newcomers themselves until each has been served.
  const beginUs = heavy.length * (credits + 1) * longestUs;
  let worstUs = -Infinity;
  for (const { us, afterUs, deadlineMs } of light) {
    const entity = env.scheduler.createEntity();
    for (let round = 0; round < ROUNDS; round += 1) {
      const atUs = beginUs + afterUs + round * periodUs;
      env.runtime.setTimer(atUs, () => {
        const hint = deadlineMs === null ? {} : { deadlineMs };
        const job = entity.submit({ durationUs: us }, hint);
        job.finished.addCallback(({ signalledAtUs }) => {
          const tookUs = signalledAtUs! - atUs;
          worstUs = Math.max(worstUs, tookUs - credits * longestUs - quantaUs);
        });
      });
    }
  }
  env.runtime.advanceBy(beginUs + ROUNDS * periodUs);
  env.mock.calls.length = 0;
  return worstUs;
}

describe('a client with little demand', () => {
  it(
    'S10: waits for what is on the hardware, and one job of each like it',
    { timeout: 300_000 },
    () => {
      const property = fc.property(crowds, (crowd) => {
        expect(excessUs(crowd)).toBeLessThanOrEqual(0);
      });
      fc.assert(property, options);
    },
  );

  it('S10: waits longer under policies that do not promise it (control)', () => {
    const crowd = {
      credits: 1,
      heavy: [
        { weight: 1, us: 5000 },
        { weight: 1, us: 5000 },
      ],
      light: [{ us: 100, afterUs: 1000, deadlineMs: null }],
    };
    expect(excessUs(crowd)).toBeLessThanOrEqual(0);
    expect(excessUs(crowd, strictPriority())).toBeGreaterThan(0);
  });
});
