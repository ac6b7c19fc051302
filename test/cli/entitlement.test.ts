import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EntitlementMeter, maxMinShares } from '../../src/cli/run/entitlement.ts';
import type { MeteredClient } from '../../src/cli/run/entitlement.ts';

// What each client is entitled to: the weighted max-min division (S8), and how a run measures what was asked for.

describe('the max-min division', () => {
  it('S8: divides by weight among those who want all they can get', () => {
    const claims = [4, 1, 1 / 8].map((weight) => ({ weight, demand: Infinity }));
    expect(maxMinShares(41, claims)).toEqual([32, 8, 1]);
  });

  it('S8: divides what one leaves among the others', () => {
    const claims = [
      { weight: 4, demand: 10 },
      { weight: 1, demand: Infinity },
      { weight: 1, demand: Infinity },
    ];
    expect(maxMinShares(100, claims)).toEqual([10, 45, 45]);
  });

  it('gives nobody more than it asks for or the capacity, and wastes nothing that is asked for', () => {
    const claim = fc.record({
      weight: fc.double({ min: 0.01, max: 100, noNaN: true }),
      demand: fc.double({ min: 0, max: 1000, noNaN: true }),
    });
    fc.assert(
      fc.property(
        fc.array(claim),
        fc.double({ min: 0, max: 1000, noNaN: true }),
        (claims, capacity) => {
          const shares = maxMinShares(capacity, claims);
          const sum = shares.reduce((total, share) => total + share, 0);
          const asked = claims.reduce((total, { demand }) => total + demand, 0);
          expect(sum).toBeCloseTo(Math.min(capacity, asked), 3);
          shares.forEach((share, i) => {
            expect(share).toBeLessThanOrEqual((claims[i]?.demand ?? 0) + 1e-6);
          });
        },
      ),
    );
  });
});

describe('the entitlement meter', () => {
  const EQUAL = [
    { weight: 1, rings: 2 },
    { weight: 1, rings: 2 },
  ];

  type Numbers = readonly [busyUs: number, queued: number, running?: number];

  /** A meter of two rings that took these readings; the last one ends the interval. */
  function metered(
    readings: readonly (readonly [atMs: number, first: Numbers, second: Numbers])[],
    clients: readonly MeteredClient[] = EQUAL,
  ): EntitlementMeter {
    const meter = new EntitlementMeter(clients, 2);
    readings.forEach(([atMs, ...both], i) => {
      const taken = both.map(([busyUs, queued, running = 0]) => ({ busyUs, queued, running }));
      meter.read(atMs, taken, i === readings.length - 1);
    });
    return meter;
  }

  it('takes a client that was always backlogged as wanting all', () => {
    const meter = metered([
      [0, [0, 3], [0, 0]],
      [500, [1, 3], [1, 0]],
      [1000, [1_500_000, 3], [400_000, 0]],
    ]);
    expect(meter.capacityUs).toBe(2_000_000);
    expect(meter.entitledPct()).toEqual([80, 20]);
  });

  it('takes a client whose queue was empty once as wanting what it used', () => {
    const meter = metered([
      [0, [0, 3], [0, 9]],
      [500, [1, 3], [1, 0]],
      [1000, [1_500_000, 3], [400_000, 9]],
    ]);
    expect(meter.entitledPct()).toEqual([80, 20]);
  });

  it('takes a client with a job on a ring at every reading as wanting a ring, before the job ends', () => {
    const control = metered([
      [0, [0, 3], [0, 0, 1]],
      [500, [0, 3], [0, 0, 0]],
      [1000, [1_000_000, 3], [0, 0, 1]],
    ]);
    expect(control.entitledPct()).toEqual([100, 0]);
    const long = metered([
      [0, [0, 3], [0, 0, 1]],
      [500, [0, 3], [0, 0, 1]],
      [1000, [1_000_000, 3], [0, 0, 1]],
    ]);
    expect(long.entitledPct()).toEqual([50, 50]);
  });

  it('divides each second by itself, and the rest of the run', () => {
    const meter = metered([
      [0, [0, 1], [0, 1]],
      [1000, [1_000_000, 1], [1_000_000, 1]],
      [1100, [1_050_000, 0], [1_000_000, 1]],
    ]);
    expect(meter.capacityUs).toBe(2_200_000);
    expect(meter.entitledPct()[0]).toBeCloseTo((100 * 1_050_000) / 2_200_000, 6);
  });

  it('caps a client at the rings that it can use', () => {
    const clients = [
      { weight: 4, rings: 1 },
      { weight: 1, rings: 2 },
    ];
    const meter = metered(
      [
        [0, [0, 1], [0, 1]],
        [1000, [1e6, 1], [1e6, 1]],
      ],
      clients,
    );
    expect(meter.entitledPct()).toEqual([50, 50]);
  });
});
