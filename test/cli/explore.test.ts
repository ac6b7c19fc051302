import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import type { ExploreReport } from '../../src/explore/index.ts';

// The command `fenceline explore`: what it prints, writes and refuses. What searches find is in test/explore; that planted bugs are
// found is in test/mutants.

vi.setConfig({ testTimeout: 120_000 });

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function fenceline(args: readonly string[], interrupt?: AbortSignal): Promise<Ended> {
  let out = '';
  let err = '';
  const code = await runProgram(['explore', ...args], {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    errIsTerminal: false,
    interrupt: interrupt ?? new AbortController().signal,
  });
  return { code, out, err };
}

function directory(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'fenceline-explore-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

/** A scenario of a user that is broken when the second client comes first. */
const BROKEN = `
export const scenario = {
  name: 'mine',
  about: 'the second client must not be first',
  build(world) {
    let first = null;
    for (const who of ['a', 'b']) world.client(who, [() => { first ??= who; }]);
    world.always('X1', () => (first === 'b' ? 'b was first' : null));
  },
};
`;

function brokenScenario(): string {
  const file = path.join(directory(), 'mine.mjs');
  writeFileSync(file, BROKEN);
  return file;
}

describe('fenceline explore', () => {
  it('prints one JSON document of the form that is promised, and nothing else', async () => {
    const { code, out, err } = await fenceline(['--scope', '1x2', '--json']);
    expect([code, err]).toEqual([0, '']);
    const report = JSON.parse(out) as ExploreReport;
    expect(report).toMatchObject({ strategy: 'exhaustive', scope: '1x2', violations: [] });
    for (const key of ['schedules', 'states', 'seconds', 'schedulesPerSecond'] as const) {
      expect(report[key], key).toBeGreaterThan(0);
    }
  });

  it('says what it did, for people', async () => {
    const { code, out } = await fenceline(['--seeds', '30']);
    expect(code).toBe(0);
    expect(out).toMatch(/^pct, scope 2x2: 30 schedules in .* 0 violations\n$/);
  });

  it('exits 1 with a finding, and replays it to the same end', async () => {
    const file = brokenScenario();
    const { code, out } = await fenceline(['--scenario', file, '--json']);
    const [found] = (JSON.parse(out) as ExploreReport).violations;
    expect([code, found?.rule, found?.signature]).toEqual([1, 'X1', 'X1: b was first']);
    const trace = path.join(directory(), 'trace.json');
    const replayed = await fenceline([
      ...['--scenario', file, '--replay', found?.replay ?? '', '--trace', trace],
    ]);
    expect(replayed.code).toBe(1);
    expect(replayed.out).toContain('the same run, state by state, to its end; X1 is broken');
    expect(JSON.parse(readFileSync(trace, 'utf8'))).toBeDefined();
  });

  it('prints a replay in the form of a search, with what only a replay has', async () => {
    const file = brokenScenario();
    const { out } = await fenceline(['--scenario', file, '--json']);
    const [found] = (JSON.parse(out) as ExploreReport).violations;
    const replayed = await fenceline([
      ...['--scenario', file, '--replay', found?.replay ?? '', '--json'],
    ]);
    expect(JSON.parse(replayed.out)).toMatchObject({
      ...{ strategy: 'replay', scope: '1x1', schedules: 1, states: 0, violations: [found] },
      ...{ seconds: expect.any(Number) as number, scenario: 'mine', differsAtStep: null },
      violation: { rule: 'X1', message: 'b was first' },
    });
  });

  it('prints a command that replays a finding of a scenario of one’s own, as a shell takes it', async () => {
    const file = path.join(directory(), "it's mine.mjs");
    writeFileSync(file, BROKEN);
    const { out } = await fenceline(['--scenario', file]);
    const command = /^fenceline (explore .*)$/m.exec(out)?.[1] ?? '';
    const words = execFileSync('sh', ['-c', `printf '%s\\n' ${command}`], { encoding: 'utf8' });
    const [explore, ...args] = words.trimEnd().split('\n');
    expect([explore, args[1]]).toEqual(['explore', file]);
    expect((await fenceline(args)).out).toContain('X1 is broken');
  });

  it('goes on from a checkpoint', async () => {
    const file = path.join(directory(), 'checkpoint.json');
    await fenceline(['--strategy', 'pct', '--seeds', '10', '--checkpoint', file]);
    const { out } = await fenceline([
      ...['--strategy', 'pct', '--seeds', '25', '--checkpoint', file, '--json'],
    ]);
    expect((JSON.parse(out) as ExploreReport).schedules).toBe(25);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ nextSeed: 26 });
  });

  it('exits 130 when it is interrupted, with what it has', async () => {
    const interrupt = new AbortController();
    interrupt.abort();
    const { code, out } = await fenceline(['--seeds', '100000', '--json'], interrupt.signal);
    expect(code).toBe(130);
    expect((JSON.parse(out) as ExploreReport).schedules).toBe(0);
  });

  const refused: Record<string, readonly string[]> = {
    'a scope that is none': ['--scope', '2y2'],
    'a scope of nobody': ['--scope', '0x2'],
    'seeds that are no number': ['--seeds', 'many'],
    'seconds that do not pass': ['--seconds', '0'],
    'another strategy': ['--strategy', 'luck'],
    'a replay string that is none': ['--replay', 'v1.?'],
    'a replay of a planted bug': ['--replay', 'v1.AA', '--mutant', 'B06'],
    'a planted bug that is not there': ['--mutant', 'B99'],
    'a trace of a search': ['--trace', 'trace.json'],
    'a scenario that is not there': ['--scenario', 'no-such.mjs'],
    'an option that is not there': ['--luck'],
    'seeds of an exhaustive search': ['--strategy', 'exhaustive', '--seeds', '5'],
    'a first seed of a search that is exhaustive by default': ['--first-seed', '5'],
  };
  for (const [what, args] of Object.entries(refused)) {
    it(`exits 2 and says what was expected: ${what}`, async () => {
      const { code, out, err } = await fenceline(args);
      expect([code, out]).toEqual([2, '']);
      expect(err).not.toBe('');
    });
  }

  it('exits 2 where the command line and the checkpoint contradict each other', async () => {
    const file = path.join(directory(), 'checkpoint.json');
    const kept = ['--checkpoint', file, '--seconds', '60'];
    const begun = await fenceline(['--scope', '1x2', '--strategy', 'exhaustive', ...kept]);
    expect(begun.code).toBe(0);
    const same = await fenceline(['--scope', '1x2', '--strategy', 'exhaustive', ...kept]);
    expect(same.code).toBe(0);
    for (const other of [
      ['--scope', '2x2'],
      ['--strategy', 'pct'],
      ['--seeds', '5'],
    ]) {
      const { code, out, err } = await fenceline([...other, ...kept]);
      expect([code, out], other.join(' ')).toEqual([2, '']);
      expect(err).toContain(`explore: ${other[0]}: expected`);
    }
  });

  it('exits 2 for a module without a scenario, and a checkpoint that is none', async () => {
    const empty = path.join(directory(), 'empty.mjs');
    writeFileSync(empty, 'export const a = 1;\n');
    expect((await fenceline(['--scenario', empty])).code).toBe(2);
    expect((await fenceline(['--checkpoint', empty])).code).toBe(2);
    const nowhere = path.join(directory(), 'missing', 'checkpoint.json');
    const refused = await fenceline(['--seeds', '10', '--checkpoint', nowhere]);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain('--checkpoint: expected a file that can be written');
    expect(readFileSync(empty, 'utf8')).toBe('export const a = 1;\n');
  });
});
