import { Heap } from '../../base/index.ts';
import type { PolicyEntity } from '../policy.ts';
import type { Flow } from './flow.ts';

/**
 * Divides time among flows by their shares: earliest eligible virtual deadline first, for jobs that cannot be preempted
 * and whose length is known only when they have ended. docs/fairness.md states and derives the bound.
 *
 * 1. A flow's position is what it used and what its jobs on the hardware are said to take, by its share. The estimate counts
 *    from a job's start until its end, then what was measured does.
 * 2. Virtual time is the average position of the ready flows, weighted by share; of what is on the hardware it
 *    believes no more than the flow's jobs took before. It never goes back. When all is idle it is that of who is farthest.
 * 3. A flow is eligible once virtual time has reached its position: it got no more than its due. Among those the one
 *    with the earliest virtual deadline is served: position and next job, by its share. A deadline hint brings that forward,
 *    but not before the position. Where nobody is eligible, the least position is served.
 * 4. Who comes back after it had nothing to do does so at virtual time, or where it was if that is ahead, and goes
 *    first among the eligible (S9, S10). Who comes back before anybody else was served never went: it keeps its place, at
 *    most the longest job behind.
 * 5. A flow that has nothing to do is forgotten as soon as virtual time has reached it: rule 4 would bring back one that nobody
 *    knows to the same place.
 *
 * Ideas: EEVDF (Stoica, Abdel-Wahab 1995) for rule 3; its two heaps are those of WF2Q (Bennett, Zhang 1996).
 * Cost: O(log n) in flows that are ready.
 */
export class Sharing {
  readonly #forget: (flow: Flow) => void;
  /** By position. */
  readonly #waiting = new Heap<Flow>();
  /** By virtual deadline. */
  readonly #eligible = new Heap<Flow>();
  /** By position: flows that have nothing to do, and were ahead when they last had. */
  readonly #resting = new Heap<Flow>();
  #virtualUs = 0;
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

  /** `forget` is told of flows that are not needed any more (rule 5). */
  constructor(forget: (flow: Flow) => void) {
    this.#forget = forget;
  }

  /** How many flows are ready. */
  get size(): number {
    return this.#waiting.size + this.#eligible.size;
  }

  /** `flow` has something to do. */
  join(flow: Flow, nowUs: number): void {
    const head = flow.head(nowUs);
    const share = flow.shareOf(head);
    const isKept = flow.pending > 0 || flow.servedBefore === this.#served;
    if (flow.state === 'resting') this.#resting.remove(flow);
    const leastUs = this.#virtualUs - (isKept ? this.#longestUs / share : 0);
    flow.settledUs = Math.max(flow.settledUs, leastUs - flow.pendingUs / share);
    flow.fresh = !isKept;
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

  /** A job of `flow` starts. */
  started(flow: Flow, estimateUs: number): void {
    flow.charge(estimateUs);
    this.#pending += 1;
    this.#served += 1;
    this.touch(flow);
  }

  /** A job of `flow` ended after `busyUs`. */
  ended(flow: Flow, share: number, estimateUs: number, busyUs: number): void {
    flow.share = flow.isReady ? flow.share : share;
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
    this.#nowUs = nowUs;
    if (this.#unplaced !== null) this.#place(this.#unplaced);
    if (this.#shares === 0) return null;
    this.#advance();
    return this.#eligible.peek() ?? this.#waiting.peek() ?? null;
  }

  /** Rule 2, and what follows from it. */
  #advance(): void {
    this.#virtualUs = Math.max(this.#virtualUs, this.#weighted / this.#shares);
    for (let flow = this.#waiting.peek(); flow !== undefined; flow = this.#waiting.peek()) {
      if (flow.positionUs > this.#virtualUs) break;
      this.#waiting.remove(flow);
      this.#makeEligible(flow, flow.head(this.#nowUs));
    }
    for (let flow = this.#resting.peek(); flow !== undefined; flow = this.#resting.peek()) {
      if (flow.settledUs > this.#virtualUs) break;
      this.#drop(flow);
    }
  }

  #makeEligible(flow: Flow, head: PolicyEntity): void {
    flow.state = 'eligible';
    this.#eligible.push(flow, this.#deadlineOf(flow, head), head.headJobId);
  }

  /** When `flow` should have had its next job, in virtual time (rules 3 and 4). */
  #deadlineOf(flow: Flow, head: PolicyEntity): number {
    if (flow.fresh) return -Infinity;
    const { positionUs } = flow;
    const { estimateUs, deadlineUs } = head;
    const ownUs = positionUs + estimateUs / flow.share;
    if (deadlineUs === null) return ownUs;
    const leftUs = Math.max(0, deadlineUs - this.#nowUs - estimateUs);
    return Math.max(positionUs, Math.min(ownUs, this.#virtualUs + leftUs / this.#shares));
  }

  /** Puts `flow` where it belongs now, whether it is ready already or becomes so. */
  #place(flow: Flow): void {
    if (this.#unplaced === flow) this.#unplaced = null;
    const { state } = flow;
    if (state !== 'out') this.#count(flow, -1);
    const head = flow.head(this.#nowUs);
    flow.position(flow.shareOf(head));
    this.#count(flow, 1);
    const isEligible = flow.positionUs <= this.#virtualUs;
    if (state === 'eligible' && isEligible) {
      this.#eligible.update(flow, this.#deadlineOf(flow, head), head.headJobId);
    } else if (state === 'waiting' && !isEligible) {
      this.#waiting.update(flow, flow.positionUs, head.headJobId);
    } else {
      if (state !== 'out') this.#heapOf(flow).remove(flow);
      if (isEligible) {
        this.#makeEligible(flow, head);
      } else {
        flow.state = 'waiting';
        this.#waiting.push(flow, flow.positionUs, head.headJobId);
      }
    }
    this.#placements += 1;
    if (this.#placements > 1024 + 8 * this.size) this.#recount();
  }

  #takeOut(flow: Flow): void {
    if (this.#unplaced === flow) this.#unplaced = null;
    this.#heapOf(flow).remove(flow);
    flow.state = 'out';
    this.#count(flow, -1);
    if (this.size === 0) this.#shares = this.#weighted = 0;
  }

  #heapOf(flow: Flow): Heap<Flow> {
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
    for (const heap of [this.#waiting, this.#eligible]) {
      for (const flow of heap) this.#count(flow, 1);
    }
  }

  /** Rule 5; the last one is kept, so that a client that runs job by job alone is not made anew for each. */
  #rest(flow: Flow): void {
    flow.servedBefore = this.#served;
    if (this.size === 0 && this.#pending === 0) {
      this.#virtualUs = Math.max(this.#virtualUs, this.#farthestUs);
      this.#longestUs = 0;
      this.forgetAll();
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
