import { JobError } from '../base/index.ts';
import type { FencelineError } from '../base/index.ts';
import { signalTogether, stopListening } from '../fence/index.ts';
import { resolveDependencies, startDependencyClock } from './dependencies.ts';
import type { EntityCore } from './entityCore.ts';
import type { JobCore } from './jobCore.ts';
import { openRing, queueAgain } from './queueAgain.ts';
import { returnResources } from './resources.ts';
import type { SchedulerCore } from './schedulerCore.ts';

/** How jobs end: outcomes, the order of finished fences, death before a start, and what ends an entity (J3, J4, J9, T6, E2). */

/** The attempt of `job` is over and this is its outcome; its finished fence signals as soon as the order allows. */
export function end(core: SchedulerCore, job: JobCore, outcome: FencelineError | null): void {
  job.outcome = outcome;
  job.phase = 'ended';
  core.inFlight -= 1;
  settle(core, job);
}

/**
 * As `end`, for a job that was handed to the ring ahead of what it waits for (J7), and whose attempt is off the ring: it signals
 * after that, like one that was killed (E2).
 */
export function endInTurn(core: SchedulerCore, job: JobCore, outcome: FencelineError | null): void {
  if (outcome === null || job.extra?.pipelined !== true) {
    end(core, job, outcome);
    return;
  }
  queueAgain(job);
  die(core, job, outcome);
}

/** Takes a queued job out: it never starts, or goes on no more. Its fences signal later, as E2 says. */
export function die(core: SchedulerCore, job: JobCore, outcome: FencelineError | null): void {
  markDead(core, job, outcome);
  core.readClock();
  settle(core, job);
}

/** Ends `entity`: it takes no more jobs, and what is queued never starts (E2). */
export function kill(core: SchedulerCore, entity: EntityCore, error: FencelineError): void {
  if (entity.killed !== null) return;
  entity.needEnds().killed = error;
  core.openEntities -= 1;
  core.reportEntity('entity-kill', entity);
  dieAll(core, entity, error);
}

/** Counts a guilty job (T6): karma, the ban, and what they end. */
export function convict(core: SchedulerCore, job: JobCore): void {
  const { entity } = job;
  const { blames, members } = core.domain;
  const banned = blames.addGuilty(entity, core.setup.banAfter);
  if (entity.setup.killOnFault) kill(core, entity, entity.killError);
  if (!banned) return;
  if (core.observers.listening) {
    const { client } = entity.setup;
    const atUs = core.runtime.nowUs();
    const karma = blames.of(entity)?.karma ?? 0;
    core.observers.emit({ type: 'ban', atUs, client, entity: entity.id, karma });
  }
  for (const other of [...members].flatMap(({ active }) => [...active])) {
    if (blames.of(other)?.banned !== true) continue;
    const error = new JobError('ERR_CLIENT_BANNED', undefined, { label: other.label });
    kill(other.scheduler, other, error);
  }
}

/** Ends every queued job of `entity` with `outcome` (E2). */
function dieAll(core: SchedulerCore, entity: EntityCore, outcome: FencelineError): void {
  const dead: JobCore[] = [];
  for (let job = entity.first; job !== null; job = job.after) {
    if (job.phase === 'queued') dead.push(job);
  }
  // Slots go back meanwhile, and an observer of that may have ended some.
  for (const job of dead) if (job.phase === 'queued') markDead(core, job, outcome);
  core.readClock();
  if (entity.serial) advance(entity);
  else for (const job of dead) settle(core, job);
}

function markDead(core: SchedulerCore, job: JobCore, outcome: FencelineError | null): void {
  const { entity, extra } = job;
  job.outcome = outcome;
  job.phase = 'dead';
  entity.queued -= 1;
  core.queued -= 1;
  entity.skip(job);
  returnResources(job);
  if (extra !== null) {
    if (extra.slicing !== null) openRing(core, job);
    // A dependency that pipelining passed over counts again: memory may be reused when the fence signals.
    extra.nextAfter = 0;
    if (extra.queueDeadline !== null) core.deadlines.clear(extra.queueDeadline);
  }
  if (job.waitsFor !== null) startDependencyClock(core, job);
  core.askCheck(entity);
}

