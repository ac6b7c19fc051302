import { accused } from './accuse.ts';
import { blameOf } from './blame.ts';
import { mayNotRunAgain } from './judge.ts';
import type { Judge } from './judge.ts';
import type { AttemptRecord, JobRecord } from './records.ts';
import { goesOn } from './sliceRules.ts';

/** What must hold when a job's fences signal: F2, F3, J3 to J5, J9, J10, T2 to T8, E2, E3. */

export function scheduledSignalled(judge: Judge, job: JobRecord): void {
  job.signals += 's';
  if (judge.isTold) judge.tell(`${job.label} scheduled: ${codeOf(job, 'scheduled')}`);
  if (job.signals !== 's')
    judge.fail('J3', `the scheduled fence of ${job.label} came after ${job.signals}`);
  if (job.job.scheduled.status !== 'ok') return;
  if (job.attempts.length <= 0) judge.fail('J3', `${job.label} is scheduled and was never started`);
}

export function codeOf(job: JobRecord, which: 'scheduled' | 'finished' = 'finished'): string {
  const fence = job.job[which];
  return fence.error?.code ?? fence.status;
}

export function finishedSignalled(judge: Judge, job: JobRecord): void {
  judge.settleInstant();
  finishEarlier(judge, job);
  job.signals += 'f';
  const { entity, label: name } = job;
  const { finished, scheduled } = job.job;
  if (judge.isTold) judge.tell(`${name} finished: ${codeOf(job)}`);
  if (!(job.signals === 'sf' && scheduled.status !== 'pending'))
    judge.fail(
      'J3',
      `the finished fence of ${name} signalled, and what came before is "${job.signals.slice(0, -1)}"`,
    );
  if (!(
    finished.status !== 'pending' &&
    finished.signalledAtUs !== null &&
    job.job.state === 'finished'
  ))
    judge.fail(
      'F3',
      `a callback of ${name} runs while its fence says ${finished.status} and it is ${job.job.state}`,
    );
  if ((finished.status === 'ok') !== (finished.error === null))
    judge.fail('F2', `${name}: ${finished.status} with ${finished.error?.code ?? 'no error'}`);
  const { timeline } = finished;
  if (!(timeline.label === entity.label && typeof timeline.id === 'number'))
    judge.fail('F6', `the finished fence of ${name} does not know its timeline any more`);
  if (finished.addCallback(judge.refused) !== null)
    judge.fail('F4', `the finished fence of ${name} takes a callback after it signalled`);
  if (entity.serial) {
    if (job.seqno !== entity.lastFinished + 1)
      judge.fail('J4', `${name} finishes after job ${entity.lastFinished} of its serial entity`);
  }
  entity.lastFinished = job.seqno;
  while (entity.jobs[entity.firstUnfinished]?.signals.endsWith('f') === true) {
    entity.firstUnfinished += 1;
  }
  checkLetGo(judge, job.job, name);
  convict(judge, job);
  explain(judge, job);
  checkScheduled(judge, job);
  const last = job.attempts.at(-1);
  if (last === undefined || last.taken !== 'no') checkDependenciesOfDead(judge, job);
}

/** Jobs that nobody listens to are noted before a later one of their entity. */
function finishEarlier(judge: Judge, job: JobRecord): void {
  if (judge.unwatched.size === 0 || !job.entity.serial) return;
  for (let at = job.entity.firstUnfinished; at < job.seqno - 1; at += 1) {
    const earlier = job.entity.jobs[at] as JobRecord;
    if (!judge.unwatched.has(earlier) || !judge.isFinished(earlier)) continue;
    noteUnwatched(judge, earlier);
  }
}

/** The fences of a job that nobody listens to, and that has finished, as they are now. */
export function noteUnwatched(judge: Judge, job: JobRecord): void {
  judge.unwatched.delete(job);
  if (!(job.job.scheduled.status !== 'pending' && job.job.finished.status !== 'pending'))
    judge.fail(
      'F2',
      `${job.label} has finished, and the fences that it is asked for now do not say so`,
    );
  scheduledSignalled(judge, job);
  finishedSignalled(judge, job);
}

