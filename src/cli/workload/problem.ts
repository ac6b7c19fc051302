import { shown } from '../../base/index.ts';

/** A place in a workload file. Lines and columns start at 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Where in the document, as people would write it: `clients[1].jobs[0].every`; empty for the whole of it. */
  readonly path: string;
}

/** One mistake in a workload file. */
export interface Problem extends Place {
  /** What is wrong, in one sentence without a full stop. */
  readonly message: string;
  /** The valid name that was probably meant. */
  readonly nearest?: string;
}

/** The steps from the top of the document to a value. */
export type Path = readonly (string | number)[];

/** `clients[1].jobs[0].every`. */
export function pathText(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

/** One line for a person: `file:line:column: path: message; did you mean X?`. */
export function problemText(problem: Problem): string {
  const where = `${problem.file}:${problem.line}:${problem.column}`;
  const what = problem.path === '' ? problem.message : `${problem.path}: ${problem.message}`;
  const hint = problem.nearest === undefined ? '' : `; did you mean ${problem.nearest}?`;
  return `${where}: ${what}${hint}`;
}

/** `expected X, got Y`. */
export function expectedGot(expected: string, got: unknown): string {
  return got === undefined
    ? `expected ${expected}, got nothing`
    : `expected ${expected}, got ${shown(got)}`;
}

/** A workload file that is not valid: every mistake in it. Nothing was started. */
export class WorkloadError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(problemText).join('\n'));
    this.name = 'WorkloadError';
    this.problems = problems;
  }
}
