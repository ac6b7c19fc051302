import type { Terminal } from '../terminal.ts';
import type { RunProgress } from './runWorkload.ts';

/** One plain line that says how far a run is. */
export function progressText(progress: RunProgress): string {
  const { elapsedMs, durationMs, clients, timeouts, resets } = progress;
  const of = durationMs === Infinity ? '' : `/${(durationMs / 1000).toFixed(0)}`;
  const parts = clients.map(({ label, completed, failed, queued, banned }) => {
    const notes = [
      `${completed} done`,
      ...(failed === 0 ? [] : [`${failed} failed`]),
      ...(queued === 0 ? [] : [`${queued} queued`]),
      ...(banned ? ['banned'] : []),
    ];
    return `${label} ${notes.join(', ')}`;
  });
  const seconds = (elapsedMs / 1000).toFixed(0);
  return `${seconds}${of} s | ${parts.join(' | ')} | ${timeouts} timeouts, ${resets} resets`;
}

/** Shows progress on the error stream: one line, written over on a terminal, one line after the other elsewhere. */
export class ProgressLine {
  readonly #terminal: Terminal;
  #isOpen = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(progress: RunProgress): void {
    const text = progressText(progress);
    if (this.#terminal.errIsTerminal) {
      this.#terminal.err(`\r${text}\u001b[K`);
      this.#isOpen = true;
    } else {
      this.#terminal.err(`${text}\n`);
    }
  }

  /** Ends the line, so that what follows starts on one of its own. */
  end(): void {
    if (this.#isOpen) this.#terminal.err('\n');
    this.#isOpen = false;
  }
}
