/**
 * The platform's clocks, timers and deferral, as a `Runtime`; what shared fences need of threads; its diagnostics channels.
 *
 * Law: the only room that touches them; everything else takes a `Runtime` as a parameter.
 * May import: events, base.
 */
import { publishOnChannels } from './diagnostics.ts';

export { eventTurns, isNode } from './eventTurns.ts';
export type { EventTurns } from './eventTurns.ts';
export { newAbort } from './newAbort.ts';
export { clockOffsetUs, sharedClockUs } from './sharedClock.ts';
export { runtimeOf, systemRuntime } from './systemRuntime.ts';
export { threadPlatform } from './threadPlatform.ts';
export type { ThreadPlatform } from './threadPlatform.ts';

publishOnChannels();
