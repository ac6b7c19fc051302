// Heap against a sorted list, under random operations. What it refuses is tested below by example.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Heap, InvariantError } from '../../src/base/index.ts';
import type { HeapItem } from '../../src/base/index.ts';

interface Item extends HeapItem {
  key: number;
  readonly name: number;
}

const item = (name: number, key = 0): Item => ({ heapIndex: -1, name, key });
const isBefore = (a: Item, b: Item): boolean => (a.key === b.key ? a.name < b.name : a.key < b.key);

/** A random operation: on the item number `at` (modulo how many there are), with a new key. */
const operation = fc.record({
  act: fc.constantFrom('push', 'push', 'pop', 'remove', 'update'),
  at: fc.nat(50),
  key: fc.nat(20),
});

describe('Heap', () => {
  it('gives out items in order, whatever was pushed, removed and changed before', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const heap = new Heap<Item>();
        let model: Item[] = [];
        operations.forEach(({ act, at, key }, name) => {
          const chosen = model[at % Math.max(1, model.length)];
          if (act === 'push') {
            const added = item(name, key);
            heap.push(added, key, name);
            model.push(added);
          } else if (act === 'pop') {
            const first = heap.pop();
            model.sort((a, b) => (isBefore(a, b) ? -1 : 1));
            expect(first).toBe(model.shift());
          } else if (chosen !== undefined && act === 'remove') {
            heap.remove(chosen);
            expect(chosen.heapIndex).toBe(-1);
            model = model.filter((one) => one !== chosen);
          } else if (chosen !== undefined && act === 'update') {
            chosen.key = key;
            heap.update(chosen, key, chosen.name);
          }
          expect(heap.size).toBe(model.length);
          expect(new Set(heap)).toEqual(new Set(model));
          expect(model.every((one) => heap.peek() === one || isBefore(heap.peek()!, one))).toBe(
            true,
          );
        });
      }),
    );
  });

  it('sorts', () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), (keys) => {
        const heap = new Heap<Item>();
        keys.forEach((key, name) => heap.push(item(name, key), key, name));
        const sorted: number[] = [];
        for (let next = heap.pop(); next !== undefined; next = heap.pop()) sorted.push(next.key);
        expect(sorted).toEqual([...keys].sort((a, b) => a - b));
      }),
    );
  });

  it('takes an item again after it was removed', () => {
    const heap = new Heap<Item>();
    const one = item(1);
    heap.push(one, 1);
    heap.remove(one);
    heap.remove(one);
    heap.push(one, 1);
    expect(heap.pop()).toBe(one);
    expect([heap.pop(), heap.peek()]).toEqual([undefined, undefined]);
  });

  it('asserts that an item is in one heap at most, and in this one', () => {
    const [heap, other] = [new Heap<Item>(), new Heap<Item>()];
    const one = item(1);
    heap.push(one, 1);
    expect(() => heap.push(one, 1)).toThrow(InvariantError);
    expect(() => other.push(one, 1)).toThrow(InvariantError);
    expect(() => other.remove(one)).toThrow(InvariantError);
    expect(() => other.update(one, 1)).toThrow(InvariantError);
    expect(() => heap.update(item(2), 1)).toThrow(InvariantError);
    expect(heap.pop()).toBe(one);
  });
});
