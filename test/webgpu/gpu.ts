/**
 * Where the tests of the WebGPU device get their hardware: the package `webgpu` in the folder dawn, over SwiftShader or a GPU.
 *
 * `npm run test:webgpu` installs it and lets nothing be skipped. Without it the tests that need it are skipped, by name, and say so.
 */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';

/** A bound for what real hardware does, generous enough for a busy machine. */
export const PATIENCE_MS = 60_000;

vi.setConfig({ testTimeout: 2 * PATIENCE_MS, hookTimeout: PATIENCE_MS });

const FOLDER = import.meta.dirname;
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';

/** The module whose `create` makes a GPU. */
export const MODULE: string = new URL('./dawn/node_modules/webgpu/index.js', import.meta.url).href;

if (process.env['VK_ICD_FILENAMES'] === undefined && existsSync(SWIFTSHADER)) {
  process.env['VK_ICD_FILENAMES'] = SWIFTSHADER;
}

// Vulkan says that it is missing, on every start, where nobody is logged in.
process.env['XDG_RUNTIME_DIR'] ??= tmpdir();

/** Why there is no hardware here; `null` where there is. */
export const missing: string | null = await whyMissing();

async function whyMissing(): Promise<string | null> {
  let why: string | null = null;
  if (!existsSync(join(FOLDER, 'dawn', 'node_modules', 'webgpu'))) {
    why = 'the package webgpu is not installed in test/webgpu/dawn';
  } else {
    const { create } = (await import(MODULE)) as { create(flags: string[]): TestGpu };
    const gpu = create([]);
    if ((await gpu.requestAdapter()) === null) why = 'WebGPU has no adapter here';
  }
  if (why === null) return null;
  if (process.env['FENCELINE_WEBGPU'] === 'required') throw new Error(why);
  // oxlint-disable-next-line no-console -- a test that is skipped is to be heard of
  console.warn(`SKIPPED tests of WebGPU: ${why}; npm run test:webgpu installs what they need`);
  return why;
}

interface TestGpu {
  requestAdapter(): Promise<unknown>;
}

/** What a skipped block of tests is called, so that its reason stands in the report. */
export function title(what: string): string {
  return missing === null ? what : `${what} (skipped: ${missing})`;
}
