import type { Policy, Priority } from '../policy.ts';
import { byRank } from './fifo.ts';

const RANK: Readonly<Record<Priority, number>> = { kernel: 0, high: 1, normal: 2, low: 3 };

/**
 * A higher band always first; first come, first served within a band. Lower bands may starve.
 *
 * Idea: Linux's per-priority run queues, until 7.1. Cost: O(log n) in entities that are ready.
 */
export function strictPriority(): Policy {
  return byRank('strictPriority', (entity) => RANK[entity.priority]);
}
