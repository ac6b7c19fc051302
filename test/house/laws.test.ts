/**
 * scripts/laws.mjs: which laws of the contract have a test. Trees with one planted fault each, their control cases, and the
 * real tree.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const made: string[] = [];

afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true });
});

interface Checked {
  readonly ok: boolean;
  readonly output: string;
  /** The laws that have no test. */
  readonly missing: readonly string[];
}

function checkFolder(folder: string): Checked {
  const ran = spawnSync(process.execPath, [join(root, 'scripts', 'laws.mjs'), folder], {
    encoding: 'utf8',
  });
  const output = ran.stdout + ran.stderr;
  return {
    ok: ran.status === 0,
    output,
    missing: [...output.matchAll(/^(\w+) has no test/gm)].map((found) => String(found[1])),
  };
}

/** Runs the check over a tree with these test files, by path from `test`. */
function check(files: Readonly<Record<string, string>>): Checked {
  const folder = mkdtempSync(join(tmpdir(), 'fenceline-laws-'));
  made.push(folder);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, 'test', path, '..'), { recursive: true });
    writeFileSync(join(folder, 'test', path), text);
  }
  return checkFolder(folder);
}

const numbered = (section: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${section}${index + 1}`);
const LAWS = [
  ...[...numbered('F', 13), ...numbered('J', 11), ...numbered('S', 14), ...numbered('T', 11)],
  ...[...numbered('E', 6), ...numbered('M', 4), ...numbered('D', 5)],
];

/** A file with one test a law. */
const testsOf = (laws: readonly string[]): string =>
  laws.map((law) => `  it('${law}: holds', () => {});\n`).join('');

const complete = testsOf(LAWS);
/** Every law but F4, and this. */
const withoutF4 = (text: string): Checked =>
  check({ 'a.test.ts': testsOf(LAWS.filter((law) => law !== 'F4')) + text });

describe('the real tree', () => {
  it('has a test for every law', () => {
    const { ok, output } = checkFolder(root);
    expect(output).toMatch(/ 0 faults/);
    expect(ok).toBe(true);
  });
});

describe('a law', () => {
  it('passes where a title cites it (control)', () => {
    expect(check({ 'a.test.ts': complete })).toMatchObject({ ok: true, missing: [] });
  });

  it('fails where none does', () => {
    expect(withoutF4('')).toMatchObject({ ok: false, missing: ['F4'] });
  });

  it('fails where there is nothing to check', () => {
    expect(check({}).output).toContain('nothing to check');
    expect(check({}).ok).toBe(false);
  });

  it('that does not exist is refused', () => {
    const { ok, output } = check({ 'b/c.test.ts': `${complete}it('J12: is made up', () => {});` });
    expect(ok).toBe(false);
    expect(output).toContain('test/b/c.test.ts: cites J12, which is no law of the contract');
  });
});

describe('a citation', () => {
  const counts: Record<string, string> = {
    'in a list before the colon': "it('J4, F4: signals', () => {});",
    'in parentheses': "it('signals in order (F4)', () => {});",
    'beside a hazard of the kernel': "it('H-3, F4: signals', () => {});",
    'in a template': 'it(`F4: signals on ${rings} rings`, () => {});',
    'in double quotes': 'it("F4: doesn\'t recurse", () => {});',
    'on a line of its own': "it(\n  'F4: signals',\n  () => {},\n);",
    'of each': "it.each([\n  ['a', (b)],\n] as const)('F4: signals %s', () => {});",
    'of each with a type': "it.each<[string, number]>([['a', 1]])('F4: signals %s', () => {});",
    'that is skipped under a condition': "it.skipIf(slow)('F4: signals', () => {});",
    'in a test of types': "test('F4: signals', () => {});",
  };
  for (const [where, text] of Object.entries(counts)) {
    it(`counts ${where}`, () => {
      expect(withoutF4(text)).toMatchObject({ ok: true, missing: [] });
    });
  }

  const doesNotCount: Record<string, string> = {
    'in the title of a group': "describe('F4: callbacks', () => {});",
    'in a comment': "// it('F4: signals', () => {});",
    'in a comment of several lines': "/*\n * it('F4: signals', () => {});\n */",
    'of a test that is skipped': "it.skip('F4: signals', () => {});",
    'of a test that is yet to be written': "it.todo('F4: signals');",
    'of a test that is expected to fail': "it.fails('F4: signals', () => {});",
    'in the middle of a title': "it('signals as F4 says', () => {});",
    'of another law with more digits': "it('F40: signals', () => {});",
  };
  for (const [where, text] of Object.entries(doesNotCount)) {
    it(`does not count ${where}`, () => {
      expect(withoutF4(text).missing).toEqual(['F4']);
    });
  }
});
