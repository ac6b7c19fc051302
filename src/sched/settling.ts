import { JobError } from '../base/index.ts';
import type { FencelineError } from '../base/index.ts';
import { die } from './endings.ts';
import type { JobCore } from './jobCore.ts';
import { lookAgain, queueAgain } from './queueAgain.ts';
import type { SchedulerCore } from './schedulerCore.ts';
import { forgetSlices } from './slices.ts';

/** What becomes of the jobs that a reset took (T4, S14). */

/** The error that an innocent `job` fails with, or `null` where it runs again. `begun`: it had begun to execute. */
export function fateOfInnocent(job: JobCore, begun: boolean): FencelineError | null {
  const { entity, extra } = job;
  const cancelError = extra?.cancelError ?? null;
  if (cancelError !== null) return cancelError;
  if (entity.killed !== null) return entity.killed;
  const resubmit = extra?.resubmit ?? !(begun || (extra?.slicing?.ended ?? 0) > 0);
  const again = resubmit && job.attempt < entity.scheduler.setup.maxAttempts;
  return again ? null : new JobError('ERR_JOB_RESET', undefined, { label: job.label });
}

/** Puts an innocent job back in its place in the queue, as a new attempt to come. */
export function requeue(job: JobCore): void {
  const core = job.entity.scheduler;
  forgetSlices(core, job);
  queueAgain(job);
  askAnew(core, job);
}

/** Between two slices it was not on a ring, and had begun: it begins anew where that was asked for, else it fails. */
export function settleSuspended(job: JobCore): void {
  const core = job.entity.scheduler;
  const again = job.extra?.resubmit === true && job.attempt < core.setup.maxAttempts;
  forgetSlices(core, job);
  if (again) askAnew(core, job);
  else die(core, job, new JobError('ERR_JOB_RESET', undefined, { label: job.label }));
}

/** What it waited for is asked anew by its next attempt. */
function askAnew(core: SchedulerCore, job: JobCore): void {
  if (job.extra !== null) job.extra.nextAfter = 0;
  job.isPrepared = false;
  if (core.observers.listening) {
    const atUs = core.runtime.nowUs();
    const { ref: fence, attempt } = job;
    core.observers.emit({ type: 'job-requeue', atUs, fence, attempt });
  }
  lookAgain(core, job);
}
