import type { Driver, Job } from '../../sched/index.ts';
import type { Judge } from './judge.ts';
import type { AttemptRecord, JobRecord, RingRecord, SchedulerRecord } from './records.ts';

/** What must hold of jobs that are served slice by slice: S14, and T4 between two slices. */

/** Whether the slice `last` ended well, and its job is to come back: it has not begun anew since. */
export function goesOn(last: AttemptRecord | undefined): last is AttemptRecord {
  return last !== undefined && last.goesOn !== null && last.taken === 'no';
}

/** Whether `job` waits between two slices: until a reset that took it is over, it is as it was. */
export function isSuspended({ job, attempts }: JobRecord): boolean {
  const last = attempts.at(-1);
  if (job.state !== 'queued' || last === undefined || last.goesOn === null) return false;
  return last.taken === 'no' || last.scheduler.domain.resetting;
}

/** The number of the attempt that a start now belongs to: a further slice is of the same attempt. */
export function numberOfStart({ attempts }: JobRecord): number {
  const last = attempts.at(-1);
  return (last?.number ?? 0) + (goesOn(last) ? 0 : 1);
}

/** Whether earlier slices of the same attempt ran: then it had begun, wherever this one was when a reset took it (T4). */
export function isFurtherSlice({ job, number }: AttemptRecord): boolean {
  return job.attempts.filter((other) => other.number === number).length > 1;
}

/** The ring that the next slice of `job` needs; `null`: any will do, or there is none. */
export function ringOfNextSlice({ attempts }: JobRecord): RingRecord | null {
  const last = attempts.at(-1);
  return goesOn(last) && last.goesOn === 'same-ring' ? last.ring : null;
}

/** Asked when an attempt begins. */
export function isSliced(judge: Judge, driver: Driver<never>, job: Job<never>): boolean {
  const record = judge.recordOf(job);
  record.sliced = driver.isSliced?.(job) ?? true;
  return record.sliced;
}

/** Asked once for each slice that ended well. */
export function nextSlice(
  judge: Judge,
  driver: Driver<never>,
  job: Job<never>,
): 'any-ring' | 'same-ring' | null {
  const record = judge.recordOf(job);
  const { label } = record;
  const attempt = record.attempts.at(-1);
  judge.settleInstant();
  if (!record.sliced) judge.fail('S14', `nextSlice is asked of ${label}, which is not sliced`);
  if (record.freed > 0) judge.fail('D3', `nextSlice is asked of ${label} after it was freed`);
  if (attempt?.hardware.status !== 'ok' || attempt.detached)
    judge.fail('S14', `nextSlice is asked of ${label}, of which no slice has ended well`);
  if (attempt?.wasAsked === true)
    judge.fail('S14', `nextSlice is asked of ${label} twice for one slice`);
  let answer: 'any-ring' | 'same-ring' | null;
  try {
    answer = driver.nextSlice?.(job) ?? null;
  } catch (error) {
    record.hookThrew = true;
    throw error;
  }
  if (judge.isTold) judge.tell(`nextSlice ${label}: ${answer ?? 'it is over'}`);
  if (attempt === undefined) return answer;
  attempt.wasAsked = true;
  attempt.goesOn = answer;
  return answer;
}

/** A further slice starts. */
export function checkSlice(
  judge: Judge,
  job: JobRecord,
  last: AttemptRecord,
  ring: RingRecord,
): void {
  if (job.cancelled) judge.fail('J9', `${job.label} goes on although it was cancelled`);
  if (last.goesOn === 'same-ring' && last.ring !== ring)
    judge.fail(
      'S14',
      `${job.label} goes on on ring ${ring.index}, and what it needs is on ring ${last.ring.index}`,
    );
}

/** Whether an earlier job of the same serial entity is on the ring that may come back: nothing has to start behind that. */
export function isBehindSliced(judge: Judge, job: JobRecord): boolean {
  const { entity, seqno } = job;
  if (!entity.serial) return false;
  for (const { rings } of judge.schedulers) {
    for (const { attempts } of rings) {
      for (const { job: other } of attempts) {
        if (other.sliced && other.entity === entity && other.seqno < seqno) return true;
      }
    }
  }
  return false;
}

/** T4: a reset of the rings that hold what a job left between two slices takes it, too; it had begun. */
export function takeSuspended(
  judge: Judge,
  scheduler: SchedulerRecord,
  rings: readonly number[],
): void {
  const isWhole = rings.length === scheduler.rings.length;
  for (const { attempts, job } of judge.jobs) {
    const last = attempts.at(-1);
    if (!goesOn(last) || last.scheduler !== scheduler || job.state !== 'queued') continue;
    if (last.goesOn === 'same-ring' ? rings.includes(last.ring.index) : isWhole)
      last.taken = 'begun';
  }
}
