import type { Channel } from 'node:diagnostics_channel';
import { publishTo } from '../events/index.ts';
import type { SchedEvent } from '../events/index.ts';

/** What is published, and on which channel. */
const CHANNELS = {
  'job-queue': 'fenceline:job:queue',
  'job-run': 'fenceline:job:run',
  'job-done': 'fenceline:job:done',
  timeout: 'fenceline:job:timeout',
  'reset-begin': 'fenceline:job:reset',
  'reset-end': 'fenceline:job:reset',
} as const satisfies Partial<Record<SchedEvent['type'], string>>;

/**
 * Has the events of every scheduler published on channels of `node:diagnostics_channel`, where monitoring tools subscribe by name.
 *
 * The channels are `fenceline:job:queue`, `run`, `done`, `timeout` and `reset` (its begin and its end); the message is the event
 * itself, which subscribers must not change. While nobody is subscribed no event is made; a scheduler asks at each pass, and when work
 * comes to an entity that has none. A subscriber that throws reaches the platform's uncaught-error handling, and disturbs nothing.
 * Called once, when this room is loaded; where the platform has no such module it does nothing.
 */
export function publishOnChannels(): void {
  const channels = openChannels();
  if (channels.size === 0) return;
  const all = [...new Set(channels.values())];
  publishTo({
    get wanted(): boolean {
      for (const channel of all) if (channel.hasSubscribers) return true;
      return false;
    },
    emit(event) {
      const channel = channels.get(event.type);
      if (channel?.hasSubscribers === true) channel.publish(event);
    },
  });
}

/** The channels by type of event; none where the platform has no such module. */
function openChannels(): ReadonlyMap<string, Channel> {
  const platform = globalThis.process as Partial<NodeJS.Process> | undefined;
  const diagnostics = platform?.getBuiltinModule?.('node:diagnostics_channel');
  if (diagnostics === undefined) return new Map();
  return new Map(Object.entries(CHANNELS).map(([type, name]) => [type, diagnostics.channel(name)]));
}
