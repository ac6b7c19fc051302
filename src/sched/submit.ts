import { checkedOptions, checkedSignal, invalid, UsageError } from '../base/index.ts';
import type { CancelSignal } from '../base/index.ts';
import { stopListening } from '../fence/index.ts';
import { addDependencies } from './dependencies.ts';
import { Deadline } from './deadlines.ts';
import type { EntityCore } from './entityCore.ts';
import { checkedCount, checkedMs, closed, oneOf } from './entityOptions.ts';
import { JobCore } from './jobCore.ts';
import type { SchedulerCore } from './schedulerCore.ts';
import { checkedResources } from './resources.ts';
import type { SubmitOptions } from './submitOptions.ts';

/** Makes a job and appends it, or throws with nothing changed (J1): everything that can fail comes before `append`. */
export function submit<P>(
  entity: EntityCore,
  schedulers: readonly SchedulerCore[],
  payload: P,
  options?: SubmitOptions,
): JobCore<P> {
  let core = targetOf(entity, schedulers);
  core.readClock();
  const job = checkedJob(core, entity, payload, options);
  if (options === undefined) {
    accept(core, entity, job);
    return job;
  }
  const signal = job.extra === null ? null : job.extra.signal;
  const heard = signal === null ? null : listen(job, signal);
  // Options and signals may be anybody's code, and that may have submitted, killed or closed.
  try {
    core = targetOf(entity, schedulers);
    refuseIfFull(entity);
  } catch (error) {
    if (heard !== null) stopListening(core.runtime, signal, heard.onAbort);
    throw error;
  }
  accept(core, entity, job);
  if (heard !== null && heard.aborted !== null) core.cancel(job, heard.aborted.reason);
  return job;
}

/** Throws what `submit` would throw now, and changes nothing. */
export function checkSubmit(
  entity: EntityCore,
  schedulers: readonly SchedulerCore[],
  options?: SubmitOptions,
): void {
  const { extra } = checkedJob(targetOf(entity, schedulers), entity, undefined, options);
  if (extra?.signal?.aborted === true) throw extra.signal.reason;
}

/** Where a job of `entity` goes now. */
function targetOf(entity: EntityCore, schedulers: readonly SchedulerCore[]): SchedulerCore {
  refuseIfEnded(entity);
  const core = chooseScheduler(entity, schedulers);
  refuseIfBanned(core, entity);
  return core;
}

/** A job that nobody knows yet. */
function checkedJob<P>(
  core: SchedulerCore,
  entity: EntityCore,
  payload: P,
  options: SubmitOptions | undefined,
): JobCore<P> {
  const job = new JobCore(entity, payload, core);
  if (options !== undefined) applyOptions(entity, job, options);
  refuseIfFull(entity);
  return job;
}

function refuseIfFull(entity: EntityCore): void {
  if (entity.queued < entity.setup.maxQueued) return;
  throw new UsageError(
    'ERR_QUEUE_FULL',
    `submit: ${entity.label} has ${entity.queued} jobs queued, and its maxQueued is ${entity.setup.maxQueued}; wait for one to start`,
  );
}

function refuseIfEnded(entity: EntityCore): void {
  const why = entity.killed;
  if (why !== null && (why.code === 'ERR_CLIENT_BANNED' || why.code === 'ERR_DEVICE_GONE')) {
    throw new UsageError(why.code, undefined, { label: entity.label });
  }
  if (why !== null || entity.ends?.closing === true) {
    throw closed(`${entity.label} was ${why === null ? 'closed' : 'killed'}`);
  }
}

function refuseIfBanned(core: SchedulerCore, entity: EntityCore): void {
  if (core.domain.blames.of(entity)?.banned === true) {
    throw new UsageError('ERR_CLIENT_BANNED', undefined, { label: entity.label });
  }
}

