import { assert } from './errors.ts';

/** What a heap holds: it remembers its own place, so that it can be moved and removed without a search. */
export interface HeapItem {
  /** The place in the heap; -1 while it is in none. Written by the heap alone. */
  heapIndex: number;
}

/**
 * A binary heap, smallest first, whose items know their place.
 *
 * Every operation costs O(log n) comparisons and allocates nothing beyond the array's growth. An item
 * is in one heap at most. After an item's key changed, call `update`.
 */
export class Heap<T extends HeapItem> {
  readonly #items: T[] = [];
  readonly #isBefore: (a: T, b: T) => boolean;

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The smallest item, or `undefined` if the heap is empty. */
  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    assert(item.heapIndex === -1, 'an item was pushed into a heap while it was in one');
    item.heapIndex = this.#items.length;
    this.#items.push(item);
    this.#up(item.heapIndex);
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
    item.heapIndex = -1;
    if (last === item) return;
    this.#items[index] = last;
    last.heapIndex = index;
    this.#up(index);
    this.#down(last.heapIndex);
  }

  /** Puts `item` where its changed key belongs. */
  update(item: T): void {
    assert(this.#items[item.heapIndex] === item, 'an item was updated in a heap that it is not in');
    this.#up(item.heapIndex);
    this.#down(item.heapIndex);
  }

  /** All items, in no particular order. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#items[Symbol.iterator]();
  }

  #up(from: number): void {
    const items = this.#items;
    const item = items[from] as T;
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = items[parentIndex] as T;
      if (!this.#isBefore(item, parent)) break;
      items[index] = parent;
      parent.heapIndex = index;
      index = parentIndex;
    }
    items[index] = item;
    item.heapIndex = index;
  }

  #down(from: number): void {
    const items = this.#items;
    const item = items[from] as T;
    const size = items.length;
    let index = from;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= size) break;
      let child = items[childIndex] as T;
      const right = items[childIndex + 1];
      if (right !== undefined && this.#isBefore(right, child)) {
        childIndex += 1;
        child = right;
      }
      if (!this.#isBefore(child, item)) break;
      items[index] = child;
      child.heapIndex = index;
      index = childIndex;
    }
    items[index] = item;
    item.heapIndex = index;
  }
}
