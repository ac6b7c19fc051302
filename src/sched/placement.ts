import type { EntityCore } from './entityCore.ts';
import type { JobCore } from './jobCore.ts';
import type { Ring } from './ring.ts';
import type { SchedulerCore } from './schedulerCore.ts';
import { isBehindSliced } from './slices.ts';

/** On which ring a job may start: late binding (S1), the order of serial entities (J4), state that a slice left (S14). */

/** A serial entity's jobs never overlap on two rings, or at all where the driver keeps no order or a job may come back. */
export function isHeldByOrder(core: SchedulerCore, entity: EntityCore, job: JobCore): boolean {
  const pinned = job.extra?.slicing?.pinned ?? null;
  const isAfterOthers = entity.serial && entity.unretired > 0;
  if (isAfterOthers && core.driver.ordered === false) return true;
  if (isAfterOthers && core.slices && isBehindSliced(job)) return true;
  if (core.rings.length === 1 || (pinned === null && !isAfterOthers)) return false;
  const ring = boundRing(core, entity, job);
  if (ring === null || ring.hasRoom(job)) return false;
  ring.heldByOrder.add(job);
  return true;
}

/** Where `job` has to go: the ring that holds the state of its last slice, or an attempt of its serial entity. */
export function boundRing(core: SchedulerCore, entity: EntityCore, job: JobCore): Ring | null {
  const pinned = job.extra?.slicing?.pinned ?? null;
  if (pinned !== null) return pinned;
  if (!entity.serial || entity.unretired === 0) return null;
  for (const ring of core.rings) {
    if (ring.attempts.some((other) => other.entity === entity)) return ring;
  }
  return null;
}
