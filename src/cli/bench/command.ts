import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { EXIT } from '../exit.ts';
import type { ExitCode } from '../exit.ts';
import { refuse } from '../refuse.ts';
import type { Terminal } from '../terminal.ts';
import { BENCH_HELP } from './helpText.ts';

/** The program, in the checkout that this file was built in; from `src` and from `dist` it is as far away. */
const PROGRAM = new URL('../../../bench/harness/program.mjs', import.meta.url);

/** What the program exports. */
interface BenchProgram {
  runBench(args: readonly string[], terminal: Terminal): Promise<ExitCode>;
}

/**
 * The command `fenceline bench`, which hands its arguments to the program in bench/. `done` is told the exit code.
 *
 * The package holds neither the rows nor their peers: the command works from a checkout only.
 */
export function benchCommand(
  terminal: Terminal,
  done: (code: ExitCode) => void,
  program: URL = PROGRAM,
): Command {
  return (
    new Command('bench')
      .description('measure fenceline side by side with its peers (from a checkout only)')
      .argument('[names...]', 'rows, or beginnings of their names')
      // The program reads its options itself, because it can be started without this command, too.
      .allowUnknownOption()
      .helpOption(false)
      .action(async (_names, _flags, command: Command) => {
        done(await bench(command.args, terminal, program));
      })
  );
}

async function bench(args: readonly string[], terminal: Terminal, program: URL): Promise<ExitCode> {
  if (!existsSync(program)) {
    if (args.includes('--help') || args.includes('-h')) {
      terminal.out(BENCH_HELP);
      return EXIT.ok;
    }
    const message =
      'bench: expected a checkout of fenceline, got the installed package, which holds no benchmarks; ' +
      'clone the repository, then npm ci && npm run bench';
    return refuse(message, { json: args.includes('--json') }, terminal);
  }
  const { runBench } = (await import(program.href)) as BenchProgram;
  return runBench(args, terminal);
}
