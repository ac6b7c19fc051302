import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDurationMs } from '../../src/cli/durations.ts';
import { editDistance, nearest } from '../../src/cli/nearest.ts';
import { fillIn } from '../../src/cli/run/placeholders.ts';
import { resultDigest } from '../../src/cli/run/resultDigest.ts';
import { tableLines } from '../../src/cli/table.ts';

// The small parts of the command that know nothing of workloads.

describe('nearest', () => {
  it('finds what was probably meant, and nothing where nothing is near', () => {
    const names = ['priority', 'weight', 'order'];
    expect(nearest('priorty', names)).toBe('priority');
    expect(nearest('Wieght', names)).toBe('weight');
    expect(nearest('colour', names)).toBeNull();
    expect(nearest('x', [])).toBeNull();
  });

  it('looks further among few known words, where it is asked to', () => {
    const policies = ['fair', 'fifo', 'roundRobin'];
    expect(nearest('fare', policies)).toBeNull();
    expect(nearest('fare', policies, 1 / 2)).toBe('fair');
    expect(nearest('best', policies, 1 / 2)).toBeNull();
  });

  it('counts inserted, deleted, replaced and swapped letters', () => {
    expect(editDistance('fair', 'fair')).toBe(0);
    expect(editDistance('fair', 'fairy')).toBe(1);
    expect(editDistance('fair', 'fir')).toBe(1);
    expect(editDistance('fair', 'fain')).toBe(1);
    expect(editDistance('fair', 'fari')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
  });

  it('is symmetric, and no larger than the longer word', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});

describe('a duration', () => {
  it('is a number and a unit', () => {
    const texts = ['100ms', '2s', '1.5 s', '1m', '250us', '0ms'];
    expect(texts.map(parseDurationMs)).toEqual([100, 2000, 1500, 60_000, 0.25, 0]);
  });

  it('is nothing else', () => {
    const texts = ['100', 'ms', '-1s', '1h', '1s2', '', '1,5s'];
    expect(texts.map(parseDurationMs)).toEqual(texts.map(() => null));
  });
});

describe('a placeholder', () => {
  it('is replaced at any depth, and only where it stands alone', () => {
    const args = ['$round', ['$input'], { deep: { all: '$inputs' } }, 'at $round', 3, null];
    const values = { round: 2, input: '/a', inputs: ['/a', '/b'] };
    expect(fillIn(args, values)).toEqual([
      2,
      ['/a'],
      { deep: { all: ['/a', '/b'] } },
      'at $round',
      3,
      null,
    ]);
  });
});

describe('the digest of a result', () => {
  it('depends on the bytes, not on how they are held', () => {
    const bytes = new Uint8Array([1, 2, 3]);
    expect(resultDigest(bytes)).toBe(resultDigest(bytes.buffer));
    expect(resultDigest(bytes)).not.toBe(resultDigest(new Uint8Array([1, 2, 4])));
    expect(resultDigest({ a: 1 })).toBe(resultDigest({ a: 1 }));
    expect(resultDigest('x')).toMatch(/^[0-9a-f]{16}$/);
  });
});

describe('a table', () => {
  it('is as wide as its widest cells, with numbers on the right', () => {
    const columns = [
      { heading: 'client', align: 'left' },
      { heading: 'jobs', align: 'right' },
    ] as const;
    expect(
      tableLines(columns, [
        ['viewport', '7'],
        ['x', '12345'],
      ]),
    ).toEqual(['client     jobs', '--------  -----', 'viewport      7', 'x         12345']);
  });
});
