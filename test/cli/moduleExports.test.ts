import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { moduleExports, prepareLexer } from '../../src/cli/workload/moduleExports.ts';
import type { ModuleExports } from '../../src/cli/workload/moduleExports.ts';

// What is known of a module from its text alone. How a workload with a wrong name is refused is in workload.test.ts.

beforeAll(prepareLexer);

/** What the first of `files` exports. */
function exportsOf(files: Record<string, string>): ModuleExports | null {
  const directory = mkdtempSync(path.join(tmpdir(), 'fenceline-exports-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(directory, name), text);
  return moduleExports(path.join(directory, Object.keys(files)[0] ?? ''));
}

describe('the exports of a module', () => {
  const known: [what: string, text: string, name: string][] = [
    ['a function', 'export async function a() {}', 'a'],
    ['a default', 'export default 1', 'default'],
    ['a renamed one', 'const b = 1; export { b as a }', 'a'],
    ['the second of a list', 'export const b = (p, q) => [p, q], a = 2;', 'a'],
    ['the second of a list without values', 'export let b, a;', 'a'],
    ['one inside of a pattern', 'export const { b: { a }, ...c } = x;', 'a'],
    ['all of a package', "export * from 'some-package';", 'a'],
  ];
  it.each(known)('include %s', (_what, text, name) => {
    expect(exportsOf({ 'k.mjs': text })?.has(name)).toBe(true);
  });

  const unknown: [what: string, text: string][] = [
    ['a comment', '// a is not here\nexport const b = 1;'],
    ['a function that is not exported', 'function a() {}\nexport const b = a;'],
    ['a text', "export const b = 'a';"],
    ['an argument', 'export const b = f(1, a);'],
    ['a member', 'export const b = { c: 1 }.a;'],
    ['a name under which another is exported', 'const a = 1; export { a as b };'],
  ];
  it.each(unknown)('do not include what only %s mentions', (_what, text) => {
    expect(exportsOf({ 'k.mjs': text })?.has('a')).toBe(false);
  });

  it('include those of another file that are exported wholesale, and no others', () => {
    const all = "export * from './other.mjs';";
    const found = exportsOf({
      'k.mjs': all,
      'other.mjs': `${all} export const a = 1; const b = 2; export default b;`,
    });
    expect(found?.names).toEqual(['a']);
    expect(['a', 'b', 'default'].map((name) => found?.has(name))).toEqual([true, false, false]);
    expect(exportsOf({ 'k.mjs': "export * from './missing.mjs';" })?.has('a')).toBe(true);
  });

  it('are believed of CommonJS, which the lexer does not know', () => {
    expect(exportsOf({ 'k.cjs': 'exports.a = 1;' })?.has('a')).toBe(true);
    expect(exportsOf({ 'k.mjs': 'exports.a = 1;' })?.has('a')).toBe(false);
  });

  it('are not known of what is no module', () => {
    expect(exportsOf({ 'k.mjs': 'export function ( {' })).toBeNull();
    expect(moduleExports(tmpdir())).toBeNull();
  });
});
