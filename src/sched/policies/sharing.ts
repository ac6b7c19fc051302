import { Heap } from '../../base/index.ts';
import type { PolicyEntity } from '../policy.ts';
import type { Flow } from './flow.ts';

/** When a job without a deadline hint, of a flow that has come back, is due after it was submitted (rule 5). */
const DUE_AFTER_US = 1_000_000;

/**
 * Divides time among flows by their shares: earliest eligible virtual deadline first, for jobs that cannot be preempted
 * and whose length is known only when they have ended. docs/fairness.md states and derives the bound.
 *
 * 1. A flow's position is what it used and what its jobs on the hardware are said to take, by its share. The estimate counts
 *    from a job's start until its end, then what was measured does.
 * 2. A flow is eligible once the average position has reached its own: it got no more than its due. The average is that of
 *    the ready flows, by share; of what is on the hardware it believes no more than the flow's jobs took before. What
 *    counts is the farthest that it ever was, so that who is eligible stays so.
 * 3. Among the eligible the one with the earliest virtual deadline comes first: position and next job, by its share. A
 *    deadline hint brings that forward, but not before the position. Where nobody is eligible, the least position does.
 * 4. Virtual time is the position, as far as it is believed, that who was served last in turn had then. It never goes back.
 *    When all is idle it is that of who is farthest.
 * 5. Who comes back after it had nothing to do does so at virtual time, or where it was if that is ahead. If it is not,
 *    its first job goes before all others' (S9, S10), and does not move virtual time. Among such jobs the one that is due first
 *    comes first: at its deadline hint, but not before it was submitted, and a second after that at the latest; so it is
 *    passed by none that was submitted later than that. Who comes back before anybody else was served, or
 *    while the hardware has jobs of its own, never went: it keeps its place, at most the longest job behind, and what is on the
 *    hardware. When all is idle everybody went.
 * 6. A flow that has nothing to do is forgotten as soon as virtual time has reached it: rule 5 brings back one that nobody
 *    knows to the same place.
 * 7. A flow whose share changes keeps what it is ahead or behind in time of the device: what it got at a small share would
 *    otherwise count as so much more at a large one.
 *
 * Ideas: EEVDF (Stoica, Abdel-Wahab 1995) for rules 2 and 3, SFQ (Goyal, Vin, Cheng 1996) for rule 4; the two heaps are
 * those of WF2Q (Bennett, Zhang 1996).
 * Cost: O(log n) in flows that are ready.
 */
export class Sharing {
  readonly #forget: (flow: Flow) => void;
  /** By position. */
  readonly #waiting = new Heap<Flow>();
  /** By virtual deadline. */
  readonly #eligible = new Heap<Flow>();
  /** By when they are due: flows that have come back, and go before all others. */
  readonly #fresh = new Heap<Flow>();
  /** By position: flows that have nothing to do, and were ahead when they last had. */
  readonly #resting = new Heap<Flow>();
  #virtualUs = 0;
  /** The average that counts (rule 2). */
  #eligibleUs = 0;
  /** How many flows are ready. */
  #ready = 0;
  /** Sums over the ready flows: shares, and trusted positions by share. */
  #shares = 0;
  #weighted = 0;
  #pending = 0;
  #served = 0;
  /** The farthest that measured time has brought anybody, and the longest job; both since all was idle. */
  #farthestUs = 0;
  #longestUs = 0;
  /** A flow whose position changed and that has yet to move: a job that starts and ends at once moves it once. */
  #unplaced: Flow | null = null;
  #placements = 0;
  #nowUs = 0;

  /** `forget` is told of flows that are not needed any more (rule 6). */
  constructor(forget: (flow: Flow) => void) {
    this.#forget = forget;
  }

  /** How many flows are ready. */
  get size(): number {
    return this.#ready;
  }

