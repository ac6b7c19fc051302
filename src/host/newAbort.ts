import type { Abort } from '../base/index.ts';

/** The platform's `AbortController`, for the signals of leases. */
export function newAbort(): Abort {
  return new AbortController();
}
