import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadWorkload } from '../../src/cli/workload/loadWorkload.ts';
import { problemText, WorkloadError } from '../../src/cli/workload/problem.ts';
import type { Workload } from '../../src/cli/workload/workload.ts';

// What a workload file may say, and where each mistake in it is reported. How a valid one is run is in runWorkload.test.ts.

const VALID = `
duration: 2s
device:
  threads: 2
  credits: { target: 20ms }
clients:
  - label: viewport
    priority: high
    jobs:
      - name: frame
        kernel: ./kernels.mjs#blur
        every: 100ms
        timeouts: { run: 50ms, queue: Infinity }
  - label: batch
    order: parallel
    jobs:
      - name: first
        kernel: { module: ./kernels.mjs, export: sum }
        inputs: 'data/*.txt'
      - name: second
        kernel: ./kernels.mjs
        args: [1, $round]
        repeat: 3
        after: [first, viewport/frame]
`;

const folder = mkdtempSync(path.join(tmpdir(), 'fenceline-workload-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(text: string): string {
  const directory = mkdtempSync(path.join(folder, 'one-'));
  writeFileSync(
    path.join(directory, 'kernels.mjs'),
    'const inner = 1;\nexport function blur() {}\nexport const sum = () => inner, both = 2;\nexport default () => 0;\n',
  );
  writeFileSync(path.join(directory, 'broken.mjs'), 'export function ( {');
  writeFileSync(path.join(directory, 'b.txt'), 'b');
  writeFileSync(path.join(directory, 'a.txt'), 'a');
  const file = path.join(directory, 'workload.yaml');
  writeFileSync(file, text.replace('data/*.txt', '*.txt'));
  return file;
}

async function problemsOf(text: string): Promise<string[]> {
  const file = written(text);
  try {
    await loadWorkload(file);
  } catch (error) {
    if (!(error instanceof WorkloadError)) throw error;
    return error.problems.map((problem) =>
      problemText({ ...problem, file: path.basename(problem.file) }),
    );
  }
  return [];
}

/** The valid file with one line changed. */
function changed(from: string, to: string): string {
  expect(VALID).toContain(from);
  return VALID.replace(from, to);
}

describe('a workload file', () => {
  it('is resolved: defaults filled in, paths absolute, times in milliseconds', async () => {
    const workload: Workload = await loadWorkload(written(VALID));
    expect(workload.durationMs).toBe(2000);
    expect(workload.device).toEqual({
      driver: 'auto',
      policy: 'fair',
      threads: 2,
      spares: null,
      credits: { targetMs: 20 },
      runTimeoutMs: null,
    });
    const [viewport, batch] = workload.clients;
    expect(viewport).toMatchObject({ priority: 'high', weight: 1, order: 'serial', expect: 'ok' });
    expect(viewport?.jobs[0]).toMatchObject({ everyMs: 100, rounds: Infinity, runTimeoutMs: 50 });
    expect(viewport?.jobs[0]?.queueTimeoutMs).toBe(Infinity);
    expect(batch?.jobs[0]?.inputs?.map((file) => path.basename(file))).toEqual(['a.txt', 'b.txt']);
    expect(batch?.jobs[0]?.args).toEqual(['$input']);
    expect(batch?.jobs[1]).toMatchObject({ rounds: 3, after: ['batch/first', 'viewport/frame'] });
    expect(batch?.jobs[1]?.kernel.export).toBe('default');
  });

  const cases: [rule: string, text: () => string, problems: string[]][] = [
    ['accepts the control case', () => VALID, []],
    [
      'names the key that was probably meant',
      () => changed('priority: high', 'priorty: high'),
      [
        'workload.yaml:8:5: clients[0].priorty: unknown key; expected one of label, priority, weight, order, maxQueued, expect, jobs, collect; did you mean priority?',
      ],
    ],
    [
      'names the value that was probably meant',
      () => changed('priority: high', 'priority: hgih'),
      [
        'workload.yaml:8:15: clients[0].priority: expected high, normal or low, got "hgih"; did you mean high?',
      ],
    ],
    [
      'reports a missing key at the map that lacks it',
      () => changed('kernel: ./kernels.mjs#blur', 'args: []'),
      ['workload.yaml:10:9: clients[0].jobs[0]: the key kernel is missing'],
    ],
    [
      'refuses what is no duration',
      () => changed('every: 100ms', 'every: 100'),
      [
        'workload.yaml:12:16: clients[0].jobs[0].every: expected a duration such as 100ms, 2s or 1m, got 100',
      ],
    ],
    [
      'refuses a module that does not exist',
      () => changed('kernel: ./kernels.mjs#blur', 'kernel: ./kernel.mjs#blur'),
      [
        'workload.yaml:11:17: clients[0].jobs[0].kernel: expected a module, beside this file or by its path, got "./kernel.mjs", which does not exist; did you mean kernels.mjs?',
      ],
    ],
    [
      'refuses a module that cannot be parsed',
      () => changed('kernel: ./kernels.mjs#blur', 'kernel: ./broken.mjs#blur'),
      [
        'workload.yaml:11:17: clients[0].jobs[0].kernel: expected a module, got "./broken.mjs", which cannot be parsed',
      ],
    ],
    [
      'refuses an export that the module does not have',
      () => changed('#blur', '#blurr'),
      [
        'workload.yaml:11:17: clients[0].jobs[0].kernel: expected an export of ./kernels.mjs, got "blurr"; it exports blur, sum, default; did you mean blur?',
      ],
    ],
    ['finds the second name of an exported list', () => changed('#blur', '#both'), []],
    [
      'refuses what the module has and does not export',
      () => changed('#blur', '#inner'),
      [
        'workload.yaml:11:17: clients[0].jobs[0].kernel: expected an export of ./kernels.mjs, got "inner"; it exports blur, sum, default',
      ],
    ],
    [
      'refuses a collect that is not exported',
      () => changed('order: parallel', 'collect: ./kernels.mjs#inner'),
      [
        'workload.yaml:15:14: clients[1].collect: expected an export of ./kernels.mjs, got "inner"; it exports blur, sum, default',
      ],
    ],
    [
      'refuses a weight that is no finite number',
      () => changed('order: parallel', 'weight: .inf'),
      ['workload.yaml:15:13: clients[1].weight: expected a number above 0, got Infinity'],
    ],
    [
      'refuses more threads than a device takes',
      () => changed('threads: 2', 'threads: 5000\n  spares: 1025'),
      [
        'workload.yaml:4:12: device.threads: expected a whole number from 1 to 1024, got 5000',
        'workload.yaml:5:11: device.spares: expected a whole number from 0 to 1024, got 1025',
      ],
    ],
    [
      'refuses an empty label, and shows it',
      () => changed('label: batch', "label: ''"),
      ['workload.yaml:14:12: clients[1].label: expected a label, got ""'],
    ],
    [
      'refuses a number that is not exact',
      () => changed('repeat: 3', 'repeat: 1e20'),
      [
        'workload.yaml:23:17: clients[1].jobs[1].repeat: expected a whole number, 1 or more, or forever, got 100000000000000000000',
      ],
    ],
    [
      'refuses after: a name that nothing has',
      () => changed('[first, viewport/frame]', '[frist, viewport/frames]'),
      [
        'workload.yaml:24:17: clients[1].jobs[1].after[0]: expected the name of a job of this client, or client/name, got "frist"; did you mean first?',
        'workload.yaml:24:24: clients[1].jobs[1].after[1]: expected the name of a job of this client, or client/name, got "viewport/frames"; did you mean viewport/frame?',
      ],
    ],
    [
      'refuses a circle',
      () => changed('[first, viewport/frame]', 'second'),
      [
        'workload.yaml:24:16: clients[1].jobs[1].after: expected no circle, got batch/second after batch/second',
      ],
    ],
    [
      'refuses a label twice',
      () => changed('label: batch', 'label: viewport').replace('[first, viewport/frame]', 'first'),
      [
        'workload.yaml:14:12: clients[1].label: expected a label of its own, got "viewport" once more',
      ],
    ],
    [
      'refuses what goes on for ever without a duration',
      () => changed('duration: 2s\n', ''),
      [
        'workload.yaml:9:9: clients[0].jobs[0]: goes on for ever; expected a duration at the top of the file, or repeat: with a number',
      ],
    ],
    [
      'refuses a pattern that matches nothing',
      () => changed('data/*.txt', '*.csv'),
      [
        `workload.yaml:19:17: clients[1].jobs[0].inputs: expected files, or a pattern that matches files, got "*.csv", which matches none`,
      ],
    ],
    [
      'refuses inputs that no argument takes',
      () => changed("inputs: 'data/*.txt'", "inputs: 'data/*.txt'\n        args: [1]"),
      [
        'workload.yaml:20:15: clients[1].jobs[0].args: expected $input or $inputs among the arguments, because there are inputs',
      ],
    ],
    [
      'refuses $input without inputs',
      () => changed('args: [1, $round]', 'args: [$input]'),
      [
        'workload.yaml:22:15: clients[1].jobs[1].args: expected inputs beside args, because $input is used',
      ],
    ],
    [
      'reports broken YAML where it breaks',
      () => changed('threads: 2', 'threads: [2'),
      [
        'workload.yaml:5:3: Flow sequence in block collection must be sufficiently indented and end with a ]',
      ],
    ],
    [
      'refuses an alias without an anchor',
      () => changed('args: [1, $round]', 'args: [&round 1, *ruond]'),
      [
        'workload.yaml:22:26: expected the name of an anchor (&ruond) that stands before, got *ruond; did you mean round?',
      ],
    ],
    [
      'takes an alias of an anchor that stands before (control)',
      () => changed('args: [1, $round]', 'args: [&round 1, *round]'),
      [],
    ],
    [
      'refuses an alias inside of its own anchor',
      () => changed('args: [1, $round]', 'args: &all [1, *all]'),
      ['workload.yaml:22:24: expected no circle, got *all inside of its anchor'],
    ],
    [
      'refuses aliases that are too much when they are written out',
      () =>
        `a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n${[1, 2, 3]
          .map(
            (n) =>
              `a${n}: &a${n} [${Array(9)
                .fill(`*a${n - 1}`)
                .join(', ')}]\n`,
          )
          .join('')}`,
      ['workload.yaml:1:1: expected fewer aliases: written out, they are too much to read'],
    ],
    [
      'refuses a second document',
      () => `${VALID}---\nclients: []\n`,
      ['workload.yaml:25:1: expected one document, got a second one'],
    ],
    [
      'refuses inputs without a pattern',
      () => changed("inputs: 'data/*.txt'", 'inputs: []'),
      [
        'workload.yaml:19:17: clients[1].jobs[0].inputs: expected files, or a pattern that matches files, got an empty list',
      ],
    ],
    [
      'reports an empty file',
      () => '',
      ['workload.yaml:1:1: expected a map with the keys name, duration, device, clients, got null'],
    ],
    [
      'reports every mistake, in the order of the file',
      () =>
        changed('threads: 2', 'threads: 0')
          .replace('priority: high', 'priority: 3')
          .replace('[first, viewport/frame]', 'frist')
          .replace('kernel: ./kernels.mjs#blur', 'kernel: ./kernels.mjs#blurr')
          .replace("inputs: 'data/*.txt'", "inputs: 'data/*.text'"),
      [
        'workload.yaml:4:12: device.threads: expected a whole number from 1 to 1024, got 0',
        'workload.yaml:8:15: clients[0].priority: expected high, normal or low, got 3',
        'workload.yaml:11:17: clients[0].jobs[0].kernel: expected an export of ./kernels.mjs, got "blurr"; it exports blur, sum, default; did you mean blur?',
        'workload.yaml:19:17: clients[1].jobs[0].inputs: expected files, or a pattern that matches files, got "data/*.text", which matches none',
        'workload.yaml:24:16: clients[1].jobs[1].after: expected the name of a job of this client, or client/name, got "frist"; did you mean first?',
      ],
    ],
  ];
  it.each(cases)('%s', async (_rule, text, problems) => {
    expect(await problemsOf(text())).toEqual(problems);
  });

  it('that cannot be read is reported by its name', async () => {
    await expect(loadWorkload('no/such/workload.yaml')).rejects.toThrow(
      'no/such/workload.yaml:1:1: expected a workload file that can be read (ENOENT)',
    );
  });
});
