// The scheduler under random acts: submits with dependencies, cancels, kills, faults of every kind, resets, closes, also
// from inside callbacks. What must hold is in model.ts. FENCELINE_MODEL_RUNS sets how many runs (default 500), and
// FENCELINE_MODEL_SEED where they begin (default 1, so that every change is held to the same runs; `new` for fresh ones).
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { JobError } from '../../src/base/index.ts';
import type { MockHook } from '../../src/drivers/sim/index.ts';
import { Model } from './model.ts';
import type { Act, World } from './model.ts';

const index = fc.nat(30);
const priority = fc.constantFrom('low', 'normal', 'high', 'kernel');
const dependencyRule = fc.constantFrom('run', 'fail');

/** An object that has each of the fields, or not. */
const some = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> =>
  fc.record(fields, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;

const world = fc.record({
  rings: fc.integer({ min: 1, max: 3 }),
  credits: fc.integer({ min: 1, max: 4 }),
  ordered: fc.constantFrom(true, true, true, false),
  resetScope: fc.constantFrom('device', 'ring'),
  slicesOn: fc.constantFrom('any-ring', 'same-ring'),
  resetUs: fc.constantFrom(0, 0, 300, 5000),
  policy: fc.constantFrom('fair', 'linuxFair', 'fifo', 'roundRobin', 'strictPriority'),
  lacks: fc.constantFrom<Exclude<MockHook, 'runJob'>[]>(
    [],
    [],
    [],
    ['timedOut'],
    ['cancelJob'],
    ['reset'],
    ['nextSlice'],
  ),
  entities: fc.array(
    some({
      order: fc.constantFrom('serial', 'serial', 'parallel'),
      priority,
      client: fc.constantFrom(1, 2),
      onDependencyError: dependencyRule,
      onFault: fc.constantFrom('continue', 'kill-queue'),
      maxQueued: fc.constantFrom(3, 100),
      weight: fc.constantFrom(1, 5),
    }),
    { minLength: 1, maxLength: 4 },
  ),
}) as fc.Arbitrary<World>;

const work = fc.oneof(
  { weight: 6, arbitrary: fc.record({ durationUs: fc.constantFrom(0, 10, 300, 900, 1000, 2500) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      durationUs: fc.constantFrom(0, 10, 300, 900),
      slices: fc.constantFrom(2, 3),
    }),
  },
  { weight: 2, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ slices: 2 }) },
  { weight: 1, arbitrary: fc.constant({ hangs: true }) },
  { weight: 1, arbitrary: fc.constant({ durationUs: 10, error: new JobError('ERR_DRIVER') }) },
);

const submit = (unitCredits: boolean): fc.Arbitrary<Act> =>
  fc.record({
    act: fc.constant('submit'),
    entity: index,
    work,
    options: some({
      ...(!unitCredits && { credits: fc.integer({ min: 1, max: 5 }) }),
      resubmit: fc.boolean(),
      queueTimeoutMs: fc.constantFrom(0, 1, 3),
      dependencyTimeoutMs: fc.constantFrom(1, 3),
      runTimeoutMs: fc.constantFrom(1, 2),
      totalRunTimeoutMs: fc.constantFrom(1, 4),
      exclusive: fc.constantFrom(false, false, true),
      deadlineMs: fc.constantFrom(1, 100),
      estimateMs: fc.constantFrom(0, 1, 50),
      onDependencyError: dependencyRule,
    }),
    after: fc.oneof(
      { weight: 3, arbitrary: fc.constant<number[]>([]) },
      { weight: 1, arbitrary: fc.array(index, { maxLength: 3 }) },
    ),
    gated: fc.constantFrom(false, false, false, false, true),
  }) as fc.Arbitrary<Act>;

/** Acts that may also be done inside a callback. */
const anywhere = (unitCredits: boolean): fc.Arbitrary<Act> =>
  fc.oneof(
    { weight: 12, arbitrary: submit(unitCredits) },
    {
      weight: 6,
      arbitrary: fc.record({
        act: fc.constantFrom('cancel', 'fault', 'late', 'finish'),
        job: index,
      }),
    },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('kill'), entity: index }) },
    {
      weight: 1,
      arbitrary: fc.record({
        act: fc.constant('share'),
        entity: index,
        priority,
        weight: fc.constantFrom(0.5, 3),
      }),
    },
    { weight: 2, arbitrary: fc.record({ act: fc.constant('faultNobody') }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constantFrom('drain', 'closeKill', 'remove') }) },
  ) as fc.Arbitrary<Act>;

const acts = (unitCredits: boolean): fc.Arbitrary<Act[]> => {
  const any = anywhere(unitCredits);
  const outside = fc.oneof(
    { weight: 20, arbitrary: any },
    { weight: 10, arbitrary: fc.record({ act: fc.constant('advance'), us: fc.nat(2000) }) },
    { weight: 4, arbitrary: fc.record({ act: fc.constant('complete'), count: fc.nat(3) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        act: fc.constantFrom('hang', 'fail', 'drop', 'failReset', 'openGates', 'suspend', 'resume'),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        act: fc.constant('throw'),
        hook: fc.constantFrom(
          'runJob',
          'prepareJob',
          'nextSlice',
          'timedOut',
          'reset',
          'cancelJob',
          'freeJob',
          'capture',
        ),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        act: fc.constant('verdict'),
        verdict: fc.constantFrom('no-hang', 'no-hang', 'reset', 'reset', 'gone'),
      }),
    },
    { weight: 3, arbitrary: fc.record({ act: fc.constant('onFinished'), job: index, next: any }) },
  ) as fc.Arbitrary<Act>;
  return fc.array(outside, { minLength: 5, maxLength: 60 });
};

const RUNS = Number(process.env['FENCELINE_MODEL_RUNS'] ?? 500);
const SEED = process.env['FENCELINE_MODEL_SEED'] ?? '1';
const options = { numRuns: RUNS / 2, ...(SEED === 'new' ? {} : { seed: Number(SEED) }) };

function run(start: World, steps: readonly Act[]): void {
  const model = new Model(start);
  for (const step of steps) model.step(step);
  model.finish();
}

describe('the scheduler under random acts', () => {
  it(
    'keeps its laws where every job costs one credit (S3 is looked at)',
    { timeout: 600_000 },
    () => {
      fc.assert(fc.property(world, acts(true), run), options);
    },
  );

  it('keeps its laws where jobs cost different credits', { timeout: 600_000 }, () => {
    fc.assert(fc.property(world, acts(false), run), options);
  });
});
