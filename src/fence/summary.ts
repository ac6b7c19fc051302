import type { Fence, TimelineInfo } from '../base/index.ts';

/** Names a timeline for messages: `timeline 3 (worker/ring 0)`. */
export function namedTimeline(info: TimelineInfo): string {
  return `timeline ${info.id} (${info.driver}/${info.label}${info.ordered ? '' : ', unordered'})`;
}

/** One line that names a fence and its state, for messages: `worker/ring 0 #17 (timeline 3): pending`. */
export function summary(fence: Fence): string {
  const { id, driver, label } = fence.timeline;
  const { status, error } = fence;
  const name = `${driver}/${label} #${fence.seqno} (timeline ${id})`;
  if (status === 'pending') return `${name}: pending`;
  const outcome = error === null ? 'ok' : `failed, ${error.code}`;
  return `${name}: ${outcome} at ${fence.signalledAtUs} us`;
}
