import { checkedOptions, checkedSignal, invalid } from '../base/index.ts';
import type { CancelSignal } from '../base/index.ts';
import type { Runtime, Timer } from '../events/index.ts';

/** What may end a wait early, of any kind of wait. */
export interface WaitLimits {
  readonly timeoutMs?: number;
  readonly signal?: CancelSignal;
}

/**
 * Checks what ends a wait, before anything is registered: a wait that throws leaves nothing behind (F8).
 *
 * @throws {ERR_INVALID_ARGUMENT} naming the option that does not fit
 */
export function checkLimits(what: string, limits: WaitLimits): void {
  const { timeoutMs, signal } = checkedOptions(what, limits);
  checkTimeout(what, timeoutMs);
  checkedSignal(`${what}: signal`, signal);
}

/** `undefined` and `Infinity` are no limit. @throws {ERR_INVALID_ARGUMENT} unless it is a number of milliseconds */
export function checkTimeout(what: string, timeoutMs: number | undefined): void {
  if (timeoutMs === undefined || (typeof timeoutMs === 'number' && timeoutMs >= 0)) return;
  throw invalid(`${what}: timeoutMs`, 'milliseconds, at least 0', timeoutMs);
}

/** Calls `fn` in `ms` milliseconds; `null` where that is later than a clock can tell, and so never. */
export function setTimerIn(runtime: Runtime, ms: number, fn: () => void): Timer | null {
  if (ms === Infinity) return null;
  const atUs = runtime.nowUs() + ms * 1000;
  return Number.isFinite(atUs) ? runtime.setTimer(atUs, fn) : null;
}
