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
    const [name, ...rest] = args;
    const command = program.commands.find((one) => one.name() === name);
    if (command !== undefined) checkValues(command, rest);
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

/**
 * Commander takes whatever follows an option for its value, and so would make a folder called `--json`. A value that really
 * begins so is written with an equals sign.
 */
function checkValues(command: Command, args: readonly string[]): void {
  const flags = new Set(command.options.flatMap((one) => (one.required ? [one.long] : [])));
  for (let at = 0; at < args.length && args[at] !== '--'; at++) {
    const flag = args[at] ?? '';
    if (!flags.has(flag)) continue;
    at += 1;
    const value = args[at];
    if (value?.startsWith('-') !== true) continue;
    command.error(
      `error: ${flag}: expected a value, got ${value}; a value that begins with a dash is written ${flag}=${value}`,
    );
  }
}

/** The version in package.json, two folders above this file both in `src` and in `dist`. */
function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
