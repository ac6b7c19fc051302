import type { Judge } from './judge.ts';
import { checkSlice, goesOn, numberOfStart } from './sliceRules.ts';
import type {
  AttemptRecord,
  DependencyRecord,
  JobRecord,
  RingRecord,
  SchedulerRecord,
} from './records.ts';

/** What must hold whenever `runJob` or `prepareJob` is called: J2, J4 to J8, S4, S6, S12, S14, T3, T4, T6, T8, E2, E3, D3. */

/** Whether a pending dependency may be passed over: by the order of a serial entity (J6), or of the one ring (J7). */
function mayPass(
  judge: Judge,
  job: JobRecord,
  dependency: DependencyRecord,
  scheduler: SchedulerRecord,
): boolean {
  const { of } = dependency;
  if (job.failsOnError || of === null) return false;
  if (of.entity === job.entity && job.entity.serial && of.seqno < job.seqno) return true;
  // What is behind a sliced job on the ring comes before its later slices (S14).
  if (of.sliced) return false;
  if (scheduler.rings.length !== 1 || !scheduler.ordered || dependency.which !== 'finished')
    return false;
  const attempt = of.attempts.at(-1);
  return judge.isOnRing(attempt) && attempt.scheduler === scheduler;
}

/** The first dependency of `job` that holds it back (J5); `null` where none does. */
export function holdingBack(
  judge: Judge,
  job: JobRecord,
  scheduler: SchedulerRecord,
): DependencyRecord | null {
  for (const one of job.after) {
    if (one.fence.status === 'pending' && !mayPass(judge, job, one, scheduler)) return one;
  }
  return null;
}

function checkDependencies(
  judge: Judge,
  job: JobRecord,
  scheduler: SchedulerRecord,
  what: string,
): void {
  const holding = holdingBack(judge, job, scheduler);
  if (holding !== null) {
    const { of, fence } = holding;
    const name = of?.label ?? `fence ${fence.seqno} of ${fence.timeline.label}`;
    judge.fail('J5', `${what} for ${job.label} while its dependency on ${name} is pending`);
  }
  if (judge.hasFailedDependency(job))
    judge.fail(
      'J5',
      `${what} for ${job.label} although a dependency failed and it was to fail with it`,
    );
}

/** Nothing is called for a job that is over, or by a scheduler that is (D3, E2, E3, T8). */
function checkAlive(judge: Judge, job: JobRecord, scheduler: SchedulerRecord, hook: string): void {
  const name = job.label;
  if (job.freed !== 0) judge.fail('D3', `${hook} was called for ${name} after it was freed`);
  if (scheduler.state === 'closed') judge.fail('E3', `${hook} for ${name} after the close`);
  if (scheduler.state === 'gone') judge.fail('T8', `${hook} for ${name} after the device was gone`);
  if (job.dead === 'cancelled') judge.fail('J9', `${hook} for ${name}, which was dequeued`);
  if (job.entity.killed) judge.fail('E2', `${hook} for ${name} after its entity was killed`);
  if (judge.isFinished(job)) judge.fail('J2', `${hook} for ${name}, which has finished`);
}

export function checkPrepare(judge: Judge, job: JobRecord, scheduler: SchedulerRecord): void {
  checkAlive(judge, job, scheduler, 'prepareJob');
  checkDependencies(judge, job, scheduler, 'prepareJob');
  if (job.job.state !== 'queued')
    judge.fail('J8', `prepareJob for ${job.label}, which is ${job.job.state}`);
  if (job.isPrepared && !scheduler.wasDisturbed && !goesOn(job.attempts.at(-1)))
    judge.fail('J8', `prepareJob for ${job.label} again after it had said null`);
  if (job.prepared.some(({ status }) => status === 'pending'))
    judge.fail(
      'J8',
      `prepareJob for ${job.label} again before the fence that it gave has signalled`,
    );
}

export function checkRun(
  judge: Judge,
  job: JobRecord,
  scheduler: SchedulerRecord,
  ring: RingRecord,
): void {
  checkAlive(judge, job, scheduler, 'runJob');
  checkDependencies(judge, job, scheduler, 'runJob');
  const { label: name, entity } = job;
  if (job.job.state !== 'running')
    judge.fail('J2', `runJob for ${name}, which is ${job.job.state}`);
  const number = numberOfStart(job);
  if (job.job.attempt !== number)
    judge.fail('J2', `start ${number} of ${name} is called attempt ${job.job.attempt}`);
  if (scheduler.domain.resetting && scheduler.domain.rings.includes(ring))
    judge.fail('T3', `runJob for ${name} during a reset of its ring`);
  if (judge.isBanned(entity, scheduler))
    judge.fail('T6', `runJob for ${name} of a client that was banned`);
  if (scheduler.driver.prepareJob !== undefined) {
    const ready = job.isPrepared && job.prepared.every((fence) => fence.status !== 'pending');
    if (!ready)
      judge.fail('J8', `runJob for ${name} before prepareJob had nothing left to wait for`);
  }
  checkOrder(judge, job, scheduler, ring);
  checkRoom(judge, job, scheduler, ring);
  checkGrants(judge, job);
  checkTimeInQueue(judge, job, scheduler);
  const last = job.attempts.at(-1);
  if (last === undefined) return;
  if (goesOn(last)) checkSlice(judge, job, last, ring);
  else checkAgain(judge, job, last);
}