  /** `flow` has something to do. */
  join(flow: Flow, nowUs: number): void {
    const head = flow.head(nowUs);
    const share = flow.shareOf(head);
    this.#rescale(flow, share);
    const isKept = flow.pending > 0 || flow.servedBefore === this.#served;
    if (flow.state === 'resting') this.#resting.remove(flow);
    const jobsBehind = isKept ? 1 + (flow.pending > 0 ? this.#pending : 0) : 0;
    const leastUs = this.#virtualUs - (jobsBehind * this.#longestUs) / share;
    const placeUs = leastUs - flow.pendingUs / share;
    flow.fresh = !isKept && flow.settledUs <= placeUs;
    flow.settledUs = Math.max(flow.settledUs, placeUs);
    flow.state = 'out';
    this.#place(flow);
  }

  /** `flow` has nothing to do any more. */
  leave(flow: Flow): void {
    if (flow.isReady) this.#takeOut(flow);
    if (flow.pending === 0 && flow.state === 'out') this.#rest(flow);
  }

  /** The next job of `flow`, or its share, is another one. */
  touch(flow: Flow): void {
    if (this.#unplaced === flow || !flow.isReady) return;
    if (this.#unplaced !== null) this.#place(this.#unplaced);
    this.#unplaced = flow;
  }

  /** A job of `flow`, which was chosen, starts. What is only chosen may wait for room, while others come before it. */
  started(flow: Flow, estimateUs: number): void {
    if (!flow.fresh) this.#advance(flow.trustedUs);
    flow.charge(estimateUs);
    this.#pending += 1;
    this.#served += 1;
    this.touch(flow);
  }

  /** A job of `flow` ended after `busyUs`. */
  ended(flow: Flow, share: number, estimateUs: number, busyUs: number): void {
    if (!flow.isReady) this.#rescale(flow, share);
    flow.settle(estimateUs, busyUs);
    this.#pending -= 1;
    if (flow.settledUs > this.#farthestUs) this.#farthestUs = flow.settledUs;
    if (busyUs > this.#longestUs) this.#longestUs = busyUs;
    if (flow.isReady) this.touch(flow);
    else if (flow.pending === 0) this.#rest(flow);
  }

  /** Counts jobs on the hardware, that take `us` together, for `flow`; or with negative numbers no longer does. */
  move(flow: Flow, jobs: number, us: number): void {
    flow.pending += jobs;
    flow.pendingUs += us;
    this.#pending += jobs;
    if (flow.isReady) this.touch(flow);
    else if (flow.pending === 0 && flow.state === 'out') this.#rest(flow);
  }

  /** Forgets all, none of which has anything to do. */
  forgetAll(): void {
    for (const flow of [...this.#resting]) this.#drop(flow);
  }

  /** Who is served next (rule 3); `null` if nobody is ready. */
  choose(nowUs: number): Flow | null {
    if (this.#ready === 0) return null;
    this.#nowUs = nowUs;
    if (this.#unplaced !== null) {
      if (this.#ready === 1) return this.#chooseOnly(this.#unplaced);
      this.#place(this.#unplaced);
    }
    return this.#fresh.peek() ?? this.#chooseRegular();
  }

  /** Where the only one that is ready stands in a heap decides nothing: it stays unplaced until there is another. */
  #chooseOnly(flow: Flow): Flow {
    this.#position(flow, flow.head(this.#nowUs));
    this.#shares = flow.share;
    this.#weighted = flow.share * flow.trustedUs;
    this.#eligibleUs = Math.max(this.#eligibleUs, this.#virtualUs, flow.trustedUs);
    return flow;
  }

  /** Rules 2 and 3. */
  #chooseRegular(): Flow {
    this.#eligibleUs = Math.max(this.#eligibleUs, this.#virtualUs, this.#weighted / this.#shares);
    for (let flow = this.#waiting.peek(); flow !== undefined; flow = this.#waiting.peek()) {
      if (flow.positionUs > this.#eligibleUs) break;
      this.#waiting.remove(flow);
      this.#makeEligible(flow, flow.head(this.#nowUs));
    }
    return (this.#eligible.peek() ?? this.#waiting.peek()) as Flow;
  }

  /** Rules 4 and 6. */
  #advance(us: number): void {
    if (us <= this.#virtualUs) return;
    this.#virtualUs = us;
    for (let flow = this.#resting.peek(); flow !== undefined; flow = this.#resting.peek()) {
      if (flow.settledUs > this.#virtualUs) break;
      this.#drop(flow);
    }
  }

  #makeEligible(flow: Flow, head: PolicyEntity): void {
    flow.state = 'eligible';
    this.#eligible.push(flow, this.#deadlineOf(flow, head), head.headJobId);
  }

  /** When `flow` should have had its next job, in virtual time (rule 3). */
  #deadlineOf(flow: Flow, head: PolicyEntity): number {
    const { positionUs } = flow;
    const { estimateUs, deadlineUs } = head;
    const ownUs = positionUs + estimateUs / flow.share;
    if (deadlineUs === null) return ownUs;
    const leftUs = Math.max(0, deadlineUs - this.#nowUs - estimateUs);
    return Math.max(positionUs, Math.min(ownUs, this.#eligibleUs + leftUs / this.#shares));
  }

  #position(flow: Flow, head: PolicyEntity): void {
    this.#rescale(flow, flow.shareOf(head));
    flow.position();
  }

  /** Rule 7. */
  #rescale(flow: Flow, share: number): void {
    if (flow.share === share) return;
    const aheadUs = (flow.settledUs - this.#virtualUs) * (flow.share / share);
    flow.settledUs = this.#virtualUs + aheadUs;
    flow.share = share;
  }

  /** Puts `flow` where it belongs now, whether it is ready already or becomes so. */
  #place(flow: Flow): void {
    if (this.#unplaced === flow) this.#unplaced = null;
    const { state } = flow;
    if (state === 'out') this.#ready += 1;
    else this.#count(flow, -1);
    const head = flow.head(this.#nowUs);
    this.#position(flow, head);
    this.#count(flow, 1);
    const wanted = flow.fresh
      ? 'fresh'
      : flow.positionUs <= this.#eligibleUs
        ? 'eligible'
        : 'waiting';
    if (state !== wanted) {
      if (state !== 'out') this.#heapOf(flow).remove(flow);
      flow.state = wanted;
    }
    const key =
      wanted === 'fresh'
        ? dueUs(head)
        : wanted === 'waiting'
          ? flow.positionUs
          : this.#deadlineOf(flow, head);
    if (state === wanted) this.#heapOf(flow).update(flow, key, head.headJobId);
    else this.#heapOf(flow).push(flow, key, head.headJobId);
    this.#placements += 1;
    if (this.#placements > 1024 + 8 * this.size) this.#recount();
  }

  #takeOut(flow: Flow): void {
    if (this.#unplaced === flow) this.#unplaced = null;
    this.#heapOf(flow).remove(flow);
    flow.state = 'out';
    this.#ready -= 1;
    this.#count(flow, -1);
    if (this.size === 0) this.#shares = this.#weighted = 0;
  }

  #heapOf(flow: Flow): Heap<Flow> {
    if (flow.state === 'fresh') return this.#fresh;
    return flow.state === 'eligible' ? this.#eligible : this.#waiting;
  }

  #count(flow: Flow, sign: 1 | -1): void {
    this.#shares += sign * flow.share;
    this.#weighted += sign * flow.share * flow.trustedUs;
  }

  /** The sums anew, now and then, so that rounding does not add up. */
  #recount(): void {
    this.#placements = 0;
    this.#shares = 0;
    this.#weighted = 0;
    for (const heap of [this.#waiting, this.#eligible, this.#fresh]) {
      for (const flow of heap) this.#count(flow, 1);
    }
  }

  /** Rule 6; the last one is kept, so that a client that runs job by job alone is not made anew for each. */
  #rest(flow: Flow): void {
    flow.servedBefore = this.#served;
    if (this.size === 0 && this.#pending === 0) {
      this.#virtualUs = Math.max(this.#virtualUs, this.#farthestUs);
      this.#longestUs = 0;
      this.forgetAll();
      flow.servedBefore = -1;
    }
    flow.state = 'resting';
    this.#resting.push(flow, flow.settledUs);
  }

  #drop(flow: Flow): void {
    this.#resting.remove(flow);
    flow.state = 'out';
    this.#forget(flow);
  }
}

/** When the first job of a flow that has come back is due (rule 5). */
function dueUs({ queuedAtUs, deadlineUs }: PolicyEntity): number {
  const latestUs = queuedAtUs + DUE_AFTER_US;
  if (deadlineUs === null) return latestUs;
  return Math.max(queuedAtUs, Math.min(deadlineUs, latestUs));
}
