import { describe, expect, it } from 'vitest';
import { examinationText } from '../../src/cli/doctor/command.ts';
import { examine } from '../../src/cli/doctor/examine.ts';
import type { Machine } from '../../src/cli/doctor/examine.ts';
import { runProgram } from '../../src/cli/program.ts';

// What `fenceline doctor` makes of a machine. What WebGPU really says here is in test/webgpu/run.gpu.test.ts.

const BARE: Machine = {
  path: '/bin',
  platform: 'linux',
  exists: () => false,
  probe: () => Promise.resolve({ adapter: null, why: 'the module webgpu is not installed' }),
};
const ICD = '/usr/lib/chromium/vk_swiftshader_icd.json';

const abilitiesOf = async (machine: Machine): Promise<Record<string, boolean>> =>
  Object.fromEntries((await examine(machine)).abilities.map(({ what, ok }) => [what, ok]));

describe('fenceline doctor', () => {
  it('says what is missing, and what to do about it', async () => {
    const text = examinationText(await examine(BARE));
    expect(text).toMatch(/yes {2}threads/);
    expect(text).toMatch(/NO {2}WebGPU in Node \(.*\): the module webgpu is not installed/);
    expect(text).toMatch(/- npm install webgpu\n/);
    expect(text).toMatch(/SwiftShader, which comes with Chromium/);
    expect(text).toMatch(/NO {2}browsers: none/);
  });

  it('says how to use what is there', async () => {
    const exists = (file: string): boolean => file === ICD || file === '/bin/chromium';
    const text = examinationText(await examine({ ...BARE, exists }));
    expect(text).toContain(`VK_ICD_FILENAMES=${ICD}`);
    expect(text).toMatch(/yes {2}browsers: \/bin\/chromium/);
  });

  it('tells a GPU from a program that stands in for one', async () => {
    const withGpu = (software: boolean): Machine => ({
      ...BARE,
      probe: () =>
        Promise.resolve({ adapter: { name: 'x', software, timestamps: software }, why: null }),
    });
    const gpu = 'a GPU (run --driver auto)';
    const times = 'times measured by the GPU';
    expect(await abilitiesOf(withGpu(false))).toMatchObject({ [gpu]: true, [times]: false });
    expect(await abilitiesOf(withGpu(true))).toMatchObject({ [gpu]: false, [times]: true });
  });

  it('prints one JSON document with --json, and refuses what it does not know', async () => {
    const [out, err]: [string[], string[]] = [[], []];
    const terminal = {
      out: (text: string) => void out.push(text),
      err: (text: string) => void err.push(text),
      errIsTerminal: false,
      interrupt: new AbortController().signal,
    };
    expect(await runProgram(['doctor', '--loud'], terminal)).toBe(2);
    expect(err.join('')).toMatch(/unknown option '--loud'/);
    expect(await runProgram(['doctor', '--json'], terminal)).toBe(0);
    expect(JSON.parse(out.join(''))).toMatchObject({ webgpu: { module: expect.any(String) } });
  });
});
