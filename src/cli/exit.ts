/** What the command's exit codes mean; the same for every command. */
export const EXIT = {
  ok: 0,
  /** What was run failed, or a check found something. */
  failed: 1,
  /** The command line or an input file is not valid; nothing was run. */
  usage: 2,
  interrupted: 130,
} as const;

/** One of `EXIT`. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
