import { JobError, messageOf } from '../../base/index.ts';
import { putTogether } from './errorWire.ts';
import type { FailedMessage } from './protocol.ts';
import type { WorkerJob } from './ringHost.ts';
import type { Death } from './threadHandle.ts';

/** What a job's answer says about why it failed. */
export function failedError(
  job: WorkerJob,
  answer: FailedMessage,
  wasCancelled: boolean,
): JobError {
  if (answer.stage === 'cancelled') return cancelledError(job);
  const { module, name } = job.payload.work;
  const cause = putTogether(answer.error);
  const { label } = job;
  if (wasCancelled && answer.stage === 'call') return cancelledError(job, cause);
  const why = messageOf(cause);
  const message = {
    import: `cannot import ${module}: ${why}`,
    export: `cannot call ${name} of ${module}: ${why}`,
    call: `${name} of ${module} threw: ${why}`,
    result: `what ${name} of ${module} returned cannot be posted: ${why}`,
  }[answer.stage];
  return new JobError('ERR_DRIVER', `job ${label}: ${message}`, { cause, label });
}

/** The job's answer cannot be read here: what it returned, or threw. */
export function unreadableError(job: WorkerJob, cause: unknown): JobError {
  const { module, name } = job.payload.work;
  const { label } = job;
  const message = `job ${label}: what ${name} of ${module} returned or threw cannot be read here: ${messageOf(cause)}`;
  return new JobError('ERR_DRIVER', message, { cause, label });
}

/** The job was asked to end early, and did; `cause` is what it threw. */
export function cancelledError(job: WorkerJob, cause?: unknown): JobError {
  const { label } = job;
  const message = `job ${label} was cancelled`;
  return new JobError(
    'ERR_JOB_CANCELLED',
    message,
    cause === undefined ? { label } : { cause, label },
  );
}

/** The job's thread died while it executed. */
export function crashError(job: WorkerJob, death: Death): JobError {
  const { label } = job;
  return new JobError('ERR_DRIVER', `job ${label} ended its thread: ${reasonOf(death)}`, {
    cause: death.error ?? new Error(`exit code ${death.exitCode}`),
    label,
  });
}

/** The job was with `threads` threads, and none began it. */
export function neverBegunError(job: WorkerJob, threads: number): JobError {
  const { label } = job;
  const message = `job ${label} was given to ${threads} threads, and each was stuck or did not start before it began the job`;
  return new JobError('ERR_JOB_RESET', message, { label });
}

/** The thread was lost without the job's fault, with what cannot be had again. */
export function lostError(job: WorkerJob): JobError {
  const { label } = job;
  const message = `job ${label} lost its thread, which had taken over its transferred objects or had just begun it`;
  return new JobError('ERR_JOB_RESET', message, { label });
}

/** The platform refused to post the job. */
export function unpostableError(job: WorkerJob, cause: unknown): JobError {
  const { label } = job;
  const message = `job ${label}: its arguments cannot be posted: ${messageOf(cause)}`;
  return new JobError('ERR_DRIVER', message, { cause, label });
}

/** How a thread ended, for a sentence. */
export function reasonOf(death: Death): string {
  if (death.error === null) return `it exited with code ${death.exitCode} (process.exit?)`;
  const { code } = death.error as { code?: unknown };
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return messageOf(death.error);
  return `an error was thrown outside of the call: ${messageOf(death.error)}`;
}
