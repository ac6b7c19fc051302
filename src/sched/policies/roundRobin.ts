import type { Policy, PolicyEntity } from '../policy.ts';

/** An entity's place in the round: a linked list that ends where it began. */
interface Turn {
  readonly entity: PolicyEntity;
  previous: Turn;
  next: Turn;
}

/**
 * One job each, in turn. Fair by count, so that long jobs get more time than short ones.
 *
 * 1. The list is a ring, from who comes next to who was served last. Who joins does so at the end, but before the one that was
 *    served last, also while that one's job still runs: it waits for one job of each of the others.
 * 2. Who has nothing to do leaves the list; Linux keeps its place. So nobody passes another twice by coming and going.
 *
 * Idea: Linux's default until 6.1. Cost: O(1).
 */
export function roundRobin(): Policy {
  let first: Turn | null = null;
  let served: PolicyEntity | null = null;
  const take = (turn: Turn): void => {
    if (turn.next === turn) {
      first = null;
      return;
    }
    if (first === turn) first = turn.next;
    turn.previous.next = turn.next;
    turn.next.previous = turn.previous;
  };
  return {
    name: 'roundRobin',
    add(entity) {
      const turn = { entity } as Turn;
      entity.state = turn;
      if (first === null) {
        first = turn.previous = turn.next = turn;
        return;
      }
      const last = first.previous;
      const next = last.entity === served ? last : first;
      turn.next = next;
      turn.previous = next.previous;
      turn.previous.next = turn;
      next.previous = turn;
      if (last === first && last.entity === served) first = turn;
    },
    remove(entity) {
      take(entity.state as Turn);
      entity.state = undefined;
    },
    pick: () => first?.entity ?? null,
    started(entity) {
      served = entity;
      // The list is a ring: who was served first is last as soon as the next one is first.
      if (first !== null && first.entity === entity) first = first.next;
    },
    ended() {},
  };
}
