import { Heap } from '../../base/index.ts';
import type { HeapItem } from '../../base/index.ts';
import type { Policy, PolicyEntity, Priority } from '../policy.ts';
import { Estimate } from '../stats.ts';

/** What a microsecond on the device counts in each band: Linux shifts by 1, 2, 4 and 7. */
const FACTOR: Readonly<Record<Priority, number>> = { kernel: 2, high: 4, normal: 16, low: 128 };
const RANK: Readonly<Record<Priority, number>> = { kernel: 0, high: 1, normal: 2, low: 3 };
const NANOSECOND = 1 / 1000;

/** An entity in Linux's tree. It stays there, with its old key, while its head job is blocked. */
interface Seat extends HeapItem {
  readonly entity: PolicyEntity;
  /** In the tree the virtual time; out of it what Linux saves of it: how far it was ahead of the others. */
  virtualUs: number;
  /** Equal keys keep the order in which they came. */
  turn: number;
  /** Time on the device, and how much of it has been charged. */
  runtimeUs: number;
  chargedUs: number;
  readonly average: Estimate;
}

/**
 * The fair policy of Linux 7.2, with what it does badly, so that people can compare.
 *
 * 1. Who has the least virtual time is served first. What an entity used is charged late: when its next job is taken
 *    and leaves others queued. One that never has two jobs queued is not charged at all, until it has: then for all.
 * 2. The queue's virtual time is that of the leftmost entity, blocked ones included; it may go back.
 * 3. An emptied queue keeps how far it was ahead. One that was not joins by its priority: a higher one just before the
 *    leftmost, an equal one beside it (before, if its jobs are shorter on average), a lower one two average jobs behind.
 * 4. Shares are per entity; accounts, weights and estimates do not matter, and `kernel` is only one band more.
 *
 * What it cannot copy: Linux never charges a job that was reset, and here it counts like any other (S11).
 * Cost: O(log n) in entities that are ready.
 */
export function linuxFair(): Policy {
  return new LinuxFair();
}

class LinuxFair implements Policy {
  readonly name = 'linuxFair';
  readonly #ready = new Heap<Seat>();
  readonly #blocked = new Heap<Seat>();
  readonly #average = new Estimate();
  #turns = 0;

  add(entity: PolicyEntity): void {
    const seat = (entity.state ??= seatOf(entity)) as Seat;
    if (seat.heapIndex === -1) {
      seat.virtualUs = this.#joinAt(seat);
      this.#sit(seat);
    } else {
      this.#blocked.remove(seat);
      this.#ready.push(seat, seat.virtualUs, seat.turn);
    }
  }

  remove(entity: PolicyEntity): void {
    const seat = entity.state as Seat;
    if (seat.heapIndex === -1) return;
    this.#ready.remove(seat);
    if (hasJob(seat)) this.#blocked.push(seat, seat.virtualUs, seat.turn);
    else seat.virtualUs = 0;
  }

  /** What started its last job may have been given another by then, and nobody took it out meanwhile. */
  changed(entity: PolicyEntity): void {
    const seat = entity.state as Seat;
    if (seat.heapIndex === -1) this.add(entity);
  }

  pick(): PolicyEntity | null {
    return this.#ready.peek()?.entity ?? null;
  }

  /** Rules 1 and 3: what follows is for the time that it used before this job. */
  started(entity: PolicyEntity): void {
    const seat = entity.state as Seat;
    this.#ready.remove(seat);
    if (hasJob(seat)) {
      seat.virtualUs += (seat.runtimeUs - seat.chargedUs) * FACTOR[entity.priority];
      seat.chargedUs = seat.runtimeUs;
      this.#sit(seat);
    } else {
      const leastUs = this.#leftmost()?.virtualUs ?? 0;
      const isAhead = leastUs !== 0 && seat.virtualUs > leastUs;
      seat.virtualUs = isAhead ? seat.virtualUs - leastUs : 0;
    }
  }

  ended(entity: PolicyEntity, _estimateUs: number, busyUs: number): void {
    this.#average.add(busyUs);
    const seat = entity.state as Seat | undefined;
    if (seat === undefined) return;
    seat.runtimeUs += busyUs;
    seat.average.add(busyUs);
  }

  /** Rule 3. */
  #joinAt(seat: Seat): number {
    const first = this.#leftmost();
    if (first === null) return seat.virtualUs;
    if (seat.virtualUs !== 0) return first.virtualUs + seat.virtualUs;
    const { priority } = seat.entity;
    const distance = RANK[priority] - RANK[first.entity.priority];
    const [ownUs, allUs] = [seat.average.or(0), this.#average.or(0)];
    if (distance > 0) return first.virtualUs + (1 + ownUs + allUs) * FACTOR[priority];
    if (distance < 0) return first.virtualUs + distance * NANOSECOND;
    return first.virtualUs + (ownUs <= allUs ? -NANOSECOND : NANOSECOND);
  }

  /** The entity with the least key, blocked or not; rule 2. */
  #leftmost(): Seat | null {
    let blocked = this.#blocked.peek();
    while (blocked !== undefined && !hasJob(blocked)) {
      // It was killed, or its jobs were cancelled, or it moved, while it was blocked: nobody tells a policy of that.
      this.#blocked.remove(blocked);
      blocked.virtualUs = 0;
      blocked = this.#blocked.peek();
    }
    const ready = this.#ready.peek();
    if (blocked === undefined || ready === undefined) return blocked ?? ready ?? null;
    return blocked.virtualUs < ready.virtualUs ? blocked : ready;
  }

  #sit(seat: Seat): void {
    this.#turns += 1;
    seat.turn = this.#turns;
    this.#ready.push(seat, seat.virtualUs, seat.turn);
  }
}

function hasJob(seat: Seat): boolean {
  return seat.entity.headJobId !== 0 && seat.entity.state === seat;
}

function seatOf(entity: PolicyEntity): Seat {
  return {
    entity,
    heapIndex: -1,
    virtualUs: 0,
    turn: 0,
    runtimeUs: 0,
    chargedUs: 0,
    average: new Estimate(),
  };
}
