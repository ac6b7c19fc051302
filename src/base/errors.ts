import type { Fence } from './fence.ts';

/**
 * The kinds of error of this package (docs/errors.md tells each code):
 *
 * 1. an invariant is our own bug: `InvariantError`, thrown by `assert`, never caught inside;
 * 2. usage is the caller's bug: `UsageError`, thrown at once from the call, nothing changed;
 * 3. an outcome is the world's doing: `JobError`, stored on a fence, rejected from waits.
 */

/** The kernel's name for the same outcome. */
export type Errno =
  | 'EAGAIN'
  | 'ECANCELED'
  | 'EDEADLK'
  | 'EINVAL'
  | 'EIO'
  | 'ENODEV'
  | 'ENOMEM'
  | 'EPERM'
  | 'ERESTARTSYS'
  | 'ESRCH'
  | 'ETIME';

/** One row of the table of codes. */
export interface ErrorRow {
  readonly errno: Errno;
  /** `usage` is thrown at once, `outcome` is stored on fences and rejected from waits, `both` is either. */
  readonly kind: 'usage' | 'outcome' | 'both';
  /** The message where the place that raises it has nothing better to say. */
  readonly message: string;
}

/** A stable name of what went wrong. Match on it, never on the message. */
export type ErrorCode =
  | 'ERR_INVALID_ARGUMENT'
  | 'ERR_TIMELINE_MISMATCH'
  | 'ERR_CLOSED'
  | 'ERR_NO_SCHEDULER'
  | 'ERR_QUEUE_FULL'
  | 'ERR_CLIENT_BANNED'
  | 'ERR_OUT_OF_MEMORY'
  | 'ERR_FENCE_REUSED'
  | 'ERR_DRIVER'
  | 'ERR_JOB_TIMEOUT'
  | 'ERR_QUEUE_TIMEOUT'
  | 'ERR_JOB_CANCELLED'
  | 'ERR_JOB_RESET'
  | 'ERR_ENTITY_KILLED'
  | 'ERR_SCHEDULER_CLOSED'
  | 'ERR_DEVICE_GONE'
  | 'ERR_DEPENDENCY_FAILED'
  | 'ERR_PRODUCER_CLOSED'
  | 'ERR_WAIT_TIMEOUT'
  | 'ERR_WAIT_INTERRUPTED';

/** Every code of this package; docs/errors.md explains each, and a test compares the two. */
export const ERROR_TABLE: Readonly<Record<ErrorCode, ErrorRow>> = {
  ERR_INVALID_ARGUMENT: { errno: 'EINVAL', kind: 'usage', message: 'invalid argument' },
  ERR_TIMELINE_MISMATCH: {
    errno: 'EINVAL',
    kind: 'usage',
    message: 'only fences of one ordered timeline can be compared',
  },
  ERR_CLOSED: { errno: 'ESRCH', kind: 'usage', message: 'it was closed or killed' },
  ERR_NO_SCHEDULER: {
    errno: 'ENODEV',
    kind: 'usage',
    message: 'the entity has no scheduler that can take a job',
  },
  ERR_QUEUE_FULL: {
    errno: 'EAGAIN',
    kind: 'usage',
    message: 'the queue is full; wait for a job to finish and submit again',
  },
  ERR_CLIENT_BANNED: {
    errno: 'EPERM',
    kind: 'both',
    message: 'the client was banned because its jobs hung the device too often',
  },
  ERR_OUT_OF_MEMORY: { errno: 'ENOMEM', kind: 'usage', message: 'out of device memory' },
  ERR_FENCE_REUSED: {
    errno: 'EINVAL',
    kind: 'outcome',
    message: 'runJob returned a fence that it had returned before; each attempt needs a new one',
  },
  ERR_DRIVER: { errno: 'EIO', kind: 'outcome', message: 'the driver failed' },
  ERR_JOB_TIMEOUT: {
    errno: 'ETIME',
    kind: 'outcome',
    message: 'the job ran longer than its run timeout',
  },
  ERR_QUEUE_TIMEOUT: {
    errno: 'ETIME',
    kind: 'outcome',
    message: 'the job did not start within its queue timeout',
  },
  ERR_JOB_CANCELLED: { errno: 'ECANCELED', kind: 'outcome', message: 'the job was cancelled' },
  ERR_JOB_RESET: {
    errno: 'ECANCELED',
    kind: 'outcome',
    message: 'a reset of the device took the job, which was innocent and is not run again',
  },
  ERR_ENTITY_KILLED: {
    errno: 'ESRCH',
    kind: 'outcome',
    message: 'the entity was killed before the job ran',
  },
  ERR_SCHEDULER_CLOSED: {
    errno: 'ECANCELED',
    kind: 'outcome',
    message: 'the scheduler was closed before the job finished',
  },
  ERR_DEVICE_GONE: { errno: 'ENODEV', kind: 'both', message: 'the device is gone' },
  ERR_DEPENDENCY_FAILED: {
    errno: 'ECANCELED',
    kind: 'outcome',
    message: 'a fence that the job depends on failed',
  },
  ERR_PRODUCER_CLOSED: {
    errno: 'EDEADLK',
    kind: 'outcome',
    message: 'the timeline was closed before this fence was signalled',
  },
  ERR_WAIT_TIMEOUT: {
    errno: 'ETIME',
    kind: 'outcome',
    message: 'the fence did not signal in time',
  },
  ERR_WAIT_INTERRUPTED: {
    errno: 'ERESTARTSYS',
    kind: 'outcome',
    message: 'a reset interrupted the wait; wait for error.resetDone, then try again',
  },
};

