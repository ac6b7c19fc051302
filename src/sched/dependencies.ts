import { invalid, JobError, UsageError } from '../base/index.ts';
import type { FencelineError } from '../base/index.ts';
import { isFence, ownerOf } from '../fence/index.ts';
import type { Fence, FenceCore } from '../fence/index.ts';
import { Deadline } from './deadlines.ts';
import type { EntityCore } from './entityCore.ts';
import { JobCore } from './jobCore.ts';
import type { JobExtra } from './jobExtra.ts';
import { returnResources } from './resources.ts';
import type { SchedulerCore } from './schedulerCore.ts';

/** What a job waits for before it may start, or, if it is dead, before its fences may signal (J5 to J8, E2). */

/** A fence that signals at once again and again is not a way to wait (J8). */
const SIGNALLED_IN_A_ROW = 1000;

/** The dependencies of a new job: checked, without those that cannot hold it back, one a timeline (J6). */
export function addDependencies(
  entity: EntityCore,
  extra: JobExtra,
  after: readonly Fence[],
): FenceCore[] {
  const kept: FenceCore[] = [];
  for (const fence of after) {
    if (!isFence(fence)) throw invalid('submit: after', 'a list of fences', fence);
    if (fence.status === 'pending') {
      if (!extra.failOnDependencyError && coveredByOrder(entity, fence)) continue;
      keepLater(kept, fence, extra);
    } else {
      extra.dependencyError ??= fence.error;
    }
  }
  return kept;
}

/** Order covers a fence of the same serial entity, unless its failure matters (J6). */
function coveredByOrder(entity: EntityCore, fence: FenceCore): boolean {
  const owner = ownerOf(fence);
  return owner instanceof JobCore && owner.entity === entity && entity.serial;
}

function keepLater(kept: FenceCore[], fence: FenceCore, extra: JobExtra): void {
  const timeline = fence.timeline;
  for (let index = 0; index < kept.length; index += 1) {
    const other = kept[index] as FenceCore;
    if (other === fence) return;
    if (other.timeline !== timeline || !timeline.ordered) continue;
    const later = fence.seqno > other.seqno;
    extra.dependencyError ??= (later ? other : fence).error;
    if (later) kept[index] = fence;
    return;
  }
  kept.push(fence);
}

/**
 * Goes on with what `job` waits for; `blocked`: it is attached to a fence now; `failed`: it must not start, for
 * `error`; `ready`: nothing holds it.
 */
export function resolveDependencies(
  core: SchedulerCore,
  job: JobCore,
): FencelineError | 'ready' | 'blocked' {
  const { extra } = job;
  if (extra !== null && !extra.stopWaiting) {
    recheckPipelined(job);
    if (extra.after !== null && isBlockedByFence(core, job, extra, extra.after)) return 'blocked';
    if (job.phase === 'queued' && extra.failOnDependencyError && extra.dependencyError !== null) {
      const cause = extra.dependencyError;
      return new JobError('ERR_DEPENDENCY_FAILED', undefined, { cause, label: job.label });
    }
  }
  if (job.phase === 'queued' && core.driver.prepareJob !== undefined) {
    const result = prepare(core, job);
    if (result !== 'ready') return result;
  }
  stopDependencyClock(core, job);
  return 'ready';
}

/** Stops the clock of a job that is blocked no longer, or no longer at the head of its queue (J10). */
export function stopDependencyClock(core: SchedulerCore, job: JobCore): void {
  const deadline = job.extra?.dependencyDeadline ?? null;
  if (deadline === null) return;
  core.deadlines.clear(deadline);
  // Where it was the last one, the timer is taken back at the end of a pass (T1); a dead job asks for none.
  core.requestPass();
  // It may be blocked again, and is bounded anew then.
  job.need().dependencyDeadline = null;
}

/** Starts the clock of a job that is blocked at the head of its queue, or dead, unless it runs already (J10). */
export function startDependencyClock(core: SchedulerCore, job: JobCore): void {
  const extra = job.need();
  const timeoutUs = extra.dependencyTimeoutUs ?? core.setup.dependencyTimeoutUs;
  if (extra.dependencyDeadline !== null || timeoutUs === Infinity) return;
  extra.dependencyDeadline = new Deadline('dependency', job);
  core.deadlines.set(extra.dependencyDeadline, core.deadlines.nowUs() + timeoutUs);
}

