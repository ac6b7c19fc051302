import { isFence } from '../../fence/index.ts';
import type { Driver, ResetContext } from '../../sched/index.ts';
import { hasFailed } from './judge.ts';
import type { Judge } from './judge.ts';
import { isFurtherSlice, takeSuspended } from './sliceRules.ts';
import type {
  AttemptRecord,
  DomainRecord,
  JobRecord,
  RingRecord,
  SchedulerRecord,
} from './records.ts';

/** What must hold when a driver's `reset` is called, and what the judge notes of it (T3, T4, T7, T10). */

type ResetAnswer = ReturnType<NonNullable<Driver<never>['reset']>>;

export function resetCalled(
  judge: Judge,
  driver: Driver<never>,
  scheduler: SchedulerRecord,
  context: ResetContext<never>,
): ResetAnswer {
  const { domain } = scheduler;
  const { tries } = context;
  if (judge.isTold) judge.tell(`reset of ${scheduler.label}, try ${tries}`);
  if (!domain.resetting) {
    for (const job of context.guilty) accuseIfLate(judge, judge.recordOf(job));
    begin(judge, scheduler);
  }
  if (domain.asked.length > 0 && (domain.asked.includes(scheduler) || tries !== domain.tries)) {
    nextTry(judge, domain, tries);
  }
  domain.tries = tries;
  domain.deadlineUs = context.deadlineUs;
  domain.asked.push(scheduler);
  checkContext(judge, scheduler, context);
  if (tries === 1) takeSuspended(judge, scheduler, context.rings);
  domain.unsettled += 1;
  const settled = (ok: boolean): void => {
    domain.unsettled -= 1;
    domain.settledAtUs = judge.runtime.nowUs();
    if (!ok) domain.failed = true;
  };
  let answer: ResetAnswer;
  try {
    answer = driver.reset?.(context);
  } catch (error) {
    settled(false);
    throw error;
  }
  if (isFence(answer)) {
    const fence = answer;
    if (fence.addCallback(() => settled(fence.error === null)) === null)
      settled(fence.error === null);
  } else if (answer === undefined) {
    settled(true);
  }
  return answer;
}

/** T3: the rings stop, and every attempt on them is detached. */
function begin(judge: Judge, first: SchedulerRecord): void {
  const { domain } = first;
  domain.resetting = true;
  domain.tries = 0;
  domain.asked = [];
  domain.unsettled = 0;
  domain.failed = false;
  domain.taken = [];
  // Its own hook may have closed the first one since the reset began. Who was closed is covered while its hardware may work on (J11).
  const open = domain.members.filter(
    (one) =>
      one.state === 'open' ||
      one.state === 'draining' ||
      one === first ||
      (one.state === 'closed' && one.rings.some(({ attempts }) => attempts.length > 0)),
  );
  for (const scheduler of open) {
    scheduler.resetIsForFault = scheduler.faultedAlone;
    scheduler.faultedAlone = false;
  }
  const isWhole = open.some((scheduler) => scheduler.resetScope !== 'ring');
  domain.rings = open.flatMap((scheduler) =>
    isWhole ? scheduler.rings : scheduler.rings.filter((ring) => isToBlame(scheduler, ring)),
  );
  domain.late = open.flatMap((scheduler) =>
    scheduler.rings.flatMap((ring) =>
      domain.rings.includes(ring) ? lateOn(judge, scheduler, ring) : [],
    ),
  );
  for (const scheduler of open) {
    for (const ring of scheduler.rings) {
      if (domain.rings.includes(ring))
        take(judge, scheduler, domain, ring.attempts, judge.executing(ring));
    }
  }
}

/** What executes on `ring` and is past its own deadline as the reset begins (T4). */
function lateOn(judge: Judge, scheduler: SchedulerRecord, ring: RingRecord): AttemptRecord[] {
  return judge.executingAll(scheduler, ring).filter(({ job, detached, execClockUs }) => {
    const limitUs = job.runTimeoutUs ?? scheduler.runTimeoutUs;
    return !detached && judge.clockOf(scheduler) - execClockUs >= limitUs;
  });
}

function isToBlame(scheduler: SchedulerRecord, ring: RingRecord): boolean {
  return scheduler.resetIsForFault || ring.attempts.some((one) => !one.over && one.job.accused);
}

function take(
  judge: Judge,
  scheduler: SchedulerRecord,
  domain: DomainRecord,
  attempts: readonly AttemptRecord[],
  executing: AttemptRecord | null,
): void {
  scheduler.wasDisturbed = true;
  for (const attempt of attempts) {
    domain.taken.push(attempt);
    attempt.detached = true;
    const hadEnded = attempt.charged && !attempt.over;
    const begun = attempt === executing || hadEnded || !scheduler.ordered;
    attempt.taken = begun || isFurtherSlice(attempt) ? 'begun' : 'waiting';
    if (!attempt.over) judge.charge(attempt, begun);
  }
}

