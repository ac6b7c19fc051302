import { FencelineError, Histogram } from '../../base/index.ts';
import type { Distribution } from '../../base/index.ts';
import { resultDigest } from './resultDigest.ts';

/** How one job ended, in plain JSON. */
export interface JobRecord {
  readonly client: string;
  readonly label: string;
  readonly status: 'ok' | 'failed' | 'cancelled';
  /** The error's code and message. */
  readonly error?: string;
  readonly attempts: number;
  readonly resultDigest?: string;
}

/** One result, as a client's `collect` is given it. */
export interface KeptResult {
  /** The name of the entry of `jobs`. */
  readonly entry: string;
  readonly round: number;
  /** The job's place in its round. */
  readonly index: number;
  readonly name: string;
  readonly input?: string;
  readonly status: 'ok' | 'failed' | 'cancelled';
  readonly error?: string;
  /** What the kernel returned. */
  readonly value?: unknown;
}

/** Who a job is, for the log. */
export interface LoggedJob {
  readonly entry: string;
  readonly round: number;
  readonly index: number;
  readonly name: string;
  readonly input?: string;
}

/** How a job ended. */
export type Ending = { readonly value: unknown } | { readonly error: unknown };

/**
 * What became of the jobs of one client: a record for each, and the results that its `collect` asked for.
 *
 * `last` keeps the results of the last round that ended well, so that memory stays bounded.
 */
export class JobLog {
  readonly records: JobRecord[] = [];
  readonly #client: string;
  readonly #digests: boolean;
  readonly #counts = { ok: 0, failed: 0, cancelled: 0 };
  readonly #kept: KeptResult[] = [];
  readonly #last = new Map<string, { round: number; results: KeptResult[] }>();

  constructor(client: string, options: { digests: boolean }) {
    this.#client = client;
    this.#digests = options.digests;
  }

  /** Records the end of a job and gives what is kept of it. */
  ended(job: LoggedJob, attempts: number, ending: Ending): KeptResult {
    const outcome = outcomeOf(ending);
    const digest =
      this.#digests && 'value' in ending && ending.value !== undefined
        ? { resultDigest: resultDigest(ending.value) }
        : {};
    this.#counts[outcome.status] += 1;
    this.records.push({ client: this.#client, label: job.name, ...outcome, attempts, ...digest });
    return 'value' in ending ? { ...job, ...outcome, value: ending.value } : { ...job, ...outcome };
  }

  keep(result: KeptResult): void {
    this.#kept.push(result);
  }

  /** Keeps the results of a round in place of those of an earlier one. */
  keepLast(round: number, results: KeptResult[]): void {
    const entry = results[0]?.entry;
    if (entry === undefined || (this.#last.get(entry)?.round ?? -1) > round) return;
    this.#last.set(entry, { round, results });
  }

  /** What `collect` is given. */
  results(): KeptResult[] {
    return [...this.#kept, ...[...this.#last.values()].flatMap(({ results }) => results)];
  }

  /** How many jobs ended how. */
  get counts(): Readonly<Record<JobRecord['status'], number>> {
    return this.#counts;
  }
}

/** How long the rounds of one entry took: from the submit of the first job to the end of the last. */
export class RoundTimes {
  readonly #turnaroundMs = new Histogram();
  failed = 0;

  /** A round that was cancelled is none: it did not fail, and how long it would have taken is not known. */
  add(turnaroundMs: number, results: readonly KeptResult[]): void {
    if (results.some(({ status }) => status === 'failed')) this.failed += 1;
    else if (results.every(({ status }) => status === 'ok')) this.#turnaroundMs.add(turnaroundMs);
  }

  turnaroundMs(): Distribution {
    return this.#turnaroundMs.summary();
  }
}

function outcomeOf(ending: Ending): Pick<JobRecord, 'status' | 'error'> {
  if ('value' in ending) return { status: 'ok' };
  const { error } = ending;
  // An interrupt cancels jobs; those that cannot be stopped end with the device, which nothing else closes under them.
  const isCancelled =
    error instanceof FencelineError &&
    (error.code === 'ERR_JOB_CANCELLED' || error.code === 'ERR_SCHEDULER_CLOSED');
  const status = isCancelled ? 'cancelled' : 'failed';
  return { status, error: errorText(error) };
}

/** `CODE: message`, with what caused it. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error instanceof FencelineError ? `${error.code}: ${error.message}` : error.message;
  const cause = error.cause instanceof Error ? error.cause.message : null;
  return cause === null || own.includes(cause) ? own : `${own} (${cause})`;
}
