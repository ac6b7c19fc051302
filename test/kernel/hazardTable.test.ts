// The table of hazards in docs/kernel-differences.md and the tests that it names say the same, and none of the hazards is
// forgotten. Whether a test shows what its title says is for its readers.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const page = readFileSync(join(root, 'docs', 'kernel-differences.md'), 'utf8');
const FILES: Record<string, string> = { a: 'hazards.test.ts', b: 'hazardsOfRecovery.test.ts' };
const HAZARDS = Array.from({ length: 26 }, (_, index) => `H-${index + 1}`);

/** Hazard to the letter of its file. */
const table = new Map(
  [...page.matchAll(/^\| (H-\d+) .*\| `(\w)` *\|$/gm)].map((row) => [row[1], row[2]]),
);

/** The numbers that the titles of a file begin with. */
function titled(file: string): Set<string> {
  const text = readFileSync(join(import.meta.dirname, file), 'utf8');
  return new Set([...text.matchAll(/\bit\(\s*['`](H-\d+)[,:]/g)].map((found) => String(found[1])));
}

describe('the table of hazards', () => {
  it('has a row for each of the 26, in order', () => {
    expect([...table.keys()]).toEqual(HAZARDS);
  });

  for (const [letter, file] of Object.entries(FILES)) {
    it(`names ${file} exactly where a title there begins with the hazard`, () => {
      const named = HAZARDS.filter((hazard) => table.get(hazard) === letter);
      expect([...titled(file)].sort()).toEqual([...named].sort());
    });
  }

  it('names tests that are there', () => {
    const links = [...page.matchAll(/\]\(\.\.\/(test\/[^)]+)\)/g)].map((found) => String(found[1]));
    expect(links.length).toBeGreaterThan(0);
    for (const link of links) expect(readFileSync(join(root, link), 'utf8')).not.toBe('');
  });
});
