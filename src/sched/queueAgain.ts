import type { JobCore } from './jobCore.ts';
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
