import { invalid, UsageError } from '../base/index.ts';
import { Account, checkedPriority, checkedWeight } from './account.ts';
import type { Priority } from './policy.ts';

/** Options of an entity. */
export interface EntityOptions {
  readonly label?: string;
  /** The band of its share (S8). Default: that of the account, else `normal`. */
  readonly priority?: Priority;
  /** Its part within its account, or within its band where it has none; above 0. Default 1. */
  readonly weight?: number;
  /** `serial` (default): one after the other. `parallel`: started in order, may overlap on several rings (J4). */
  readonly order?: 'serial' | 'parallel';
  /** Who is blamed for its jobs (T6), and named in traces. */
  readonly client?: number;
  /** What its time is counted for. Default: an account of its own. */
  readonly account?: Account;
  /** How many jobs may be queued before `submit` throws `ERR_QUEUE_FULL`. Default: no limit. */
  readonly maxQueued?: number;
  /** What a failed dependency does (J5). Default `run`. */
  readonly onDependencyError?: 'run' | 'fail';
  /** `kill-queue`: the first guilty job kills the entity (T6). Default `continue`. */
  readonly onFault?: 'continue' | 'kill-queue';
}

/** The options with their defaults, checked. */
export interface EntitySetup {
  readonly label: string | null;
  readonly priority: Priority;
  readonly weight: number;
  readonly serial: boolean;
  readonly client: number | null;
  readonly account: Account | null;
  readonly maxQueued: number;
  readonly failOnDependencyError: boolean;
  readonly killOnFault: boolean;
}

/** @throws {ERR_INVALID_ARGUMENT} naming the option that does not fit */
export function checkedEntityOptions(options: EntityOptions): EntitySetup {
  const { label, order, client, account, priority, weight } = options;
  if (label !== undefined && typeof label !== 'string') {
    throw invalid('entity: label', 'a string', label);
  }
  if (client !== undefined && !Number.isSafeInteger(client)) {
    throw invalid('entity: client', 'a whole number that names the client', client);
  }
  if (account !== undefined && !(account instanceof Account)) {
    throw invalid('entity: account', 'an Account', account);
  }
  const band = priority === undefined ? (account?.priority ?? 'normal') : priority;
  return {
    label: label ?? null,
    priority: checkedPriority('entity: priority', band),
    weight: checkedWeight('entity: weight', weight === undefined ? 1 : weight),
    serial: oneOf('entity: order', order, 'serial', 'parallel') === 'serial',
    client: client ?? null,
    account: account ?? null,
    maxQueued: checkedLimit('entity: maxQueued', options.maxQueued, Infinity),
    failOnDependencyError:
      oneOf('entity: onDependencyError', options.onDependencyError, 'run', 'fail') === 'fail',
    killOnFault:
      oneOf('entity: onFault', options.onFault, 'continue', 'kill-queue') === 'kill-queue',
  };
}

/** Whether two entities may share one setup. */
export function isSameSetup(a: EntitySetup, b: EntitySetup): boolean {
  return (Object.keys(a) as (keyof EntitySetup)[]).every((key) => a[key] === b[key]);
}

/** `value`, or the first choice where it is left out. */
export function oneOf<T extends string>(what: string, value: T | undefined, ...choices: T[]): T {
  if (value === undefined) return choices[0] as T;
  if (choices.includes(value)) return value;
  throw invalid(what, choices.map((choice) => `'${choice}'`).join(' or '), value);
}

/** Milliseconds as microseconds. `Infinity` is allowed where it is written out; nothing given is `otherwise`. */
export function checkedMs(what: string, ms: number | undefined, otherwise: number): number {
  if (ms === undefined) return otherwise;
  if (typeof ms === 'number' && ms >= 0) return ms * 1000;
  throw invalid(what, 'milliseconds, at least 0 (Infinity for no limit)', ms);
}

/** A whole number, at least `least`; `otherwise` where it is left out. */
export function checkedCount(
  what: string,
  count: number | undefined,
  otherwise: number,
  least = 1,
): number {
  if (count === undefined) return otherwise;
  if (Number.isSafeInteger(count) && count >= least) return count;
  throw invalid(what, `a whole number, at least ${least}`, count);
}

/** As `checkedCount`, of something that may be without bound: `Infinity` is allowed where it is written out. */
export function checkedLimit(
  what: string,
  limit: number | undefined,
  otherwise: number,
  least = 1,
): number {
  return limit === Infinity ? limit : checkedCount(what, limit, otherwise, least);
}

/** The error for who submits to something that no longer takes jobs. */
export function closed(what: string): UsageError {
  return new UsageError('ERR_CLOSED', `submit: ${what}; it takes no more jobs`);
}