/** T7: after every driver has settled, and within the budget. */
function nextTry(judge: Judge, domain: DomainRecord, tries: number): void {
  if (domain.unsettled !== 0)
    judge.fail('T3', `try ${tries} of a reset begins before try ${domain.tries} has settled`);
  if (tries <= domain.tries)
    judge.fail('T7', `try ${tries} of a reset follows try ${domain.tries}`);
  if (!hasFailed(judge, domain))
    judge.fail('T7', `try ${tries} of a reset follows one that succeeded in time`);
  const pauseUs = Math.min(...domain.members.map(({ backoffUs }) => backoffUs)) * 2 ** (tries - 2);
  if (judge.runtime.nowUs() < domain.settledAtUs + pauseUs)
    judge.fail('T7', `try ${tries} of a reset comes without the pause of ${pauseUs} microseconds`);
  domain.asked = [];
  domain.failed = false;
}

function checkContext(
  judge: Judge,
  scheduler: SchedulerRecord,
  context: ResetContext<never>,
): void {
  const { domain } = scheduler;
  if (scheduler.state === 'gone') judge.fail('T8', `reset of ${scheduler.label} after it was gone`);
  if (!(context.tries <= scheduler.maxTries || domain.members.length > 1))
    judge.fail('T7', `try ${context.tries} of a reset, of at most ${scheduler.maxTries}`);
  if (context.tries > 1 || domain.asked.length > 1) return;
  for (const job of context.guilty) {
    const record = judge.recordOf(job);
    const attempt = record.attempts.at(-1);
    if (!record.accused && attempt !== undefined) blameTheLonely(judge, attempt);
    if (!record.accused) judge.fail('T4', `a reset blames ${record.label}, which nobody accused`);
    if (scheduler.driver.capture !== undefined && !record.captured)
      judge.fail(
        'T10',
        `a reset blames ${record.label}, and its driver was not asked to capture it`,
      );
  }
  for (const attempt of domain.late) {
    if (!context.guilty.includes(attempt.job.job))
      judge.fail('T4', `a reset does not blame ${attempt.job.label}, which was past its deadline`);
  }
  for (const { job, over } of domain.taken) {
    if (!job.accused || over) continue;
    const isNamed = context.guilty.includes(job.job);
    if (!isNamed) judge.fail('T4', `a reset does not blame ${job.label}, which is guilty`);
  }
  const taken = domain.taken.filter(({ retired }) => !retired);
  const isAll = taken.every(({ job }) => context.running.includes(job.job));
  if (!(isAll && taken.length === context.running.length))
    judge.fail(
      'T3',
      `a reset takes ${context.running.length} attempts of the ${taken.length} that its rings hold`,
    );
}

/** Where nobody can be asked, the reset tells first that a job was past its time (T2). */
function accuseIfLate(judge: Judge, job: JobRecord): void {
  const attempt = job.attempts.at(-1);
  if (attempt !== undefined && judge.isPastItsTime(attempt)) judge.accuse(job, attempt.scheduler);
}

/** A fault that names nobody blames a job that was alone on its ring at that moment (T6). */
function blameTheLonely(judge: Judge, attempt: AttemptRecord): void {
  const { scheduler, job } = attempt;
  if (judge.isPastItsTime(attempt)) judge.accuse(job, scheduler);
  if (attempt.wasAlone) judge.accuse(job, scheduler);
}

/** Looks now whether resets that go on have succeeded. */
export function syncResets(judge: Judge): void {
  const going = judge.schedulers.filter(({ domain }) => domain.resetting);
  if (going.length === 0) return;
  noteResets(judge, new Map(going.map((one) => [one, one.scheduler.stats().resets])));
}

/** Looks, after each step, whether resets that go on have succeeded: `stats()` counts those. */
export function noteResets(judge: Judge, resets: ReadonlyMap<SchedulerRecord, number>): void {
  const domains = new Set<DomainRecord>();
  for (const [scheduler, count] of resets) {
    if (count === scheduler.resets) continue;
    scheduler.resets = count;
    domains.add(scheduler.domain);
  }
  for (const domain of domains) succeeded(judge, domain);
}

function succeeded(judge: Judge, domain: DomainRecord): void {
  const name = domain.members[0]?.label ?? '';
  if (!domain.resetting) judge.fail('T3', `${name} counts a reset that did not begin`);
  if (!(domain.unsettled === 0 && !domain.failed))
    judge.fail('T7', `a reset of ${name} counts as done before it succeeded`);
  const { lastFiredForUs, nextTimerAtUs } = judge.runtime;
  if (!(lastFiredForUs < domain.deadlineUs || nextTimerAtUs <= domain.deadlineUs))
    judge.fail('T7', `a reset of ${name} counts as done although it overran its time`);
  domain.resetting = false;
  for (const attempt of domain.taken) if (!attempt.retired) judge.retire(attempt);
  for (const ring of domain.rings) ring.lastEndUs = judge.runtime.nowUs();
  domain.taken = [];
  domain.rings = [];
}
