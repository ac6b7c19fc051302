/**
 * The examples of README.md, of docs and of doc comments: each compiles against the built package as a user's program does,
 * runs to its end in a Node of its own, and prints what its comments say.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { commentExamples, documentExamples } from './exampleBlocks.ts';
import type { Example } from './exampleBlocks.ts';

const root = join(import.meta.dirname, '..', '..');
// Inside the package, so that its own name resolves by its `exports`.
const folder = join(root, 'out', 'examples');

const groups = {
  'an example of a document': documentExamples(root),
  'an example of a doc comment': commentExamples(root),
};
const examples = Object.values(groups).flat();

/** What the compiler said, by file. */
let diagnostics: string[] = [];

function fileOf(example: Example): string {
  return example.where.replaceAll(/[^\w]/g, '_');
}

function compile(): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const example of examples) {
    writeFileSync(join(folder, `${fileOf(example)}.ts`), example.program);
  }
  const compilerOptions = {
    ...{ rootDir: '.', outDir: './js', types: ['node'], sourceMap: true },
    ...{ composite: false, declaration: false, declarationMap: false, isolatedDeclarations: false },
    ...{ noUnusedLocals: false, noUnusedParameters: false },
  };
  const config = { extends: '../../tsconfig.base.json', compilerOptions, include: ['*.ts'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const compiler = join(root, 'node_modules', '.bin', 'tsc');
  const ran = spawnSync(compiler, ['--project', '.'], { cwd: folder, encoding: 'utf8' });
  diagnostics = `${ran.stdout}${ran.stderr}`.split('\n').filter((line) => line !== '');
}

beforeAll(() => {
  if (!existsSync(join(root, 'dist'))) {
    throw new Error('expected a built package in dist; run npm run build first');
  }
  compile();
}, 60_000);

describe('the finder of examples', () => {
  it('finds some in the documents and in doc comments', () => {
    expect(documentExamples(root).map(({ where }) => where)).toContainEqual(
      expect.stringMatching(/^README\.md:\d+$/),
    );
    expect(commentExamples(root).length).toBeGreaterThan(0);
  });
});

for (const [title, group] of Object.entries(groups)) {
  describe(title, () => {
    for (const example of group) {
      const rule = example.compilesOnly ? 'compiles' : 'compiles, runs and prints what it says';
      it(`${rule}: ${example.where}`, { timeout: 60_000 }, () => {
        const file = fileOf(example);
        expect(diagnostics.filter((line) => line.startsWith(`${file}.ts`))).toEqual([]);
        if (example.compilesOnly) return;
        const ran = spawnSync(process.execPath, ['--enable-source-maps', `js/${file}.js`], {
          cwd: folder,
          encoding: 'utf8',
          timeout: 50_000,
        });
        expect(ran.stderr).toBe('');
        expect(ran.status, `exit status, null where it ran longer than 50 s`).toBe(0);
        if (example.printed.length > 0) {
          expect(ran.stdout.trimEnd().split('\n')).toEqual(example.printed);
        }
      });
    }
  });
}
