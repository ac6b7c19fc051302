/**
 * How samples become a report: medians, spreads, ratios, targets. The program around it is in program.test.ts.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';

interface Line {
  name: string;
  unit: string;
  fenceline: number | null;
  peers: Record<string, number>;
  ratio: number | null;
  target: string | null;
  ok: boolean | null;
  spread: Record<string, { min: number; max: number }>;
}

type Samples = Record<string, Record<string, number[]>>;

const file = join(import.meta.dirname, '..', '..', 'bench', 'harness', 'judge.mjs');
const { judge, medianOf } = (await import(pathToFileURL(file).href)) as {
  judge(row: object, samples: Samples): Line[];
  medianOf(values: number[]): number;
};

function judgeOne(target: object, samples: Samples): Line {
  const [line] = judge({ name: 'row', unit: 'us', target: [{ figure: 'a', ...target }] }, samples);
  return line!;
}

const SAMPLES = {
  fenceline: { a: [3, 1, 2], b: [4] },
  quick: { a: [2, 4, 6] },
  slow: { a: [8, 8, 8], b: [1] },
};

describe('a report line', () => {
  it('names row, figure and unit, and gives medians with their spread', () => {
    expect(judgeOne({}, SAMPLES)).toEqual({
      name: 'row/a',
      unit: 'us',
      fenceline: 2,
      peers: { quick: 4, slow: 8 },
      ratio: null,
      target: null,
      ok: null,
      spread: {
        fenceline: { min: 1, max: 3 },
        quick: { min: 2, max: 6 },
        slow: { min: 8, max: 8 },
      },
    });
  });

  it('takes the unit of the figure where it has one', () => {
    expect(judgeOne({ unit: 'B' }, SAMPLES).unit).toBe('B');
  });
});

describe('a median', () => {
  it('is the middle one of an odd number, and half way between the middle two of an even one', () => {
    expect(medianOf([9, 1, 5])).toBe(5);
    expect(medianOf([10, 1, 2, 4])).toBe(3);
  });

  it('sorts by number', () => {
    expect(medianOf([10, 9, 100])).toBe(10);
  });
});

describe('a ratio', () => {
  const both = ['quick', 'slow'];

  it('is to the least of the peers where less is better', () => {
    expect(judgeOne({ against: { best: both } }, SAMPLES).ratio).toBe(0.5);
  });

  it('is to the most of the peers where more is better', () => {
    expect(judgeOne({ better: 'more', against: { best: both } }, SAMPLES).ratio).toBe(0.25);
  });

  it('leaves out peers that are not named', () => {
    expect(judgeOne({ against: { best: ['slow'] } }, SAMPLES).ratio).toBe(0.25);
  });

  it('may be to another figure of the peers, which the line then shows', () => {
    const line = judgeOne({ against: { best: both, figure: 'b' } }, SAMPLES);
    expect(line.ratio).toBe(2);
    expect(line.peers).toEqual({ slow: 1 });
  });

  it('may be to another figure of ours', () => {
    expect(judgeOne({ against: { own: 'b' } }, SAMPLES).ratio).toBe(0.5);
  });

  it('is null where no peer was measured, or we were not', () => {
    expect(judgeOne({ against: { best: both } }, { fenceline: { a: [1] } }).ratio).toBeNull();
    expect(judgeOne({ against: { best: both } }, { ...SAMPLES, fenceline: {} }).ratio).toBeNull();
  });
});

describe('a target', () => {
  const against = { best: ['quick'] };

  it('is reached at the figure that it names, and missed beyond', () => {
    expect(judgeOne({ against, reach: 0.5 }, SAMPLES).ok).toBe(true);
    expect(judgeOne({ against, reach: 0.49 }, SAMPLES).ok).toBe(false);
  });

  it('is the other way round where more is better', () => {
    expect(judgeOne({ better: 'more', against, reach: 0.5 }, SAMPLES).ok).toBe(true);
    expect(judgeOne({ better: 'more', against, reach: 0.51 }, SAMPLES).ok).toBe(false);
  });

  it('is held against our own median where there is no ratio', () => {
    expect(judgeOne({ reach: 2 }, SAMPLES).ok).toBe(true);
    expect(judgeOne({ reach: 1.9 }, SAMPLES).ok).toBe(false);
  });

  it('is not judged where it needs peers that were not measured', () => {
    expect(judgeOne({ against, reach: 9 }, { fenceline: { a: [1] } }).ok).toBeNull();
  });

  it('is told in words', () => {
    const text = (target: object): string | null => judgeOne(target, SAMPLES).target;
    expect(text({ against, reach: 0.5, stretch: 0.2 })).toBe('<= 0.5x quick (stretch 0.2x)');
    expect(text({ better: 'more', reach: 97 })).toBe('>= 97');
    expect(text({ against: { own: 'b' }, reach: 1.3 })).toBe('<= 1.3x b');
    expect(text({ against: { best: ['quick', 'slow'] }, reach: 1 })).toBe(
      '<= 1x the best of quick, slow',
    );
  });
});