/** Stays where the entity has work; otherwise the least loaded that takes jobs (S12). */
function chooseScheduler(entity: EntityCore, schedulers: readonly SchedulerCore[]): SchedulerCore {
  const only = schedulers.length === 1 ? schedulers[0] : undefined;
  if (only !== undefined && only === entity.scheduler && isOpen(only)) return only;
  const isBusy = entity.first !== null || entity.unretired > 0;
  if (isBusy && isOpen(entity.scheduler)) return entity.scheduler;
  if (only !== undefined && !isOpen(only)) {
    if (only.state === 'gone') throw new UsageError('ERR_DEVICE_GONE');
    throw closed(`the scheduler ${only.label} was closed`);
  }
  if (isBusy) {
    throw closed(`the scheduler ${entity.scheduler.label} was closed and still has work of it`);
  }
  let best: SchedulerCore | null = null;
  for (const core of schedulers) {
    if (!isOpen(core)) continue;
    if (best === null || loadOf(core) < loadOf(best)) best = core;
  }
  if (best === null) {
    throw new UsageError(
      'ERR_NO_SCHEDULER',
      `submit: none of the ${schedulers.length} schedulers of ${entity.label} takes jobs`,
    );
  }
  return best;
}

function isOpen(core: SchedulerCore): boolean {
  return core.state === 'open';
}

function loadOf(core: SchedulerCore): number {
  return (core.queued + core.inFlight) / core.rings.length;
}

/** Checks every option that was given, and keeps it with the job. Changes nothing else. */
function applyOptions(entity: EntityCore, job: JobCore, options: SubmitOptions): void {
  const { label, after, credits, signal, estimateMs, deadlineMs, resubmit, resources } =
    checkedOptions('submit: options', options);
  if (label !== undefined) {
    if (typeof label !== 'string') throw invalid('submit: label', 'a string', label);
    job.need().label = label;
  }
  if (credits !== undefined) job.need().credits = checkedCount('submit: credits', credits, 1);
  const { onDependencyError } = options;
  const failOnError =
    onDependencyError === undefined
      ? entity.setup.failOnDependencyError
      : oneOf('submit: onDependencyError', onDependencyError, 'run', 'fail') === 'fail';
  if (after !== undefined) {
    if (!Array.isArray(after)) throw invalid('submit: after', 'a list of fences', after);
    const extra = job.need();
    extra.failOnDependencyError = failOnError;
    extra.after = addDependencies(entity, extra, after);
  }
  if (options.dependencyTimeoutMs !== undefined) {
    const timeoutMs = options.dependencyTimeoutMs;
    job.need().dependencyTimeoutUs = checkedMs('submit: dependencyTimeoutMs', timeoutMs, Infinity);
  }
  if (options.runTimeoutMs !== undefined) {
    const timeoutMs = options.runTimeoutMs;
    job.need().runTimeoutUs = checkedMs('submit: runTimeoutMs', timeoutMs, Infinity);
  }
  applyTurn(job, options);
  const queueTimeoutUs = checkedMs('submit: queueTimeoutMs', options.queueTimeoutMs, Infinity);
  if (queueTimeoutUs !== Infinity) {
    const deadline = new Deadline('queue', job);
    // From now on, by the clock of the scheduler that accepts it.
    deadline.atUs = queueTimeoutUs;
    job.need().queueDeadline = deadline;
  }
  if (estimateMs !== undefined) {
    const estimateUs = checkedMs('submit: estimateMs', estimateMs, 0);
    if (estimateUs === Infinity) throw invalid('submit: estimateMs', 'milliseconds', estimateMs);
    job.need().estimateUs = estimateUs;
  }
  if (deadlineMs !== undefined) {
    const deadlineUs = checkedMs('submit: deadlineMs', deadlineMs, 0);
    if (deadlineUs !== Infinity) job.need().deadlineUs = job.submittedAtUs + deadlineUs;
  }
  if (resubmit !== undefined) {
    if (typeof resubmit !== 'boolean') throw invalid('submit: resubmit', 'a boolean', resubmit);
    job.need().resubmit = resubmit;
  }
  if (resources !== undefined) {
    const wanted = checkedResources(resources, entity.priority);
    if (wanted.size > 0) job.need().resources = wanted;
    if (wanted.size > 0) job.need().resourcePriority = entity.priority;
  }
  if (signal !== undefined) job.need().signal = checkedSignal('submit: signal', signal) ?? null;
}

