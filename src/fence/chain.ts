import { invalid } from '../base/index.ts';
import type { Fence, TimelineInfo } from '../base/index.ts';
import { checkedRuntime } from '../events/index.ts';
import type { Runtime } from '../events/index.ts';
import { EarlyNode } from './callback.ts';
import { checkedFence, forwardDeadline } from './composite.ts';
import { attachEarly, bornSignalled, FenceCore, isFence, ownerOf, signalFence } from './fence.ts';
import type { FenceOwner, FenceParts } from './fence.ts';
import { newTimelineInfo } from './timeline.ts';

/** The link's own fence while it is pending, else the next earlier thing that it waits for; `null`: all signalled. */
let awaitedOf: (link: FenceChain) => FenceCore | null;
/** What the link's fence is when all has signalled: its own fence. */
let ownOf: (link: FenceChain) => FenceCore;
/** See `find`. */
let waitPointOf: (head: FenceChain, seqno: number) => FenceChain | null;
/** The fences of the link and of all earlier ones that were not collected, oldest first. */
let fencesOf: (link: FenceChain) => FenceCore[];
/** The link whose fence is `fence`, which has signalled, made anew: all that it still says is its place. */
let linkAgain: (fence: FenceCore, line: Line, runtime: Runtime) => FenceChain;

/** How the points are counted that a link goes on with. */
interface Numbering {
  /** Up to here all had signalled when it began. */
  readonly floor: number;
}

/** Links on one timeline, each after the other. It refers to none of them: their fences outlive them (F6). */
interface Line {
  readonly info: TimelineInfo;
  readonly numbering: Numbering;
  lastSeqno: number;
}

/** The lines of the fences of links: pending or not, such a fence means the same as what comes before a link. */
const lines = new WeakMap<FenceCore, Line>();

/**
 * A list of fences that grows at its head: one link a point, each with a seqno above that of the link before (F11).
 *
 * 1. A link is signalled when its own fence and all earlier ones are; it fails with its own fence's error.
 * 2. `link.fence` is the link's fence, made on first access; it is not the fence that the link was made from.
 * 3. A link whose own fence has signalled is collected, that is, unlinked, by whatever walks past it: it no longer
 *    matters for later links. So a chain is as long as it has pending fences, plus its head. Its outcome is forgotten
 *    by the chain; `link.fence` of who holds the link still tells it. Where that is made only then, and is pending, it is on
 *    a timeline of its own: later links do not wait for it, so they and it may signal in any order.
 * 4. A link that does not come after `previous` starts a new timeline, with the larger of the two seqnos: what it delays is
 *    that point, and those before it that had not signalled. A second link after the same `previous` starts a new timeline,
 *    too, with the seqno that it asked for: its sibling and it may signal in any order.
 * 5. Where `previous` is an ordinary fence, it becomes point 0.
 *
 * Whoever appends keeps the newest link only. Cost: to append, one object, and the walk past links that have signalled
 * (each is walked past once); `fence`, `find` and `lastSignalled`: O(pending links). Nothing recurses.
 *
 * Idea: `struct dma_fence_chain`.
 */
export class FenceChain {
  readonly seqno: number;
  readonly #runtime: Runtime;
  #line: Line;
  readonly #own: FenceCore;
  /** The seqno of the link before in this numbering, collected or not; where the numbering begins if there was none. */
  readonly #previousSeqno: number;
  #previous: FenceChain | null;
  /** Whether it was collected, at least by some later link. */
  #collected = false;
  /** When the last of the links that were collected before this one signalled. */
  #collectedUs = 0;
  #fence: FenceCore | null = null;

  /** @throws {ERR_INVALID_ARGUMENT} when `seqno` is not a whole number above 0 (0 where nothing is before) */
  constructor(previous: Fence | FenceChain | null, fence: Fence, seqno: number, runtime: Runtime) {
    const before = previous === null ? null : linkOf(previous, runtime);
    if (!Number.isSafeInteger(seqno) || seqno < (before === null ? 0 : 1)) {
      throw invalid('FenceChain: seqno', 'a whole number above 0', seqno);
    }
    this.#own = checkedFence('FenceChain: fence', fence);
    this.#runtime = checkedRuntime('FenceChain: runtime', runtime);
    this.#previous = before;
    if (before !== null && seqno > before.seqno) {
      const line = before.#line;
      this.#line = line.lastSeqno === before.seqno ? line : newLine(line.numbering, runtime);
      this.#previousSeqno = before.seqno;
      this.seqno = seqno;
    } else {
      this.seqno = before === null ? seqno : before.seqno;
      const floor = before === null ? 0 : Math.min(before.lastSignalled, this.seqno - 1);
      this.#line = newLine({ floor }, runtime);
      this.#previousSeqno = floor;
    }
    this.#line.lastSeqno = this.seqno;
    this.#collect();
  }

