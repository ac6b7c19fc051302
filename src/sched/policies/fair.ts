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
 * 3. The queue's virtual time is that of who was served last, and never goes back. Who joins, for the first time, after
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
    started(entity, estimateUs) {
      const lane = entity.state as Lane;
      lane.queue.served(lane);
      charge(entity, estimateUs);
    },
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

/** An entity within its account. */
interface Lane extends HeapItem {
  virtualUs: number;
  /** Breaks ties in submission order. */
  headJobId: number;
  readonly entity: PolicyEntity;
  readonly queue: FairQueue;
  readonly book: Book;
}

/** An account within a queue. */
interface Book extends HeapItem {
  virtualUs: number;
  readonly id: number;
  readonly lanes: Heap<Lane>;
  /** The virtual time of the lanes: that of the last one served. */
  innerUs: number;
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
  readonly #ready = new Heap<Book>();
  readonly #books = new Map<number, Book>();
  /** An account whose time changed and that has yet to move: a job that starts and ends at once moves it once. */
  #unplaced: Book | null = null;
  #virtualUs = 0;

  add(entity: PolicyEntity): void {
    const lane = this.#laneOf(entity);
    const { book } = lane;
    const quantumUs = entity.estimateUs;
    lane.virtualUs = Math.max(lane.virtualUs, book.innerUs - quantumUs / entity.weight);
    if (book.lanes.size === 0) {
      const leastUs = this.#virtualUs - quantumUs / entity.account.share;
      book.virtualUs = Math.max(book.virtualUs, leastUs);
    }
    lane.headJobId = entity.headJobId;
    book.lanes.push(lane, lane.virtualUs, lane.headJobId);
    this.#place(book);
  }

  remove(lane: Lane): void {
    const { book } = lane;
    book.lanes.remove(lane);
    this.#place(book);
  }

  /** The key of `lane`, or of its account, changed. */
  moved(lane: Lane): void {
    const { book } = lane;
    if (lane.heapIndex !== -1) {
      lane.headJobId = lane.entity.headJobId;
      book.lanes.update(lane, lane.virtualUs, lane.headJobId);
    }
    if (this.#unplaced !== null && this.#unplaced !== book) this.#place(this.#unplaced);
    this.#unplaced = book;
  }

  /** Rule 3. What is only picked may wait for room, and others that are less ahead may come before it. */
  served({ book, virtualUs }: Lane): void {
    this.#virtualUs = Math.max(this.#virtualUs, book.virtualUs);
    book.innerUs = Math.max(book.innerUs, virtualUs);
  }

  pick(): PolicyEntity | null {
    if (this.#unplaced !== null) this.#place(this.#unplaced);
    const book = this.#ready.peek();
    const lane = book?.lanes.peek();
    if (book === undefined || lane === undefined) return null;
    return lane.entity;
  }

  /** Rule 4: in the heap exactly while a lane is ready. */
  #place(book: Book): void {
    if (this.#unplaced === book) this.#unplaced = null;
    const first = book.lanes.peek();
    if (first === undefined) this.#ready.remove(book);
    else if (book.heapIndex === -1) this.#ready.push(book, book.virtualUs, first.headJobId);
    else this.#ready.update(book, book.virtualUs, first.headJobId);
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
      lanes: new Heap(),
      innerUs: 0,
      virtualUs: -Infinity,
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
