import type { Fence } from '../base/index.ts';
import { checkedFence } from './composite.ts';
import { ownerOf } from './fence.ts';
import type { FenceCore } from './fence.ts';
import { summary } from './summary.ts';

/** A message is read by people: so much of a tree and no more. */
const DEPTH_MAX = 8;
const PARTS_MAX = 16;
const LINES_MAX = 200;

/**
 * The tree of a fence with the state of every part, one line each, for error messages and logs.
 *
 * A part that has signalled has let go of its own parts. Deep and wide trees are cut short, and it says so. Cost:
 * bounded, at most 200 lines.
 *
 * @example
 * const runtime = systemRuntime();
 * const ring = new Timeline({ driver: 'demo', label: 'ring 0', runtime });
 * const [copy, clear] = [ring.createFence(), ring.createFence()];
 * const tree = describe(fenceAny([copy.fence, clear.fence], runtime)).split('\n');
 * console.log(tree[0]); // fenceline/any #1 (timeline 2): pending, any of 2
 * console.log(tree[1]); // ├ demo/ring 0 #1 (timeline 1): pending
 * console.log(tree[2]); // └ demo/ring 0 #2 (timeline 1): pending
 */
export function describe(fence: Fence): string {
  const lines: string[] = [];
  addLines(lines, checkedFence('describe', fence), '', '', 0);
  if (lines.length > LINES_MAX) lines.splice(LINES_MAX - 1, Infinity, '… and more lines');
  return lines.join('\n');
}

function addLines(
  lines: string[],
  fence: FenceCore,
  head: string,
  tail: string,
  depth: number,
): void {
  // One more than are shown, so that it is seen that there are more.
  if (lines.length > LINES_MAX) return;
  const parts = ownerOf(fence)?.parts?.();
  if (parts === undefined) {
    lines.push(head + summary(fence));
    return;
  }
  const { kind, fences } = parts;
  lines.push(`${head}${summary(fence)}, ${kind} of ${fences.length}`);
  const shown = depth === DEPTH_MAX ? 0 : Math.min(fences.length, PARTS_MAX);
  for (let i = 0; i < shown; i += 1) {
    const isLast = i === fences.length - 1;
    const part = fences[i] as FenceCore;
    addLines(
      lines,
      part,
      `${tail}${isLast ? '└' : '├'} `,
      `${tail}${isLast ? ' ' : '│'} `,
      depth + 1,
    );
  }
  if (shown < fences.length) lines.push(`${tail}└ … ${fences.length - shown} more`);
}
