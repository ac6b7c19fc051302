import { Heap } from '../../base/index.ts';
import type { HeapItem } from '../../base/index.ts';
import type { Policy, PolicyEntity } from '../policy.ts';

/** An entity in a heap of a policy, with the key that it was placed by. */
interface Ranked extends HeapItem {
  readonly entity: PolicyEntity;
  rank: number;
  headJobId: number;
}

/** Orders by rank, then by the head job's place in submission order. */
function rankedHeap(): Heap<Ranked> {
  return new Heap((a, b) => (a.rank === b.rank ? a.headJobId < b.headJobId : a.rank < b.rank));
}

/** A policy that serves the lowest rank first, and within a rank whose head job was submitted first. */
export function byRank(name: string, rankOf: (entity: PolicyEntity) => number): Policy {
  const heap = rankedHeap();
  const place = (entity: PolicyEntity): void => {
    const state = entity.state as Ranked;
    if (state.heapIndex === -1) return;
    state.rank = rankOf(entity);
    state.headJobId = entity.headJobId;
    heap.update(state);
  };
  return {
    name,
    add(entity) {
      const { headJobId } = entity;
      const state: Ranked = { entity, rank: rankOf(entity), headJobId, heapIndex: -1 };
      entity.state = state;
      heap.push(state);
    },
    remove(entity) {
      heap.remove(entity.state as Ranked);
    },
    pick: () => heap.peek()?.entity ?? null,
    started: place,
    ended() {},
    changed: place,
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
