import { isFence } from '../../fence/index.ts';
import type { Fence } from '../../fence/index.ts';
import type { Driver, Job, Verdict } from '../../sched/index.ts';
import { accused } from './accuse.ts';
import type { Judge } from './judge.ts';
import type { AttemptRecord, JobRecord, RingRecord, SchedulerRecord } from './records.ts';
import { checkRank } from './rankRules.ts';
import { resetCalled } from './resetRules.ts';
import { checkPrepare, checkRun, holdGrants } from './runRules.ts';
import { isSliced, nextSlice, numberOfStart } from './sliceRules.ts';

/**
 * `driver` under the judge's eyes: every call of a hook is noted, and judged, before and after the driver sees it. Hooks that
 * the driver lacks stay away. `schedulerOf` gives the record of the one scheduler that it is for.
 */
export function watchedDriver<P>(
  judge: Judge,
  driver: Driver<P>,
  schedulerOf: () => SchedulerRecord,
): Driver<P> {
  const hooks = driver as unknown as Driver<never>;
  // Each is named before it is given away: V8 keeps a function that is assigned to a property where it is made, with all
  // that it sees, until a full collection, and so every run that was.
  const prepare: Driver<never>['prepareJob'] = (job) =>
    prepareJob(judge, hooks, schedulerOf(), job);
  const timeout: Driver<never>['timedOut'] = (job) => timedOut(judge, hooks, schedulerOf(), job);
  const reset: Driver<never>['reset'] = (context) =>
    resetCalled(judge, hooks, schedulerOf(), context);
  const cancel: Driver<never>['cancelJob'] = (job) => cancelJob(judge, hooks, schedulerOf(), job);
  const capture: Driver<never>['capture'] = (job) => {
    judge.recordOf(job).captured = true;
    return hooks.capture?.(job);
  };
  const sliced: Driver<never>['isSliced'] = (job) => isSliced(judge, hooks, job);
  const slice: Driver<never>['nextSlice'] = (job) => nextSlice(judge, hooks, job);
  const watched: { -readonly [Hook in keyof Driver<never>]: Driver<never>[Hook] } = {
    runJob: (job, ring) => runJob(judge, hooks, schedulerOf(), job, ring),
    freeJob: (job) => freeJob(judge, hooks, job),
  };
  const { ordered, resetScope, interruptWaits, kindOf, measure } = hooks;
  if (ordered !== undefined) watched.ordered = ordered;
  if (resetScope !== undefined) watched.resetScope = resetScope;
  if (interruptWaits !== undefined) watched.interruptWaits = interruptWaits;
  if (kindOf !== undefined) watched.kindOf = kindOf;
  if (measure !== undefined) watched.measure = measure;
  if (hooks.prepareJob !== undefined) watched.prepareJob = prepare;
  if (hooks.timedOut !== undefined) watched.timedOut = timeout;
  if (hooks.reset !== undefined) watched.reset = reset;
  if (hooks.cancelJob !== undefined) watched.cancelJob = cancel;
  if (hooks.capture !== undefined) watched.capture = capture;
  if (hooks.isSliced !== undefined) watched.isSliced = sliced;
  if (hooks.nextSlice !== undefined) watched.nextSlice = slice;
  return watched as unknown as Driver<P>;
}

function runJob(
  judge: Judge,
  driver: Driver<never>,
  scheduler: SchedulerRecord,
  job: Job<never>,
  ringIndex: number,
): Fence {
  const record = judge.recordOf(job);
  const ring = scheduler.rings[ringIndex];
  if (ring === undefined) {
    judge.fail(
      'S1',
      `runJob for ${record.label} on ring ${ringIndex} of ${scheduler.rings.length}`,
    );
    return driver.runJob(job, ringIndex);
  }
  judge.settleInstant();
  if (judge.isTold) judge.tell(`runJob ${record.label} on ring ${ringIndex} of ${scheduler.label}`);
  checkRun(judge, record, scheduler, ring);
  checkRank(judge, record, scheduler);
  let hardware: Fence;
  try {
    hardware = driver.runJob(job, ringIndex);
  } catch (error) {
    record.hookThrew = true;
    if (judge.isTold) judge.tell(`runJob threw`);
    throw error;
  }
  if (!isFence(hardware)) {
    record.hookThrew = true;
    return hardware;
  }
  if (judge.hardware.has(hardware)) {
    record.reusedFence = true;
    return hardware;
  }
  const attempt = newAttempt(judge, record, scheduler, ring, hardware);
  judge.hardware.set(hardware, attempt);
  // Ended inside the hook: the job is over, and the hardware has it all the same.
  const hasEnded = scheduler.state === 'closed' || scheduler.state === 'gone';
  if (!hasEnded) record.attempts.push(attempt);
  record.prepared = [];
  record.isPrepared = false;
  ring.attempts.push(attempt);
  holdGrants(judge, record);
  judge.updateExecution(scheduler, ring);
  if (hasEnded) {
    attempt.over = true;
    attempt.charged = true;
    if (scheduler.state === 'gone' || scheduler.wasUnplugged) judge.retire(attempt);
  }
  // Before the scheduler's own callback, so that it runs before that.
  if (hardware.addCallback(() => judge.hardwareSignalled(attempt)) === null) {
    judge.instant.push(attempt);
  }
  return hardware;
}