/** What an error may carry besides its code and message. */
export interface ErrorDetails {
  /** What caused it, where something did. */
  readonly cause?: unknown;
  /** The label of the job, entity, client or fence that it is about. */
  readonly label?: string;
  /** Of `ERR_WAIT_INTERRUPTED`: signals when the reset is over. */
  readonly resetDone?: Fence;
}

/**
 * Base of everything that this package throws or stores on a fence.
 *
 * `code` is stable; `errno` is the kernel's name for the same outcome; `message` is for people.
 *
 * @example
 * const fence = signalledFence(systemRuntime(), new JobError('ERR_JOB_TIMEOUT'));
 * try {
 *   await fence.wait();
 * } catch (error) {
 *   if (error instanceof FencelineError && error.code === 'ERR_JOB_TIMEOUT') {
 *     console.log(error.errno); // ETIME
 *   }
 * }
 */
export class FencelineError extends Error {
  declare readonly code: ErrorCode;
  declare readonly errno: Errno;
  declare readonly label?: string;
  /** Of `ERR_WAIT_INTERRUPTED`: a fence that signals when the reset is over (T11). */
  declare readonly resetDone?: Fence;

  /** @throws {ERR_INVALID_ARGUMENT} when `code` is none of `ERROR_TABLE` */
  constructor(code: ErrorCode, message?: string, options: ErrorDetails = {}) {
    if (!Object.hasOwn(ERROR_TABLE, code)) {
      throw invalid(new.target.name, 'a code of ERROR_TABLE', code);
    }
    const row = ERROR_TABLE[code];
    super(message ?? row.message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = new.target.name;
    this.code = code;
    this.errno = row.errno;
    if (options.label !== undefined) this.label = options.label;
    if (options.resetDone !== undefined) this.resetDone = options.resetDone;
  }
}

/** The caller's mistake: thrown at once from the call that made it, with nothing changed. */
export class UsageError extends FencelineError {}

/** An outcome of the world: stored on fences before they signal, rejected from waits, never thrown by the scheduler. */
export class JobError extends FencelineError {}

/** Our own bug. Please report it; nothing in this package catches it. */
export class InvariantError extends Error {
  constructor(message: string) {
    super(`fenceline is broken, please report it: ${message}`);
    this.name = 'InvariantError';
  }
}

/**
 * Asserts what only a bug of ours can break.
 *
 * @throws {InvariantError} when `condition` is false
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** What a person needs to see of a value that was refused: its type and a short form of it. */
export function shown(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  }
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `a function`;
  if (typeof value === 'symbol') return 'a symbol';
  if (typeof value !== 'object' || value === null) return String(value);
  return kindOf(value) ?? 'an object';
}

/** What an object is, by its class; `null` where that says nothing, or throws when it is read. */
function kindOf(value: object): string | null {
  try {
    if (Array.isArray(value)) return `an array of ${value.length}`;
    const name: unknown = value.constructor?.name;
    return typeof name === 'string' && name !== 'Object' ? `a ${name}` : null;
  } catch {
    return null;
  }
}

/** The message of what was thrown, for a sentence. Never throws, whatever it was: a job may throw what throws when it is read (D4). */
export function messageOf(thrown: unknown): string {
  try {
    const message: unknown = thrown instanceof Error ? thrown.message : undefined;
    if (typeof message === 'string') return message;
  } catch {
    return 'a thrown value that cannot be read';
  }
  return typeof thrown === 'string' ? thrown : `a thrown value, not an Error (${typeof thrown})`;
}

/** The error for an argument that does not fit: what was expected, and what came. */
export function invalid(what: string, expected: string, got: unknown): UsageError {
  return new UsageError('ERR_INVALID_ARGUMENT', `${what}: expected ${expected}, got ${shown(got)}`);
}

/** The options of a call, once it is sure that they can be read. @throws {ERR_INVALID_ARGUMENT} unless they are an object */
export function checkedOptions<T>(what: string, options: T): T {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return options;
  throw invalid(what, 'an object of options', options);
}
