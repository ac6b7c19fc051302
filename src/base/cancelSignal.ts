import { invalid } from './errors.ts';

/** The part of `AbortSignal` that the core uses; a real `AbortSignal` fits. */
export interface CancelSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', fn: () => void): void;
  removeEventListener(type: 'abort', fn: () => void): void;
}

/** The other end of a signal; a real `AbortController` fits. */
export interface Abort {
  readonly signal: CancelSignal;
  abort(reason: unknown): void;
}

/**
 * A signal that a caller gave, checked before anything is done with it; `undefined` where none was given.
 *
 * Its methods are not called here: who listens does so before it changes anything, because they may throw.
 *
 * @throws {ERR_INVALID_ARGUMENT} unless it has what an `AbortSignal` has
 */
export function checkedSignal(what: string, signal: unknown): CancelSignal | undefined {
  if (signal === undefined) return undefined;
  const { aborted, addEventListener, removeEventListener } = (signal ??
    {}) as Partial<CancelSignal>;
  const fits =
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function';
  if (!fits) throw invalid(what, 'an AbortSignal', signal);
  return signal as CancelSignal;
}
