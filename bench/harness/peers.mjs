import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '..');

/** Installs the peers of bench/package.json, exactly as locked, unless they are there. */
export function installPeers() {
  if (arePeersInstalled()) return;
  // What npm says goes to the error stream: standard output may be one JSON document.
  const ran = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
  });
  if (ran.status !== 0) {
    throw new Error(
      'bench: npm ci failed in bench/; the peers cannot be measured. Run without --peers',
    );
  }
}

function arePeersInstalled() {
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return Object.entries(dependencies).every(([name, version]) => {
    const manifest = join(folder, 'node_modules', name, 'package.json');
    return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === version;
  });
}
