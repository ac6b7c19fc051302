import { Command, Option } from 'commander';
import { UsageError } from '../../base/index.ts';
import type { Scenario } from '../../explore/index.ts';
import { EXIT } from '../exit.ts';
import type { ExitCode } from '../exit.ts';
import { refuse } from '../refuse.ts';
import type { Terminal } from '../terminal.ts';
import { loadScenario } from './loadScenario.ts';
import { findMutants } from './mutants.ts';
import { replayText } from './replayText.ts';
import { reportText, search } from './search.ts';

/** The flags of `fenceline explore`, as they are on the command line. */
export interface ExploreFlags {
  readonly scope?: string;
  readonly seeds?: string;
  readonly firstSeed?: string;
  readonly seconds?: string;
  readonly strategy?: 'exhaustive' | 'pct' | 'random';
  readonly mutant?: string;
  readonly replay?: string;
  readonly scenario?: string;
  readonly trace?: string;
  readonly checkpoint?: string;
  readonly json: boolean;
}

const AFTER_HELP = `
Without --strategy: exhaustive where the scope has at most 6 jobs and neither --seeds nor --seconds is given, else pct.
With --checkpoint, --seeds counts from the beginning of the search, --seconds from where it goes on.
Without --scope, pct and random take small scopes by turns.

Exit codes: 0 no law was broken (with --mutant: every mutant was found); 1 one was (one was not); 2 the command line is
not valid, nothing was run; 130 interrupted.`;

/** The command `fenceline explore`. `done` is told the exit code. */
export function exploreCommand(terminal: Terminal, done: (code: ExitCode) => void): Command {
  return new Command('explore')
    .description('run the scheduler under many schedules and faults, and judge every step')
    .option('--scope <entities x jobs>', 'how many entities, and jobs of each, as 2x2')
    .addOption(
      new Option('--strategy <name>', 'how schedules are chosen').choices([
        'exhaustive',
        'pct',
        'random',
      ]),
    )
    .option('--seeds <n>', 'how many runs (pct and random); default 20000')
    .option('--first-seed <n>', 'the first of them; default 1')
    .option('--seconds <s>', 'for how long, at most')
    .option('--scenario <file>', 'explore the scenario that this module exports')
    .option('--replay <string>', 'run again what a finding printed')
    .option('--trace <file>', 'with --replay: write the run as a trace for Perfetto')
    .option(
      '--checkpoint <file>',
      'go on from this file where it is there, and keep the state of the search in it',
    )
    .option('--mutant <id>', 'search for a planted bug, or all (from a checkout only)')
    .option('--json', 'print one JSON document on standard output, and nothing else there', false)
    .addHelpText('after', AFTER_HELP)
    .action(async (flags: ExploreFlags) => {
      done(await runExplore(flags, terminal));
    });
}

async function runExplore(flags: ExploreFlags, terminal: Terminal): Promise<ExitCode> {
  try {
    checkTogether(flags);
    const scenarios =
      flags.scenario === undefined
        ? undefined
        : [await loadScenario(flags.scenario, terminal.interrupt)];
    if (flags.mutant !== undefined) return await findMutants(flags.mutant, flags, terminal);
    if (flags.replay !== undefined) return replayAgain(flags.replay, flags, scenarios, terminal);
    const { report, isInterrupted } = await search(flags, scenarios, terminal);
    terminal.out(flags.json ? `${JSON.stringify(report)}\n` : reportText(report, flags));
    if (isInterrupted) return EXIT.interrupted;
    return report.violations.length === 0 ? EXIT.ok : EXIT.failed;
  } catch (error) {
    if (error === terminal.interrupt.reason) {
      refuse('explore: interrupted before anything was run', flags, terminal);
      return EXIT.interrupted;
    }
    if (!(error instanceof UsageError)) throw error;
    const code = refuse(error.message, flags, terminal);
    return terminal.interrupt.aborted ? EXIT.interrupted : code;
  }
}

function checkTogether({ mutant, replay, scenario, trace }: ExploreFlags): void {
  const both = (a: string, b: string): never => {
    throw new UsageError('ERR_INVALID_ARGUMENT', `explore: expected ${a} or ${b}, got both`);
  };
  if (mutant !== undefined && replay !== undefined) both('--mutant', '--replay');
  if (mutant !== undefined && scenario !== undefined) both('--mutant', '--scenario');
  if (trace === undefined || replay !== undefined) return;
  throw new UsageError(
    'ERR_INVALID_ARGUMENT',
    'explore: --trace: expected --replay with it, got it alone',
  );
}

function replayAgain(
  text: string,
  flags: ExploreFlags,
  scenarios: readonly Scenario[] | undefined,
  terminal: Terminal,
): ExitCode {
  const { json, shown, isSame, violation } = replayText(text, scenarios, flags.trace);
  terminal.out(flags.json ? `${JSON.stringify(json)}\n` : shown);
  return violation === null && isSame ? EXIT.ok : EXIT.failed;
}
