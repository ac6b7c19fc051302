import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { UsageError } from '../../base/index.ts';
import type { ChromeTrace } from '../../trace/index.ts';
import type { CrashDump } from './crashDumps.ts';

/** How many characters are written to a trace file at once. */
const BLOCK_LENGTH = 1 << 20;

/** Where the files of a run go. */
export interface Places {
  readonly out: string;
  readonly traceFile: string;
}

/**
 * Makes the directories of a run's files, begins the trace file, and removes the crash dumps of an earlier run. Called
 * before anything runs, so that a long run does not end without a place for its results.
 *
 * @throws {ERR_INVALID_ARGUMENT} naming the option to change, when a place cannot be made or written
 */
export function preparePlaces(flags: { out: string; trace?: string }): Places {
  const { out } = flags;
  const traceFile = flags.trace ?? path.join(out, 'trace.json');
  attempt(`--out: expected a directory that can be written, got ${out}`, () => {
    makeDirectory(out);
    accessSync(out, constants.W_OK);
    for (const name of readdirSync(out)) {
      if (/^reset-\d+\.json$/.test(name)) rmSync(path.join(out, name));
    }
  });
  prepareTraceFile(traceFile);
  return { out, traceFile };
}

/**
 * Makes the directory of a trace file, and begins the file.
 *
 * @throws {ERR_INVALID_ARGUMENT} when it cannot be written
 */
export function prepareTraceFile(traceFile: string): void {
  attempt(`--trace: expected a file that can be written, got ${traceFile}`, () => {
    makeDirectory(path.dirname(traceFile));
    closeSync(openSync(traceFile, 'w'));
  });
}

function attempt(expected: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const message = `${expected} (${why}); name another place`;
    throw new UsageError('ERR_INVALID_ARGUMENT', message, { cause: error });
  }
}

/** Makes `directory` and what is missing above it. `mkdirSync` with `recursive` never returns below /proc. */
function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  makeDirectory(path.dirname(path.resolve(directory)));
  mkdirSync(directory);
}

/** What was written at the end of a run. */
export interface WrittenFiles {
  readonly trace: string | null;
  readonly crashDumps: readonly string[];
  /** What could not be written, a sentence each. */
  readonly unwritten: readonly string[];
}

/** Writes the trace, and each crash dump to a file of its own. A file that cannot be written leaves out no other. */
export function writeFiles(
  { out, traceFile }: Places,
  trace: ChromeTrace,
  dumps: readonly CrashDump[],
): WrittenFiles {
  const unwritten: string[] = [];
  const isWritten = (file: string, write: () => void): boolean => {
    try {
      write();
      return true;
    } catch (error) {
      unwritten.push(`${file} could not be written: ${String(error)}`);
      return false;
    }
  };
  const isTraceWritten = isWritten(traceFile, () => writeTrace(traceFile, trace));
  const crashDumps = dumps.flatMap((dump) => {
    const file = path.join(out, `reset-${dump.number}.json`);
    const text = `${JSON.stringify(dump, null, 2)}\n`;
    return isWritten(file, () => writeFileSync(file, text)) ? [file] : [];
  });
  return { trace: isTraceWritten ? traceFile : null, crashDumps, unwritten };
}

/** Writes a trace, block after block, to a file that was prepared. */
export function writeTrace(file: string, trace: ChromeTrace): void {
  const handle = openSync(file, 'w');
  try {
    let block = '';
    for (const chunk of trace.chunks()) {
      block += chunk;
      if (block.length < BLOCK_LENGTH) continue;
      writeSync(handle, block);
      block = '';
    }
    writeSync(handle, block);
  } finally {
    closeSync(handle);
  }
}
