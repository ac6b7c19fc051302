/**
 * scripts/layers.mjs: who may import whom. Trees with one planted fault each, their control cases, and the real tree.
 * The limits on files and the doors' head comments are in limits.test.ts.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const made: string[] = [];

afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true });
});

/** Runs the check over a tree of the given files, by path from `src`. */
function check(files: Record<string, string>): { ok: boolean; output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'fenceline-layers-'));
  made.push(folder);
  mkdirSync(join(folder, 'src'));
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, 'src', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return checkFolder(folder);
}

function checkFolder(folder: string): { ok: boolean; output: string } {
  const ran = spawnSync(process.execPath, [join(root, 'scripts', 'layers.mjs'), folder], {
    encoding: 'utf8',
  });
  return { ok: ran.status === 0, output: ran.stdout + ran.stderr };
}

/** One import statement in one file; `sched/entity.ts` unless told. */
function importing(statement: string, file = 'sched/entity.ts'): { ok: boolean; output: string } {
  return check({ [file]: `${statement}\n` });
}

describe('the real tree', () => {
  it('keeps the rules', () => {
    const { ok, output } = checkFolder(root);
    expect(output).toMatch(/ 0 faults/);
    expect(ok).toBe(true);
  });
});

describe('an empty tree', () => {
  it('fails where there is no file', () => {
    expect(check({}).output).toContain('nothing to check');
    expect(check({}).ok).toBe(false);
  });

  it('fails where files import nothing, because then the finder of imports is broken', () => {
    expect(check({ 'base/heap.ts': 'export const a = 1;\n' }).ok).toBe(false);
  });
});

describe('every form of import', () => {
  const forms = {
    static: (from: string) => `import { Fence } from ${from};`,
    'over several lines': (from: string) => `import {\n  Fence,\n  type Timeline,\n} from ${from};`,
    default: (from: string) => `import fence from ${from};`,
    namespace: (from: string) => `import * as fence from ${from};`,
    'for its effects': (from: string) => `import ${from};`,
    'type-only': (from: string) => `import type { Fence } from ${from};`,
    're-export': (from: string) => `export { Fence } from ${from};`,
    're-export of all': (from: string) => `export * from ${from};`,
    're-export under a name': (from: string) => `export * as fence from ${from};`,
    're-export of types': (from: string) => `export type { Fence } from ${from};`,
    dynamic: (from: string) => `const fence = await import(${from});`,
    'import() type': (from: string) => `export type F = import(${from}).Fence;`,
    'typeof import()': (from: string) => `export type F = typeof import(${from});`,
  };
  for (const [name, form] of Object.entries(forms)) {
    it(`is found: ${name}`, () => {
      const control = importing(form(`'../fence/index.ts'`));
      expect(control.output).toContain('1 imports, 0 faults');
      const fault = importing(form(`"../fence/index.ts"`), 'events/event.ts');
      expect(fault.output).toContain('src/events/event.ts:1: events may not import fence');
      expect(fault.ok).toBe(false);
    });
  }
});

describe('text that is no import', () => {
  const control = `import type { Fence } from '../fence/index.ts';\n`;
  const texts = {
    'a line comment': `// import x from '../cli/index.ts';`,
    'a block comment': `/**\n * import x from '../cli/index.ts';\n */`,
    'a string': `const a = "import x from '../cli/index.ts'";`,
    'a string with an escaped quote': `const a = 'it\\'s'; // import x from '../cli/index.ts'`,
    'a template':
      "const a = `import x from '../cli/index.ts'; ${`import '../cli/index.ts'`} import 'x'`;",
    'a regular expression': `const a = /['"\`]/.test(b) || /import '[/'"]x/.test(b);`,
    'a division': `const a = b / c; const d = "import '../cli/index.ts'"; const e = f / g;`,
    'a property': `const a = { import: 1 }; a.import('../cli/index.ts');`,
    'import.meta': `const a = import.meta.url;`,
    'an export without a source': `const from = 1;\nexport { from };\nexport type A = { b: 'c' };`,
  };
  for (const [name, text] of Object.entries(texts)) {
    it(`is not taken for one: ${name}`, () => {
      const { ok, output } = check({ 'sched/job.ts': `${text}\n${control}` });
      expect(output).toContain('1 imports, 0 faults');
      expect(ok).toBe(true);
    });
  }

  it('does not hide an import inside the braces of a template', () => {
    const text = "const a = `${await import('../cli/index.ts')} ${{ b: {} }}`;";
    expect(importing(text).output).toContain('sched may not import cli');
  });

  it('keeps line numbers over comments, strings and templates', () => {
    const text = "/*\n*/ const a = `\n${'b'}\n`;\n\nimport '../cli/index.ts';";
    expect(importing(text).output).toContain('src/sched/entity.ts:6:');
  });
});

