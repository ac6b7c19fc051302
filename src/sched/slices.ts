import { JobError } from '../base/index.ts';
import { end } from './endings.ts';
import type { JobCore } from './jobCore.ts';
import { openRing, queueAgain } from './queueAgain.ts';
import type { Ring } from './ring.ts';
import type { SchedulerCore } from './schedulerCore.ts';

/**
 * Jobs that are served slice by slice (S14).
 *
 * 1. A job whose driver says at its start that it may come back is sliced: it holds back the jobs behind it in a serial
 *    entity, and nothing is pipelined on it, because the ring's order does not cover its later slices.
 * 2. When a slice ends well, the driver is asked whether the job goes on. If so, its credits and grants are back by then,
 *    and the job is queued again in its place, suspended: the policy chooses anew.
 * 3. A slice is a start like any other, of the same attempt: `runJob`, a new hardware fence, a run timeout of its own.
 * 4. What was asked of the job meanwhile (cancel, kill) takes effect where the slice ends.
 * 5. A reset that takes the ring, or the device, takes the suspended jobs that it holds: they had begun (T4).
 */

/** Where a sliced job may go on; `null`: it is over. Or why the driver could not say. */
type NextSlice = 'any-ring' | 'same-ring' | JobError | null;

/** At a start: whether it goes on with the attempt of before. Otherwise asks whether the new attempt is sliced (rule 1). */
export function beginSlice(core: SchedulerCore, job: JobCore): boolean {
  const slicing = job.extra?.slicing ?? null;
  if (slicing !== null && slicing.isSuspended) {
    slicing.isSuspended = false;
    core.suspended.delete(job);
    openRing(core, job);
    return true;
  }
  if (core.hooks.isSliced(job) && job.phase === 'queued') {
    job.need().slicing = { isSuspended: false, pinned: null, ended: 0, usedUs: 0 };
  }
  return false;
}

/** Asks the driver about a sliced job whose slice ended well (rule 2). */
export function nextSlice(core: SchedulerCore, job: JobCore): NextSlice {
  if ((job.extra?.slicing ?? null) === null) return null;
  try {
    return core.hooks.nextSlice(job);
  } catch (cause) {
    return new JobError('ERR_DRIVER', 'nextSlice failed', { cause, label: job.label });
  }
}

/** The slice of `job` is over and retired, and this is what comes next. */
export function endSlice(
  core: SchedulerCore,
  job: JobCore,
  next: Exclude<NextSlice, null>,
  busyUs: number,
): void {
  const extra = job.need();
  const { slicing } = extra;
  const stopped = extra.cancelError ?? job.entity.killed;
  if (slicing === null || stopped !== null || next instanceof JobError) {
    end(core, job, next instanceof JobError ? next : stopped);
    return;
  }
  slicing.isSuspended = true;
  slicing.ended += 1;
  slicing.usedUs += busyUs;
  slicing.pinned = next === 'same-ring' ? (core.rings[job.ring ?? 0] ?? null) : null;
  core.suspended.add(job);
  const atUs = core.nowUs;
  queueAgain(job);
  if (!core.observers.listening) return;
  const { ref: fence, attempt } = job;
  core.observers.emit({ type: 'job-slice', atUs, fence, attempt });
}

/** The jobs between two slices whose state was lost with `rings` (rule 5). */
export function suspendedOn(core: SchedulerCore, rings: readonly Ring[]): JobCore[] {
  const everything = rings.length === core.rings.length;
  return [...core.suspended].filter((job) => {
    if (job.phase !== 'queued') return false;
    const pinned = job.extra?.slicing?.pinned ?? null;
    return pinned === null ? everything : rings.includes(pinned);
  });
}

/** Forgets what the slices of `job` left: it begins anew, or has ended. */
export function forgetSlices(core: SchedulerCore, job: JobCore): void {
  if (job.extra === null) return;
  openRing(core, job);
  job.extra.slicing = null;
  core.suspended.delete(job);
}

/** Whether a job of the serial entity before `job` may come back for a further slice. */
export function isBehindSliced(job: JobCore): boolean {
  for (let other = job.before; other !== null; other = other.before) {
    if (other.isLive && (other.extra?.slicing ?? null) !== null) return true;
  }
  return false;
}
