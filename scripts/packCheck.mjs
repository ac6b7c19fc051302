/**
 * Does the package work as npm will deliver it?
 *
 * Builds from nothing, packs, asks publint and attw, installs the tarball in an empty project, and there imports every
 * entry, compiles a program against every entry's types, and runs the command. Leaves nothing behind but `dist`.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entries = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target === 'object')
  .map(([path]) => join(manifest.name, path));

/** Runs a command, shows what it says, and throws where it fails. */
function run(cwd, command, ...args) {
  console.log(`> ${command} ${args.join(' ')}`);
  execFileSync(command, args, { cwd, stdio: 'inherit' });
}

const tool = (/** @type {string} */ name) => join(root, 'node_modules', '.bin', name);

function pack(folder) {
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  run(root, tool('tsc'), '--build');
  const output = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
  });
  const [packed] = JSON.parse(output);
  const sizes = `${Math.round(packed.size / 1024)} kB, ${packed.entryCount} files`;
  console.log(`packed ${packed.filename}: ${sizes}`);
  return join(folder, packed.filename);
}

/** A project that has nothing but the tarball. */
function install(folder, tarball) {
  const project = join(folder, 'project');
  mkdirSync(project);
  const own = { name: 'fenceline-pack-check', private: true, type: 'module' };
  writeFileSync(join(project, 'package.json'), JSON.stringify(own));
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel', 'error'];
  run(project, 'npm', 'install', ...quiet, tarball);
  return project;
}

function importEvery(project) {
  const program = entries
    .map(
      (entry) => `
        const names = Object.keys(await import('${entry}'));
        console.log('import ${entry}: ' + names.length + ' names');
        if (names.length === 0) throw new Error('${entry} exports nothing');`,
    )
    .map((text) => `{${text}\n}`)
    .join('\n');
  writeFileSync(join(project, 'imports.js'), program);
  run(project, process.execPath, 'imports.js');
}

/** Checks our declaration files as a strict user's compiler does. */
function compileEvery(project) {
  const program = entries
    .map(
      (entry, index) => `import type * as e${index} from '${entry}';\nexport type { e${index} };`,
    )
    .join('\n');
  writeFileSync(join(project, 'types.ts'), program);
  const compilerOptions = {
    ...{ target: 'es2023', lib: ['es2023', 'esnext.disposable'], module: 'nodenext' },
    ...{ strict: true, skipLibCheck: false, noEmit: true, exactOptionalPropertyTypes: true },
    ...{ types: ['node'], typeRoots: [join(root, 'node_modules', '@types')] },
  };
  const config = { compilerOptions, files: ['types.ts'] };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config));
  run(project, tool('tsc'), '--project', '.');
}

const folder = mkdtempSync(join(tmpdir(), 'fenceline-pack-'));
try {
  const tarball = pack(folder);
  run(root, tool('publint'), '--strict', tarball);
  run(root, tool('attw'), '--profile', 'esm-only', tarball);
  const project = install(folder, tarball);
  importEvery(project);
  compileEvery(project);
  for (const name of Object.keys(manifest.bin)) {
    run(project, join(project, 'node_modules', '.bin', name), '--help');
  }
} finally {
  rmSync(folder, { recursive: true });
}
