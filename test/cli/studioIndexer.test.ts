// The check of the studio's indexer: which digests it judges. That the studio runs whole is in npm start and in the tests of run.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
// @ts-expect-error -- an example in JavaScript
import { checkDigests } from '../../examples/studio/indexer.mjs';

const check = checkDigests as (results: readonly { input: string; value: string }[]) => {
  ok: boolean;
  message: string;
};

/** A file that is as old as `isOld` says, and its digest. */
function file(name: string, isOld: boolean): { input: string; value: string } {
  const directory = mkdtempSync(path.join(tmpdir(), 'fenceline-indexer-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const input = path.join(directory, name);
  writeFileSync(input, name);
  if (isOld) utimesSync(input, 1, 1);
  return { input, value: createHash('sha256').update(name).digest('hex') };
}

describe('the check of the digests', () => {
  it('agrees with digests of the files', () => {
    const one = file('one', true);
    const two = file('two', true);
    expect(check([one, two, one])).toEqual({
      ok: true,
      message: '3 digests of 2 files agree with node:crypto',
    });
  });

  it('names the first file whose digest is another', () => {
    const one = file('one', true);
    const two = { ...file('two', true), value: one.value };
    expect(check([one, two])).toEqual({
      ok: false,
      message: `2 digests of 2 files: 1 differ, the first is of ${two.input}`,
    });
  });

  it('leaves out files that changed or went while they were read', () => {
    const one = file('one', true);
    const changed = { ...file('two', false), value: one.value };
    const gone = { input: `${one.input}.gone`, value: one.value };
    expect(check([one, changed, gone])).toEqual({
      ok: true,
      message:
        '3 digests of 3 files agree with node:crypto; 2 files changed meanwhile and were left out',
    });
    expect(check([changed]).ok).toBe(false);
  });
});
