/**
 * The form of the pages in docs/adr: a number, a title, four headings, one page. Whether a decision is right is for its readers.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const folder = join(import.meta.dirname, '..', '..', 'docs', 'adr');
const files = readdirSync(folder).sort();

const HEADINGS = ['Context', 'Decision', 'Refused', 'How we would know it was wrong'];

describe('the pages of decisions', () => {
  it('are numbered without a gap, from 1', () => {
    expect(files.length).toBeGreaterThan(0);
    expect(files.map((file) => Number(file.slice(0, 4)))).toEqual(files.map((_, at) => at + 1));
    expect(files.filter((file) => !/^\d{4}-[a-z0-9-]+\.md$/.test(file))).toEqual([]);
  });

  for (const file of files) {
    it(`have a title, four headings and one page of text: ${file}`, () => {
      const text = readFileSync(join(folder, file), 'utf8');
      expect(text).toMatch(new RegExp(`^# ${Number(file.slice(0, 4))}\\. \\S`));
      expect([...text.matchAll(/^## (.*)$/gm)].map((found) => found[1])).toEqual(HEADINGS);
      expect(text).not.toMatch(/^## .*\n+(?:##|$(?![\s\S]))/m);
      expect(text.split('\n').length).toBeLessThanOrEqual(60);
    });
  }
});
