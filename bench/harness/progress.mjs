/**
 * Says on the error stream how far the program is: a line that is written over on a terminal, elsewhere a line a row and round.
 */
export class Progress {
  #terminal;
  #round = '';

  /** @param {import('./program.mjs').Terminal} terminal */
  constructor(terminal) {
    this.#terminal = terminal;
  }

  /** A round of a row begins. */
  round(row, round, rounds) {
    this.#round = `${row}: round ${round} of ${rounds}`;
    if (!this.#terminal.errIsTerminal) this.#terminal.err(`${this.#round}\n`);
  }

  /** A contender is measured in this round. */
  contender(name) {
    if (this.#terminal.errIsTerminal) this.#terminal.err(`\r\x1b[2K${this.#round}: ${name}`);
  }

  /** Wipes the line, so that what follows starts on one of its own. */
  end() {
    if (this.#terminal.errIsTerminal) this.#terminal.err('\r\x1b[2K');
  }
}
