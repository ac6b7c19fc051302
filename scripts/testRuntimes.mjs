/**
 * Do the rules of fences hold on every runtime: this Node, Node 24, Deno and Bun?
 *
 * Usage: npm run test:runtimes. Needs a built package. Installs the binaries into test/runtimes/node_modules where they are
 * not yet, and runs test/runtimes/run.mjs with each; exits 1 where one breaks a rule. There is a Node 24 binary for
 * Linux on x64 only; elsewhere it says so and is skipped.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '..', 'test', 'runtimes');
const bin = join(folder, 'node_modules', '.bin');
const isLinuxX64 = process.platform === 'linux' && process.arch === 'x64';

/** @type {[name: string, binary: string, ...before: string[]][]} */
const runtimes = [
  ['this Node', process.execPath],
  ['Node 24', join(bin, 'node')],
  ['Deno', join(bin, 'deno'), 'run', '--allow-read', '--allow-env'],
  ['Bun', join(bin, 'bun'), 'run'],
];

if (!existsSync(join(bin, 'deno'))) {
  // No lock file: npm leaves the other platforms' packages of deno out of it, and then refuses it. The versions are exact.
  const options = isLinuxX64 ? [] : ['--force'];
  const args = ['install', '--no-package-lock', '--no-audit', '--no-fund', ...options];
  execFileSync('npm', args, { cwd: folder, stdio: 'inherit' });
}

let failed = 0;
for (const [name, binary, ...before] of runtimes) {
  if (name === 'Node 24' && !isLinuxX64) {
    console.log(`\nSKIPPED ${name}: there is a binary for linux-x64 only`);
    continue;
  }
  const version = execFileSync(binary, ['--version'], { encoding: 'utf8' }).split('\n')[0];
  console.log(`\n== ${name}: ${version}`);
  const options = { cwd: folder, stdio: /** @type {const} */ ('inherit'), timeout: 300_000 };
  const ran = spawnSync(binary, [...before, 'run.mjs'], options);
  if (ran.status !== 0) failed += 1;
}
if (failed > 0) console.log(`\n${failed} runtimes break a rule`);
process.exitCode = failed === 0 ? 0 : 1;
