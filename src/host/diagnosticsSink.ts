import type { Channel } from 'node:diagnostics_channel';
import type { EventSink, SchedEvent } from '../events/index.ts';

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
 * A sink that publishes events on channels of `node:diagnostics_channel`, where monitoring tools subscribe by name.
 *
 * The channels are `fenceline:job:queue`, `run`, `done`, `timeout` and `reset` (its begin and its end); the message is the event
 * itself, which subscribers must not change. Other events go nowhere. A channel without subscribers costs a look-up; but what is
 * observed makes all of its events, so give the sink to `observe` only where somebody may subscribe, and stop when nobody does.
 * A subscriber that throws reaches the platform's uncaught-error handling, and disturbs nothing.
 *
 * All sinks of a process publish on the same channels. Where the platform has no `node:diagnostics_channel` it does nothing.
 *
 * @example
 * import { subscribe } from 'node:diagnostics_channel';
 * import { diagnosticsSink } from 'fenceline';
 * import { openWorkerDevice } from 'fenceline/worker';
 *
 * subscribe('fenceline:job:done', (event) => console.log((event as { error: unknown }).error)); // null
 * const device = await openWorkerDevice({ threads: 1 });
 * device.observe(diagnosticsSink());
 * await device.open().submit({ module: 'node:path', export: 'basename', args: ['/a'] }).result;
 * await device.close();
 */
export function diagnosticsSink(): EventSink {
  const channels = openChannels();
  return {
    emit(event) {
      const channel = channels.get(event.type);
      if (channel?.hasSubscribers === true) channel.publish(event);
    },
  };
}

/** The channels by type of event; none where the platform has no such module. */
function openChannels(): ReadonlyMap<string, Channel> {
  const platform = globalThis.process as Partial<NodeJS.Process> | undefined;
  const diagnostics = platform?.getBuiltinModule?.('node:diagnostics_channel');
  if (diagnostics === undefined) return new Map();
  return new Map(Object.entries(CHANNELS).map(([type, name]) => [type, diagnostics.channel(name)]));
}
