/**
 * The command `fenceline`.
 *
 * Law: the only room that touches `process.argv`, exit codes and the console; one folder a command; exit codes are in
 * exit.ts, and with `--json` standard output holds one JSON document and nothing else.
 * May import: every room.
 */
export { EXIT } from './exit.ts';
export type { ExitCode } from './exit.ts';
export { runProgram } from './program.ts';
export type { Terminal } from './terminal.ts';
