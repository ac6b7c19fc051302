import type { SchedulerStats } from '../../sched/index.ts';
import { finishedSignalled, scheduledSignalled } from './finishRules.ts';
import type { Judge } from './judge.ts';
import type { RingRecord, SchedulerRecord } from './records.ts';
import { noteResets } from './resetRules.ts';
import { creditsOn } from './runRules.ts';

/** What must hold after every step: S4 and the counters, T1, T8, F2 of fences that nobody listens to. */
export function stepEnded(judge: Judge): void {
  for (const job of judge.unwatched) {
    if (job.signals === '' && job.job.scheduled.status !== 'pending')
      scheduledSignalled(judge, job);
    if (job.job.finished.status === 'pending') continue;
    judge.unwatched.delete(job);
    finishedSignalled(judge, job);
  }
  const resets = new Map<SchedulerRecord, number>();
  const stats = judge.schedulers.map((one) => one.scheduler.stats());
  judge.schedulers.forEach((one, at) => resets.set(one, (stats[at] as SchedulerStats).resets));
  noteResets(judge, resets);
  judge.schedulers.forEach((one, at) => {
    checkGone(judge, one);
    checkCounters(judge, one, stats[at] as SchedulerStats);
    for (const ring of one.rings) checkTimer(judge, one, ring);
  });
}

/** T8: the whole domain is lost at once, and only for a reason. */
function checkGone(judge: Judge, scheduler: SchedulerRecord): void {
  if (scheduler.state === 'gone' || scheduler.scheduler.gone.status !== 'failed') return;
  judge.check(
    judge.mayBeGone(scheduler),
    'T8',
    () => `${scheduler.label} is gone: nobody removed it, and its resets have not all failed`,
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
    judge.check(
      creditsUsed === expected && attempts === ring.attempts.length,
      'S4',
      () =>
        `ring ${ring.index} of ${scheduler.label} counts ${creditsUsed} credits of ${attempts} attempts; ` +
        `${ring.attempts.length} that are not retired cost ${expected}`,
    );
    for (const attempt of ring.attempts) if (!attempt.charged) running += 1;
  }
  judge.check(
    stats.running === running,
    'J2',
    () => `${scheduler.label} counts ${stats.running} running jobs, and ${running} are`,
  );
}

/** T1: while a job with a limit executes, a timer is set for no later than its deadline. */
function checkTimer(judge: Judge, scheduler: SchedulerRecord, ring: RingRecord): void {
  if (scheduler.state === 'gone' || scheduler.state === 'closed') return;
  if (scheduler.suspendedAtUs !== null || scheduler.domain.resetting) return;
  const attempt = judge.executing(ring);
  if (attempt === null || attempt.detached) return;
  const limitUs = attempt.job.runTimeoutUs ?? scheduler.runTimeoutUs;
  if (limitUs === Infinity) return;
  const deadlineUs = attempt.execClockUs + limitUs + scheduler.stoodStillUs;
  judge.check(
    judge.runtime.nextTimerAtUs <= deadlineUs,
    'T1',
    () =>
      `${attempt.job.label} executes until ${deadlineUs} at the latest, and no timer is set for that`,
  );
}
