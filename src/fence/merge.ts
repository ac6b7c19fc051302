import type { Fence, TimelineInfo } from '../base/index.ts';
import type { Runtime } from '../events/index.ts';
import { allOf } from './allFence.ts';
import { checkedFence, checkedMembers } from './composite.ts';
import { ownerOf } from './fence.ts';
import type { FenceCore } from './fence.ts';
import { stubFence } from './timeline.ts';

/**
 * The fences that `fence` consists of: `fenceAll`, merges and chains are taken apart, to any depth; everything else,
 * `fenceAny` included, is given back as it is.
 *
 * Each fence comes once, in order of first appearance, those of a chain from its oldest point. A composite that
 * has signalled has let go of its parts and is given back itself. Cost: O(all parts), without recursion.
 */
export function unwrapFences(fence: Fence): Fence[] {
  return flattened([checkedFence('unwrapFences', fence)]);
}

/**
 * One fence that signals when all of `fences` have, made of as few as possible (F10).
 *
 * Takes `fences` apart as `unwrapFences` does; drops those that signalled ok, keeps those that failed, so that no error
 * is lost; keeps the latest pending fence of each ordered timeline, because it signals last; sorts by timeline id.
 * Where one is left, returns that fence itself; where none is, a signalled fence with the time of the last one.
 * Cost: O(n log n) time in the number of parts; see `fenceAll` for what it costs later.
 *
 * @throws {ERR_INVALID_ARGUMENT} when one of `fences` is not a fence of this package
 */
export function mergeFences(fences: readonly Fence[], runtime: Runtime): Fence {
  const parts = flattened(checkedMembers('mergeFences', fences, runtime));
  const kept: FenceCore[] = [];
  const placeOf = new Map<TimelineInfo, number>();
  let lastUs = -Infinity;
  for (const fence of parts) {
    const { status, timeline } = fence;
    if (status === 'ok') lastUs = Math.max(lastUs, fence.signalledAtUs ?? 0);
    if (status === 'failed' || (status === 'pending' && !timeline.ordered)) kept.push(fence);
    if (status !== 'pending' || !timeline.ordered) continue;
    const place = placeOf.get(timeline);
    if (place === undefined) placeOf.set(timeline, kept.push(fence) - 1);
    else if (fence.seqno > (kept[place] as FenceCore).seqno) kept[place] = fence;
  }
  const [only] = kept;
  if (only === undefined) return stubFence(null, parts.length === 0 ? runtime.nowUs() : lastUs);
  if (kept.length === 1) return only;
  kept.sort((a, b) => a.timeline.id - b.timeline.id || a.seqno - b.seqno);
  return allOf(kept, runtime, 'merge');
}

/** Depth first with a stack of its own; a composite that is met again is not entered again. */
function flattened(fences: readonly FenceCore[]): FenceCore[] {
  const leaves: FenceCore[] = [];
  const seen = new Set<FenceCore>();
  const stack = [...fences].reverse();
  for (let fence = stack.pop(); fence !== undefined; fence = stack.pop()) {
    if (seen.has(fence)) continue;
    seen.add(fence);
    const parts = ownerOf(fence)?.parts?.();
    if (parts === undefined || parts.kind === 'any') {
      leaves.push(fence);
      continue;
    }
    for (let i = parts.fences.length - 1; i >= 0; i -= 1) stack.push(parts.fences[i] as FenceCore);
  }
  return leaves;
}
