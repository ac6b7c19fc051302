import { existsSync } from 'node:fs';
import type { ExitCode } from '../exit.ts';
import { refuse } from '../refuse.ts';
import type { Terminal } from '../terminal.ts';
import type { ExploreFlags } from './command.ts';
import { optionsOf } from './search.ts';

/** The program, in the checkout that this file was built in; from `src` and from `dist` it is as far away. */
const PROGRAM = new URL('../../../scripts/mutants.mjs', import.meta.url);

/** What the program exports. */
interface MutantsProgram {
  searchMutants(
    id: string,
    options: { readonly seconds: number; readonly json: boolean },
    terminal: Terminal,
  ): Promise<ExitCode>;
}

/** Searches for one planted bug, or for all of them, each in a copy of the source. */
export async function findMutants(
  id: string,
  flags: ExploreFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const { seconds = 60 } = optionsOf(flags);
  if (!existsSync(PROGRAM)) {
    const message =
      'explore: --mutant: expected a checkout of fenceline, got the installed package, which holds no planted bugs; ' +
      'clone the repository, then npm ci && npm run build';
    return refuse(message, flags, terminal);
  }
  const { searchMutants } = (await import(PROGRAM.href)) as MutantsProgram;
  return searchMutants(id, { seconds, json: flags.json }, terminal);
}