/** How long and how alone it has a ring (S14). */
function applyTurn(job: JobCore, { totalRunTimeoutMs, exclusive }: SubmitOptions): void {
  if (totalRunTimeoutMs !== undefined) {
    job.need().totalRunTimeoutUs = checkedMs(
      'submit: totalRunTimeoutMs',
      totalRunTimeoutMs,
      Infinity,
    );
  }
  if (exclusive !== undefined) {
    if (typeof exclusive !== 'boolean') throw invalid('submit: exclusive', 'a boolean', exclusive);
    job.need().exclusive = exclusive;
  }
}

/** The listener of a job on its signal. */
interface Heard {
  readonly onAbort: () => void;
  /** Where it was aborted before there was a job to cancel. */
  aborted: { readonly reason: unknown } | null;
}

/**
 * Hears of the abort. Before the point of no return, because a signal that is not the platform's may throw in here, call back at
 * once (then the job is cancelled as soon as it exists), or end what the job was submitted to.
 */
function listen(job: JobCore, signal: CancelSignal): Heard {
  if (signal.aborted) throw signal.reason;
  // Named first: V8 would keep a function that is made where it is assigned to a property until a full collection.
  const onAbort = (): void => {
    if (job.id === 0) heard.aborted = { reason: signal.reason };
    else job.cancel(signal.reason);
  };
  const heard: Heard = { onAbort, aborted: null };
  try {
    signal.addEventListener('abort', onAbort);
  } catch (error) {
    signal.removeEventListener('abort', onAbort);
    throw error;
  }
  job.need().onAbort = onAbort;
  return heard;
}

/** The point of no return: from here both fences will signal. Nothing in here can fail. */
function accept(core: SchedulerCore, entity: EntityCore, job: JobCore): void {
  if (entity.scheduler !== core) {
    // The one before may be in the middle of a pass, or of finishing the last job there.
    entity.scheduler.unlist(entity);
    entity.scheduler.openEntities -= 1;
    core.openEntities += 1;
    entity.scheduler = core;
    entity.state = undefined;
    // What the scheduler before was asked to look at, this one was not.
    entity.checkAsked = false;
  }
  job.id = core.ids.take();
  if (entity.first === null) {
    core.active.add(entity);
    core.observers.refresh();
  }
  entity.use.submitted += 1;
  job.seqno = entity.use.submitted;
  entity.append(job);
  core.queued += 1;
  const { extra } = job;
  if (extra !== null) {
    const { queueDeadline } = extra;
    if (queueDeadline !== null) {
      core.deadlines.set(queueDeadline, core.deadlines.nowUs() + queueDeadline.atUs);
    }
  }
  if (core.observers.listening) report(core, entity, job);
  if (entity.nextStart === job) core.askCheck(entity);
}

function report(core: SchedulerCore, entity: EntityCore, job: JobCore): void {
  const { observers } = core;
  const atUs = core.runtime.nowUs();
  const { ref: fence, label } = job;
  observers.emit({
    type: 'job-queue',
    atUs,
    device: core.device,
    scheduler: core.label,
    client: entity.setup.client,
    entity: entity.id,
    job: job.id,
    fence,
    label,
    queued: core.queued,
    inFlight: core.inFlight,
  });
  for (const on of job.extra?.after ?? []) {
    observers.emit({ type: 'job-dependency', atUs, fence, on: [on.timeline.id, on.seqno] });
  }
  const { credits } = core.setup;
  if (typeof credits === 'number' && job.credits > credits) {
    const message = `${label} asks for ${job.credits} credits and a ring has ${credits}: it gets all of them`;
    observers.emit({ type: 'warning', atUs, message, count: 1 });
  }
}
