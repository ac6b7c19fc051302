import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EntitlementMeter, maxMinShares } from '../../src/cli/run/entitlement.ts';

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
  const CLIENTS = [
    { weight: 1, rings: 2 },
    { weight: 1, rings: 2 },
  ];

  it('takes a client that was always backlogged as wanting all', () => {
    const meter = new EntitlementMeter(CLIENTS, 2);
    meter.read(0, [
      { busyUs: 0, queued: 3 },
      { busyUs: 0, queued: 0 },
    ]);
    meter.read(500, [
      { busyUs: 1, queued: 3 },
      { busyUs: 1, queued: 0 },
    ]);
    meter.read(1000, [
      { busyUs: 1_500_000, queued: 3 },
      { busyUs: 400_000, queued: 0 },
    ]);
    expect(meter.capacityUs).toBe(2_000_000);
    expect(meter.entitledPct()).toEqual([80, 20]);
  });

  it('takes a client whose queue was empty once as wanting what it used', () => {
    const meter = new EntitlementMeter(CLIENTS, 2);
    meter.read(0, [
      { busyUs: 0, queued: 3 },
      { busyUs: 0, queued: 9 },
    ]);
    meter.read(500, [
      { busyUs: 1, queued: 3 },
      { busyUs: 1, queued: 0 },
    ]);
    meter.read(1000, [
      { busyUs: 1_500_000, queued: 3 },
      { busyUs: 400_000, queued: 9 },
    ]);
    expect(meter.entitledPct()).toEqual([80, 20]);
  });

  it('counts the rest of the run as an interval of its own', () => {
    const meter = new EntitlementMeter(CLIENTS, 2);
    meter.read(0, [
      { busyUs: 0, queued: 1 },
      { busyUs: 0, queued: 1 },
    ]);
    meter.read(
      100,
      [
        { busyUs: 50_000, queued: 0 },
        { busyUs: 0, queued: 1 },
      ],
      true,
    );
    expect(meter.capacityUs).toBe(200_000);
    expect(meter.entitledPct()).toEqual([25, 75]);
  });

  it('caps a client at the rings that it can use', () => {
    const meter = new EntitlementMeter(
      [
        { weight: 4, rings: 1 },
        { weight: 1, rings: 2 },
      ],
      2,
    );
    meter.read(0, [
      { busyUs: 0, queued: 1 },
      { busyUs: 0, queued: 1 },
    ]);
    meter.read(1000, [
      { busyUs: 1e6, queued: 1 },
      { busyUs: 1e6, queued: 1 },
    ]);
    expect(meter.entitledPct()).toEqual([50, 50]);
  });
});
