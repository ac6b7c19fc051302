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
  // The policy knows it until its turn comes; then its ring is kept for it.
  if (pinned !== null && ring.keptFor === null) return false;
  ring.heldByOrder.add(job);
  return true;
}

/**
 * The policy chose `job`, and there is no room for it on the ring where it has to go. Others have the rest of the rings (S3); but of this
 * one, what ends there could be taken by others time and again, for ever (S5, F9).
 */
export function keepRing(ring: Ring, job: JobCore): void {
  if ((job.extra?.slicing?.pinned ?? null) === ring && ring.keptFor === null) ring.keptFor = job;
}

/** Whether a ring is kept for `job`, which has slots: it would lose them if those behind it were served before (S6). */
export function isKeptWithSlots(rings: readonly Ring[], job: JobCore): boolean {
  return (job.extra?.grants ?? null) !== null && rings.some(({ keptFor }) => keptFor === job);
}

/** The job whose turn it was, and whose ring has room for it by now. */
export function nextOnKept(rings: readonly Ring[]): EntityCore | null {
  for (const ring of rings) {
    const job = ring.keptFor;
    if (job === null || !ring.hasRoom(job)) continue;
    const { entity } = job;
    if (entity.listed && entity.nextStart === job) return entity;
  }
  return null;
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
