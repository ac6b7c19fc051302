import { blameOf } from './blame.ts';
import { codeOf } from './finishRules.ts';
import type { Judge } from './judge.ts';
import type { EntityRecord, JobRecord } from './records.ts';

/** What must hold once everything works again and nothing is left to do: F8, F9, J2, J11, S4, S6, S11, S13, T1, T6, D3. */
export function ended(judge: Judge): void {
  for (const record of judge.jobs) {
    const { job, label, attempts } = record;
    if (record.signals !== 'sf')
      judge.fail(
        'F9',
        `${label} never finished: scheduled ${codeOf(record, 'scheduled')}, finished ${codeOf(record)}, ${job.state}`,
      );
    if (record.freed !== 1) judge.fail('D3', `${label} was freed ${record.freed} times`);
    if (!(attempts.every(({ retired }) => retired) && job.retired))
      judge.fail('J11', `${label} is not retired`);
  }
  const { timerCount, deferredCount } = judge.runtime;
  if (!(timerCount === 0 && deferredCount === 0))
    judge.fail(
      'T1',
      `${timerCount} timers and ${deferredCount} deferred functions are left at the end`,
    );
  if (judge.listeners() !== 0)
    judge.fail('F8', `${judge.listeners()} abort listeners are left at the end`);
}

/** What must hold of the accounts once everything has finished: J1, J2, S4, S6, S11, S13, T6. */
export function accountsAgree(judge: Judge): void {
  for (const record of judge.entities) if (record.jobs.length > 0) checkEntity(judge, record);
  checkSchedulers(judge);
  checkPools(judge);
}

function checkEntity(judge: Judge, record: EntityRecord): void {
  const { label, entity, busyUs, jobs } = record;
  const stats = entity.stats();
  if (!(stats.queued === 0 && stats.running === 0))
    judge.fail(
      'J2',
      `${label} counts ${stats.queued} queued and ${stats.running} running jobs at the end`,
    );
  if (stats.submitted !== jobs.length)
    judge.fail('J1', `${label} counts ${stats.submitted} submitted jobs, and took ${jobs.length}`);
  const ok = jobs.filter(({ job }) => job.finished.status === 'ok').length;
  if (!(stats.completed === ok && stats.failed === jobs.length - ok))
    judge.fail(
      'J2',
      `${label} counts ${stats.completed} completed and ${stats.failed} failed jobs, and ${ok} of ${jobs.length} are ok`,
    );
  const isSure = judge.countsTime && !judge.schedulers.some(({ isUnsure }) => isUnsure);
  if (!(!isSure || Math.abs(stats.busyUs - busyUs) < 1e-6))
    judge.fail(
      'S13',
      `${label} is charged ${stats.busyUs} microseconds, and its attempts used ${busyUs}`,
    );
  const place = judge.placeOf(jobs.at(-1) as JobRecord);
  if (place === null) return;
  const { accused, convicted, leastToBan, mostToBan } = blameOf(record, place.domain);
  const { karma, banned } = stats;
  const mayBeBanned = karma >= leastToBan;
  const mustBeBanned = karma > 0 && karma >= mostToBan;
  if (!(karma >= convicted && karma <= accused && (banned ? mayBeBanned : !mustBeBanned)))
    judge.fail(
      'T6',
      `${label} has karma ${karma}${banned ? ' and is banned' : ''} after ${convicted} guilty jobs`,
    );
}

function checkSchedulers(judge: Judge): void {
  for (const { scheduler, label } of judge.schedulers) {
    const { queued, running, rings } = scheduler.stats();
    const used = rings.reduce((sum, ring) => sum + ring.creditsUsed, 0);
    if (!(queued === 0 && running === 0 && used === 0))
      judge.fail(
        'S4',
        `${label} counts ${queued} queued jobs, ${running} running ones and ${used} credits in use at the end`,
      );
    const record = judge.schedulers.find((one) => one.scheduler === scheduler);
    if (!judge.countsTime || record?.isUnsure === true) continue;
    rings.forEach((ring, index) => {
      const busyUs = record?.rings[index]?.busyUs ?? 0;
      if (Math.abs(ring.busyUs - busyUs) >= 1e-6)
        judge.fail(
          'S13',
          `ring ${index} of ${label} counts ${ring.busyUs} busy microseconds, and ${busyUs} were`,
        );
    });
  }
}

function checkPools(judge: Judge): void {
  for (const pool of judge.pools) {
    if (pool.free !== pool.slots)
      judge.fail('S6', `${pool.label} has ${pool.free} of ${pool.slots} slots free at the end`);
  }
}
