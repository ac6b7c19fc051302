import { JobError } from '../base/index.ts';
import { attach, claimAsHardware, isFence } from '../fence/index.ts';
import { chargeAccount } from './account.ts';
import { end, settle } from './endings.ts';
import type { EntityCore } from './entityCore.ts';
import type { JobCore } from './jobCore.ts';
import { returnResources } from './resources.ts';
import type { Ring } from './ring.ts';
import type { SchedulerCore } from './schedulerCore.ts';

/** The life of an attempt: start, hand-over to the driver, completion, charge, retirement (J3, J11, S8, S13, T1). */

export function start(core: SchedulerCore, entity: EntityCore, job: JobCore, ring: Ring): void {
  const nowUs = core.runtime.nowUs();
  job.estimateUs = entity.estimateOf(job);
  job.phase = 'running';
  job.attempt += 1;
  job.onRing = ring;
  job.ring = ring.index;
  job.startedAtUs = nowUs;
  job.charged = false;
  entity.skip(job);
  entity.queued -= 1;
  entity.running += 1;
  entity.unretired += 1;
  core.queued -= 1;
  core.inFlight += 1;
  if (job.attempt === 1) entity.counters.waitUs.add(nowUs - job.submittedAtUs);
  entity.counters.attempts += 1;
  const queueDeadline = job.extra?.queueDeadline ?? null;
  if (queueDeadline !== null) core.deadlines.clear(queueDeadline);
  ring.push(job);
  watch(core, ring);
  core.policy.started(entity, job.estimateUs, nowUs);
  handOver(core, job, ring);
}

/** Calls `runJob` and ties the job to its hardware fence, whatever the hook did to the job meanwhile. */
function handOver(core: SchedulerCore, job: JobCore, ring: Ring): void {
  let hardware: unknown;
  try {
    hardware = core.hooks.runJob(job, ring.index);
  } catch (cause) {
    neverRan(core, job, new JobError('ERR_DRIVER', 'runJob failed', { cause, label: job.label }));
    return;
  }
  if (!isFence(hardware)) {
    const message = `runJob must return a fence, got ${String(hardware)}; return signalledFence(runtime) for work that is complete`;
    neverRan(core, job, new JobError('ERR_DRIVER', message, { label: job.label }));
    return;
  }
  if (!claimAsHardware(hardware)) {
    neverRan(core, job, new JobError('ERR_FENCE_REUSED', undefined, { label: job.label }));
    return;
  }
  if (job.onRing !== ring) return;
  job.hardware = hardware;
  const hintUs = job.hintUs;
  if (hintUs !== null) hardware.setDeadline(hintUs);
  if (core.observers.listening) reportRun(core, job, ring);
  job.signalScheduled(true, core.runtime.nowUs());
  if (job.hardware !== hardware || job.suspect) return;
  if (!attach(hardware, job)) fenceSignalled(core, job);
  else if ((job.extra?.cancelError ?? null) !== null && job.isLive) core.hooks.cancelJob(job);
}

/** Nothing of the attempt is on the hardware. */
function neverRan(core: SchedulerCore, job: JobCore, outcome: JobError): void {
  if (job.onRing === null) return;
  chargeAttempt(core, job, 'nothing');
  retire(core, job);
  if (job.phase === 'running') end(core, job, outcome);
}

/** The fence that `job` waited for signalled: see the rules of JobCore. */
export function fenceSignalled(core: SchedulerCore, job: JobCore): void {
  switch (job.phase) {
    case 'queued':
      core.askCheck(job.entity);
      break;
    case 'dead':
      settle(core, job);
      break;
    case 'running':
      complete(core, job);
      break;
    case 'ended':
    case 'finished':
      retire(core, job);
      break;
  }
}

/** The hardware fence of a running job has signalled. */
export function complete(core: SchedulerCore, job: JobCore): void {
  const error = job.hardware?.error ?? null;
  const busyUs = chargeAttempt(core, job, 'measured');
  job.entity.counters.estimate.add(busyUs);
  core.estimate.add(busyUs);
  if (error === null) core.blames.of(job.entity)?.addClean(busyUs);
  retire(core, job);
  end(core, job, error);
}

/**
 * Settles the time of the attempt that ends now, once (S8, S11, S13): what its driver measured, else the clock; or nothing,
 * where it did not begin to execute.
 */
export function chargeAttempt(
  core: SchedulerCore,
  job: JobCore,
  used: 'measured' | 'clock' | 'nothing',
): number {
  const ring = job.onRing;
  if (ring === null || job.charged) return 0;
  job.charged = true;
  core.inFlight -= 1;
  const { entity } = job;
  const nowUs = core.runtime.nowUs();
  let busyUs = 0;
  if (used !== 'nothing') {
    const measured = used === 'measured' ? core.hooks.measure(job) : null;
    const earliestUs = ring.executionStart(job);
    const startUs = Math.min(nowUs, Math.max(earliestUs, measured?.startUs ?? earliestUs));
    const endUs = Math.max(startUs, Math.min(nowUs, measured?.endUs ?? nowUs));
    busyUs = endUs - startUs;
    ring.lastEndUs = Math.max(ring.lastEndUs, endUs);
  }
  ring.busyUs += busyUs;
  job.busyUs += busyUs;
  entity.counters.busyUs += busyUs;
  chargeAccount(entity.account, busyUs);
  core.policy.ended(entity, job.estimateUs, busyUs, nowUs);
  return busyUs;
}

/** The hardware can no longer touch anything of the attempt (J11): its credits go back. */
export function retire(core: SchedulerCore, job: JobCore): void {
  const ring = job.onRing;
  if (ring === null) return;
  const { entity } = job;
  ring.remove(job);
  returnResources(job);
  job.onRing = null;
  job.hardware = null;
  entity.unretired -= 1;
  if (core.observers.listening) {
    const atUs = core.runtime.nowUs();
    const { ref: fence, attempt } = job;
    core.observers.emit({ type: 'job-retire', atUs, fence, attempt });
  }
  if (job.phase === 'finished') core.freeList.add(job);
  if (ring.heldByOrder.size > 0) {
    for (const held of ring.heldByOrder) core.askCheck(held);
    ring.heldByOrder.clear();
  }
  if (entity.nextStart !== null && entity.serial) core.askCheck(entity);
  watch(core, ring);
  core.requestPass();
  core.tellRetired(entity);
}

/** Starts the clock of the job that executes on `ring` now, unless it is running already (T1). */
export function watch(core: SchedulerCore, ring: Ring): void {
  const job = ring.stopped ? null : ring.executing();
  if (job === ring.watched) return;
  ring.watched = job;
  if (job === null) core.deadlines.clear(ring.deadline);
  else core.deadlines.set(ring.deadline, core.deadlines.nowUs() + job.runTimeoutUs);
}

function reportRun(core: SchedulerCore, job: JobCore, ring: Ring): void {
  const { hardware } = job;
  if (hardware === null) return;
  core.observers.emit({
    type: 'job-run',
    atUs: core.runtime.nowUs(),
    fence: job.ref,
    hardware: [hardware.timeline.id, hardware.seqno],
    ring: ring.index,
    client: job.entity.setup.client,
    attempt: job.attempt,
    queued: core.queued,
    inFlight: core.inFlight,
  });
}
