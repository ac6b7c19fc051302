import type { SchedulerStats } from '../../sched/index.ts';
import { accused } from './accuse.ts';
import { noteUnwatched } from './finishRules.ts';
import type { Judge } from './judge.ts';
import type {
  DomainRecord,
  EntityRecord,
  JobRecord,
  RingRecord,
  SchedulerRecord,
} from './records.ts';
import { noteResets } from './resetRules.ts';
import { creditsOn } from './runRules.ts';

/**
 * What must hold after every step: S4 and the counters, T1, T8, F2 of fences that nobody listens to. Of a step that
 * `isKnown`, because it was judged before, only what later rules need is noted.
 */
export function stepEnded(judge: Judge, isKnown: boolean): void {
  const { schedulers } = judge;
  judge.settleInstant();
  for (const job of judge.unwatched) if (judge.isFinished(job)) noteUnwatched(judge, job);
  const stats: SchedulerStats[] = [];
  let hasReset = false;
  for (const one of schedulers) {
    const now = one.scheduler.stats();
    stats.push(now);
    if (!one.hasTimedOut) accuseTheLate(judge, one, now.timeouts);
    if (now.resets !== one.resets) hasReset = true;
  }
  if (hasReset) {
    noteResets(judge, new Map(schedulers.map((one, at) => [one, stats[at]?.resets ?? 0])));
  }
  for (const one of schedulers) {
    if (one.state === 'draining' && one.scheduler.gone.status === 'ok') one.state = 'closed';
  }
  for (const entity of judge.entities) noteBan(judge, entity);
  for (const domain of judge.domains) if (domain.resetting) noteGivenUp(judge, domain, stats);
  for (let at = 0; at < schedulers.length; at += 1) {
    const one = schedulers[at] as SchedulerRecord;
    checkGone(judge, one);
    if (isKnown) continue;
    if (!one.isUnsure) checkCounters(judge, one, stats[at] as SchedulerStats);
    for (const ring of one.rings) checkTimer(judge, one, ring);
  }
}

/** T2: nobody is asked about a job whose time is up, where the driver has no hook for that: it is guilty. */
function accuseTheLate(judge: Judge, scheduler: SchedulerRecord, timeouts: number): void {
  // Where other timers are due at the same time, only the scheduler can tell whether its own has fired.
  const hasFired = timeouts > scheduler.timeouts;
  scheduler.timeouts = timeouts;
  const executing = scheduler.rings.flatMap((ring) => judge.executingAll(scheduler, ring));
  for (const attempt of executing) {
    if (attempt.detached || !judge.isPastItsTime(attempt)) continue;
    const limitUs = attempt.job.runTimeoutUs ?? scheduler.runTimeoutUs;
    const deadlineUs = attempt.execClockUs + limitUs + scheduler.stoodStillUs;
    const { lastFiredForUs, nextTimerAtUs } = judge.runtime;
    if (hasFired || (lastFiredForUs >= deadlineUs && nextTimerAtUs > deadlineUs)) {
      accused(judge, scheduler, attempt.job, attempt);
    } else {
      scheduler.isUnsure = true;
    }
  }
}

/** A reset that outlived its schedulers may be given up without a word: what it held is retired then. */
function noteGivenUp(judge: Judge, domain: DomainRecord, stats: readonly SchedulerStats[]): void {
  if (domain.members.some(({ state }) => state !== 'closed')) return;
  if (domain.taken.every(({ retired }) => retired)) return;
  const isEmpty = domain.members.every((member) => {
    const counted = stats[judge.schedulers.indexOf(member)];
    return counted?.rings.every(({ running }) => running === 0) === true;
  });
  if (isEmpty && domain.members.some((member) => judge.mayBeGone(member))) judge.lose(domain);
}

/** T6: a ban kills every entity of the client that has work. */
function noteBan(judge: Judge, entity: EntityRecord): void {
  if (entity.killed || entity.firstUnfinished === entity.jobs.length) return;
  const place = judge.placeOf(entity.jobs.at(-1) as JobRecord);
  if (place !== null && judge.isBanned(entity, place)) entity.killed = true;
}

/** T8: the whole domain is lost at once, and only for a reason. */
function checkGone(judge: Judge, scheduler: SchedulerRecord): void {
  if (scheduler.state === 'gone' || scheduler.scheduler.gone.status !== 'failed') return;
  if (!judge.mayBeGone(scheduler))
    judge.fail(
      'T8',
      `${scheduler.label} is gone: nobody removed it, and its resets have not all failed`,
    );
  judge.lose(scheduler.domain);
}

/** S4, J11: what is in use is the sum over attempts that are not retired. */
function checkCounters(judge: Judge, scheduler: SchedulerRecord, stats: SchedulerStats): void {
  let running = 0;
  for (const ring of scheduler.rings) {
    const { creditsUsed, running: attempts } = stats.rings[
      ring.index
    ] as SchedulerStats['rings'][number];
    const expected = creditsOn(ring, scheduler);
    if (!(creditsUsed === expected && attempts === ring.attempts.length))
      judge.fail(
        'S4',
        `ring ${ring.index} of ${scheduler.label} counts ${creditsUsed} credits of ${attempts} attempts; ` +
          `${ring.attempts.length} that are not retired cost ${expected}`,
      );
    for (const attempt of ring.attempts) if (!attempt.over) running += 1;
  }
  if (stats.running !== running)
    judge.fail('J2', `${scheduler.label} counts ${stats.running} running jobs, and ${running} are`);
}

/** T1: while a job with a limit executes, a timer is set for no later than its deadline. */
function checkTimer(judge: Judge, scheduler: SchedulerRecord, ring: RingRecord): void {
  if (scheduler.state === 'gone' || scheduler.state === 'closed') return;
  if (scheduler.suspendedAtUs !== null || scheduler.domain.resetting) return;
  for (const attempt of judge.executingAll(scheduler, ring)) {
    if (attempt.detached || judge.isPastItsTime(attempt)) continue;
    const limitUs = attempt.job.runTimeoutUs ?? scheduler.runTimeoutUs;
    if (limitUs === Infinity) continue;
    const deadlineUs = attempt.execClockUs + limitUs + scheduler.stoodStillUs;
    if (judge.runtime.nextTimerAtUs > deadlineUs)
      judge.fail(
        'T1',
        `${attempt.job.label} executes until ${deadlineUs} at the latest, and no timer is set for that`,
      );
  }
}
