import { assert } from './errors.ts';

/** What a heap holds: it remembers its own place, so that it can be moved and removed without a search. */
export interface HeapItem {
  /** The place in the heap; -1 while it is in none. Written by the heap alone. */
  heapIndex: number;
}

/** Children of a node. Four lie side by side in memory, and the tree is half as deep as with two. */
const CHILDREN = 4;

/** The keys of a heap that was never used; never written. */
const NO_KEYS: number[] = [];

/**
 * A heap, smallest first, by a key and, where keys are equal, by a tie-breaker. Its items know their place.
 *
 * Keys lie in an array of their own, so that a comparison reads no item: with 100,000 items that is what a move costs.
 * Every operation costs O(log n) and allocates nothing beyond the arrays' growth. An item is in one heap at most. A heap
 * that was never used has no arrays, and the first item takes the room of one: most heaps of a program hold one.
 */
export class Heap<T extends HeapItem> {
  #items: T[] | null = null;
  /** Of the item at `index`: its key at `2 * index`, and its tie-breaker behind it. */
  #keys: number[] = NO_KEYS;

  get size(): number {
    return this.#items === null ? 0 : this.#items.length;
  }

  /** The smallest item, or `undefined` if the heap is empty. */
  peek(): T | undefined {
    return this.#items === null ? undefined : this.#items[0];
  }

  push(item: T, key: number, tie: number = 0): void {
    assert(item.heapIndex === -1, 'an item was pushed into a heap while it was in one');
    if (this.#items === null) {
      this.#items = [item];
      this.#keys = [key, tie];
      item.heapIndex = 0;
      return;
    }
    this.#items.push(item);
    this.#keys.push(key, tie);
    this.#up(this.#items, this.#items.length - 1, item, key, tie);
  }

  /** Takes out the smallest item. */
  pop(): T | undefined {
    const first = this.peek();
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Takes out `item`; does nothing if it is in no heap. */
  remove(item: T): void {
    const index = item.heapIndex;
    if (index === -1) return;
    const items = this.#itemsWith(item, 'an item was removed from a heap that it is not in');
    const last = items.pop() as T;
    const tie = this.#keys.pop() as number;
    const key = this.#keys.pop() as number;
    item.heapIndex = -1;
    if (last !== item) this.#place(items, index, last, key, tie);
  }

  /** Gives `item` a new key and tie-breaker, and moves it to its place. */
  update(item: T, key: number, tie: number = 0): void {
    const items = this.#itemsWith(item, 'an item was updated in a heap that it is not in');
    this.#place(items, item.heapIndex, item, key, tie);
  }

  /** All items, in no particular order. */
  [Symbol.iterator](): IterableIterator<T> {
    return (this.#items ?? [])[Symbol.iterator]();
  }

  #itemsWith(item: T, otherwise: string): T[] {
    const items = this.#items;
    const isHere = items !== null && item.heapIndex !== -1 && items[item.heapIndex] === item;
    assert(isHere, otherwise);
    return items as T[];
  }

  /** Puts `item` at `index`, or where its key belongs from there. */
  #place(items: T[], index: number, item: T, key: number, tie: number): void {
    const parent = (index - 1) >> 2;
    if (index > 0 && this.#isBefore(key, tie, parent)) this.#up(items, index, item, key, tie);
    else this.#down(items, index, item, key, tie);
  }

  #up(items: T[], from: number, item: T, key: number, tie: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 2;
      if (!this.#isBefore(key, tie, parent)) break;
      this.#move(items, parent, index);
      index = parent;
    }
    this.#set(items, index, item, key, tie);
  }

  #down(items: T[], from: number, item: T, key: number, tie: number): void {
    const keys = this.#keys;
    const size = items.length;
    let index = from;
    for (;;) {
      const firstChild = CHILDREN * index + 1;
      if (firstChild >= size) break;
      let least = firstChild;
      let leastKey = keys[2 * firstChild] as number;
      const end = Math.min(firstChild + CHILDREN, size);
      for (let child = firstChild + 1; child < end; child += 1) {
        const childKey = keys[2 * child] as number;
        if (childKey > leastKey || (childKey === leastKey && !this.#hasLessTie(child, least))) {
          continue;
        }
        least = child;
        leastKey = childKey;
      }
      if (!(leastKey < key || (leastKey === key && this.#tieOf(least) < tie))) break;
      this.#move(items, least, index);
      index = least;
    }
    this.#set(items, index, item, key, tie);
  }

  #isBefore(key: number, tie: number, index: number): boolean {
    const other = this.#keys[2 * index] as number;
    return key < other || (key === other && tie < this.#tieOf(index));
  }

  #hasLessTie(a: number, b: number): boolean {
    return this.#tieOf(a) < this.#tieOf(b);
  }

  #tieOf(index: number): number {
    return this.#keys[2 * index + 1] as number;
  }

  #move(items: T[], from: number, to: number): void {
    const item = items[from] as T;
    const keys = this.#keys;
    items[to] = item;
    keys[2 * to] = keys[2 * from] as number;
    keys[2 * to + 1] = keys[2 * from + 1] as number;
    item.heapIndex = to;
  }

  #set(items: T[], index: number, item: T, key: number, tie: number): void {
    items[index] = item;
    this.#keys[2 * index] = key;
    this.#keys[2 * index + 1] = tie;
    item.heapIndex = index;
  }
}
