import { invalid } from '../base/index.ts';
import type { Fence, TimelineInfo } from '../base/index.ts';
import type { Runtime } from '../events/index.ts';
import { EarlyNode } from './callback.ts';
import { checkedMembers, compositeInfo, forwardDeadline } from './composite.ts';
import { attachEarly, bornSignalled, detach, FenceCore, signalFence } from './fence.ts';
import type { FenceOwner, FenceParts } from './fence.ts';

/**
 * A fence that completes as the first of `fences` does, ok or with that one's error (F10).
 *
 * Where some have signalled before, the earliest by `signalledAtUs` counts. It leaves nothing on the others when it
 * signals. Cost: one node a member while pending, O(n) to make and to signal; looking at it costs O(1).
 *
 * @throws {ERR_INVALID_ARGUMENT} of an empty list, or when one of `fences` is not a fence of this package
 */
export function fenceAny(fences: readonly Fence[], runtime: Runtime): Fence {
  const members = checkedMembers('fenceAny', fences, runtime);
  if (members.length === 0) {
    throw invalid('fenceAny', 'at least one fence, because of none there is no first', fences);
  }
  let first: FenceCore | null = null;
  for (const fence of members) {
    if (fence.status === 'pending') continue;
    if (first === null || (fence.signalledAtUs ?? 0) < (first.signalledAtUs ?? 0)) first = fence;
  }
  const info = compositeInfo(runtime, 'any');
  if (first === null) return new AnyOwner(members, runtime, info).core;
  return bornSignalled(info, 1, first.error, first.signalledAtUs ?? 0);
}

class AnyOwner implements FenceOwner {
  readonly runtime: Runtime;
  readonly core: FenceCore;
  readonly #info: TimelineInfo;
  #members: readonly FenceCore[];
  #nodes: AnyMember[];

  constructor(members: readonly FenceCore[], runtime: Runtime, info: TimelineInfo) {
    this.runtime = runtime;
    this.#info = info;
    this.#members = members;
    this.core = new FenceCore(this, 1);
    this.#nodes = members.map((fence) => new AnyMember(this.core, fence));
  }

  infoOf(): TimelineInfo {
    return this.#info;
  }

  signalled(): void {
    for (const node of this.#nodes) node.detach();
    this.#nodes = [];
    this.#members = [];
  }

  hinted(_fence: Fence, atUs: number): void {
    forwardDeadline(this.#members, atUs);
  }

  parts(): FenceParts {
    return { kind: 'any', fences: this.#members };
  }
}

/** Stands on one member; whoever signals first ends them all. */
class AnyMember extends EarlyNode {
  readonly #any: FenceCore;

  constructor(any: FenceCore, member: FenceCore) {
    super();
    this.#any = any;
    attachEarly(member, this);
  }

  run(member: Fence): void {
    signalFence(this.#any, member.error);
  }

  /** Does nothing where its fence has signalled, which goes through its nodes by itself; a fence may be named twice. */
  detach(): void {
    if (this.attachedTo?.status === 'pending') detach(this.attachedTo as FenceCore, this);
  }
}
