import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** One example of the documents or of a doc comment, as a program. */
export interface Example {
  /** Where it begins, `path:line`; also its name. */
  readonly where: string;
  readonly program: string;
  /** What it says that it prints: the comment behind each line that logs, in order. */
  readonly printed: readonly string[];
  /** Whether it only compiles, because it names something that the reader would have: `@example no-run`. */
  readonly compilesOnly: boolean;
}

/** The public entries: how users import them, and the door that says what they export. */
const ENTRIES: Readonly<Record<string, string>> = {
  fenceline: 'src/index.ts',
  'fenceline/worker': 'src/drivers/worker/index.ts',
  'fenceline/sim': 'src/drivers/sim/index.ts',
  'fenceline/explore': 'src/explore/index.ts',
};

/** The tag, what is written behind it, and the lines up to the next tag or the end of the comment. */
const EXAMPLE_TAG = /@example(?: +(.*\S))? *\n((?: *\* ?.*\n)+?)(?= *\*\/| *\* *@)/g;

/** Every block of README.md and docs that is marked `ts run`. */
export function documentExamples(root: string): Example[] {
  const documents = ['README.md', ...filesBelow(root, 'docs', '.md')];
  return documents.flatMap((path) => {
    const text = readFileSync(join(root, path), 'utf8');
    return [...text.matchAll(/^```ts run\n([\s\S]*?)^```$/gm)].map((found) =>
      exampleOf(`${path}:${lineAt(text, found.index)}`, found[1] ?? ''),
    );
  });
}

/** Every `@example` of the source; what it uses of the public entries is imported for it. */
export function commentExamples(root: string): Example[] {
  const names = publicNames(root);
  return filesBelow(root, 'src', '.ts').flatMap((path) => {
    const text = readFileSync(join(root, path), 'utf8');
    return [...text.matchAll(EXAMPLE_TAG)].map((found) => {
      const block = (found[2] ?? '').replace(/^ *\* ?/gm, '');
      const imports = block.startsWith('import ') ? '' : importsFor(block, names);
      const example = exampleOf(`${path}:${lineAt(text, found.index)}`, imports + block);
      return { ...example, compilesOnly: found[1] === 'no-run' };
    });
  });
}

function exampleOf(where: string, program: string): Example {
  const printed = [...program.matchAll(/console\.log\(.*\/\/ (.+)$/gm)].map(
    (found) => found[1] ?? '',
  );
  return { where, program: `${program}\nexport {};\n`, printed, compilesOnly: false };
}

/** What each public name is imported by: the first entry that exports it. */
function publicNames(root: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const [entry, door] of Object.entries(ENTRIES)) {
    const text = readFileSync(join(root, door), 'utf8');
    for (const [, typeOnly, list] of text.matchAll(/^export (type )?\{([^}]*)\}/gm)) {
      for (const name of (list ?? '').split(',').map((one) => one.trim())) {
        if (name === '' || names.has(name)) continue;
        names.set(name, `import ${typeOnly ?? ''}{ ${name} } from '${entry}';`);
      }
    }
  }
  return names;
}

function importsFor(block: string, names: Map<string, string>): string {
  const used = new Set(block.match(/\b[A-Za-z]\w*/g));
  const lines = [...names].filter(([name]) => used.has(name)).map(([, line]) => line);
  return lines.map((line) => `${line}\n`).join('');
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

function filesBelow(root: string, folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}
