/**
 * The limits that the tree keeps: sizes of files, doors of rooms, and what must not be in a tracked file.
 * Who may import whom is in layers.test.ts; lengths of functions are checked by lint.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

/** Every file below `folder`, from the root. */
function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}

/** What is tracked, and what would be if it were added. */
function trackedFiles(): string[] {
  const arguments_ = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  return execFileSync('git', arguments_, { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(root, path)));
}

/** `path:line` of every line of the files that `pattern` matches. */
function linesWith(files: Iterable<[path: string, text: string]>, pattern: RegExp): string[] {
  const found: string[] = [];
  for (const [path, text] of files) {
    text.split('\n').forEach((line, index) => {
      if (pattern.test(line)) found.push(`${path}:${index + 1}`);
    });
  }
  return found;
}

function lengthOf(path: string): number {
  return readFileSync(join(root, path), 'utf8').trimEnd().split('\n').length;
}

const sources = filesBelow('src').filter((path) => path.endsWith('.ts'));

describe('a source file', () => {
  it('has at most 400 lines', () => {
    expect(sources.length).toBeGreaterThan(0);
    expect(sources.filter((path) => lengthOf(path) > 400)).toEqual([]);
  });

  it('has a median of at most 120 lines', () => {
    const lengths = sources.map(lengthOf).sort((a, b) => a - b);
    expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThanOrEqual(120);
  });

  it('is not named for a drawer of unrelated things', () => {
    expect(sources.filter((path) => /\/(utils?|helpers?|common|types)\.ts$/.test(path))).toEqual(
      [],
    );
  });
});

/** A room is a folder of `src`, or of `src/drivers`. */
function rooms(): string[] {
  const folders = (path: string): string[] =>
    readdirSync(join(root, path), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${path}/${entry.name}`);
  return folders('src').flatMap((path) => (path === 'src/drivers' ? folders(path) : [path]));
}

describe('a room', () => {
  for (const room of rooms()) {
    it(`has a door that says what it may import: ${room}`, () => {
      // Nobody imports the command line; its door is what the shell runs.
      const door = room === 'src/cli' ? `${room}/main.ts` : `${room}/index.ts`;
      expect(existsSync(join(root, door)), `${door} exists`).toBe(true);
      const head = /^(?:#!.*\n)?\/\*\*[\s\S]*?\*\//.exec(readFileSync(join(root, door), 'utf8'));
      expect(head?.[0]).toMatch(/May import:? /);
    });
  }
});

// The only tracked file that may hold these words is this one.
const FORBIDDEN = {
  'work that was left for later': /\b(?:TODO|FIXME|XXX)\b/,
  'a path of one machine': /(?<![\w.*$}-])\/(?:work|root|tmp|home\/\w+|Users\/\w+)\/\w/,
  'the host of a registry': /\bregistry\.[a-z]|"resolved":/,
  'a key': /BEGIN [A-Z ]*PRIVATE KEY|\bnpm_[A-Za-z0-9]{36}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b/,
};

describe.skipIf(!existsSync(join(root, '.git')))('a tracked file (needs a git checkout)', () => {
  const texts = (): [string, string][] =>
    trackedFiles()
      .filter((path) => statSync(join(root, path)).size < 1_000_000)
      .map((path) => [path, readFileSync(join(root, path), 'utf8')]);

  for (const [what, pattern] of Object.entries(FORBIDDEN)) {
    it(`does not hold ${what}`, () => {
      const own = 'test/house/limits.test.ts';
      expect(
        linesWith(
          texts().filter(([path]) => path !== own),
          pattern,
        ),
      ).toEqual([]);
    });
  }
});

describe('the finder of what must not be there', () => {
  const planted: Record<keyof typeof FORBIDDEN, [fault: string, control: string]> = {
    'work that was left for later': ['// TODO: later', '// what is to do'],
    'a path of one machine': ["const a = '/home/anna/x';", "const a = 'examples/home/x';"],
    'the host of a registry': ['"resolved": "x"', 'the registry of resource pools'],
    'a key': ['-----BEGIN PRIVATE KEY-----', 'a private key'],
  };
  for (const [what, [fault, control]] of Object.entries(planted)) {
    it(`finds ${what}`, () => {
      const pattern = FORBIDDEN[what as keyof typeof FORBIDDEN];
      expect(linesWith([['a.ts', `ok\n${fault}`]], pattern)).toEqual(['a.ts:2']);
      expect(linesWith([['a.ts', `ok\n${control}`]], pattern)).toEqual([]);
    });
  }
});
