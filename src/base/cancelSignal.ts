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
