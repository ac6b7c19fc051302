import { rethrowLater } from '../fence/index.ts';
import { cancelled, die } from './endings.ts';
import type { Job } from './job.ts';
import type { JobCore } from './jobCore.ts';
import type { SchedulerCore } from './schedulerCore.ts';

/** Ends that are asked of one job: a cancel (J9), and that a job needs no further slice (S14). */

/** Cancels `job`, and says honestly what came of it. */
export function cancel(
  core: SchedulerCore,
  job: JobCore,
  reason: unknown,
): 'dequeued' | 'requested' | 'finished' {
  const { phase } = job;
  if (phase === 'finished' || phase === 'ended') return 'finished';
  if (phase === 'dead') return outOfQueue(core, job);
  if (phase === 'running' && (job.extra?.cancelError ?? null) !== null) return 'requested';
  const error = cancelled(job, reason);
  if (core.observers.listening) {
    const atUs = core.runtime.nowUs();
    core.observers.emit({ type: 'job-cancel', atUs, fence: job.ref, attempt: job.attempt });
    // Whoever is told may have ended it.
    if (job.phase !== phase) return cancel(core, job, reason);
  }
  if (phase === 'queued') {
    die(core, job, error);
    return outOfQueue(core, job);
  }
  job.need().cancelError = error;
  // Accused, or in a question about its timeout, the driver has the job already.
  if ((job.current?.attachedTo ?? null) !== null && !job.isSuspect) core.hooks.cancelJob(job);
  return 'requested';
}

/** It never starts any more, or goes on no more: of the first the owner is told, whose result need not wait for the fences. */
function outOfQueue(core: SchedulerCore, job: JobCore): 'dequeued' | 'requested' {
  if (job.isSuspended) return 'requested';
  const { onDequeued } = core.setup;
  if (onDequeued !== null && job.outcome !== null) {
    try {
      onDequeued(job, job.outcome);
    } catch (error) {
      rethrowLater(core.runtime, error);
    }
  }
  return 'dequeued';
}

/** Ends a job that waits for a further slice and needs none: it ends well, in its turn. False where it waits for none. */
export function endBetweenSlices(job: Job): boolean {
  const { phase, isSuspended, entity } = job as JobCore;
  if (phase !== 'queued' || !isSuspended) return false;
  die(entity.scheduler, job as JobCore, null);
  return true;
}
