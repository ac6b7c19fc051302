import { EXIT } from './exit.ts';
import type { ExitCode } from './exit.ts';
import type { Terminal } from './terminal.ts';

/** One thing that is wrong; a workload's says where, too. */
interface Told {
  readonly message: string;
}

/**
 * Says why a command did not run, or not to its end: `message` on the error stream and, with `--json`, its problems on
 * standard output. Gives the exit code for bad usage.
 *
 * @param problems what is told to programs; default: the message
 */
export function refuse(
  message: string,
  { json }: { readonly json: boolean },
  terminal: Terminal,
  problems: readonly Told[] = [{ message }],
): ExitCode {
  terminal.err(`${message}\n`);
  if (json) terminal.out(problemsText(...problems));
  return EXIT.usage;
}

/** The document on standard output of a command that did not run. */
export function problemsText(...problems: readonly Told[]): string {
  return `${JSON.stringify({ problems })}\n`;
}
