/**
 * What README.md says of the package and of its documents. That its examples run is in examples.test.ts.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

describe('the README', () => {
  it('names every entry of the package, and no other', () => {
    const text = readFileSync(join(root, 'package.json'), 'utf8');
    const { exports } = JSON.parse(text) as { exports: Record<string, unknown> };
    const entries = Object.keys(exports)
      .filter((key) => key !== './package.json')
      .map((key) => `fenceline${key.slice(1)}`);
    const table = [...readme.matchAll(/^\| `(fenceline[^`]*)` +\|/gm)].map(([, entry]) => entry);
    expect(entries.length).toBeGreaterThan(0);
    expect(new Set(table)).toEqual(new Set(entries));
    expect(table).toHaveLength(entries.length);
  });

  it('links every document', () => {
    const documents = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
    expect(documents.length).toBeGreaterThan(0);
    const missing = documents.filter((name) => !readme.includes(`](docs/${name})`));
    expect(missing).toEqual([]);
  });
});
