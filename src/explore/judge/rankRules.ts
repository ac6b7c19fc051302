import type { Priority } from '../../sched/index.ts';
import { readyHead } from './idleRules.ts';
import type { Judge } from './judge.ts';
import type { JobRecord, SchedulerRecord } from './records.ts';

/** S7, S8: nobody starts before somebody who is ready and ranks first, as far as a policy says so for sure. */
export function checkRank(judge: Judge, job: JobRecord, scheduler: SchedulerRecord): void {
  if (scheduler.rings.length > 1 || !scheduler.ordered) return;
  for (const entity of judge.entities) {
    if (entity === job.entity || entity.firstUnfinished === entity.jobs.length) continue;
    const head = readyHead(judge, entity, scheduler);
    if (head === null || !head.isPrepared || head.resources.size > 0) continue;
    if (isBefore(head, job, scheduler.policy))
      judge.fail(
        'S7',
        `${job.label} starts before ${head.label}, which is ready and comes first by ${scheduler.policy}`,
      );
  }
}

const BAND: Readonly<Record<Priority, number>> = { kernel: 0, high: 1, normal: 2, low: 3 };

function isBefore(head: JobRecord, job: JobRecord, policy: string): boolean {
  const [mine, theirs] = [BAND[head.entity.priority], BAND[job.entity.priority]];
  switch (policy) {
    case 'fifo':
      return head.job.id < job.job.id;
    case 'strictPriority':
      return mine < theirs;
    case 'fair':
      return mine === 0 && theirs > 0;
    default:
      return false;
  }
}