/** Finishes what may finish now that `job` is ended or dead. */
export function settle(core: SchedulerCore, job: JobCore): void {
  if (job.entity.serial) {
    advance(job.entity);
  } else if (job.phase === 'ended' || (job.phase === 'dead' && isReadyToFinish(core, job))) {
    finish(core, job);
  }
}

/** Finishes jobs from the front of a serial entity, as far as they have ended (J4). */
export function advance(entity: EntityCore): void {
  if (entity.advancing) return;
  entity.advancing = true;
  for (let job = entity.first; job !== null; job = entity.first) {
    // A callback of the job before may have submitted this one to another scheduler (S12).
    const core = entity.scheduler;
    const done = job.phase === 'ended' || (job.phase === 'dead' && isReadyToFinish(core, job));
    if (done) finish(core, job);
    // Who heard what it is blocked by may have had that signal, while this held it back.
    else if (entity.first === job && (job.phase !== 'dead' || job.waitsFor !== null)) break;
  }
  entity.advancing = false;
}

function isReadyToFinish(core: SchedulerCore, job: JobCore): boolean {
  return job.waitsFor === null && resolveDependencies(core, job) === 'ready';
}

/** Signals the fences of `job`, which is first in order. Everything else is settled before, because callbacks run in here. */
export function finish(core: SchedulerCore, job: JobCore): void {
  const { entity, extra, outcome } = job;
  // Asked before anybody is told: one that lets the hardware complete, or removes the device, retires the job, and that frees it.
  const isRetired = job.onRing === null;
  if (job.phase === 'ended') entity.running -= 1;
  job.phase = 'finished';
  entity.unlink(job);
  const { use } = entity;
  if (outcome === null) use.completed += 1;
  else use.failed += 1;
  use.turnaroundUs.add(job.ageUs(core));
  entity.use.lastError = outcome;
  // Signals and observers are told before the fence signals: one that ends the scheduler must not have the next one finish first (J4).
  entity.finishing = true;
  if (extra !== null) letGo(core, job);
  if (core.observers.listening) {
    const error = outcome?.code ?? null;
    const { ref, ring } = job;
    const busyUs = job.current?.busyUs ?? 0;
    core.observers.emit({ type: 'job-done', atUs: core.nowUs, fence: ref, error, busyUs, ring });
  }
  if (job.wasScheduled) {
    entity.finishing = false;
    job.signalFinished(core);
  } else {
    signalBoth(core, job);
  }
  if (isRetired) core.freeList.add(job);
  if (entity.first === null) core.entityIdle(entity);
  else if (entity.scheduler !== core) core.left(entity);
}

/** Of a job that never started. Whoever acts inside a callback of the first may finish later jobs: their fences come after both. */
function signalBoth(core: SchedulerCore, job: JobCore): void {
  signalTogether(() => {
    job.signalScheduled(core, false);
    job.entity.finishing = false;
    job.signalFinished(core);
  });
}

/** Takes back deadlines and listeners of a job that finishes. */
function letGo(core: SchedulerCore, job: JobCore): void {
  const { extra } = job;
  if (extra === null) return;
  const { queueDeadline, dependencyDeadline } = extra;
  if (queueDeadline !== null) core.deadlines.clear(queueDeadline);
  if (dependencyDeadline !== null) core.deadlines.clear(dependencyDeadline);
  if (queueDeadline !== null || dependencyDeadline !== null) core.requestPass();
  if (extra.onAbort !== null) stopListening(core.runtime, extra.signal, extra.onAbort);
  extra.after = null;
  if (extra.slicing !== null) core.suspended.delete(job);
}

/** The error of a job that was cancelled. */
export function cancelled(job: JobCore, reason: unknown): JobError {
  const options = reason === undefined ? { label: job.label } : { label: job.label, cause: reason };
  return new JobError('ERR_JOB_CANCELLED', undefined, options);
}
