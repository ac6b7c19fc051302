import { spawn } from 'node:child_process';
import type { StdioOptions } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** The built command. */
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** Where it is run. */
export const FIXTURE = fileURLToPath(new URL('fixture/', import.meta.url));
/** A bound for what real threads do, generous enough for a busy machine. */
export const PATIENCE_MS = 60_000;

/** How a process ended, and what it said. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** How the command is started. */
export interface SpawnOptions {
  /** Sees the error stream as it grows, and may signal the process. */
  readonly onErr?: (text: string, kill: (signal: 'SIGINT') => void) => void;
  /** Options of Node, before the program. */
  readonly nodeArgs?: readonly string[];
  readonly stdio?: StdioOptions;
  /** Nobody reads its standard output: the reader is gone before it writes. */
  readonly isOutClosed?: boolean;
}

/** A new directory, which is removed after the test. */
export function outDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'fenceline-run-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** Runs the command among the fixtures. */
export function fenceline(args: readonly string[], options: SpawnOptions = {}): Promise<Ended> {
  const { onErr = () => {}, nodeArgs = [], stdio = 'pipe', isOutClosed } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...nodeArgs, MAIN, ...args], { cwd: FIXTURE, stdio });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`fenceline ${args.join(' ')} did not end within ${PATIENCE_MS} ms: ${err}`));
    }, PATIENCE_MS);
    if (isOutClosed === true) child.stdout?.destroy();
    let out = '';
    let err = '';
    child.stdout?.on('data', (data: Buffer) => (out += data.toString()));
    child.stderr?.on('data', (data: Buffer) => {
      err += data.toString();
      onErr(err, (signal) => void child.kill(signal));
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, out, err });
    });
  });
}
