import type { ResourcePool } from '../../sched/index.ts';
import { isOver } from './judge.ts';
import type { Judge } from './judge.ts';
import type { EntityRecord, JobRecord, RingRecord, SchedulerRecord } from './records.ts';
import { checkTurns } from './poolRules.ts';
import { creditsOn, holdingBack } from './runRules.ts';
import { isBehindSliced, ringOfNextSlice } from './sliceRules.ts';

/** What must hold whenever nothing is deferred and no timer is due: S2, S3, S6, J2, J6, J9, J10, E2. */
export function idle(judge: Judge): void {
  for (const entity of judge.entities) checkEntity(judge, entity);
  checkTurns(judge);
  for (const entity of judge.entities) checkBlocked(judge, entity);
  for (const scheduler of judge.schedulers) {
    if (scheduler.state === 'open' || scheduler.state === 'draining') checkWork(judge, scheduler);
  }
}

/** J2: everybody is in one place, and the counters say so. */
function checkEntity(judge: Judge, record: EntityRecord): void {
  const { entity } = record;
  let running = 0;
  let queued = 0;
  let isSure = true;
  for (let at = record.firstUnfinished; at < record.jobs.length; at += 1) {
    const job = record.jobs[at] as JobRecord;
    const { state } = job.job;
    const isFinished = judge.isFinished(job);
    if ((state === 'finished') !== isFinished)
      judge.fail(
        'J2',
        `${job.label} is ${state}, and its finished fence ${isFinished ? 'signalled' : 'pending'}`,
      );
    if (state === 'running') {
      running += 1;
      checkCancel(judge, job);
    }
    if (state === 'queued' && !isOver(job) && !record.killed) {
      queued += 1;
      if (judge.isDead(job)) isSure = false;
    }
  }
  const { label } = record;
  if (entity.running !== running)
    judge.fail('J2', `${label} counts ${entity.running} running jobs, and ${running} are`);
  if (!(entity.queued === queued || (!isSure && entity.queued < queued)))
    judge.fail('J2', `${label} counts ${entity.queued} queued jobs, and ${queued} are`);
}

/** J9: the driver of a running job that was cancelled has been asked, once the job is within its reach. */
function checkCancel(judge: Judge, job: JobRecord): void {
  const attempt = job.attempts.at(-1);
  if (!job.cancelled || !judge.isOnRing(attempt) || attempt.cancelAsked > 0) return;
  if (attempt.scheduler.driver.cancelJob === undefined) return;
  judge.fail('J9', `${job.label} was cancelled while it ran, and its driver was never asked`);
}

/** J10: nobody waits for one dependency at the head of his queue for longer than his limit. */
function checkBlocked(judge: Judge, { entity, jobs, firstUnfinished, killed }: EntityRecord): void {
  if (entity.queued === 0) return;
  const waiting = jobs.slice(firstUnfinished).filter(({ job }) => job.state === 'queued');
  const [head] = waiting;
  if (head === undefined) return;
  const place = judge.placeOf(head);
  // Of the scheduler where it waits, whatever others of its entity would allow.
  const limitUs = head.dependencyTimeoutUs ?? place?.dependencyTimeoutUs ?? Infinity;
  if (limitUs === Infinity || place === null) return;
  // Who has expired says `queued` until its fences signal, and counts nowhere.
  const hasExpired = entity.queued < waiting.filter((job) => !isOver(job)).length;
  const isSteady =
    place.state === 'open' && !place.domain.resetting && !place.wasDisturbed && !killed;
  const on = holdingBack(judge, head, place)?.fence ?? null;
  const hasClock = place.suspendedAtUs === null && place.stoodStillUs === 0;
  if (!isSteady || hasExpired || !hasClock || on === null || isOver(head)) {
    head.blocked = null;
    return;
  }
  if (head.blocked?.on !== on) head.blocked = { on, sinceUs: judge.runtime.nowUs() };
  const untilUs = head.blocked.sinceUs + limitUs;
  if (judge.runtime.lastFiredForUs > untilUs)
    judge.fail(
      'J10',
      `${head.label} waits for its dependency for longer than ${limitUs} microseconds`,
    );
}

/** S2, S3, S5: no ring has room while somebody could start there. */
function checkWork(judge: Judge, scheduler: SchedulerRecord): void {
  if (scheduler.domain.resetting) return;
  const ready: JobRecord[] = [];
  for (const entity of judge.entities) {
    const head = readyHead(judge, entity, scheduler);
    if (head !== null) ready.push(head);
  }
  if (ready.length === 0) return;
  const waiting = startable(judge, scheduler, ready);
  if (waiting !== undefined)
    judge.fail(
      'S3',
      `${waiting?.label} could start on ${scheduler.label}, which has room, and nothing is on its way: a wake-up was lost`,
    );
}

