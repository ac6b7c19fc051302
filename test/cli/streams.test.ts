import { closeSync, existsSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { init, parse } from 'es-module-lexer';
import type { RunReport } from '../../src/cli/run/report.ts';
import { fenceline, outDirectory, PATIENCE_MS } from './spawned.ts';

// What the built command does with its streams, with interrupts, and with promises that never settle. What it prints is in
// command.test.ts.

vi.setConfig({ testTimeout: 2 * PATIENCE_MS });

/** A place where nothing can be written: each write fails with ENOSPC. */
const FULL = '/dev/full';

function full(): number {
  const handle = openSync(FULL, 'w');
  onTestFinished(() => closeSync(handle));
  return handle;
}

describe('standard output', () => {
  it('with --json has one document, whatever kernels, plans and collects print', async () => {
    const args = ['run', 'talk.yaml', '--json', '--out', outDirectory()];
    const { code, out, err } = await fenceline(args);
    expect(JSON.parse(out)).toMatchObject({ ok: true });
    for (const who of ['kernel', 'plan', 'collect']) expect(err).toContain(`a ${who} speaks\n`);
    expect(code).toBe(0);
  });

  it('without --json has what they print (control)', async () => {
    const { out, err } = await fenceline(['run', 'talk.yaml', '--out', outDirectory()]);
    for (const who of ['kernel', 'plan', 'collect']) expect(out).toContain(`a ${who} speaks\n`);
    expect(err).not.toContain('speaks');
  });

  it.each([
    ['help', ['--help'], 0],
    ['a report', ['explore', '--scope', '1x1', '--json'], 0],
    ['what was refused', ['explore', '--scope', 'x', '--json'], 2],
  ])('may be closed: %s is dropped, the exit code stays', async (_what, args, expected) => {
    const { code, err } = await fenceline(args, { isOutClosed: true });
    expect(err).not.toContain('EPIPE');
    expect(code).toBe(expected);
  });

  it.skipIf(!existsSync(FULL))('that is full is told in one line, and exits 1', async () => {
    const { code, err } = await fenceline(['--help'], { stdio: ['ignore', full(), 'pipe'] });
    expect(err).toMatch(/^standard output cannot be written: ENOSPC.*\n$/);
    expect(code).toBe(1);
  });
});

describe('the error stream', () => {
  it.skipIf(!existsSync(FULL))('may be full: bad usage still exits 2', async () => {
    const { code } = await fenceline(['rnu'], { stdio: ['ignore', 'pipe', full()] });
    expect(code).toBe(2);
  });
});

describe('an interrupt', () => {
  /** Interrupts the process as soon as it listens for that. */
  const atOnce = `data:text/javascript,${encodeURIComponent(
    `process.on('newListener', (name) => { if (name === 'SIGINT') setImmediate(() => process.kill(process.pid, 'SIGINT')); });`,
  )}`;

  it.each([
    ['doctor', ['doctor', '--json']],
    ['explore', ['explore', '--json']],
    ['run', ['run', 'endless.yaml', '--json']],
  ])('ends %s with 130, and one document', async (_command, args) => {
    const place = args[0] === 'run' ? ['--out', outDirectory()] : [];
    const ended = await fenceline([...args, ...place], { nodeArgs: ['--import', atOnce] });
    expect(ended.err).toContain('interrupted');
    expect([ended.code, ended.signal]).toEqual([130, null]);
    expect(JSON.parse(ended.out)).toBeTypeOf('object');
  });

  it.each([
    ['run', ['run', 'waiting/slow.yaml']],
    ['explore', ['explore', '--scenario', 'waiting/slow.mjs']],
  ])('while %s imports a module blames no module', async (command, args) => {
    let isSent = false;
    const { code, out, err } = await fenceline([...args, '--json'], {
      onErr: (text, kill) => {
        if (isSent || !text.includes('importing')) return;
        isSent = true;
        kill('SIGINT');
      },
    });
    const message = `${command}: interrupted before anything was run`;
    expect(JSON.parse(out)).toEqual({ problems: [{ message }] });
    expect(err).not.toContain('slow.');
    expect(code).toBe(130);
  });

  it('is listened for before anything of a package is imported', async () => {
    await init;
    const seen = new Set<string>();
    const visit = async (url: URL): Promise<void> => {
      if (seen.has(url.href)) return;
      seen.add(url.href);
      const [imports] = parse(await readFile(url, 'utf8'));
      for (const { n: name, d: dynamic } of imports) {
        if (dynamic !== -1) continue;
        expect(name).toMatch(/^\.\//);
        await visit(new URL(name ?? '', url));
      }
    };
    await visit(new URL('../../dist/cli/main.js', import.meta.url));
    expect(seen.size).toBe(3);
  });

  it('ends a collect that takes too long, with the report', async () => {
    const args = ['run', 'slow-collect.yaml', '--json', '--out', outDirectory()];
    let isSent = false;
    const { code, out } = await fenceline(args, {
      onErr: (text, kill) => {
        if (isSent || !text.includes('collecting')) return;
        isSent = true;
        kill('SIGINT');
      },
    });
    expect(JSON.parse(out)).toMatchObject({ interrupted: true, ok: false, checks: [] });
    expect(code).toBe(130);
  });
});

describe('a promise that never settles', () => {
  it('of a plan, or of a collect, is told, and the run fails', async () => {
    const args = ['run', 'unsettled.yaml', '--json', '--out', outDirectory()];
    const { code, out } = await fenceline(args);
    const { findings } = JSON.parse(out) as RunReport;
    const why = 'never settled: the process has nothing left to do that could settle its promise';
    expect(findings).toEqual([
      `planned/never: the plan ./main.mjs#never ${why}`,
      `judged: the collect ./main.mjs#never ${why}`,
      `judged too: the collect ./main.mjs#never ${why}`,
    ]);
    expect(code).toBe(1);
  });

  it('of a module that is imported, is told, and nothing is run', async () => {
    const { code, out } = await fenceline([
      'explore',
      '--scenario',
      'waiting/scenario.mjs',
      '--json',
    ]);
    expect(out).toContain('never settled');
    expect(code).toBe(2);
  });
});
