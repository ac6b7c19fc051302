import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import type { ChromeTrace } from '../../trace/index.ts';
import type { CrashDump } from './crashDumps.ts';

/** How many characters are written to a trace file at once. */
const BLOCK_LENGTH = 1 << 20;

/** Makes the directory of a run's files, and removes the crash dumps of an earlier run. */
export function prepareOutDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const name of readdirSync(directory)) {
    if (/^reset-\d+\.json$/.test(name)) rmSync(path.join(directory, name));
  }
}

/** Writes a trace, block after block. */
export function writeTrace(file: string, trace: ChromeTrace): void {
  mkdirSync(path.dirname(file), { recursive: true });
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

/** Writes each dump to a file of its own; gives their paths. */
export function writeCrashDumps(directory: string, dumps: readonly CrashDump[]): string[] {
  return dumps.map((dump) => {
    const file = path.join(directory, `reset-${dump.number}.json`);
    writeFileSync(file, `${JSON.stringify(dump, null, 2)}\n`);
    return file;
  });
}
