import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { preparePlaces, writeFiles } from '../../src/cli/run/artifacts.ts';
import type { CrashDump } from '../../src/cli/run/crashDumps.ts';
import { ChromeTrace } from '../../src/trace/index.ts';

// Where the files of a run go. That a place which cannot be made ends the command is in command.test.ts.

function parent(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'fenceline-places-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

const DUMP: CrashDump = {
  number: 1,
  atUs: 5,
  verdicts: [],
  guilty: [],
  innocent: [],
  running: [],
  queuedCount: 0,
  queued: [],
  tries: [],
  events: [],
};

describe('the places of a run', () => {
  it('are made with all that is missing above them, and rid of the crash dumps of an earlier run', () => {
    const out = path.join(parent(), 'a', 'b');
    mkdirSync(out, { recursive: true });
    for (const name of ['reset-7.json', 'reset-seven.json'])
      writeFileSync(path.join(out, name), '');
    const trace = path.join(out, 'c', 'd', 'trace.json');
    expect(preparePlaces({ out, trace })).toEqual({ out, traceFile: trace });
    expect(readdirSync(out).sort()).toEqual(['c', 'reset-seven.json']);
    expect(readFileSync(trace, 'utf8')).toBe('');
  });

  it('that vanish meanwhile are told of, and leave out no other file', () => {
    const out = parent();
    const places = preparePlaces({ out, trace: path.join(out, 'below', 'trace.json') });
    const control = writeFiles(places, new ChromeTrace(), [DUMP]);
    expect(control.unwritten).toEqual([]);
    expect(control.trace).toBe(places.traceFile);
    rmSync(path.dirname(places.traceFile), { recursive: true });
    const { trace, crashDumps, unwritten } = writeFiles(places, new ChromeTrace(), [DUMP]);
    expect(trace).toBeNull();
    expect(unwritten).toEqual([
      expect.stringContaining(`${places.traceFile} could not be written: Error: ENOENT`),
    ]);
    expect(crashDumps.map((file) => path.basename(file))).toEqual(['reset-1.json']);
    expect(JSON.parse(readFileSync(crashDumps[0] ?? '', 'utf8'))).toMatchObject({ number: 1 });
  });
});
