import { EXIT } from './exit.ts';
import type { ExitCode } from './exit.ts';
import type { Terminal } from './terminal.ts';

/**
 * The process as commands talk to it.
 *
 * 1. The first interrupt aborts `interrupt`; the second ends the process.
 * 2. With `--json` standard output is for `out` alone: what anybody else writes there, a workload's functions for
 *    example, in this thread or in others, goes to the error stream.
 * 3. A reader that has gone (EPIPE) is no failure: what it would have got is dropped. Standard output that cannot be
 *    written for any other reason is told on the error stream, and makes a success a failure. Nothing is told of the error
 *    stream itself: there is nowhere to tell it.
 */
export class ProcessTerminal implements Terminal {
  readonly errIsTerminal: boolean;
  readonly #interrupt = new AbortController();
  readonly #out: NodeJS.WriteStream['write'];
  #isOutBroken = false;

  constructor(args: readonly string[]) {
    // First of all: a process that does not listen is killed.
    process.on('SIGINT', () => this.#interrupted());
    this.errIsTerminal = process.stderr.isTTY;
    this.#out = process.stdout.write.bind(process.stdout);
    process.stdout.on('error', (error) => this.#outBroke(error));
    process.stderr.on('error', () => {});
    if (args.includes('--json')) process.stdout.write = writeToStderr;
  }

  get errColumns(): number {
    return process.stderr.columns;
  }

  get interrupt(): AbortSignal {
    return this.#interrupt.signal;
  }

  out(text: string): void {
    this.#out(text);
  }

  err(text: string): void {
    process.stderr.write(text);
  }

  /** Says how the process is to end. It ends when it has nothing left to do; an interrupted one, as soon as all is written. */
  exit(code: ExitCode): void {
    process.exitCode = code;
    // What could not be written may become known only after this.
    process.once('exit', () => {
      if (code === EXIT.ok && this.#isOutBroken) process.exitCode = EXIT.failed;
    });
    if (code === EXIT.interrupted) this.#out('', () => process.exit());
  }

  #interrupted(): void {
    if (this.#interrupt.signal.aborted) process.exit(EXIT.interrupted);
    this.err('\ninterrupted: cancelling; once more to exit at once\n');
    this.#interrupt.abort(new Error('interrupted by the user'));
  }

  #outBroke(error: NodeJS.ErrnoException): void {
    if (error.code === 'EPIPE' || this.#isOutBroken) return;
    this.#isOutBroken = true;
    this.err(`standard output cannot be written: ${error.message}\n`);
  }
}

/** Takes the place of the `write` of standard output. True: nobody is to wait until standard output has drained. */
function writeToStderr(...args: unknown[]): boolean {
  Reflect.apply(process.stderr.write, process.stderr, args);
  return true;
}
