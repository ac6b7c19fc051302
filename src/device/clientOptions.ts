import { checkedOptions, invalid } from '../base/index.ts';
import { checkedLimit, checkedMs, checkedWeight } from '../sched/index.ts';
import type { Priority } from '../sched/index.ts';
import type { ClientOptions, CloseClientOptions } from './device.ts';

/**
 * Checks all options of `open` and `queue`, before anything is made of them.
 *
 * @throws {ERR_INVALID_ARGUMENT} naming the option that does not fit
 */
export function checkedClientOptions(
  call: 'open' | 'queue',
  options: ClientOptions,
): ClientOptions {
  const { label, priority, weight, order, maxQueued, memoryBudgetBytes } = checkedOptions(
    `${call}: options`,
    options,
  );
  if (label !== undefined && typeof label !== 'string') {
    throw invalid(`${call}: label`, 'a string', label);
  }
  if (priority !== undefined) checkedBand(`${call}: priority`, priority);
  if (weight !== undefined) checkedWeight(`${call}: weight`, weight);
  if (order !== undefined && order !== 'serial' && order !== 'parallel') {
    throw invalid(`${call}: order`, `'serial' or 'parallel'`, order);
  }
  checkedLimit(`${call}: maxQueued`, maxQueued, Infinity);
  if (memoryBudgetBytes !== undefined) {
    checkedBytes(`${call}: memoryBudgetBytes`, memoryBudgetBytes, 0);
  }
  return options;
}

/** @throws {ERR_INVALID_ARGUMENT} unless it is a band that clients may have */
export function checkedBand(what: string, priority: Priority): Priority {
  if (priority === 'high' || priority === 'normal' || priority === 'low') return priority;
  throw invalid(what, `'high', 'normal' or 'low' ('kernel' is for drivers)`, priority);
}

/** @throws {ERR_INVALID_ARGUMENT} unless `bytes` is a number of bytes, at least `least`, or `Infinity` */
export function checkedBytes(what: string, bytes: number, least: 0 | 1): number {
  if (typeof bytes === 'number' && bytes >= least) return bytes;
  throw invalid(what, `a number of bytes, at least ${least}`, bytes);
}

/**
 * The bounds of a close: until what is queued is killed, and until it gives up.
 *
 * @throws {ERR_INVALID_ARGUMENT} naming the option that does not fit
 */
export function checkedClose(options: CloseClientOptions): { flushMs: number; boundUs: number } {
  const { flushMs, closeTimeoutMs } = checkedOptions('close: options', options);
  const flushUs = checkedMs('close: flushMs', flushMs, 1_000_000);
  const boundUs = flushUs + checkedMs('close: closeTimeoutMs', closeTimeoutMs, 5_000_000);
  return { flushMs: flushUs / 1000, boundUs };
}
