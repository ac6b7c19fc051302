import { invalid, JobError } from '../base/index.ts';
import { attach, claimAsHardware, isFence } from '../fence/index.ts';
import type { FenceCore } from '../fence/index.ts';
import { chargeAccount } from './account.ts';
import { Attempt } from './attempt.ts';
import { end, endInTurn, settle } from './endings.ts';
import type { EntityCore } from './entityCore.ts';
import type { JobCore } from './jobCore.ts';
import { lookAtHeld } from './queueAgain.ts';
import { returnResources } from './resources.ts';
import type { Ring } from './ring.ts';
import type { SchedulerCore } from './schedulerCore.ts';
import { Estimate } from './stats.ts';
import { beginSlice, endSlice, nextSlice } from './slices.ts';
import { tellEnded, tellStarted } from './tellPolicy.ts';

/** The life of an attempt: start, hand-over to the driver, completion, charge, retirement (J3, J11, S8, S13, T1). */

export function start(core: SchedulerCore, entity: EntityCore, job: JobCore, ring: Ring): void {
  const lengthUs = ring.lengthOf(job);
  const goesOn = isNext(job) && core.slices && beginSlice(core, job);
  if (!isNext(job)) return;
  const number = goesOn ? job.attempt : job.attempt + 1;
  const isFirst = job.attempt === 0;
  const attempt = core.spareAttempts.pop() ?? new Attempt();
  const estimateUs = entity.estimateOf(job);
  attempt.begin(job, number, ring, estimateUs, core);
  job.current = attempt;
  job.attempt = attempt.number;
  job.ring = ring.index;
  job.phase = 'running';
  entity.skip(job);
  entity.queued -= 1;
  entity.running += 1;
  entity.unretired += 1;
  core.queued -= 1;
  core.inFlight += 1;
  const { use } = entity;
  if (isFirst) use.waitUs.add(job.ageUs(core));
  if (!goesOn) use.attempts += 1;
  const { extra } = job;
  if (extra !== null && extra.queueDeadline !== null) core.deadlines.clear(extra.queueDeadline);
  ring.push(job, lengthUs);
  tellStarted(core, entity, estimateUs);
  handOver(core, job, attempt, ring);
}

/** Whether `job` is still the one to start: a hook that is asked at a start may have ended it, or put one before it. */
function isNext(job: JobCore): boolean {
  return job.entity.nextStart === job;
}

/** Calls `runJob` and ties the job to its hardware fence, whatever the hook did to the job meanwhile. */
function handOver(core: SchedulerCore, job: JobCore, attempt: Attempt, ring: Ring): void {
  let hardware: unknown;
  try {
    hardware = core.hooks.runJob(job, ring.index);
  } catch (cause) {
    neverRan(core, job, new JobError('ERR_DRIVER', 'runJob failed', { cause, label: job.label }));
    return;
  }
  if (!isFence(hardware)) {
    const expected = 'a fence (signalledFence(runtime) for work that is complete)';
    const cause = invalid('runJob', expected, hardware);
    neverRan(core, job, new JobError('ERR_DRIVER', cause.message, { cause, label: job.label }));
    return;
  }
  if (!claimAsHardware(hardware)) {
    neverRan(core, job, new JobError('ERR_FENCE_REUSED', undefined, { label: job.label }));
    return;
  }
  // The hook may have ended the job: then the attempt is retired, or not even this job's any more.
  if (job.current !== attempt || attempt.ring === null) return;
  attempt.hardware = hardware;
  const hintUs = job.hintUs;
  if (hintUs !== null) hardware.setDeadline(hintUs);
  if (core.observers.listening) reportRun(core, job, hardware);
  job.signalScheduled(core, true);
  if (job.current !== attempt || attempt.ring === null) return;
  // A callback had it fail on time: the hardware has it already.
  if (attempt.attachedTo !== null) return;
  if (attempt.suspect) {
    watchAccused(core, job);
    return;
  }
  if (!attach(hardware, attempt)) {
    fenceSignalled(core, job);
    return;
  }
  watch(core, ring, attempt.startedAtUs);
  // What was asked while the driver did not have it yet.
  const isCancelled = job.isLive && (job.extra?.cancelError ?? null) !== null;
  if (isCancelled || core.ended) core.hooks.cancelJob(job);
}

/** Nothing of the attempt is on the hardware. */
function neverRan(core: SchedulerCore, job: JobCore, outcome: JobError): void {
  if (job.onRing === null) return;
  core.readClock();
  chargeAttempt(core, job, 'nothing');
  retire(core, job);
  if (job.phase === 'running') endInTurn(core, job, outcome);
}

