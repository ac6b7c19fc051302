import { readFileSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { CrashDump } from '../../src/cli/run/crashDumps.ts';
import type { RunReport } from '../../src/cli/run/report.ts';
import type { ChromeEvent } from '../../src/trace/index.ts';
import { expectSound } from '../trace/expectSound.ts';
import { fenceline, FIXTURE, outDirectory, PATIENCE_MS } from './spawned.ts';

// The built command on real threads: its output, files and exit codes. What the figures are is in runWorkload.test.ts,
// what happens to its streams and on interrupts in streams.test.ts.
// `npm test` builds it first.

vi.setConfig({ testTimeout: 2 * PATIENCE_MS });

describe('fenceline run', () => {
  it('runs a workload on threads, bans who hangs, and prints one JSON document', async () => {
    const out = outDirectory();
    const {
      code,
      out: text,
      err,
    } = await fenceline(['run', 'workload.yaml', '--json', '--out', out]);
    const report = JSON.parse(text) as RunReport;
    expect(report.findings, err).toEqual([]);
    expect(code).toBe(0);
    expect(report).toMatchObject({ driver: 'worker', policy: 'fair', rings: 2, banned: ['rogue'] });
    expect(report).toMatchObject({ resets: 3, ok: true, interrupted: false });
    // On a busy machine a thread that has not begun yet may be past its deadline, too; that is no hang, and no reset.
    expect(report.timeouts).toBeGreaterThanOrEqual(3);
    const [graph, files, rogue] = report.clients;
    expect(graph).toMatchObject({ label: 'graph', jobs: 20, failed: 0 });
    expect(files).toMatchObject({ label: 'files', jobs: 2, failed: 0 });
    expect(rogue).toMatchObject({ label: 'rogue', jobs: 5, failed: 5 });
    expect(report.checks[0]?.message).toMatch(/^2 files have \d+ bytes$/);
    expect(report.jobs).toHaveLength(27);
    expect(err).toMatch(/^0 s \| graph /);

    const trace = JSON.parse(readFileSync(report.trace ?? '', 'utf8')) as {
      traceEvents: ChromeEvent[];
    };
    expectSound(trace.traceEvents);
    const tracks = trace.traceEvents.flatMap(({ ph, args }) =>
      ph === 'M' ? [args?.['name']] : [],
    );
    expect(tracks).toEqual(
      expect.arrayContaining(['rings', 'ring 0', 'ring 1', 'recovery', 'graph', 'files', 'rogue']),
    );
    expect(trace.traceEvents.filter(({ ph }) => ph === 's')).toHaveLength(10);

    expect(report.crashDumps.map((file) => path.basename(file))).toEqual([
      'reset-1.json',
      'reset-2.json',
      'reset-3.json',
    ]);
    for (const file of report.crashDumps) {
      const dump = JSON.parse(readFileSync(file, 'utf8')) as CrashDump;
      expect(dump.guilty).toMatchObject([{ label: 'hang', client: 'rogue' }]);
      expect(dump.tries.at(-1)?.outcome).toBe('ok');
    }
  });

  it('prints a table for people', async () => {
    const args = ['run', 'workload.yaml', '--policy', 'roundRobin', '--out', outDirectory()];
    const { code, out } = await fenceline(args);
    expect(out).toMatch(/^workload on worker, 2 rings, policy roundRobin: \d/);
    expect(out).toMatch(/\nrogue +5 +5 .* banned, expected banned\n/);
    // A job that has not begun on a busy machine may be past its deadline, too: a timeout, and no reset.
    expect(out).toMatch(/\ntimeouts [1-9]\d*, resets 3, banned: rogue\n/);
    expect(code).toBe(0);
  });

  it('on interrupt cancels what runs, writes the report, and exits with 130', async () => {
    let isSent = false;
    const out = outDirectory();
    const ended = await fenceline(['run', 'endless.yaml', '--json', '--out', out], {
      onErr: (text, kill) => {
        if (isSent || !/endless [1-9]/.test(text)) return;
        isSent = true;
        kill('SIGINT');
      },
    });
    const report = JSON.parse(ended.out) as RunReport;
    expect(report).toMatchObject({ interrupted: true, ok: false, findings: [] });
    expect(report.jobs.find(({ client }) => client === 'stuck')?.status).not.toBe('ok');
    expect(readFileSync(report.trace ?? '', 'utf8')).toContain('"endless"');
    expect(ended.code).toBe(130);
  });

  it('refuses a workload with mistakes, with their places, and runs nothing', async () => {
    const { code, out, err } = await fenceline(['run', 'no-such.yaml', '--json']);
    expect(code).toBe(2);
    expect(err).toBe('no-such.yaml:1:1: expected a workload file that can be read (ENOENT)\n');
    expect(JSON.parse(out)).toMatchObject({
      problems: [{ file: 'no-such.yaml', line: 1, column: 1 }],
    });
  });

  it('explains itself', async () => {
    const { code, out } = await fenceline(['run', '--help']);
    expect(code).toBe(0);
    expect(out).toContain('--policy <name>');
    expect(out).toContain('130 interrupted');
  });

  // The first is a file; below the second Node's own recursive mkdir never returns.
  it.each(['kernels.mjs', '/proc/fenceline', 'kernels.mjs/below'])(
    'runs nothing and exits with 2 where --out is %s, which cannot be made',
    async (place) => {
      const { code, err } = await fenceline(['run', 'endless.yaml', '--out', place]);
      expect(err).toMatch(
        /^--out: expected a directory that can be written, got \S+ \(E[A-Z]+\); name another place\n$/,
      );
      expect(code).toBe(2);
    },
  );

  it('runs nothing and exits with 2 where the trace cannot be written', async () => {
    const args = ['run', 'endless.yaml', '--json', '--out', outDirectory(), '--trace', '.'];
    const { code, out, err } = await fenceline(args);
    expect(err).toBe(
      '--trace: expected a file that can be written, got . (EISDIR); name another place\n',
    );
    expect(JSON.parse(out)).toEqual({ problems: [{ message: err.trim() }] });
    expect(code).toBe(2);
  });

  it('exits with 2 where the device refuses an option', async () => {
    const refused = await fenceline(['run', 'too-many-processes.yaml', '--out', outDirectory()]);
    expect(refused.err).toMatch(/^the run failed: ERR_INVALID_ARGUMENT: openWebGpuDevice: spares/);
    expect(refused.code).toBe(2);
  });

  it('knows its version', async () => {
    const { code, out } = await fenceline(['--version']);
    expect(out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(code).toBe(0);
  });

  it.each([
    ['an unknown option', ['run', 'workload.yaml', '--jsn']],
    ['an unknown policy', ['run', 'workload.yaml', '--policy', 'best']],
    ['a missing workload', ['run']],
    ['an unknown command', ['rnu']],
  ])('exits with 2 on %s', async (_what, args) => {
    const { code, out, err } = await fenceline(args);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toMatch(/^error: /);
  });

  it.each([
    ['--out', ['run', 'workload.yaml', '--out', '--json']],
    ['--trace', ['run', 'workload.yaml', '--out', 'out', '--trace', '--json']],
    ['--policy', ['run', 'workload.yaml', '--policy', '--json']],
    ['--scope', ['explore', '--scope', '--json']],
    ['--seeds', ['explore', '--seeds', '--json']],
    ['--checkpoint', ['explore', '--checkpoint', '--json']],
    ['--scenario', ['explore', '--scenario', '--json']],
    ['--replay', ['explore', '--replay', '--json']],
    ['--mutant', ['explore', '--mutant', '--json']],
    ['--save', ['bench', '--save', '--json']],
    ['--charts', ['bench', '--charts', '--json']],
  ])('does not take the next option for the value of %s', async (flag, args) => {
    const { code, out } = await fenceline(args);
    const { problems } = JSON.parse(out) as { problems: { message: string }[] };
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).toContain(flag);
    expect(code).toBe(2);
  });

  it('takes a value that begins with a dash after an equals sign', async () => {
    const { code, err } = await fenceline(['run', 'endless.yaml', '--out=--x', '--trace=.']);
    expect(err).toContain('--trace: expected a file that can be written, got .');
    expect(code).toBe(2);
    rmdirSync(path.join(FIXTURE, '--x'));
  });

  it.each([
    ['an unknown option', ['run', 'workload.yaml', '--jsn', '--json'], /^unknown option '--jsn'/],
    ['a missing workload', ['run', '--json'], /^missing required argument 'workload'/],
    ['an unknown command', ['rnu', '--json'], /^unknown command 'rnu'/],
    ['an argument too many', ['doctor', 'now', '--json'], /^too many arguments/],
    ['seeds that are none', ['explore', '--seeds', 'x', '--json'], /^explore: --seeds: expected/],
    ['a bug that is none', ['explore', '--mutant', 'x', '--json'], /^explore: --mutant: expected/],
    ['rounds that are none', ['bench', '--rounds', '0', '--json'], /^bench: --rounds: expected/],
  ])('with --json tells of %s in one document', async (_what, args, message) => {
    const { code, out } = await fenceline(args);
    const { problems } = JSON.parse(out) as { problems: object[] };
    expect(problems).toEqual([{ message: expect.stringMatching(message) as string }]);
    expect(code).toBe(2);
  });
});
