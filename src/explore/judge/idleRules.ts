import type { Judge } from './judge.ts';
import type { EntityRecord, JobRecord, RingRecord, SchedulerRecord } from './records.ts';
import { creditsOn, holdingBack } from './runRules.ts';

/** What must hold whenever nothing is deferred and no timer is due: S2, S3, J2, J6, J10, E2. */
export function idle(judge: Judge): void {
  for (const entity of judge.entities) checkEntity(judge, entity);
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
    judge.check(
      (state === 'finished') === isFinished,
      'J2',
      () =>
        `${job.label} is ${state}, and its finished fence ${isFinished ? 'signalled' : 'pending'}`,
    );
    if (state === 'running') running += 1;
    if (state === 'queued' && job.dead === null && !record.killed) {
      queued += 1;
      if (judge.isDead(job)) isSure = false;
    }
  }
  const { label } = record;
  judge.check(
    entity.running === running,
    'J2',
    () => `${label} counts ${entity.running} running jobs, and ${running} are`,
  );
  judge.check(
    entity.queued === queued || (!isSure && entity.queued < queued),
    'J2',
    () => `${label} counts ${entity.queued} queued jobs, and ${queued} are`,
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
  const fits = (job: JobRecord): boolean => roomFor(job, scheduler).length > 0;
  const isEmpty = scheduler.rings.every((ring) => ring.attempts.length === 0);
  const mayHold = judge.entities.some((entity) => holdsOthers(judge, entity, scheduler, fits));
  const waiting = isEmpty || (ready.every(fits) && !mayHold) ? ready.find(fits) : undefined;
  judge.check(
    waiting === undefined,
    'S3',
    () =>
      `${waiting?.label} could start on ${scheduler.label}, which has room, and nothing is on its way: a wake-up was lost`,
  );
}

/** Whether the head of `entity`, or what may be its head, is a job that does not fit, and that holds others back (S5). */
function holdsOthers(
  judge: Judge,
  entity: EntityRecord,
  scheduler: SchedulerRecord,
  fits: (job: JobRecord) => boolean,
): boolean {
  const queued = entity.jobs
    .slice(entity.firstUnfinished)
    .filter(({ job }) => job.state === 'queued');
  const isSure = !queued.some((job) => judge.isDead(job));
  const heads = isSure ? queued.slice(0, 1) : queued;
  return heads.some((job) => !fits(job) && holdingBack(judge, job, scheduler).length === 0);
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
    if (job.job.state !== 'queued' || job.dead !== null) continue;
    if (judge.mayHaveExpired(job)) return null;
    const isHere = judge.placeOf(job) === scheduler;
    return isHere && isReady(judge, job, scheduler) ? job : null;
  }
  return null;
}

function isReady(judge: Judge, job: JobRecord, scheduler: SchedulerRecord): boolean {
  if (holdingBack(judge, job, scheduler).length > 0) return false;
  if (
    job.after.some(
      ({ fence, of }) =>
        fence.status === 'pending' && (scheduler.wasDisturbed || !isCovered(judge, of)),
    )
  )
    return false;
  if (job.prepared.some((fence) => fence.status === 'pending')) return false;
  for (const [pool, count] of job.resources) {
    if ((job.job.grants.get(pool)?.length ?? 0) === count) continue;
    const isWanted = judge.jobs.some(
      (other) => other !== job && other.resources.has(pool) && other.job.state === 'queued',
    );
    if (isWanted || pool.free < count || judge.reservedPools.has(pool)) return false;
  }
  return true;
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

/** The rings where `job` could start: its serial entity may be bound to one (J4). */
function roomFor(job: JobRecord, scheduler: SchedulerRecord): RingRecord[] {
  const cost = Math.min(job.credits, scheduler.credits);
  const { entity } = job;
  const mine = scheduler.rings.filter((ring) =>
    ring.attempts.some((one) => one.job.entity === entity),
  );
  if (entity.serial && mine.length > 0 && !scheduler.ordered) return [];
  const rings = entity.serial && mine.length > 0 ? mine : scheduler.rings;
  return rings.filter((ring) => creditsOn(ring, scheduler) + cost <= scheduler.credits);
}
