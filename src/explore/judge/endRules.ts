import { codeOf } from './finishRules.ts';
import type { Judge } from './judge.ts';

/** What must hold once everything works again and nothing is left to do: F8, F9, J2, J11, S4, S6, S11, S13, T1, T6, D3. */
export function ended(judge: Judge): void {
  for (const record of judge.jobs) {
    const { job, label, attempts } = record;
    judge.check(
      record.signals === 'sf',
      'F9',
      () =>
        `${label} never finished: scheduled ${codeOf(record, 'scheduled')}, finished ${codeOf(record)}, ${job.state}`,
    );
    judge.check(record.freed === 1, 'D3', () => `${label} was freed ${record.freed} times`);
    judge.check(
      attempts.every(({ retired }) => retired) && job.retired,
      'J11',
      () => `${label} is not retired`,
    );
  }
  for (const { label, entity, busyUs, jobs } of judge.entities) {
    judge.check(
      entity.queued === 0 && entity.running === 0,
      'J2',
      () => `${label} counts ${entity.queued} queued and ${entity.running} running jobs at the end`,
    );
    const { busyUs: counted, submitted } = entity.stats();
    judge.check(
      submitted === jobs.length,
      'J1',
      () => `${label} counts ${submitted} submitted jobs, and took ${jobs.length}`,
    );
    judge.check(
      !judge.countsTime ||
        judge.schedulers.some(({ isUnsure }) => isUnsure) ||
        Math.abs(counted - busyUs) < 1e-6,
      'S13',
      () => `${label} is charged ${counted} microseconds, and its attempts used ${busyUs}`,
    );
  }
  checkSchedulers(judge);
  checkPools(judge);
  checkBlame(judge);
  const { timerCount, deferredCount } = judge.runtime;
  judge.check(
    timerCount === 0 && deferredCount === 0,
    'T1',
    () => `${timerCount} timers and ${deferredCount} deferred functions are left at the end`,
  );
  judge.check(
    judge.listeners() === 0,
    'F8',
    () => `${judge.listeners()} abort listeners are left at the end`,
  );
}

function checkSchedulers(judge: Judge): void {
  for (const { scheduler, label } of judge.schedulers) {
    const { queued, running, rings } = scheduler.stats();
    const used = rings.reduce((sum, ring) => sum + ring.creditsUsed, 0);
    judge.check(
      queued === 0 && running === 0 && used === 0,
      'S4',
      () =>
        `${label} counts ${queued} queued jobs, ${running} running ones and ${used} credits in use at the end`,
    );
    const record = judge.schedulers.find((one) => one.scheduler === scheduler);
    if (!judge.countsTime || record?.isUnsure === true) continue;
    rings.forEach((ring, index) => {
      const busyUs = record?.rings[index]?.busyUs ?? 0;
      judge.check(
        Math.abs(ring.busyUs - busyUs) < 1e-6,
        'S13',
        () =>
          `ring ${index} of ${label} counts ${ring.busyUs} busy microseconds, and ${busyUs} were`,
      );
    });
  }
}

function checkPools(judge: Judge): void {
  for (const pool of judge.pools) {
    judge.check(
      pool.free === pool.slots,
      'S6',
      () => `${pool.label} has ${pool.free} of ${pool.slots} slots free at the end`,
    );
  }
}

/** T6: karma is the number of guilty jobs. */
function checkBlame(judge: Judge): void {
  for (const record of judge.entities) {
    const last = record.jobs.at(-1);
    const scheduler = last === undefined ? null : judge.placeOf(last);
    if (scheduler === null) continue;
    const { karma, banned } = record.entity.stats();
    const who = record.client ?? record;
    const guilty = scheduler.convicted.get(who) ?? 0;
    const atMost = scheduler.karma.get(who) ?? 0;
    judge.check(
      karma >= guilty && karma <= atMost && banned === karma >= scheduler.banAfter,
      'T6',
      () =>
        `${record.label} has karma ${karma}${banned ? ' and is banned' : ''} after ${guilty} guilty jobs`,
    );
  }
}
