#!/usr/bin/env node
/**
 * The command `fenceline`.
 *
 * Law: the only room that touches `process.argv`, exit codes and the console; one folder a command; exit codes are in
 * exit.ts, and with `--json` standard output holds one JSON document and nothing else.
 * May import: every room.
 */
import { ProcessTerminal } from './processTerminal.ts';

const args = process.argv.slice(2);
const terminal = new ProcessTerminal(args);
// Imported when interrupts are listened for, because it takes longer than all that comes before.
const { runProgram } = await import('./program.ts');
terminal.exit(await runProgram(args, terminal));
