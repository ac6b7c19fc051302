import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { importFunctions } from '../../src/cli/run/functions.ts';
import { loadWorkload } from '../../src/cli/workload/loadWorkload.ts';
import { problemText, WorkloadError } from '../../src/cli/workload/problem.ts';

// The functions of the main thread as they are imported: what is none is reported with its place. What can be seen without
// running a module is in workload.test.ts; what the functions do, in runWorkload.test.ts.

const MODULE = `
export const five = 5;
export const plan = () => [], twin = () => ({}), collect = () => ({ ok: true });
export const kernel = () => 1;
`;

const VALID = `
clients:
  - label: a
    collect: ./functions.mjs#collect
    jobs:
      - name: x
        kernel: ./functions.mjs#kernel
        webgpu: ./functions.mjs#twin
        plan: ./functions.mjs#plan
`;

/** What is wrong with the functions of a workload. */
async function problemsOf(text: string, driver: 'worker' | 'webgpu' = 'worker'): Promise<string[]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'fenceline-functions-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  writeFileSync(path.join(directory, 'functions.mjs'), MODULE);
  writeFileSync(path.join(directory, 'throws.mjs'), `${MODULE}throw new Error('no');`);
  const file = path.join(directory, 'workload.yaml');
  writeFileSync(file, text);
  try {
    await importFunctions(await loadWorkload(file), driver, new AbortController().signal);
  } catch (error) {
    if (!(error instanceof WorkloadError)) throw error;
    return error.problems.map((problem) =>
      problemText({ ...problem, file: path.basename(problem.file) }),
    );
  }
  return [];
}

describe('a function of the main thread', () => {
  const cases: [rule: string, from: string, to: string, problems: string[]][] = [
    ['may be any exported function (control)', 'label: a', 'label: b', []],
    [
      'that is none is reported where collect names it',
      '#collect',
      '#five',
      [
        'workload.yaml:4:14: clients[0].collect: ./functions.mjs#five: expected an exported function, got 5',
      ],
    ],
    [
      'that is none is reported where plan names it',
      '#plan',
      '#five',
      [
        'workload.yaml:9:15: clients[0].jobs[0].plan: ./functions.mjs#five: expected an exported function, got 5',
      ],
    ],
    [
      'that is none is reported where webgpu names it',
      '#twin',
      '#five',
      [
        'workload.yaml:8:17: clients[0].jobs[0].webgpu: ./functions.mjs#five: expected an exported function, got 5',
      ],
    ],
    [
      'that cannot be imported is reported where it is named',
      'functions.mjs#plan',
      'throws.mjs#plan',
      ['workload.yaml:9:15: clients[0].jobs[0].plan: ./throws.mjs#plan cannot be imported: no'],
    ],
  ];
  it.each(cases)('%s', async (_rule, from, to, problems) => {
    expect(VALID).toContain(from);
    expect(await problemsOf(VALID.replace(from, to), 'webgpu')).toEqual(problems);
  });

  it('is reported with every other one that is none', async () => {
    const text = VALID.replace('#plan', '#five').replace('#collect', '#five');
    expect(await problemsOf(text)).toHaveLength(2);
  });

  it('that makes GPU work is not imported for threads', async () => {
    expect(await problemsOf(VALID.replace('#twin', '#five'))).toEqual([]);
  });
});
