/**
 * Gets what the tests of the WebGPU device run on: the package `webgpu`, and SwiftShader, a GPU that is a program.
 *
 * Usage: node scripts/installWebgpu.mjs [--test]. The package goes into test/webgpu/dawn, apart from the root because it is large.
 * SwiftShader comes with Debian's Chromium, the Vulkan loader with libvulkan1; both are installed where apt-get may, unless
 * VK_ICD_FILENAMES names a driver. With `--test` the tests of the device are run then, and none is skipped.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'test', 'webgpu', 'dawn');
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';

if (!existsSync(join(folder, 'node_modules', 'webgpu'))) {
  const args = ['install', '--no-package-lock', '--no-audit', '--no-fund'];
  execFileSync('npm', args, { cwd: folder, stdio: 'inherit' });
}
const hasDriver = process.env.VK_ICD_FILENAMES !== undefined || existsSync(SWIFTSHADER);
if (!hasDriver || !hasLoader()) installPackages();

if (process.argv.includes('--test')) {
  const vitest = join(root, 'node_modules', '.bin', 'vitest');
  const rest = process.argv.slice(2).filter((arg) => arg !== '--test' && arg !== '--');
  const ran = spawnSync(vitest, ['run', 'test/webgpu', ...rest], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, FENCELINE_WEBGPU: 'required' },
  });
  process.exitCode = ran.status ?? 1;
}

/** Whether the Vulkan loader is where programs find it. */
function hasLoader() {
  if (process.platform !== 'linux') return true;
  const listed = spawnSync('ldconfig', ['-p'], { encoding: 'utf8' });
  return listed.stdout?.includes('libvulkan.so.1') === true;
}

function installPackages() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    console.error(
      'a Vulkan driver is missing: install the packages chromium (for SwiftShader) and libvulkan1, or name one in VK_ICD_FILENAMES',
    );
    process.exit(1);
  }
  const options = { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  execFileSync('apt-get', ['update'], options);
  execFileSync('apt-get', ['install', '-y', 'chromium', 'libvulkan1'], options);
}
