import type { JobCore } from './jobCore.ts';
import type { Ring } from './ring.ts';
import type { SchedulerCore } from './schedulerCore.ts';

/** Puts a running job back in its place in the queue: between two slices (S14), or after a reset that took it innocent (T4). */
export function queueAgain(job: JobCore): void {
  const { entity } = job;
  const core = entity.scheduler;
  job.phase = 'queued';
  entity.running -= 1;
  entity.queued += 1;
  core.queued += 1;
  core.inFlight -= 1;
  lookAgain(core, job);
}

/** Has the next pass look at `job` again, in its place, if it is still queued: what it waited for happened. */
export function lookAgain(core: SchedulerCore, job: JobCore): void {
  const { entity } = job;
  if (job.phase !== 'queued') return;
  entity.putBack(job);
  core.askCheck(entity);
}

/**
 * What `prepareJob` said of jobs that still wait for a ring was of the device before a reset: they are asked anew, so that one that has to
 * wait now does so in the queue, within its dependency timeout, and not on the ring (J8, J10).
 */
export function prepareAnew(core: SchedulerCore): void {
  if (core.driver.prepareJob === undefined) return;
  for (const entity of core.active) {
    for (let job = entity.first; job !== null; job = job.after) {
      if (job.phase !== 'queued' || !job.isPrepared || job.isSuspended) continue;
      job.isPrepared = false;
      lookAgain(core, job);
    }
  }
}

/** Has the next pass look at the jobs that wait for room on `ring`, and nowhere else. */
export function lookAtHeld(core: SchedulerCore, ring: Ring): void {
  if (ring.heldByOrder.size === 0) return;
  const held = [...ring.heldByOrder];
  ring.heldByOrder.clear();
  for (const job of held) {
    lookAgain(core, job);
    // One before it was put back meanwhile, and may wait for something else.
    if (job.entity.nextStart !== job) openRing(core, job);
  }
}

/** `job` starts, ends, or cannot start for another reason than room: the ring that was kept for it takes others again. */
export function openRing(core: SchedulerCore, job: JobCore): void {
  const ring = job.extra?.slicing?.pinned ?? null;
  if (ring === null || ring.keptFor !== job) return;
  ring.keptFor = null;
  lookAtHeld(core, ring);
  core.requestPass();
}