/** J4, S12. */
function checkOrder(
  judge: Judge,
  job: JobRecord,
  scheduler: SchedulerRecord,
  ring: RingRecord,
): void {
  const { entity } = job;
  for (let at = entity.firstUnfinished; at < entity.jobs.length; at += 1) {
    const other = entity.jobs[at] as JobRecord;
    const attempt = other.attempts.at(-1);
    if (other === job) continue;
    const isBefore = other.seqno < job.seqno && (entity.serial || !goesOn(attempt));
    if (isBefore && other.job.state === 'queued' && !judge.isDead(other))
      judge.fail('J4', `${job.label} starts before ${other.label}, which was submitted before it`);
    if (attempt === undefined || attempt.retired) continue;
    if (attempt.scheduler !== scheduler)
      judge.fail(
        'S12',
        `${job.label} runs on ${scheduler.label} while ${other.label} is on ${attempt.scheduler.label}`,
      );
    if (!entity.serial) continue;
    if (isBefore && other.sliced && judge.isOnRing(attempt))
      judge.fail('S14', `${job.label} starts behind ${other.label}, which may come back`);
    if (!(attempt.ring === ring && scheduler.ordered))
      judge.fail(
        'J4',
        `${job.label} starts on ring ${ring.index} while ${other.label} of its serial entity is on ring ${attempt.ring.index}`,
      );
  }
}

/** S4. */
function checkRoom(
  judge: Judge,
  job: JobRecord,
  scheduler: SchedulerRecord,
  ring: RingRecord,
): void {
  const cost = Math.min(job.credits, scheduler.credits);
  const used = creditsOn(ring, scheduler);
  if (used + cost > scheduler.credits)
    judge.fail(
      'S4',
      `${job.label} starts with ${cost} credits where ${used} of ${scheduler.credits} are in use`,
    );
}

/** The credits of attempts that are not retired. */
export function creditsOn(ring: RingRecord, scheduler: SchedulerRecord): number {
  let used = 0;
  for (const { job } of ring.attempts) used += Math.min(job.credits, scheduler.credits);
  return used;
}

/** S6: all that was asked for, and nobody else's. */
function checkGrants(judge: Judge, job: JobRecord): void {
  for (const [pool, count] of job.resources) {
    const slots = job.job.grants.get(pool) ?? [];
    if (!(slots.length === count && new Set(slots).size === count))
      judge.fail(
        'S6',
        `${job.label} starts with ${slots.length} slots of ${pool.label}, and asked for ${count}`,
      );
    for (const slot of slots) {
      const holder = judge.slots.get(pool)?.get(slot);
      if (!(holder === undefined || holder === job))
        judge.fail(
          'S6',
          `${job.label} starts with slot ${slot} of ${pool.label}, which ${holder?.label} holds`,
        );
      if (slot >= pool.slots) judge.fail('S6', `${pool.label} has no slot ${slot}`);
    }
  }
}

/** The attempt that begins holds its slots until it is retired. */
export function holdGrants(judge: Judge, job: JobRecord): void {
  for (const [pool, slots] of job.job.grants) {
    const holders = judge.slots.get(pool) ?? new Map<number, JobRecord>();
    judge.slots.set(pool, holders);
    for (const slot of slots) holders.set(slot, job);
  }
}

/** J10: the timer of a limit, or a later one, has fired, and the job starts all the same. */
function checkTimeInQueue(judge: Judge, job: JobRecord, scheduler: SchedulerRecord): void {
  if (job.attempts.length > 0 || scheduler.stoodStillUs > 0 || scheduler.suspendedAtUs !== null)
    return;
  const limitUs = job.submittedAtUs + job.queueTimeoutUs;
  if (judge.runtime.lastFiredForUs > limitUs)
    judge.fail('J10', `${job.label} starts after its queue timeout`);
}

/** T4: who runs again, and how often. */
function checkAgain(judge: Judge, job: JobRecord, last: AttemptRecord): void {
  const name = job.label;
  if (!(last.taken !== 'no' && last.retired))
    judge.fail('T4', `${name} starts again although no reset took it`);
  if (job.accused) judge.fail('T4', `${name} runs again although it is guilty`);
  if (job.cancelled) judge.fail('J9', `${name} runs again although it was cancelled`);
  if (!(job.resubmit !== false && (job.resubmit === true || last.taken === 'waiting')))
    judge.fail('T4', `${name} runs again although it had begun, or was not to`);
  if (last.number >= last.scheduler.maxAttempts)
    judge.fail('T4', `${name} runs more often than ${last.scheduler.maxAttempts} times`);
}
