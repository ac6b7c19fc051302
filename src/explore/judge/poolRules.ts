import type { Judge } from './judge.ts';
import type { JobRecord } from './records.ts';

/**
 * S6: first come, first served within a rank. Looked at whenever nothing is on its way: who has got slots since the last look,
 * while somebody of the same rank has waited for all of these pools since before it was submitted.
 */
export function checkTurns(judge: Judge): void {
  if (judge.pools.size === 0) return;
  const { jobs } = judge;
  for (let at = 0; at < jobs.length; at += 1) {
    const one = jobs[at] as JobRecord;
    const hasSlots = one.job.grants.size > 0;
    if (hasSlots && !one.hadSlots) checkPassed(judge, one, at);
  }
  for (const one of jobs) {
    one.hadSlots = one.job.grants.size > 0;
    const { priority } = one.entity;
    if (!isWaiting(judge, one)) one.waiting = null;
    else if (one.waiting?.priority !== priority) one.waiting = { jobs: jobs.length, priority };
  }
}

function checkPassed(judge: Judge, one: JobRecord, at: number): void {
  const { priority } = one.entity;
  for (const other of judge.jobs) {
    const { waiting, label } = other;
    if (waiting === null || waiting.jobs > at || waiting.priority !== priority) continue;
    if (other.entity.priority !== priority || !isWaiting(judge, other)) continue;
    if (wantsAllOf(judge, other, one))
      judge.fail('S6', `${one.label} has slots, and ${label} has waited for them since before it`);
  }
}

/** Whether `one` is the head of its queue, and only slots are missing. A reset displaces jobs, and they ask anew. */
function isWaiting(judge: Judge, one: JobRecord): boolean {
  const { job, entity, resources, after, prepared } = one;
  if (resources.size === 0 || job.state !== 'queued' || job.grants.size > 0) return false;
  if (one.attempts.length > 0 || judge.isDead(one)) return false;
  // What its entity has on the hardware may hold it back by the order alone.
  if (entity.jobs.some(({ attempts }) => attempts.at(-1)?.retired === false)) return false;
  const [scheduler] = entity.schedulers;
  if (entity.schedulers.length !== 1 || scheduler === undefined) return false;
  if (scheduler.state !== 'open' || scheduler.domain.resetting || entity.closing) return false;
  for (let at = entity.firstUnfinished; at < one.seqno - 1; at += 1) {
    if (entity.jobs[at]?.job.state === 'queued') return false;
  }
  return [...after.map(({ fence }) => fence), ...prepared].every(
    ({ status }) => status !== 'pending',
  );
}

/**
 * Whether `other` wants all that `one` wants, so that whoever passes `one` passes it, too, and age does not put `one` before it.
 * A reserve may serve who asks for less.
 */
function wantsAllOf(judge: Judge, other: JobRecord, one: JobRecord): boolean {
  for (const pool of one.resources.keys()) {
    if (judge.reservedPools.has(pool) || !other.resources.has(pool)) return false;
  }
  return true;
}
