import { JobError } from '../base/index.ts';
import { attach } from '../fence/index.ts';
import { chargeAttempt, complete, giveBackToHardware, watch, watchAccused } from './attempts.ts';
import type { Deadline } from './deadlines.ts';
import type { Verdict } from './driver.ts';
import { convict, die, end, settle } from './endings.ts';
import type { JobCore } from './jobCore.ts';
import type { Ring } from './ring.ts';
import type { SchedulerCore } from './schedulerCore.ts';

/** What happens when a deadline passes (J10, T2). */
export function expire(core: SchedulerCore, due: readonly Deadline[]): void {
  const late: JobCore[] = [];
  // First: in a callback of what expires below the late job may end, and another begin to execute.
  for (const { ring } of due) if (ring !== null) late.push(...lateOn(core, ring));
  for (const { kind, job } of due) {
    if (job === null) continue;
    if (kind === 'queue') expireInQueue(core, job);
    else expireDependency(core, job);
  }
  judge(core, late);
  core.requestPass();
}

/** The jobs on `ring`, whose deadline has come, that are past their own: on an unordered ring several may be, in one moment. */
export function lateOn(core: SchedulerCore, ring: Ring): JobCore[] {
  const { watched } = ring;
  if (watched === null) return [];
  if (core.ordered) return [watched];
  const nowUs = core.deadlines.nowUs();
  return ring.attempts.filter(
    (job) => job === watched || (job.isLive && (job.current?.dueUs ?? Infinity) <= nowUs),
  );
}

function expireInQueue(core: SchedulerCore, job: JobCore): void {
  if (job.phase !== 'queued') return;
  die(core, job, new JobError('ERR_QUEUE_TIMEOUT', undefined, { label: job.label }));
}

/** It waits no longer, whether it was to run or is dead already (J10). */
function expireDependency(core: SchedulerCore, job: JobCore): void {
  job.need().stopWaiting = true;
  const on = job.waitsFor;
  job.leaveFence();
  if (job.phase === 'queued') {
    const name = on === null ? 'a dependency' : `fence ${on.seqno} of ${on.timeline.label}`;
    const message = `${name} did not signal within the job's dependency timeout`;
    const { label } = job;
    const cause = new JobError('ERR_WAIT_TIMEOUT', message, { label });
    die(core, job, new JobError('ERR_DEPENDENCY_FAILED', message, { cause, label }));
  } else if (job.phase === 'dead') {
    core.readClock();
    settle(core, job);
  }
}

/** Asks the driver about jobs that are past their deadlines, and carries out what it says (T2). */
export function judge(core: SchedulerCore, late: readonly JobCore[]): void {
  for (const job of late) {
    const { current } = job;
    if (!job.isLive || current === null || current.suspect) continue;
    job.leaveFence();
    current.suspect = true;
    core.timeouts += 1;
    let verdict = core.hooks.timedOut(job);
    const extra = job.need();
    if (verdict === 'waits') {
      // It is given back like what progresses, and only that is counted.
      verdict = 'no-hang';
    } else if (verdict === 'no-hang') {
      extra.noHangs += 1;
      if (extra.noHangs > core.setup.noHangLimit) verdict = 'reset';
    }
    report(core, job, verdict);
    // The hook may have closed the scheduler, or removed the device.
    if (!job.isLive) {
      giveBackToHardware(core, job);
    } else if (verdict === 'no-hang') {
      giveBack(core, job);
    } else if (verdict === 'gone') {
      core.domain.lose(new JobError('ERR_DEVICE_GONE', undefined, { label: job.label }));
      return;
    } else {
      const error = new JobError('ERR_JOB_TIMEOUT', undefined, { label: job.label });
      if (verdict === 'fail') failOnTime(core, job, error);
      else accuse(core, job, error);
    }
  }
}

/** Has a reset begin in which `job` is guilty; without a reset hook it fails on time, and holds its credit (T2, J11). */
export function accuse(core: SchedulerCore, job: JobCore, error: JobError): void {
  if (core.driver.reset === undefined && !core.domain.covers(job)) {
    failOnTime(core, job, error);
    return;
  }
  core.domain.accuse(job, error);
  watchAccused(core, job);
}

/** Fails `job`, guilty, although the hardware still works on it: its ring is hung until it is done. */
function failOnTime(core: SchedulerCore, job: JobCore, error: JobError): void {
  const ring = job.onRing;
  core.readClock();
  // Its time is settled where the hardware was done: a hook that was asked about that named it.
  if (job.current !== null && !job.current.charged) job.current.hung = true;
  chargeAttempt(core, job, 'clock');
  convict(core, job);
  if (job.isLive) end(core, job, error);
  giveBackToHardware(core, job);
  if (ring !== null) watch(core, ring);
}

/** The job progresses: its clock starts anew, or it completes if it did so meanwhile. */
function giveBack(core: SchedulerCore, job: JobCore): void {
  const { current } = job;
  if (current === null) return;
  current.suspect = false;
  const { hardware, ring } = current;
  if (hardware === null || ring === null) return;
  if (!attach(hardware, current)) {
    complete(core, job);
    return;
  }
  ring.watched = null;
  current.dueUs = NaN;
  core.readClock();
  watch(core, ring);
  // While it was out of reach its driver was not asked.
  if ((job.extra?.cancelError ?? null) !== null) core.hooks.cancelJob(job);
}

function report(core: SchedulerCore, job: JobCore, verdict: Exclude<Verdict, 'waits'>): void {
  if (!core.observers.listening) return;
  const { client } = job.entity.setup;
  const atUs = core.runtime.nowUs();
  const ring = job.ring ?? 0;
  core.observers.emit({ type: 'timeout', atUs, fence: job.ref, client, ring, verdict });
}