/** The fence that `job` waited for signalled: see the rules of JobCore. */
export function fenceSignalled(core: SchedulerCore, job: JobCore): void {
  switch (job.phase) {
    case 'queued':
      core.askCheck(job.entity);
      break;
    case 'dead':
      core.readClock();
      settle(core, job);
      break;
    case 'running':
      if (job.isSuspect) accusedEnded(core, job);
      else complete(core, job);
      break;
    case 'ended':
    case 'finished':
      retire(core, job);
      break;
  }
}

/** The hardware fence of a running job has signalled. */
export function complete(core: SchedulerCore, job: JobCore): void {
  const hardware = job.current?.hardware ?? null;
  const error = hardware === null ? null : hardware.error;
  core.reachTime(hardware?.signalledAtUs ?? core.runtime.nowUs());
  const busyUs = chargeAttempt(core, job, 'measured');
  core.estimate.add(busyUs);
  learn(core, job, busyUs);
  const isWell = error === null && job.isLive && !job.isSuspect;
  const next = core.slices && isWell ? nextSlice(core, job) : null;
  // A hook may have reported a fault of the job: it is the reset's.
  if (job.isSuspect) return;
  retire(core, job);
  // Or closed the scheduler.
  if (job.phase !== 'running') return;
  if (next !== null) {
    endSlice(core, job, next, busyUs);
    return;
  }
  if (error === null) {
    core.domain.blames.addClean(job.entity, busyUs + (job.extra?.slicing?.usedUs ?? 0));
  }
  end(core, job, error);
}

/** Its reset may have to wait for another one; meanwhile the hardware may go on to what is behind an accused attempt. */
export function watchAccused(core: SchedulerCore, job: JobCore): void {
  const { current, onRing } = job;
  if (current === null || onRing === null || onRing.stopped) return;
  // Accused in `runJob`, it gets here again once its driver has given the fence.
  const { hardware } = current;
  if (hardware !== null && !attach(hardware, current)) accusedEnded(core, job);
  watch(core, onRing);
}

/** The hardware is done with an accused attempt before its reset began: its time ends here, that of the one behind begins (T1, S13). */
function accusedEnded(core: SchedulerCore, job: JobCore): void {
  const { hardware, ring } = job.current as Attempt;
  core.reachTime(hardware?.signalledAtUs ?? core.runtime.nowUs());
  chargeAttempt(core, job, 'measured');
  if (ring !== null) watch(core, ring);
}

/** What a job took tells what to expect of the next ones. */
function learn(core: SchedulerCore, job: JobCore, busyUs: number): void {
  const { use } = job.entity;
  use.estimate.add(busyUs);
  // What measured it may have ended it, and it may be freed.
  if (!job.isLive) return;
  if (typeof core.setup.credits !== 'number') use.learnKind(core.hooks.kindOf(job), busyUs);
  const saidUs = job.extra?.estimateUs ?? -1;
  if (saidUs < 0) return;
  use.overrun ??= new Estimate();
  use.overrun.add(busyUs / Math.max(1, saidUs));
}

/**
 * Settles the time of the attempt that ends now, once (S8, S11, S13): what its driver measured, else the clock; or nothing,
 * where it did not begin to execute.
 */
export function chargeAttempt(
  core: SchedulerCore,
  job: JobCore,
  used: 'measured' | 'clock' | 'nothing',
): number {
  const attempt = job.current;
  if (attempt === null || attempt.ring === null || attempt.charged) return 0;
  const { ring } = attempt;
  const { nowUs } = core;
  attempt.charged = true;
  const { entity } = job;
  let busyUs = 0;
  if (used !== 'nothing') {
    const measured = used === 'measured' ? core.hooks.measure(job) : null;
    const earliestUs = Math.max(attempt.startedAtUs, ring.lastEndUs);
    const startUs = Math.min(nowUs, Math.max(earliestUs, measured?.startUs ?? earliestUs));
    const endUs = Math.max(startUs, Math.min(nowUs, measured?.endUs ?? nowUs));
    busyUs = endUs - startUs;
    ring.lastEndUs = Math.max(ring.lastEndUs, endUs);
  }
  ring.busyUs += busyUs;
  attempt.busyUs += busyUs;
  entity.use.busyUs += busyUs;
  chargeAccount(entity.account, busyUs);
  if (attempt.hung) attempt.owedUs = busyUs;
  else tellEnded(core, entity, attempt.estimateUs, busyUs);
  return busyUs;
}

