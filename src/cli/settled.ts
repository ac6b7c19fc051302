/** A promise of a user's code that nothing can settle any more. */
export class UnsettledError extends Error {
  constructor(what: string) {
    super(
      `${what} never settled: the process has nothing left to do that could settle its promise`,
    );
    this.name = 'UnsettledError';
  }
}

/**
 * What `promise`, made by code that is not ours, resolves to; `what` names it in the error.
 *
 * @throws {UnsettledError} when the process has nothing left to do, so that the promise can never settle
 * @throws the signal's reason, as soon as `interrupt` aborts
 */
export async function settled<T>(
  promise: T | Promise<T>,
  what: string,
  interrupt: AbortSignal,
): Promise<T> {
  let onInterrupt = (): void => {};
  let onNothingLeft = (): void => {};
  const neither = new Promise<never>((_, reject) => {
    onInterrupt = () => reject(interrupt.reason as Error);
    onNothingLeft = () => {
      reject(new UnsettledError(what));
      // What goes on now may be another promise that never settles: the process is to find out once more.
      setImmediate(() => {});
    };
  });
  if (interrupt.aborted) onInterrupt();
  interrupt.addEventListener('abort', onInterrupt);
  process.on('beforeExit', onNothingLeft);
  try {
    return await Promise.race([promise, neither]);
  } finally {
    interrupt.removeEventListener('abort', onInterrupt);
    process.off('beforeExit', onNothingLeft);
  }
}
