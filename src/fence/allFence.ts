import type { Fence, FencelineError, TimelineInfo } from '../base/index.ts';
import type { Runtime } from '../events/index.ts';
import { EarlyNode } from './callback.ts';
import { checkedMembers, compositeInfo, forwardDeadline } from './composite.ts';
import { attachEarly, bornSignalled, detach, FenceCore, ownerOf, signalFence } from './fence.ts';
import type { FenceOwner, FenceParts } from './fence.ts';

/**
 * A fence that signals when all of `fences` have, with the error that came first by `signalledAtUs`, if any (F10).
 *
 * Of an empty list, or where all have signalled, it is born signalled. It has a timeline of its own. Cost: O(n) time over its
 * life and O(1) memory besides a copy of the list, which it drops when it signals; looking at it costs O(1).
 *
 * @throws {ERR_INVALID_ARGUMENT} when one of `fences` is not a fence of this package
 * @example
 * const runtime = systemRuntime();
 * const ring = new Timeline({ driver: 'demo', label: 'ring 0', runtime });
 * const [upload, clear] = [ring.createFence(), ring.createFence()];
 * const both = fenceAll([upload.fence, clear.fence], runtime);
 * upload.signal();
 * console.log(both.status); // pending
 * clear.signal();
 * console.log(both.status); // ok
 */
export function fenceAll(fences: readonly Fence[], runtime: Runtime): Fence {
  return allOf(checkedMembers('fenceAll', fences, runtime), runtime, 'all');
}

/** @internal `members` is kept until the fence signals; nobody else may change it. */
export function allOf(members: readonly FenceCore[], runtime: Runtime, label: string): FenceCore {
  const info = compositeInfo(runtime, label);
  const first = members.findIndex((fence) => fence.status === 'pending');
  if (first !== -1) return new AllOwner(members, first, runtime, info).core;
  let atUs = members.length === 0 ? runtime.nowUs() : -Infinity;
  for (const fence of members) atUs = Math.max(atUs, fence.signalledAtUs ?? atUs);
  return bornSignalled(info, 1, firstError(members), atUs);
}

/** @internal Takes a fence of `allOf` that nobody needs any more off its members, for good; it stays pending. */
export function abandonAll(all: FenceCore): void {
  const owner = ownerOf(all);
  if (owner instanceof AllOwner) owner.abandon();
}

/**
 * Waits for one pending member after the other. All have signalled exactly when it has passed the last one, because the
 * member that signals last is the one that it stands at; so one node serves any number of members.
 */
class AllOwner extends EarlyNode implements FenceOwner {
  readonly runtime: Runtime;
  readonly core: FenceCore;
  readonly #info: TimelineInfo;
  #members: readonly FenceCore[];
  #at: number;

  constructor(members: readonly FenceCore[], at: number, runtime: Runtime, info: TimelineInfo) {
    super();
    this.runtime = runtime;
    this.#info = info;
    this.#members = members;
    this.#at = at;
    this.core = new FenceCore(this, 1);
    this.run();
  }

  run(): void {
    const members = this.#members;
    for (; this.#at < members.length; this.#at += 1) {
      if (attachEarly(members[this.#at] as FenceCore, this)) return;
    }
    signalFence(this.core, firstError(members));
  }

  abandon(): void {
    if (this.attachedTo !== null) detach(this.attachedTo as FenceCore, this);
  }

  infoOf(): TimelineInfo {
    return this.#info;
  }

  signalled(): void {
    this.#members = [];
  }

  hinted(_fence: Fence, atUs: number): void {
    forwardDeadline(this.#members, atUs);
  }

  parts(): FenceParts {
    return { kind: 'all', fences: this.#members };
  }
}

function firstError(members: readonly FenceCore[]): FencelineError | null {
  let first: FenceCore | null = null;
  for (const fence of members) {
    if (fence.error === null) continue;
    if (first === null || (fence.signalledAtUs ?? 0) < (first.signalledAtUs ?? 0)) first = fence;
  }
  return first === null ? null : first.error;
}