/** The hardware worked on after the job had failed on time: whose job it was pays for that (S11), and nobody behind it. */
function chargeHungTime(core: SchedulerCore, attempt: Attempt, entity: EntityCore): void {
  const ring = attempt.ring as Ring;
  core.readClock();
  const { nowUs } = core;
  const busyUs = Math.max(0, nowUs - ring.lastEndUs);
  ring.lastEndUs = nowUs;
  ring.busyUs += busyUs;
  entity.use.busyUs += busyUs;
  chargeAccount(entity.account, busyUs);
  tellEnded(core, entity, attempt.estimateUs, attempt.owedUs + busyUs);
}

/** The hardware can no longer touch anything of the attempt (J11): its credits go back. */
export function retire(core: SchedulerCore, job: JobCore): void {
  const { current: attempt, entity } = job;
  if (attempt === null || attempt.ring === null) return;
  const { ring } = attempt;
  if (attempt.hung) chargeHungTime(core, attempt, entity);
  ring.remove(job);
  attempt.ring = null;
  attempt.hardware = null;
  entity.unretired -= 1;
  // Asked before anybody is told: one that ends the scheduler then finishes the job, and that frees it.
  const isFinished = job.phase === 'finished';
  const { number } = attempt;
  returnResources(job);
  if (core.observers.listening) {
    const atUs = core.runtime.nowUs();
    core.observers.emit({ type: 'job-retire', atUs, fence: job.ref, attempt: number });
  }
  if (core.ended) core.domain.leave(core);
  if (isFinished) core.freeList.add(job);
  lookAtHeld(core, ring);
  const wasHeld = !core.pipelines || (job.extra?.slicing ?? null) !== null;
  if (wasHeld && entity.nextStart !== null && entity.serial) core.askCheck(entity);
  watch(core, ring);
  core.requestPass();
  core.tellRetired(entity);
}

/** The job is over; its hardware fence still tells when the attempt is retired. */
export function giveBackToHardware(core: SchedulerCore, job: JobCore): void {
  const { current } = job;
  // It may have come through here already: a `timedOut` hook may report a fault of its own job, or close the scheduler.
  if (current === null || current.attachedTo !== null) return;
  current.suspect = false;
  const { hardware, ring } = current;
  if (hardware !== null && ring !== null && !attach(hardware, current)) retire(core, job);
}

/** Starts the clock of the job that executes on `ring`, since now or `sinceUs`, unless it is running already (T1). */
export function watch(core: SchedulerCore, ring: Ring, sinceUs?: number): void {
  if (!core.ordered) {
    watchFirstDue(core, ring, sinceUs ?? core.nowUs);
    return;
  }
  const job = ring.stopped ? null : ring.executing();
  if (job === ring.watched) return;
  ring.watched = job;
  const timeoutUs = job === null ? Infinity : job.runTimeoutUs;
  if (timeoutUs === Infinity) core.deadlines.clear(ring.deadline);
  else core.deadlines.set(ring.deadline, core.deadlines.nowUs(sinceUs ?? core.nowUs) + timeoutUs);
}

/** On an unordered ring each job executes from its start: the run deadline there is that of the one that is due first (T1). */
function watchFirstDue(core: SchedulerCore, ring: Ring, sinceUs: number): void {
  let first: JobCore | null = null;
  let firstUs = Infinity;
  for (const job of ring.stopped ? [] : ring.attempts) {
    const { current } = job;
    if (!job.isLive || current === null || current.suspect) continue;
    if (Number.isNaN(current.dueUs)) {
      current.dueUs = core.deadlines.nowUs(sinceUs) + job.runTimeoutUs;
    }
    if (current.dueUs >= firstUs) continue;
    first = job;
    firstUs = current.dueUs;
  }
  if (first === ring.watched) return;
  ring.watched = first;
  core.deadlines.set(ring.deadline, firstUs);
}

function reportRun(core: SchedulerCore, job: JobCore, hardware: FenceCore): void {
  core.observers.emit({
    type: 'job-run',
    atUs: core.runtime.nowUs(),
    fence: job.ref,
    hardware: [hardware.timeline.id, hardware.seqno],
    ring: job.ring ?? 0,
    client: job.entity.setup.client,
    attempt: job.attempt,
    queued: core.queued,
    inFlight: core.inFlight,
  });
}
