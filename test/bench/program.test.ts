/**
 * The benchmark program as a command: its rows, its arguments, its exit codes, the page of its results. What figures
 * mean is in judge.test.ts; that every row can be measured, with its peers, is `npm run bench:smoke`.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { benchCommand } from '../../src/cli/bench/command.ts';
import { runProgram } from '../../src/cli/program.ts';
import type { Terminal } from '../../src/cli/terminal.ts';

interface Row {
  name: string;
  url: string;
  question: string;
  unit: string;
  peers: string[];
  target: {
    figure: string;
    reach?: number;
    better?: string;
    against?: { best?: string[]; own?: string };
  }[];
  run: unknown;
}

const root = join(import.meta.dirname, '..', '..');
const bench = join(root, 'bench');
const { loadRows } = (await import(pathToFileURL(join(bench, 'rows.mjs')).href)) as {
  loadRows(): Promise<Row[]>;
};
const rows = await loadRows();

/** Runs `fenceline bench` and remembers what it said. */
async function runBench(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' };
  const code = await runProgram(['bench', ...args], remembering(said));
  return { code, ...said };
}

function remembering(said: { out: string; err: string }): Terminal {
  return {
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    errIsTerminal: false,
    interrupt: new AbortController().signal,
  };
}

describe('the list of rows', () => {
  it('names every file of a row', () => {
    const files = readdirSync(bench, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.bench.mjs') && !file.includes('node_modules'))
      .map((file) => basename(file));
    expect(files.length).toBeGreaterThan(0);
    expect(rows.map(({ url }) => basename(fileURLToPath(url))).sort()).toEqual(files.sort());
  });

  it('has each name once', () => {
    const names = rows.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('a row', () => {
  for (const row of rows) {
    it(`says what it measures, and is held only to what it measures: ${row.name}`, () => {
      expect(row.question).toMatch(/\?$/);
      expect(row.unit).not.toBe('');
      expect(row.run).toBeTypeOf('function');
      const figures = row.target.map(({ figure }) => figure);
      expect(new Set(figures).size).toBe(figures.length);
      for (const { against } of row.target) {
        if (against?.own !== undefined) expect(figures).toContain(against.own);
        for (const peer of against?.best ?? []) expect(row.peers).toContain(peer);
      }
    });
  }
});

describe('fenceline bench', () => {
  it('measures the rows that are named, and reports them as JSON', async () => {
    const { code, out } = await runBench('core-noop', '--smoke', '--json');
    expect(code).toBe(0);
    const report = JSON.parse(out) as { machine: { node: string }; rounds: number; rows: object[] };
    expect(report).toMatchObject({ machine: { node: process.version }, rounds: 1 });
    expect(report.rows[0]).toMatchObject({
      name: 'core-noop/promises',
      unit: 'us/job',
      fenceline: expect.any(Number),
      peers: {},
      ratio: null,
      ok: null,
    });
  }, 60_000);

  it('says where it is, a line a row and round where the error stream is no terminal', async () => {
    const { err } = await runBench('core-noop', '--smoke', '--rounds', '2');
    expect(err).toBe('core-noop: round 1 of 2\ncore-noop: round 2 of 2\n');
  }, 60_000);

  it('interrupted, reports the rows that it finished, saves nothing, and exits 130', async () => {
    const [first, second] = rows.filter(({ name }) => name.startsWith('core'));
    const directory = mkdtempSync(join(tmpdir(), 'fenceline-bench-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const file = join(directory, 'saved.json');
    const said = { out: '', err: '' };
    const interrupt = new AbortController();
    const terminal: Terminal = {
      ...remembering(said),
      err: (text) => {
        said.err += text;
        if (text.startsWith(`${second?.name}: round 1`)) setImmediate(() => interrupt.abort());
      },
      interrupt: interrupt.signal,
    };
    const args = ['--smoke', '--rounds', '3', '--json', '--save', file];
    const code = await runProgram(['bench', 'core', ...args], terminal);
    const report = JSON.parse(said.out) as { interrupted: boolean; rows: { name: string }[] };
    expect(report.interrupted).toBe(true);
    expect(report.rows.length).toBeGreaterThan(0);
    for (const { name } of report.rows) expect(name).toMatch(new RegExp(`^${first?.name}/`));
    const rounds = [1, 2, 3].map((round) => `${first?.name}: round ${round} of 3\n`);
    expect(said.err).toBe(`${rounds.join('')}${second?.name}: round 1 of 3\n`);
    expect(existsSync(file)).toBe(false);
    expect(code).toBe(130);
  }, 60_000);

  it('writes one line over and over on a terminal, and wipes it', async () => {
    const said = { out: '', err: '' };
    const terminal = { ...remembering(said), errIsTerminal: true };
    await runProgram(['bench', 'core-noop', '--smoke'], terminal);
    expect(said.err).toBe('\rcore-noop: round 1 of 1: fenceline\x1b[K\r\x1b[K');
  }, 60_000);

  it('lists the rows with their questions', async () => {
    const { code, out } = await runBench('--help');
    expect(code).toBe(0);
    for (const { name, question } of rows) {
      expect(out.split('\n').some((line) => line.includes(name) && line.endsWith(question))).toBe(
        true,
      );
    }
  });

  const mistakes = {
    'a name that no row begins with': [['core-nop'], 'no row is called core-nop'],
    'a number of rounds that is none': [['--rounds', '0'], 'expected a whole number from 1, got 0'],
    'an option that it does not know': [['--round'], "Unknown option '--round'"],
  } as const;
  for (const [what, [args, message]] of Object.entries(mistakes)) {
    it(`refuses ${what}`, async () => {
      const { code, out, err } = await runBench(...args);
      expect(code).toBe(2);
      expect(out).toBe('');
      expect(err).toContain(message);
    });
  }

  it('says that it needs a checkout where there is none', async () => {
    const said = { out: '', err: '' };
    let code = 0;
    const nowhere = pathToFileURL(join(bench, 'nowhere.mjs'));
    const command = benchCommand(remembering(said), (exit) => (code = exit), nowhere);
    await command.parseAsync([], { from: 'user' });
    expect(code).toBe(2);
    expect(said.err).toContain('expected a checkout');
  });

  it('explains itself where there is none, too', async () => {
    const said = { out: '', err: '' };
    let code = 1;
    const nowhere = pathToFileURL(join(bench, 'nowhere.mjs'));
    const command = benchCommand(remembering(said), (exit) => (code = exit), nowhere);
    await command.parseAsync(['--help'], { from: 'user' });
    expect([code, said.err]).toEqual([0, '']);
    expect(said.out).toMatch(/^Usage: fenceline bench [^]*Needs a checkout[^]*--peers/);
  });
});

describe('the page of results', () => {
  it('says what the results say', () => {
    execFileSync(process.execPath, [join(bench, 'table.mjs'), '--check'], { stdio: 'pipe' });
  });
});