/** Notes what the outcome says of the world: a guilty job (T6), a device that is gone (T8). */
function convict(judge: Judge, job: JobRecord): void {
  const code = job.job.finished.error?.code;
  const scheduler = judge.placeOf(job);
  if (scheduler === null) return;
  const last = job.attempts.at(-1);
  if (
    code === 'ERR_JOB_TIMEOUT' &&
    !job.accused &&
    last !== undefined &&
    judge.isPastItsTime(last)
  ) {
    accused(judge, scheduler, job, last);
  }
  if (code === 'ERR_JOB_TIMEOUT' && job.accused) {
    blameOf(job.entity, scheduler.domain).convicted += 1;
    if (job.entity.killsOnFault) job.entity.killed = true;
  }
  if (code === 'ERR_DEVICE_GONE' && scheduler.state !== 'gone' && judge.mayBeGone(scheduler)) {
    judge.lose(scheduler.domain);
  }
}

/** J3: ok where it reached the hardware, else the same error as the finished fence. */
function checkScheduled(judge: Judge, job: JobRecord): void {
  const { scheduled, finished } = job.job;
  const ran = job.attempts.length > 0;
  if (
    !(ran
      ? scheduled.status === 'ok'
      : scheduled.error !== null && scheduled.error === finished.error)
  )
    judge.fail(
      'J3',
      `${job.label} ${ran ? 'reached the hardware' : 'never ran'}; scheduled says ${codeOf(job, 'scheduled')}, finished ${codeOf(job)}`,
    );
}

/** E2, J7: memory that the fence guards may be reused when it signals, so its own dependencies come first. */
function checkDependenciesOfDead(judge: Judge, job: JobRecord): void {
  const code = job.job.finished.error?.code ?? 'ok';
  if (['ERR_DEPENDENCY_FAILED', 'ERR_DEVICE_GONE', 'ERR_SCHEDULER_CLOSED'].includes(code)) return;
  const waitedUs = judge.runtime.nowUs() - job.submittedAtUs;
  if (waitedUs >= judge.dependencyTimeoutOf(job)) return;
  if (judge.placesOf(job).some((one) => one.state === 'closed' || judge.mayBeGone(one))) return;
  const pending = job.after.find(
    ({ fence, of }) =>
      fence.status === 'pending' &&
      !(of?.entity === job.entity && job.entity.serial && !job.failsOnError),
  );
  if (pending !== undefined)
    judge.fail(
      'E2',
      `${job.label} finishes with ${code} while its dependency on ${pending?.of?.label ?? pending?.fence.timeline.label} is pending`,
    );
}

/** Whether this outcome is the one that the laws give. */
function explain(judge: Judge, job: JobRecord): void {
  const { error } = job.job.finished;
  const last = job.attempts.at(-1);
  if (last !== undefined && last.taken === 'no' && last.goesOn === null && isTold(last, error)) {
    if (!(!last.detached || last.scheduler.state === 'closed'))
      judge.fail('T2', `${job.label} completed while it was out of reach of its hardware fence`);
    return;
  }
  if (error === null && goesOn(last)) {
    judge.fail('S14', `${job.label} finished although its driver said that it goes on`);
    return;
  }
  if (error === null) {
    const why = last === undefined ? 'never ran' : last.taken === 'no' ? 'runs' : 'was reset';
    judge.fail(
      last !== undefined && last.taken !== 'no' ? 'T5' : 'J3',
      `${job.label} finished ok and ${why}`,
    );
    return;
  }
  const rule = RULE_OF[error.code];
  if (rule === undefined) {
    judge.fail('J3', `${job.label} finished with ${error.code}, which nobody gave it`);
  } else if (!rule.holds(judge, job, last)) {
    judge.fail(rule.law, `${job.label} finished with ${error.code}: ${rule.expects}`);
  }
}

