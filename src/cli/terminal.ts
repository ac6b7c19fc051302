/** What a command talks to. The bin hands in the process; tests hand in something that remembers. */
export interface Terminal {
  /** Results: with `--json` one JSON document and nothing else. */
  out(text: string): void;
  /** Progress, warnings and errors. */
  err(text: string): void;
  /** Whether `err` is shown on a terminal, where a line can be written over. */
  readonly errIsTerminal: boolean;
  /** How many columns that terminal has now, where it is known. */
  readonly errColumns?: number | undefined;
  /** Aborts when the user interrupts. */
  readonly interrupt: AbortSignal;
}
