import { assert } from './errors.ts';

/** What a heap holds: it remembers its own place, so that it can be moved and removed without a search. */
export interface HeapItem {
  /** The place in the heap; -1 while it is in none. Written by the heap alone. */
  heapIndex: number;
}

/** Children of a node. Four lie side by side in memory, and the tree is half as deep as with two. */
const CHILDREN = 4;

/**
 * A heap, smallest first, by a key and, where keys are equal, by a tie-breaker. Its items know their place.
 *
 * Keys lie in arrays of their own, so that a comparison reads no item: with 100,000 items that is what a move costs.
 * Every operation costs O(log n) and allocates nothing beyond the arrays' growth. An item is in one heap at most.
 */
export class Heap<T extends HeapItem> {
  readonly #items: T[] = [];
  readonly #keys: number[] = [];
  readonly #ties: number[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The smallest item, or `undefined` if the heap is empty. */
  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T, key: number, tie: number = 0): void {
    assert(item.heapIndex === -1, 'an item was pushed into a heap while it was in one');
    this.#items.push(item);
    this.#keys.push(key);
    this.#ties.push(tie);
    this.#up(this.#items.length - 1, item, key, tie);
  }

  /** Takes out the smallest item. */
  pop(): T | undefined {
    const first = this.#items[0];
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Takes out `item`; does nothing if it is in no heap. */
  remove(item: T): void {
    const index = item.heapIndex;
    if (index === -1) return;
    assert(this.#items[index] === item, 'an item was removed from a heap that it is not in');
    const last = this.#items.pop() as T;
    const key = this.#keys.pop() as number;
    const tie = this.#ties.pop() as number;
    item.heapIndex = -1;
    if (last !== item) this.#place(index, last, key, tie);
  }

  /** Gives `item` a new key and tie-breaker, and moves it to its place. */
  update(item: T, key: number, tie: number = 0): void {
    const index = item.heapIndex;
    const isHere = index !== -1 && this.#items[index] === item;
    assert(isHere, 'an item was updated in a heap that it is not in');
    this.#place(index, item, key, tie);
  }

  /** All items, in no particular order. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#items[Symbol.iterator]();
  }

  /** Puts `item` at `index`, or where its key belongs from there. */
  #place(index: number, item: T, key: number, tie: number): void {
    const parent = (index - 1) >> 2;
    if (index > 0 && this.#isBefore(key, tie, parent)) this.#up(index, item, key, tie);
    else this.#down(index, item, key, tie);
  }

  #up(from: number, item: T, key: number, tie: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 2;
      if (!this.#isBefore(key, tie, parent)) break;
      this.#move(parent, index);
      index = parent;
    }
    this.#set(index, item, key, tie);
  }

  #down(from: number, item: T, key: number, tie: number): void {
    const keys = this.#keys;
    const size = keys.length;
    let index = from;
    for (;;) {
      const firstChild = CHILDREN * index + 1;
      if (firstChild >= size) break;
      let least = firstChild;
      let leastKey = keys[firstChild] as number;
      const end = Math.min(firstChild + CHILDREN, size);
      for (let child = firstChild + 1; child < end; child += 1) {
        const childKey = keys[child] as number;
        if (childKey > leastKey || (childKey === leastKey && !this.#hasLessTie(child, least))) {
          continue;
        }
        least = child;
        leastKey = childKey;
      }
      if (!(leastKey < key || (leastKey === key && (this.#ties[least] as number) < tie))) break;
      this.#move(least, index);
      index = least;
    }
    this.#set(index, item, key, tie);
  }

  #isBefore(key: number, tie: number, index: number): boolean {
    const other = this.#keys[index] as number;
    return key < other || (key === other && tie < (this.#ties[index] as number));
  }

  #hasLessTie(a: number, b: number): boolean {
    return (this.#ties[a] as number) < (this.#ties[b] as number);
  }

  #move(from: number, to: number): void {
    const item = this.#items[from] as T;
    this.#items[to] = item;
    this.#keys[to] = this.#keys[from] as number;
    this.#ties[to] = this.#ties[from] as number;
    item.heapIndex = to;
  }

  #set(index: number, item: T, key: number, tie: number): void {
    this.#items[index] = item;
    this.#keys[index] = key;
    this.#ties[index] = tie;
    item.heapIndex = index;
  }
}
