/**
 * docs/errors.md and the table of codes say the same. What each error does is tested where it is raised.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERROR_TABLE } from '../../src/base/index.ts';

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'errors.md'), 'utf8');

/** The part of the page about each code. */
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section) => [/^`(\w+)`/.exec(section)?.[1] ?? section, section]),
);

describe('the page of errors', () => {
  it('has one section for each code of the table, and no other', () => {
    expect([...sections.keys()].sort()).toEqual(Object.keys(ERROR_TABLE).sort());
    expect(page.match(/^## /gm)).toHaveLength(sections.size);
  });

  for (const [code, row] of Object.entries(ERROR_TABLE)) {
    it(`gives errno and kind as the table does, and what to do: ${code}`, () => {
      const section = sections.get(code) ?? '';
      expect(section).toContain(`\n\`${row.errno}\`, ${row.kind}.\n`);
      for (const part of ['Means', 'Comes', 'Do']) {
        expect(section).toMatch(new RegExp(`^- \\*\\*${part}:\\*\\* \\S`, 'm'));
      }
    });
  }
});