function isBlockedByFence(
  core: SchedulerCore,
  job: JobCore,
  extra: JobExtra,
  after: readonly Fence[],
): boolean {
  while (extra.nextAfter < after.length) {
    const fence = after[extra.nextAfter] as FenceCore;
    const target = fence.status === 'pending' ? waitTarget(core, job, extra, fence) : null;
    if (target !== null && block(core, job, target)) return true;
    if (fence.error !== null) extra.dependencyError ??= fence.error;
    if (target === null && fence.status === 'pending') extra.pipelined = true;
    if (target === null || target === fence) extra.nextAfter += 1;
  }
  return false;
}

/** Looks anew at what was left to the ring's order: a completion or a reset may have taken it off the ring since (J7). */
export function recheckPipelined(job: JobCore): boolean {
  const { extra } = job;
  if (extra === null || !extra.pipelined) return false;
  extra.pipelined = false;
  extra.nextAfter = 0;
  return true;
}

/**
 * The fence to wait for instead of a pending dependency; `null`: none, the ring's order covers it (J7).
 *
 * A dependency whose job is still queued is waited for until it is scheduled, then looked at again.
 */
function waitTarget(
  core: SchedulerCore,
  job: JobCore,
  extra: JobExtra,
  fence: FenceCore,
): FenceCore | null {
  if (job.phase !== 'queued' || extra.failOnDependencyError || !core.pipelines) return fence;
  const owner = ownerOf(fence);
  if (!(owner instanceof JobCore) || owner.entity.scheduler !== core) return fence;
  if (fence.timeline !== owner.entity.finishedInfo || owner.outcome !== null) return fence;
  if (isOnRing(owner) && isAfterOthersOnRing(owner)) return null;
  return owner.phase === 'queued' && owner.attempt === 0 ? (owner.scheduled as FenceCore) : fence;
}

/** A sliced job is not: its later slices come after what stands behind it now (S14). */
function isOnRing(job: JobCore): boolean {
  if ((job.extra?.slicing ?? null) !== null) return false;
  return job.isLive && !job.isSuspect && (job.current?.hardware ?? null) !== null;
}

/**
 * Whether the ring's order covers what comes before `job` in its serial entity, too: a dependency on it may stand for one on
 * any of those (J6).
 */
function isAfterOthersOnRing(job: JobCore): boolean {
  if (!job.entity.serial) return true;
  for (let other = job.before; other !== null; other = other.before) {
    if (!isOnRing(other)) return false;
  }
  return true;
}

/** Attaches `job` to `fence`; false where it has signalled. */
function block(core: SchedulerCore, job: JobCore, fence: FenceCore): boolean {
  if (!job.waitFor(fence)) return false;
  startDependencyClock(core, job);
  // A reset may have taken what it depends on off the ring: who waits for a fence holds no slots (S6).
  returnResources(job);
  const { observers } = core;
  if (observers.listening) {
    const on = [fence.timeline.id, fence.seqno] as const;
    observers.emit({ type: 'job-blocked', atUs: core.runtime.nowUs(), fence: job.ref, on });
  }
  return true;
}

/** Asks `prepareJob` until it returns `null` or a fence to wait for (J8); once per attempt, and after a reset. */
function prepare(core: SchedulerCore, job: JobCore): FencelineError | 'ready' | 'blocked' {
  if (job.isPrepared) return 'ready';
  try {
    for (let asked = 0; asked < SIGNALLED_IN_A_ROW; asked += 1) {
      const fence = core.hooks.prepareJob(job);
      // The hook may have cancelled its own job, or closed the scheduler.
      if (job.phase !== 'queued') return 'blocked';
      if (fence === null) {
        job.isPrepared = true;
        return 'ready';
      }
      if (!isFence(fence)) throw invalid('prepareJob', 'a fence or null', fence);
      if (fence.status === 'pending' && block(core, job, fence)) return 'blocked';
    }
    const message = `prepareJob returned ${SIGNALLED_IN_A_ROW} signalled fences in a row; return null when nothing is left to wait for`;
    const cause = new UsageError('ERR_INVALID_ARGUMENT', message);
    return new JobError('ERR_DRIVER', message, { cause, label: job.label });
  } catch (cause) {
    // It may have done the same before it threw.
    if (job.phase !== 'queued') return 'blocked';
    return new JobError('ERR_DRIVER', 'prepareJob failed', { cause, label: job.label });
  }
}
