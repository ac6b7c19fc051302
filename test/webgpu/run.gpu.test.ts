/**
 * `fenceline run --driver webgpu` and `fenceline doctor` on real WebGPU: results, exit codes, and what they say. Which driver is chosen
 * is in test/cli/chooseDriver.test.ts.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Examination } from '../../src/cli/doctor/examine.ts';
import type { RunReport } from '../../src/cli/run/report.ts';
import { missing, MODULE, PATIENCE_MS, title } from './gpu.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const FOLDER = fileURLToPath(new URL('workload/', import.meta.url));

interface Ended {
  readonly code: unknown;
  readonly out: string;
  readonly err: string;
}

function fenceline(...args: string[]): Promise<Ended> {
  const out = mkdtempSync(path.join(tmpdir(), 'fenceline-webgpu-'));
  onTestFinished(() => rmSync(out, { recursive: true }));
  const env = { ...process.env, FENCELINE_WEBGPU_MODULE: MODULE };
  const all = args[0] === 'run' ? [...args, '--out', out] : args;
  return new Promise((resolve) => {
    const options = { cwd: FOLDER, env, timeout: PATIENCE_MS };
    execFile(process.execPath, [MAIN, ...all], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, out: stdout, err: stderr });
    });
  });
}

describe.skipIf(missing !== null)(title('fenceline run on WebGPU'), () => {
  it('gives the results that the kernels give, bans who hangs, and says on what it ran', async () => {
    const { code, out, err } = await fenceline(
      'run',
      'studio.yaml',
      '--driver',
      'webgpu',
      '--json',
    );
    expect(code, err).toBe(0);
    const report = JSON.parse(out) as RunReport;
    expect(report).toMatchObject({ driver: 'webgpu', rings: 1, ok: true, banned: ['rogue'] });
    expect(report.checks.map(({ client, ok, message }) => [client, ok, message])).toEqual([
      ['viewport', true, expect.stringMatching(/frames was saved/)],
      ['indexer', true, expect.stringMatching(/agree with node:crypto/)],
      ['solver', true, expect.stringMatching(/agree with the direct product/)],
    ]);
    expect(report.resets).toBe(3);
  });

  it('refuses a job without a twin with 2, before anything runs', async () => {
    const { code, err } = await fenceline('run', 'twinless.yaml', '--driver', 'webgpu');
    expect([code, err]).toEqual([2, expect.stringMatching(/one\/tick cannot run on WebGPU/)]);
  });

  it('says why auto did not take it', async () => {
    const { code, out } = await fenceline('run', 'twinless.yaml');
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/\(worker, because one\/tick has no twin/),
    ]);
  });

  it('is found by the doctor', async () => {
    const { code, out } = await fenceline('doctor', '--json');
    const { webgpu, abilities } = JSON.parse(out) as Examination;
    expect([code, webgpu.why, webgpu.adapter?.name]).toEqual([0, null, expect.any(String)]);
    expect(abilities.find(({ what }) => what.startsWith('WebGPU'))?.ok).toBe(true);
  });
});
