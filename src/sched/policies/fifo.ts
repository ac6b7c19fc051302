import { Heap } from '../../base/index.ts';
import type { HeapItem } from '../../base/index.ts';
import type { Policy, PolicyEntity } from '../policy.ts';

/** An entity in the heap of a policy. */
interface Place extends HeapItem {
  readonly entity: PolicyEntity;
}

/** A policy that serves the lowest rank first, and within a rank whose head job was submitted first. */
export function byRank(name: string, rankOf: (entity: PolicyEntity) => number): Policy {
  const ready = new Heap<Place>();
  const move = (entity: PolicyEntity): void => {
    const place = entity.state as Place;
    if (place.heapIndex !== -1) ready.update(place, rankOf(entity), entity.headJobId);
  };
  return {
    name,
    add(entity) {
      const place: Place = { entity, heapIndex: -1 };
      entity.state = place;
      ready.push(place, rankOf(entity), entity.headJobId);
    },
    remove(entity) {
      ready.remove(entity.state as Place);
    },
    pick: () => ready.peek()?.entity ?? null,
    started: move,
    ended() {},
    changed: move,
  };
}

/**
 * First come, first served: whose head job was submitted first. One client's burst makes all others wait.
 *
 * Idea: Linux's default from 6.2 to 7.1. Cost: O(log n) in entities that are ready.
 */
export function fifo(): Policy {
  return byRank('fifo', () => 0);
}
