// The planted bugs: every patch applies to the source as it is, and says what it is. That each is found again by its pinned string takes
// a process of its own for each: node scripts/mutants.mjs replay, a step of .ci/run.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeReplay } from '../../src/explore/replayString.ts';

interface Mutant {
  readonly id: string;
  readonly patch: string;
  readonly about: Readonly<Record<string, string | undefined>>;
}

const program = (await import(join(import.meta.dirname, '..', '..', 'scripts', 'mutants.mjs'))) as {
  listMutants(): Mutant[];
  listLater(): Record<string, string>;
  whyNotApplied(mutant: Pick<Mutant, 'patch'>): string | null;
};
const mutants = program.listMutants();

/** The catalogue of historic bugs. */
const CATALOGUE = [
  ...[
    'B01',
    'B02',
    'B03',
    'B04',
    'B06',
    'B07',
    'B08',
    'B10',
    'B11',
    'B13',
    'B14',
    'B15',
    'B16',
    'B17',
  ],
  ...['B19a', 'B19b', 'B20', 'B23', 'B24', 'B25', 'B27a', 'B27b', 'B27c', 'B29a', 'B30'],
];

describe('the planted bugs', () => {
  it('are those of the catalogue and more; who is missing says why', () => {
    const known = [...mutants.map(({ id }) => id), ...Object.keys(program.listLater())];
    expect(CATALOGUE.filter((id) => !known.includes(id))).toEqual([]);
  });

  for (const mutant of mutants) {
    it(`apply to the source as it is, and are pinned: ${mutant.id}`, () => {
      expect(program.whyNotApplied(mutant)).toBeNull();
      const { name, source, breaks, rule, replay } = mutant.about;
      for (const text of [name, source, breaks, rule]) expect(text).toMatch(/\S/);
      expect(decodeReplay(replay ?? '').hashes.length).toBeGreaterThan(0);
      expect(readFileSync(mutant.patch, 'utf8')).toMatch(/^--- a\/src\//);
    });
  }

  it('fail by name where a patch does not apply any more', () => {
    const patch = join(import.meta.dirname, 'no-such.patch');
    expect(program.whyNotApplied({ patch })).toContain('no-such.patch');
  });
});