/** What is known of an attempt when its driver has it. */
function newAttempt(
  judge: Judge,
  job: JobRecord,
  scheduler: SchedulerRecord,
  ring: RingRecord,
  hardware: Fence,
): AttemptRecord {
  return {
    job,
    number: numberOfStart(job),
    scheduler,
    ring,
    hardware,
    startedAtUs: judge.runtime.nowUs(),
    execClockUs: NaN,
    over: false,
    detached: false,
    wasAlone: false,
    hung: false,
    taken: 'no',
    retired: false,
    cancelAsked: 0,
    charged: false,
    goesOn: null,
    wasAsked: false,
  };
}

function prepareJob(
  judge: Judge,
  driver: Driver<never>,
  scheduler: SchedulerRecord,
  job: Job<never>,
): Fence | null {
  const record = judge.recordOf(job);
  judge.settleInstant();
  checkPrepare(judge, record, scheduler);
  const last = record.attempts.at(-1);
  if (record.isPrepared && last !== undefined) record.isPrepared = false;
  let fence: Fence | null | undefined;
  try {
    fence = driver.prepareJob?.(job);
  } catch (error) {
    record.hookThrew = true;
    throw error;
  }
  if (fence === null || fence === undefined) record.isPrepared = true;
  else if (isFence(fence)) record.prepared.push(fence);
  else record.hookThrew = true;
  if (judge.isTold)
    judge.tell(`prepareJob ${record.label}: ${fence === null ? 'ready' : 'a fence'}`);
  return fence ?? null;
}

function timedOut(
  judge: Judge,
  driver: Driver<never>,
  scheduler: SchedulerRecord,
  job: Job<never>,
): Verdict {
  const record = judge.recordOf(job);
  const attempt = record.attempts.at(-1);
  checkTimedOut(judge, record, attempt, scheduler);
  if (attempt !== undefined) attempt.detached = true;
  scheduler.wasDisturbed = true;
  let verdict: Verdict = 'reset';
  try {
    verdict = driver.timedOut?.(job) ?? 'reset';
    return verdict;
  } finally {
    if (judge.isTold) judge.tell(`timedOut ${record.label}: ${verdict}`);
    if (attempt !== undefined) carryOut(judge, scheduler, record, attempt, verdict);
  }
}

/** T1, T2: asked of what executes, once its own time is up. */
function checkTimedOut(
  judge: Judge,
  job: JobRecord,
  attempt: AttemptRecord | undefined,
  scheduler: SchedulerRecord,
): void {
  const limitUs = job.runTimeoutUs ?? scheduler.runTimeoutUs;
  const executing = attempt === undefined ? [] : judge.executingAll(scheduler, attempt.ring);
  if (!(attempt !== undefined && judge.isOnRing(attempt) && executing.includes(attempt)))
    judge.fail('T2', `timedOut is asked of ${job.label}, which does not execute`);
  if (job.freed !== 0) judge.fail('D3', `timedOut is asked of ${job.label} after it was freed`);
  if (attempt === undefined) return;
  const ranUs = judge.clockOf(scheduler) - attempt.execClockUs;
  if (!(ranUs >= limitUs))
    judge.fail('T1', `timedOut is asked of ${job.label} after ${ranUs} of ${limitUs} microseconds`);
}

function carryOut(
  judge: Judge,
  scheduler: SchedulerRecord,
  job: JobRecord,
  attempt: AttemptRecord,
  verdict: string,
): void {
  if (attempt.over) {
    // The hook closed its scheduler.
    attempt.detached = attempt.taken !== 'no';
    if (attempt.hardware.status !== 'pending' && !attempt.detached) judge.retire(attempt);
    return;
  }
  job.timeouts += 1;
  const isOneTooMany = verdict === 'no-hang' && job.timeouts > scheduler.noHangLimit;
  if (verdict === 'no-hang' && !isOneTooMany) {
    attempt.detached = false;
    attempt.execClockUs = judge.clockOf(scheduler);
    if (attempt.hardware.status !== 'pending') {
      judge.charge(attempt, true);
      judge.retire(attempt);
    }
  } else if (verdict === 'gone') {
    scheduler.domain.mayBeGone = true;
  } else {
    accused(judge, scheduler, job, attempt, verdict === 'fail');
  }
}

function cancelJob(
  judge: Judge,
  driver: Driver<never>,
  scheduler: SchedulerRecord,
  job: Job<never>,
): void {
  const record = judge.recordOf(job);
  const attempt = record.attempts.at(-1);
  if (judge.isTold) judge.tell(`cancelJob ${record.label}`);
  if (attempt !== undefined) attempt.cancelAsked += 1;
  if (!(attempt === undefined || attempt.cancelAsked === 1))
    judge.fail(
      'J9',
      `cancelJob for ${record.label} is called ${attempt?.cancelAsked} times in one attempt`,
    );
  if (!(record.cancelled || scheduler.state !== 'open'))
    judge.fail('J9', `cancelJob for ${record.label}, which nobody cancelled`);
  if (record.freed !== 0) judge.fail('D3', `cancelJob for ${record.label} after it was freed`);
  driver.cancelJob?.(job);
}

function freeJob(judge: Judge, driver: Driver<never>, job: Job<never>): void {
  const record = judge.recordOf(job);
  record.freed += 1;
  const { label: name } = record;
  const attempt = record.attempts.at(-1);
  if (judge.isTold) judge.tell(`freeJob ${name}`);
  if (record.freed !== 1) judge.fail('D3', `${name} is freed ${record.freed} times`);
  if (!judge.isFinished(record)) judge.fail('D3', `${name} is freed before it finished`);
  const isRetired = attempt === undefined || attempt.retired || attempt.taken !== 'no';
  if (!isRetired) judge.fail('J11', `${name} is freed while its attempt is on the hardware`);
  if (judge.inSignal) judge.fail('D3', `${name} is freed inside a fence callback`);
  driver.freeJob?.(job);
}