/** Whether the hardware fence tells this outcome. */
function isTold(attempt: AttemptRecord, error: unknown): boolean {
  return attempt.hardware.status !== 'pending' && attempt.hardware.error === error;
}

/** Whether it does not run: it never did, a reset took it, or it is between two slices. */
function isOffTheRing(last: AttemptRecord | undefined): boolean {
  return last === undefined || last.taken !== 'no' || last.goesOn !== null;
}

interface OutcomeRule {
  readonly law: string;
  readonly expects: string;
  holds(judge: Judge, job: JobRecord, last: AttemptRecord | undefined): boolean;
}

const RULE_OF: Readonly<Record<string, OutcomeRule>> = {
  ERR_JOB_TIMEOUT: {
    law: 'T4',
    expects: 'only the guilty fail with it',
    holds: (_, job) => job.accused,
  },
  ERR_JOB_RESET: {
    law: 'T4',
    expects:
      'only an innocent job that a reset took, that nobody had cancelled, and that may not run again',
    holds: (_, job) => !job.accused && !job.cancelled && mayNotRunAgain(job),
  },
  ERR_JOB_CANCELLED: {
    law: 'J9',
    expects:
      'only a job that was cancelled, and that was dequeued or reset, or that its driver stopped',
    holds: (_, job, last) => job.cancelled && isOffTheRing(last) && !job.accused,
  },
  ERR_ENTITY_KILLED: {
    law: 'E2',
    expects: 'only a job of a killed entity that does not run',
    holds: (_, job, last) => (job.entity.killed || job.entity.killsOnFault) && isOffTheRing(last),
  },
  ERR_CLIENT_BANNED: {
    law: 'T6',
    expects: 'only a job of a banned client that does not run',
    holds: (judge, job, last) =>
      judge.placesOf(job).some((one) => judge.mayBeBanned(job.entity, one)) && isOffTheRing(last),
  },
  ERR_QUEUE_TIMEOUT: {
    law: 'J10',
    expects: 'only a job that was not started within its queue timeout',
    holds: (judge, job) =>
      job.attempts.length === 0 && judge.runtime.nowUs() - job.submittedAtUs >= job.queueTimeoutUs,
  },
  ERR_DEPENDENCY_FAILED: {
    law: 'J5',
    expects:
      'only where a dependency failed and the job was to fail with it, or did not come in time',
    holds: (judge, job) => {
      const waitedUs = judge.runtime.nowUs() - job.submittedAtUs;
      return judge.hasFailedDependency(job) || waitedUs >= judge.dependencyTimeoutOf(job);
    },
  },
  ERR_SCHEDULER_CLOSED: {
    law: 'E3',
    expects: 'only when its scheduler is closed with kill',
    holds: (judge, job) => judge.placesOf(job).some((one) => one.state === 'closed'),
  },
  ERR_DEVICE_GONE: {
    law: 'T8',
    expects: 'only when the device was removed, called gone, or could not be reset',
    holds: (judge, job) => judge.placesOf(job).some((one) => judge.mayBeGone(one)),
  },
  ERR_DRIVER: {
    law: 'D2',
    expects: 'only when a hook of its driver failed',
    holds: (_, job) => job.hookThrew,
  },
  ERR_FENCE_REUSED: {
    law: 'T4',
    expects: 'only when its driver returned a fence again',
    holds: (_, job) => job.reusedFence,
  },
};

/** A job that is over stands on no fence any more, and holds none: dependencies would be kept for ever (E2). */
function checkLetGo(judge: Judge, job: object, label: string): void {
  const inside = job as {
    readonly waitsFor?: unknown;
    readonly extra?: { readonly after?: unknown; readonly dependencyDeadline?: unknown } | null;
    readonly current?: unknown;
  };
  if (!((inside.waitsFor ?? null) === null && (inside.extra?.after ?? null) === null))
    judge.fail('E2', `${label} has finished and still holds its dependencies`);
}
