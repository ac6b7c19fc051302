import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { benchCommand } from './bench/command.ts';
import { doctorCommand } from './doctor/command.ts';
import { exploreCommand } from './explore/command.ts';
import { EXIT } from './exit.ts';
import type { ExitCode } from './exit.ts';
import { problemsText } from './refuse.ts';
import { runCommand } from './run/command.ts';
import type { Terminal } from './terminal.ts';

/**
 * Runs the command line `args` (without the program's own name) and gives the exit code.
 *
 * What is wrong with the command line is told on the error stream and, with `--json`, on standard output, too. A bug of
 * ours is thrown.
 */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const done = (exit: ExitCode): void => {
    code = exit;
  };
  const program = new Command('fenceline')
    .description('A GPU job scheduler for JavaScript')
    .version(packageVersion())
    .addCommand(runCommand(terminal, done))
    .addCommand(exploreCommand(terminal, done))
    .addCommand(benchCommand(terminal, done))
    .addCommand(doctorCommand(terminal, done));
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .showHelpAfterError('(add --help for what is expected)')
      .configureOutput({
        writeOut: (text) => terminal.out(text),
        writeErr: (text) => terminal.err(text),
      });
  }
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return EXIT.ok;
    // The error stream has it already.
    if (args.includes('--json'))
      terminal.out(problemsText({ message: error.message.replace(/^error: /, '') }));
    return EXIT.usage;
  }
  return code;
}

/** The version in package.json, two folders above this file both in `src` and in `dist`. */
function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
