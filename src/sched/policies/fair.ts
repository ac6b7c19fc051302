import { Heap } from '../../base/index.ts';
import type { HeapItem } from '../../base/index.ts';
import type { Policy, PolicyEntity } from '../policy.ts';

/**
 * Weighted sharing of measured busy time, by account (S8, S9).
 *
 * 1. Each account has a virtual time: its busy time divided by its share. Who is least ahead is served first; within an
 *    account its entities are ordered in the same way, by weight. `kernel` entities go before all others.
 * 2. The estimate is charged when a job starts, and corrected to what it used when it ends. So a deep queue gets no
 *    extra starts, and a wrong estimate lasts no longer than its job.
 * 3. The queue's virtual time is that of who is served next, and never goes back. Who joins, for the first time, after
 *    idling or after being blocked, joins at no less than that minus one quantum (its own expected job): so who asks
 *    for little is served next, whatever the backlog of others (S10), and no credit of the past grows.
 * 4. Only accounts with a ready entity are in the queue; idle ones cost nothing.
 *
 * Ideas: start-time fair queueing (Goyal, Vin, Cheng 1996) for rules 1 and 3; Linux 7.2's fair policy for the bands.
 * Cost: O(log n) in accounts, and in entities of one account, that are ready.
 */
export function fair(): Policy {
  const kernel = new FairQueue();
  const shared = new FairQueue();
  const queueOf = (entity: PolicyEntity): FairQueue =>
    entity.priority === 'kernel' ? kernel : shared;
  return {
    name: 'fair',
    add: (entity) => queueOf(entity).add(entity),
    remove: (entity) => leave(entity),
    pick: () => kernel.pick() ?? shared.pick(),
    started: (entity, estimateUs) => charge(entity, estimateUs),
    ended: (entity, estimateUs, busyUs) => charge(entity, busyUs - estimateUs),
    changed(entity) {
      const lane = entity.state as Lane;
      if (lane.heapIndex === -1) return;
      if (lane.queue === queueOf(entity)) {
        lane.queue.moved(lane);
      } else {
        leave(entity);
        queueOf(entity).add(entity);
      }
    },
  };
}

/** What has a virtual time. `headJobId` breaks ties in submission order. */
interface Clocked extends HeapItem {
  virtualUs: number;
  headJobId: number;
}

/** An entity within its account. */
interface Lane extends Clocked {
  readonly entity: PolicyEntity;
  readonly queue: FairQueue;
  readonly book: Book;
}

/** An account within a queue. */
interface Book extends Clocked {
  readonly id: number;
  readonly lanes: Heap<Lane>;
  /** The virtual time of the lanes: that of the last one served. */
  innerUs: number;
}

function clockedHeap<T extends Clocked>(): Heap<T> {
  return new Heap((a, b) =>
    a.virtualUs === b.virtualUs ? a.headJobId < b.headJobId : a.virtualUs < b.virtualUs,
  );
}

/** Rule 2: charges, or with a negative amount gives back, time of `entity`. */
function charge(entity: PolicyEntity, us: number): void {
  const lane = entity.state as Lane | undefined;
  if (lane === undefined) return;
  lane.virtualUs += us / entity.weight;
  lane.book.virtualUs += us / entity.account.share;
  lane.queue.moved(lane);
}

function leave(entity: PolicyEntity): void {
  const lane = entity.state as Lane;
  lane.queue.remove(lane);
}

class FairQueue {
  readonly #ready: Heap<Book> = clockedHeap();
  readonly #books = new Map<number, Book>();
  #virtualUs = 0;

  add(entity: PolicyEntity): void {
    const lane = this.#laneOf(entity);
    const { book } = lane;
    const quantumUs = entity.estimateUs;
    lane.virtualUs = Math.max(lane.virtualUs, book.innerUs - quantumUs / entity.weight);
    lane.headJobId = entity.headJobId;
    if (book.lanes.size === 0) {
      const leastUs = this.#virtualUs - quantumUs / entity.account.share;
      book.virtualUs = Math.max(book.virtualUs, leastUs);
    }
    book.lanes.push(lane);
    this.#place(book);
  }

  remove(lane: Lane): void {
    const { book } = lane;
    book.lanes.remove(lane);
    this.#place(book);
  }

  /** The key of `lane`, or of its account, changed. */
  moved(lane: Lane): void {
    if (lane.heapIndex !== -1) {
      lane.headJobId = lane.entity.headJobId;
      lane.book.lanes.update(lane);
    }
    this.#place(lane.book);
  }

  /** Rule 3: the queue's virtual time follows who is served. */
  pick(): PolicyEntity | null {
    const book = this.#ready.peek();
    const lane = book?.lanes.peek();
    if (book === undefined || lane === undefined) return null;
    this.#virtualUs = Math.max(this.#virtualUs, book.virtualUs);
    book.innerUs = Math.max(book.innerUs, lane.virtualUs);
    return lane.entity;
  }

  /** Rule 4: in the heap exactly while a lane is ready. */
  #place(book: Book): void {
    const first = book.lanes.peek();
    if (first === undefined) {
      this.#ready.remove(book);
      return;
    }
    book.headJobId = first.headJobId;
    if (book.heapIndex === -1) this.#ready.push(book);
    else this.#ready.update(book);
  }

  #laneOf(entity: PolicyEntity): Lane {
    const lane = entity.state as Lane | undefined;
    const known = this.#books.get(entity.account.id);
    if (lane !== undefined && lane.queue === this && lane.book === known) return lane;
    const book = known ?? this.#open(entity.account.id);
    const fresh: Lane = {
      entity,
      queue: this,
      book,
      virtualUs: lane?.queue === this ? lane.virtualUs : -Infinity,
      headJobId: 0,
      heapIndex: -1,
    };
    entity.state = fresh;
    return fresh;
  }

  #open(id: number): Book {
    const book: Book = {
      id,
      lanes: clockedHeap(),
      innerUs: 0,
      virtualUs: -Infinity,
      headJobId: 0,
      heapIndex: -1,
    };
    this.#sweep();
    this.#books.set(id, book);
    return book;
  }

  #sweepAt = 64;

  /** Forgets accounts that are not ready and not ahead: rule 3 would bring them back to the same place. */
  #sweep(): void {
    if (this.#books.size < this.#sweepAt) return;
    for (const [id, book] of this.#books) {
      if (book.lanes.size === 0 && book.virtualUs <= this.#virtualUs) this.#books.delete(id);
    }
    this.#sweepAt = Math.max(64, 2 * this.#books.size);
  }
}
