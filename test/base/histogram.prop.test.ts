// Histogram against the exact figures of the same values.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram } from '../../src/base/index.ts';

const summaryOf = (values: readonly number[]): ReturnType<Histogram['summary']> => {
  const histogram = new Histogram();
  for (const value of values) histogram.add(value);
  return histogram.summary();
};

describe('Histogram', () => {
  it('is all zero where nothing was added', () => {
    expect(summaryOf([])).toEqual({ count: 0, mean: 0, p50: 0, p99: 0, max: 0 });
  });

  it('is exact where all values are equal', () => {
    for (const value of [0, 0.25, 1, 7, 1e9]) {
      const { mean, p50, p99, max } = summaryOf([value, value, value]);
      expect({ mean, p50, p99, max }).toEqual({ mean: value, p50: value, p99: value, max: value });
    }
  });

  it('is exact where there are one or two values', () => {
    expect(summaryOf([7.3])).toEqual({ count: 1, mean: 7.3, p50: 7.3, p99: 7.3, max: 7.3 });
    expect(summaryOf([8, 3])).toEqual({ count: 2, mean: 5.5, p50: 3, p99: 8, max: 8 });
    expect(summaryOf([0, 8])).toEqual({ count: 2, mean: 4, p50: 0, p99: 8, max: 8 });
  });

  it('keeps the first two values when the third comes', () => {
    const { p50, p99, max } = summaryOf([1000, 10, 10]);
    expect([p50, p99, max]).toEqual([expect.closeTo(10, 0), 1000, 1000]);
  });

  it('counts as 0 what is not a positive number', () => {
    expect(summaryOf([-5, NaN, 0])).toEqual({ count: 3, mean: 0, p50: 0, p99: 0, max: 0 });
    expect(summaryOf([-5, 0, 8, 8, 8]).p50).toBe(8);
  });

  it('has exact count, mean and max, and percentiles within 1/32 of the value', () => {
    const value = fc.oneof(
      fc.double({ min: 0, max: 10, noNaN: true }),
      fc.double({ min: 0, max: 1e12, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), (values) => {
        const sorted = [...values].sort((a, b) => a - b);
        const exact = (fraction: number): number =>
          sorted[Math.max(1, Math.ceil(fraction * sorted.length)) - 1] as number;
        const summary = summaryOf(values);
        expect(summary.count).toBe(values.length);
        expect(summary.max).toBe(sorted.at(-1));
        expect(summary.mean).toBeCloseTo(values.reduce((a, b) => a + b, 0) / values.length, 3);
        for (const [got, want] of [
          [summary.p50, exact(0.5)],
          [summary.p99, exact(0.99)],
        ] as const) {
          expect(Math.abs(got - want)).toBeLessThanOrEqual(want / 32 + Number.EPSILON);
        }
      }),
    );
  });
});
