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
 * Idea: Linux's default until 6.1. Cost: O(1).
 */
export function roundRobin(): Policy {
  let first: Turn | null = null;
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
      turn.previous = first?.previous ?? turn;
      turn.next = first ?? turn;
      turn.previous.next = turn;
      turn.next.previous = turn;
      first ??= turn;
      entity.state = turn;
    },
    remove(entity) {
      take(entity.state as Turn);
      entity.state = undefined;
    },
    pick: () => first?.entity ?? null,
    started(entity) {
      // The list is a ring: who was served first is last as soon as the next one is first.
      if (first !== null && first.entity === entity) first = first.next;
    },
    ended() {},
  };
}