describe('doors', () => {
  it('are the only way into another room', () => {
    const { ok, output } = importing(`import { x } from '../fence/fence.ts';`);
    expect(output).toContain('goes past the door of fence; import fence/index.ts');
    expect(ok).toBe(false);
  });

  it('are not used from inside', () => {
    expect(importing(`import { Job } from './job.ts';`).ok).toBe(true);
    expect(importing(`import { Job } from './index.ts';`).output).toContain(`its own room's door`);
    expect(importing(`import { Job } from '../index.ts';`, 'sched/policies/fair.ts').ok).toBe(
      false,
    );
  });

  it('are one a room', () => {
    const { output } = check({ 'sched/policies/index.ts': `export { fair } from './fair.ts';` });
    expect(output).toContain('a second index.ts in sched');
  });

  it('of the package re-exports the core, and no room imports it', () => {
    expect(importing(`export { Scheduler } from './sched/index.ts';`, 'index.ts').ok).toBe(true);
    expect(importing(`export { run } from './cli/index.ts';`, 'index.ts').ok).toBe(false);
    expect(importing(`import { Scheduler } from '../index.ts';`).output).toContain(
      'the door of the package',
    );
  });
});

describe('rooms', () => {
  it('in a folder of a folder are rooms of their own', () => {
    const sim = 'drivers/sim/mockRing.ts';
    expect(importing(`import { Job } from '../../sched/index.ts';`, sim).ok).toBe(true);
    expect(importing(`import { open } from '../worker/index.ts';`, sim).output).toContain(
      'drivers/sim may not import drivers/worker',
    );
  });

  it('are all in the table', () => {
    expect(importing(`import './a.ts';`, 'attic/b.ts').output).toContain('is in no room');
    expect(importing(`import '../attic/b.ts';`).output).toContain('is in no room');
  });

  it('end where src ends', () => {
    expect(importing(`import '../../test/a.ts';`).output).toContain('is outside src');
  });

  it('may be open for types only', () => {
    const file = 'client/client.ts';
    expect(importing(`import type { Device } from '../device/index.ts';`, file).ok).toBe(true);
    expect(importing(`import { Device } from '../device/index.ts';`, file).output).toContain(
      'client may import types only of device',
    );
  });
});

describe('packages and Node modules', () => {
  it('are for the rooms that name them', () => {
    expect(importing(`import { Command } from 'commander';`, 'cli/main.ts').ok).toBe(true);
    expect(importing(`import { Command } from 'commander';`).output).toContain(
      `sched may not import the package 'commander'`,
    );
    expect(importing(`import { connect } from '@nats-io/transport-node';`, 'cluster/a.ts').ok).toBe(
      true,
    );
    expect(importing(`import { connect } from '@nats/transport-node';`, 'cluster/a.ts').ok).toBe(
      false,
    );
  });

  it('of Node are values for cli and trace, types for host and the worker driver, nothing for the core', () => {
    const value = `import { readFileSync } from 'node:fs';`;
    const type = `import type { Worker } from 'node:worker_threads';`;
    expect(importing(value, 'cli/main.ts').ok).toBe(true);
    expect(importing(value, 'trace/log.ts').ok).toBe(true);
    expect(importing(type, 'host/runtime.ts').ok).toBe(true);
    expect(importing(value, 'drivers/worker/thread.ts').output).toContain(
      'process.getBuiltinModule',
    );
    expect(importing(type).output).toContain(`sched may not import 'node:worker_threads'`);
    expect(importing(`import { readFileSync } from 'fs';`, 'cli/main.ts').ok).toBe(false);
  });

  it('that only the user can name are for the rooms that load them', () => {
    expect(importing(`const m = await import(url);`, 'drivers/worker/thread.ts').output).toContain(
      '0 faults',
    );
    expect(importing(`const m = await import(url);`).output).toContain('not named by a literal');
    expect(importing('const m = await import(`../cli/${a}`);').ok).toBe(false);
    expect(importing(`const m = await import('../cli/' + a);`).ok).toBe(false);
  });
});