/** Which of `ready` could start now for sure: on empty rings, or where all fit and nobody who does not holds them back. */
function startable(
  judge: Judge,
  scheduler: SchedulerRecord,
  ready: readonly JobRecord[],
): JobRecord | undefined {
  const fitting = ready.filter((job) => hasRoomFor(job, scheduler));
  if (fitting.length === 0) return undefined;
  const isEmpty = scheduler.rings.every((ring) => ring.attempts.length === 0);
  if (isEmpty) return fitting[0];
  if (fitting.length < ready.length) return undefined;
  const mayHold = judge.entities.some((entity) => holdsOthers(judge, entity, scheduler));
  return mayHold ? undefined : fitting[0];
}

/** Whether the head of `entity`, or what may be its head, is a job that does not fit, and that holds others back (S5). */
function holdsOthers(judge: Judge, entity: EntityRecord, scheduler: SchedulerRecord): boolean {
  const queued = entity.jobs
    .slice(entity.firstUnfinished)
    .filter(({ job }) => job.state === 'queued');
  const isSure = !queued.some((job) => judge.isDead(job));
  const heads = isSure ? queued.slice(0, 1) : queued;
  return heads.some(
    (job) => !hasRoomFor(job, scheduler) && holdingBack(judge, job, scheduler) === null,
  );
}

/** The first queued job of `entity`, where nothing that the judge knows of holds it back. */
export function readyHead(
  judge: Judge,
  entity: EntityRecord,
  scheduler: SchedulerRecord,
): JobRecord | null {
  if (judge.mayBeKilled(entity)) return null;
  const { jobs } = entity;
  for (let at = entity.firstUnfinished; at < jobs.length; at += 1) {
    const job = jobs[at] as JobRecord;
    if (job.job.state !== 'queued' || isOver(job)) continue;
    if (judge.mayHaveExpired(job)) return null;
    const isHere = judge.placeOf(job) === scheduler;
    return isHere && isReady(judge, job, scheduler) ? job : null;
  }
  return null;
}

function isReady(judge: Judge, job: JobRecord, scheduler: SchedulerRecord): boolean {
  if (isBehindSliced(judge, job) || holdingBack(judge, job, scheduler) !== null) return false;
  for (const { fence, of } of job.after) {
    const isPending = fence.status === 'pending';
    if (isPending && (scheduler.wasDisturbed || !isCovered(judge, of))) return false;
  }
  if (job.prepared.some((fence) => fence.status === 'pending')) return false;
  for (const [pool, count] of job.resources) {
    if ((job.job.grants.get(pool)?.length ?? 0) === count) continue;
    if (pool.free < count || judge.reservedPools.has(pool)) return false;
    if (isWantedBesides(judge, job, pool)) return false;
  }
  return true;
}

/** Whether somebody else who is queued asks for slots of `pool`. */
function isWantedBesides(judge: Judge, job: JobRecord, pool: ResourcePool): boolean {
  return judge.jobs.some(
    (other) => other !== job && other.resources.has(pool) && other.job.state === 'queued',
  );
}

/** Whether the ring's order covers a dependency on `of` for sure: it, and all before it in its serial entity, are there (J7). */
function isCovered(judge: Judge, of: JobRecord | null): boolean {
  if (of === null) return false;
  const { jobs, firstUnfinished, serial } = of.entity;
  if (!serial) return true;
  // One that died, and waits for its predecessor, is not on the ring either.
  if (jobs.slice(0, of.seqno).some(({ attempts }) => attempts.length === 0)) return false;
  for (let at = firstUnfinished; at < jobs.length; at += 1) {
    const other = jobs[at] as JobRecord;
    if (other.seqno >= of.seqno) return true;
    if (judge.isFinished(other)) continue;
    if (!judge.isOnRing(other.attempts.at(-1))) return false;
  }
  return true;
}

/** Whether `job` could start on a ring: its serial entity may be bound to one (J4). */
function hasRoomFor(job: JobRecord, scheduler: SchedulerRecord): boolean {
  const cost = Math.min(job.credits, scheduler.credits);
  const pinned = ringOfNextSlice(job);
  if (pinned !== null) return creditsOn(pinned, scheduler) + cost <= scheduler.credits;
  const isBound = job.entity.serial && scheduler.rings.some((ring) => isOn(job.entity, ring));
  if (isBound && !scheduler.ordered) return false;
  for (const ring of scheduler.rings) {
    if (isBound && !isOn(job.entity, ring)) continue;
    if (creditsOn(ring, scheduler) + cost <= scheduler.credits) return true;
  }
  return false;
}

function isOn(entity: EntityRecord, ring: RingRecord): boolean {
  for (const { job } of ring.attempts) if (job.entity === entity) return true;
  return false;
}
