import { invalid } from '../base/index.ts';
import type { Fence, TimelineInfo } from '../base/index.ts';
import { checkedRuntime } from '../events/index.ts';
import type { Runtime } from '../events/index.ts';
import { isFence } from './fence.ts';
import type { FenceCore } from './fence.ts';
import { newTimelineInfo } from './timeline.ts';

/** What a composite is made of: a copy of `fences`, each checked to be one of ours, and a runtime, checked too. */
export function checkedMembers(
  what: string,
  fences: readonly Fence[],
  runtime: Runtime,
): FenceCore[] {
  checkedRuntime(`${what}: runtime`, runtime);
  if (!Array.isArray(fences)) throw invalid(what, 'an array of fences', fences);
  const copy: FenceCore[] = [];
  for (const fence of fences as readonly Fence[]) copy.push(checkedFence(what, fence));
  return copy;
}

/** `fence`, checked to be one of ours. */
export function checkedFence(what: string, fence: Fence): FenceCore {
  if (!isFence(fence)) throw invalid(what, 'a fence of this package', fence);
  return fence;
}

/** The timeline of one composite: it is the only fence on it. */
export function compositeInfo(runtime: Runtime, label: string): TimelineInfo {
  return newTimelineInfo(runtime, 'fenceline', label, true);
}

/** Hints that have yet to reach a fence, each followed by its time. */
const hints: (FenceCore | number)[] = [];
let forwarding = false;

/**
 * Gives a deadline hint to each of `fences` (F12). What they give on in turn waits in a queue, so that composites
 * nested to any depth need no stack.
 */
export function forwardDeadline(fences: readonly FenceCore[], atUs: number): void {
  for (const fence of fences) hints.push(fence, atUs);
  if (forwarding) return;
  forwarding = true;
  try {
    while (hints.length > 0) {
      const at = hints.pop() as number;
      (hints.pop() as FenceCore).setDeadline(at);
    }
  } finally {
    hints.length = 0;
    forwarding = false;
  }
}
