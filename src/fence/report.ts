import type { CancelSignal, Fence, TimelineInfo } from '../base/index.ts';
import type { Runtime, SchedEvent } from '../events/index.ts';

/** Throws `error` in a call stack of its own, so that it reaches the platform's uncaught-error handling. */
export function rethrowLater(runtime: Runtime, error: unknown): void {
  runtime.defer(() => {
    throw error;
  });
}

/** Takes `fn` from `signal`, which may be the user's own: what it throws cannot stop what was going on (F4). */
export function stopListening(
  runtime: Runtime,
  signal: CancelSignal | null | undefined,
  fn: () => void,
): void {
  try {
    signal?.removeEventListener('abort', fn);
  } catch (error) {
    rethrowLater(runtime, error);
  }
}

/** Hands `event` to the runtime's observer; what that throws cannot stop what was going on. */
export function report(runtime: Runtime, event: SchedEvent): void {
  try {
    runtime.sink?.emit(event);
  } catch (error) {
    rethrowLater(runtime, error);
  }
}

/** Reports that `fence` signalled, or is about to be seen as signalled. */
export function reportSignal(runtime: Runtime, info: TimelineInfo, fence: Fence): void {
  report(runtime, {
    type: 'fence-signal',
    atUs: fence.signalledAtUs ?? 0,
    fence: [info.id, fence.seqno],
    error: fence.error?.code ?? null,
  });
}
