#!/usr/bin/env node
/**
 * The command `fenceline`.
 *
 * Law: the only room that touches `process.argv`, exit codes and the console; one folder a command; exit codes are in
 * exit.ts, and with `--json` standard output holds one JSON document and nothing else.
 * May import: every room.
 */
import { EXIT } from './exit.ts';
import { runProgram } from './program.ts';

const interrupt = new AbortController();

process.on('SIGINT', () => {
  if (interrupt.signal.aborted) process.exit(EXIT.interrupted);
  process.stderr.write('\ninterrupted: cancelling; once more to exit at once\n');
  interrupt.abort(new Error('interrupted by the user'));
});

process.exitCode = await runProgram(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  errIsTerminal: process.stderr.isTTY,
  interrupt: interrupt.signal,
});