  /** The fence of this link: signalled when every fence up to here is (rule 1). The same object each time. */
  get fence(): Fence {
    if (this.#fence !== null) return this.#fence;
    const own = this.#own;
    const { info } = this.#line;
    if (awaitedOf(this) !== null) {
      const ownInfo = this.#collected ? chainInfo(this.#runtime) : info;
      this.#fence = new LinkOwner(this, this.#runtime, ownInfo).core;
    } else {
      const atUs = Math.max(own.signalledAtUs ?? 0, this.#collectedUs);
      this.#fence = bornSignalled(info, this.seqno, own.error, atUs);
    }
    lines.set(this.#fence, this.#line);
    return this.#fence;
  }

  /** The last point up to which everything has signalled; 0 if there is none. */
  get lastSignalled(): number {
    const { numbering } = this.#line;
    let oldest: FenceChain | null = this.#own.status === 'pending' ? this : null;
    for (let link = this.#collect(); link !== null; link = link.#collect()) {
      if (link.#line.numbering !== numbering) return numbering.floor;
      oldest = link;
    }
    return oldest === null ? this.seqno : oldest.#previousSeqno;
  }

  /**
   * The link to wait on for everything up to point `seqno`; `null` where all of it has signalled (F11).
   *
   * 0 gives this link. Otherwise: the link with the smallest seqno that is not below `seqno`, or an earlier
   * one where that one's own fence has signalled and it was collected: both signal at the same moment.
   *
   * @throws {ERR_INVALID_ARGUMENT} when `seqno` is above this link's, or not a whole number
   */
  find(seqno: number): FenceChain | null {
    if (!Number.isSafeInteger(seqno) || seqno < 0 || seqno > this.seqno) {
      throw invalid('FenceChain.find', `a point from 0 to ${this.seqno}`, seqno);
    }
    if (seqno === 0) return this;
    return waitPointOf(this, seqno);
  }

  /**
   * Rule 3: unlinks signalled links before this one; returns the first that is left. One whose own fence has signalled
   * stays while its `fence` has not, so that the fences of a chain signal in order.
   */
  #collect(): FenceChain | null {
    let link = this.#previous;
    while (link !== null && link.#own.status !== 'pending' && link.#fence?.status !== 'pending') {
      const atUs = Math.max(link.#own.signalledAtUs ?? 0, link.#collectedUs);
      this.#collectedUs = Math.max(this.#collectedUs, atUs);
      link.#collected = true;
      link = link.#previous;
    }
    this.#previous = link;
    return link;
  }

  static {
    ownOf = (link) => link.#own;
    awaitedOf = (link) => {
      if (link.#own.status === 'pending') return link.#own;
      const earlier = link.#collect();
      return earlier === null ? null : (earlier.#fence ?? earlier.#own);
    };
    waitPointOf = (head, seqno) => {
      const { numbering } = head.#line;
      if (seqno <= numbering.floor) return null;
      let link = head;
      while (link.#line.numbering === numbering && link.#previousSeqno >= seqno) {
        const earlier = link.#collect();
        if (earlier === null) return null;
        link = earlier;
      }
      return awaitedOf(link) === null ? null : link;
    };
    fencesOf = (link) => {
      const fences: FenceCore[] = [];
      for (let at: FenceChain | null = link; at !== null; at = at.#collect()) fences.push(at.#own);
      return fences.reverse();
    };
    linkAgain = (fence, line, runtime) => {
      const link = new FenceChain(null, fence, fence.seqno, runtime);
      link.#line = line;
      link.#fence = fence;
      return link;
    };
  }
}

function chainInfo(runtime: Runtime): TimelineInfo {
  return newTimelineInfo(runtime, 'fenceline', 'chain', true);
}

function newLine(numbering: Numbering, runtime: Runtime): Line {
  return { info: chainInfo(runtime), numbering, lastSeqno: 0 };
}

/** The link that `previous` is: a chain, a chain's fence, or an ordinary fence as point 0 (rule 5). */
function linkOf(previous: Fence | FenceChain, runtime: Runtime): FenceChain {
  if (previous instanceof FenceChain) return previous;
  const owner = isFence(previous) ? ownerOf(previous) : null;
  if (owner instanceof LinkOwner) return owner.link;
  const line = isFence(previous) ? lines.get(previous) : undefined;
  if (line !== undefined) return linkAgain(previous as FenceCore, line, runtime);
  return new FenceChain(null, previous, 0, runtime);
}

/**
 * Makes the fence of a link signal: it stands on one pending thing after the other, from the link backwards. On its way
 * it meets other links that have a fence, and waits for that instead of going further, so that
 * links which signal newest first cost one step each.
 */
class LinkOwner extends EarlyNode implements FenceOwner {
  readonly runtime: Runtime;
  readonly core: FenceCore;
  readonly link: FenceChain;
  readonly #info: TimelineInfo;

  constructor(link: FenceChain, runtime: Runtime, info: TimelineInfo) {
    super();
    this.runtime = runtime;
    this.link = link;
    this.#info = info;
    this.core = new FenceCore(this, link.seqno);
    this.run();
  }

  run(): void {
    const awaited = awaitedOf(this.link);
    if (awaited === null) signalFence(this.core, ownOf(this.link).error);
    else attachEarly(awaited, this);
  }

  infoOf(): TimelineInfo {
    return this.#info;
  }

  signalled(): void {}

  hinted(_fence: Fence, atUs: number): void {
    forwardDeadline(fencesOf(this.link), atUs);
  }

  parts(): FenceParts {
    return { kind: 'chain', fences: fencesOf(this.link) };
  }
}
