import { existsSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import path from 'node:path';
import { probeWebGpu } from '../../drivers/webgpu/index.ts';
import type { WebGpuProbe } from '../../drivers/webgpu/index.ts';
import { webGpuModule } from '../webGpuModule.ts';

/** What this machine can do for one purpose, or what is missing for it. */
export interface Ability {
  readonly what: string;
  readonly ok: boolean;
  /** What there is, or why not. */
  readonly note: string;
  /** What to do to have it, one step each. */
  readonly steps: readonly string[];
}

/** A program that was looked for and found. */
export interface FoundProgram {
  readonly name: string;
  readonly path: string;
}

/** The document that `doctor --json` prints. */
export interface Examination {
  readonly node: string;
  readonly platform: string;
  readonly processors: number;
  readonly memoryBytes: number;
  readonly sharedArrayBuffer: boolean;
  readonly webgpu: WebGpuProbe & { readonly module: string };
  /** Files that tell Vulkan of SwiftShader, a software GPU. */
  readonly swiftShader: readonly string[];
  readonly browsers: readonly FoundProgram[];
  readonly abilities: readonly Ability[];
}

/** What the examination asks of the machine; a test hands in another one. */
export interface Machine {
  readonly path: string;
  readonly platform: string;
  exists(file: string): boolean;
  probe(module: string): Promise<WebGpuProbe>;
}

const THIS_MACHINE: Machine = {
  path: process.env['PATH'] ?? '',
  platform: process.platform,
  exists: existsSync,
  probe: probeWebGpu,
};

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'firefox', 'microsoft-edge'];
const SWIFTSHADER = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/lib64/chromium-browser/vk_swiftshader_icd.json',
  '/opt/google/chrome/vk_swiftshader_icd.json',
];

/** Looks what this machine has, and what is missing for what. Starts a GPU process where it can, and ends it. */
export async function examine(machine: Machine = THIS_MACHINE): Promise<Examination> {
  const module = webGpuModule();
  const webgpu = { ...(await machine.probe(module)), module };
  const browsers = BROWSERS.flatMap((name) => findProgram(machine, name));
  const swiftShader = SWIFTSHADER.filter((file) => machine.exists(file));
  const processors = availableParallelism();
  const sharedArrayBuffer = typeof SharedArrayBuffer === 'function';
  const shared = sharedArrayBuffer ? 'threads can share memory' : 'this Node has none';
  return {
    node: process.versions.node,
    platform: `${machine.platform} ${process.arch}`,
    processors,
    memoryBytes: totalmem(),
    sharedArrayBuffer,
    webgpu,
    swiftShader,
    browsers,
    abilities: [
      {
        what: 'threads (run --driver worker)',
        ok: true,
        note: `${processors} at a time`,
        steps: [],
      },
      { what: 'SharedArrayBuffer', ok: sharedArrayBuffer, note: shared, steps: [] },
      webGpuAbility(webgpu, swiftShader),
      hardwareAbility(webgpu),
      timingAbility(webgpu),
      browserAbility(browsers),
    ],
  };
}

function webGpuAbility({ adapter, why }: WebGpuProbe, swiftShader: readonly string[]): Ability {
  const what = 'WebGPU in Node (run --driver webgpu)';
  if (adapter !== null) return { what, ok: true, note: adapter.name, steps: [] };
  const [icd] = swiftShader;
  const steps = [
    'npm install webgpu',
    "the Vulkan loader (Debian's package libvulkan1), and the driver of the GPU",
    icd === undefined
      ? "without a GPU: SwiftShader, which comes with Chromium (Debian's package chromium)"
      : `without a GPU: VK_ICD_FILENAMES=${icd} in the environment`,
  ];
  return { what, ok: false, note: why, steps };
}

function hardwareAbility({ adapter }: WebGpuProbe): Ability {
  const what = 'a GPU (run --driver auto)';
  const ok = adapter?.software === false;
  if (ok) return { what, ok, note: adapter.name, steps: [] };
  const why = adapter === null ? 'there is no WebGPU' : 'WebGPU has a software adapter only';
  return { what, ok, note: `${why}: auto takes threads`, steps: [] };
}

function timingAbility({ adapter }: WebGpuProbe): Ability {
  const ok = adapter?.timestamps === true;
  const note = ok ? 'timestamp-query' : 'without timestamp-query the host clock is used';
  return { what: 'times measured by the GPU', ok, note, steps: [] };
}

function browserAbility(browsers: readonly FoundProgram[]): Ability {
  const ok = browsers.length > 0;
  const note = ok ? browsers.map(({ path: file }) => file).join(', ') : 'none is on the PATH';
  return { what: 'browsers', ok, note, steps: [] };
}

function findProgram({ path: folders, platform, exists }: Machine, name: string): FoundProgram[] {
  const file = platform === 'win32' ? `${name}.exe` : name;
  for (const folder of folders.split(path.delimiter)) {
    const candidate = path.join(folder, file);
    if (folder !== '' && exists(candidate)) return [{ name, path: candidate }];
  }
  return [];
}
