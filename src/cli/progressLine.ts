import type { Terminal } from './terminal.ts';

/** From here on, a character may take two columns. */
const WIDE_FROM = 0x1100;

/**
 * A line on the error stream that says how far a command is: written over on a terminal, where it is cut to one row of it.
 *
 * A line that wraps cannot be written over: its first rows would stay.
 */
export class ProgressLine {
  readonly #terminal: Pick<Terminal, 'err' | 'errIsTerminal' | 'errColumns'>;
  #isOpen = false;

  constructor(terminal: Pick<Terminal, 'err' | 'errIsTerminal' | 'errColumns'>) {
    this.#terminal = terminal;
  }

  /** Shows `text` in place of what was shown. Elsewhere than on a terminal nothing is shown. */
  show(text: string): void {
    if (!this.#terminal.errIsTerminal) return;
    const { errColumns = 0 } = this.#terminal;
    // The last column stays free: some terminals wrap as soon as it is taken.
    const shown = errColumns > 0 ? cutTo(errColumns - 1, text) : text;
    this.#terminal.err(`\r${shown}\u001b[K`);
    this.#isOpen = true;
  }

  /** Leaves the line as it is, so that what follows starts on one of its own. */
  end(): void {
    if (this.#isOpen) this.#terminal.err('\n');
    this.#isOpen = false;
  }

  /** Takes the line away. */
  wipe(): void {
    if (this.#isOpen) this.#terminal.err('\r\u001b[K');
    this.#isOpen = false;
  }
}

/** As much of `text` as surely fits into `columns`. */
function cutTo(columns: number, text: string): string {
  let rest = columns;
  let cut = '';
  for (const character of text) {
    rest -= (character.codePointAt(0) ?? 0) < WIDE_FROM ? 1 : 2;
    if (rest < 0) break;
    cut += character;
  }
  return cut;
}
