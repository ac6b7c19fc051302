import type { EventSink } from './event.ts';

/** Where a platform takes the events of everything in the process, for tools that subscribe there. */
export interface Publisher extends EventSink {
  /** Whether somebody has subscribed: otherwise no event is made for it. */
  readonly wanted: boolean;
}

/** That of this process; `null` where the platform has none. */
export let publisher: Publisher | null = null;

/** Has every scheduler of the process publish its events there, while they are wanted. For the room of the platform. */
export function publishTo(one: Publisher): void {
  publisher = one;
}
