import { ProgressLine } from '../../dist/cli/progressLine.js';

/**
 * Says on the error stream how far the program is: a line that is written over on a terminal, elsewhere a line a row and round.
 */
export class Progress {
  #terminal;
  #line;
  #round = '';

  /** @param {import('./program.mjs').Terminal} terminal */
  constructor(terminal) {
    this.#terminal = terminal;
    this.#line = new ProgressLine(terminal);
  }

  /** A round of a row begins. */
  round(row, round, rounds) {
    this.#round = `${row}: round ${round} of ${rounds}`;
    if (!this.#terminal.errIsTerminal) this.#terminal.err(`${this.#round}\n`);
  }

  /** A contender is measured in this round. */
  contender(name) {
    this.#line.show(`${this.#round}: ${name}`);
  }

  /** Wipes the line, so that what follows starts on one of its own. */
  end() {
    this.#line.wipe();
  }
}
