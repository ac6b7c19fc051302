import type { Judge } from './judge.ts';
import type { AttemptRecord, JobRecord, SchedulerRecord } from './records.ts';

/** Whoever is accused is out of reach until a reset; where there is none, it fails on time and keeps its credits (T2). */
export function accused(
  judge: Judge,
  scheduler: SchedulerRecord,
  job: JobRecord,
  attempt: AttemptRecord,
  failsOnTime = false,
): void {
  judge.accuse(job, scheduler);
  attempt.detached = true;
  scheduler.wasDisturbed = true;
  const { domain } = scheduler;
  const isCovered = domain.resetting && domain.rings.includes(attempt.ring);
  if (!failsOnTime && (scheduler.hasReset || isCovered)) {
    if (attempt.hardware.status !== 'pending') judge.accusedEnded(attempt);
    return;
  }
  failedOnTime(judge, scheduler, job, attempt);
}

/** It fails, guilty, and holds its ring until the hardware is done with it. */
export function failedOnTime(
  judge: Judge,
  scheduler: SchedulerRecord,
  job: JobRecord,
  attempt: AttemptRecord,
): void {
  judge.accuse(job, scheduler);
  judge.charge(attempt, true);
  attempt.hung = true;
  attempt.over = true;
  attempt.detached = false;
  if (job.entity.killsOnFault) job.entity.killed = true;
  if (attempt.hardware.status !== 'pending') judge.retire(attempt);
  judge.updateExecution(scheduler, attempt.ring);
}
