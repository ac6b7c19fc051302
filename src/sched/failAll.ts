import type { FencelineError } from '../base/index.ts';
import { chargeAttempt, giveBackToHardware, retire } from './attempts.ts';
import { advance, finish } from './endings.ts';
import type { JobCore } from './jobCore.ts';
import { returnResources } from './resources.ts';
import type { Ring } from './ring.ts';
import type { SchedulerCore } from './schedulerCore.ts';

/**
 * Fails every job of the scheduler, in order, without waiting for dependencies (E3, T8). Running jobs go out of reach of
 * their hardware fences; with `gone` their attempts are retired, otherwise the hardware still does that.
 */
export function failAll(core: SchedulerCore, outcome: FencelineError, gone: boolean): void {
  const entities = [...core.active].sort((a, b) => (a.first?.id ?? 0) - (b.first?.id ?? 0));
  const running: JobCore[] = [];
  core.readClock();
  for (const ring of core.rings) chargeRing(core, ring);
  for (const entity of entities) {
    entity.advancing = true;
    core.unlist(entity);
    for (let job = entity.first; job !== null; job = job.after) {
      if (job.phase === 'running') running.push(job);
      outOfReach(core, job, outcome);
    }
    entity.queued = 0;
    entity.nextStart = null;
  }
  core.queued = 0;
  if (!gone) {
    for (const job of running) {
      // A reset has the others, or the driver does not yet: it is asked when `runJob` has returned.
      if ((job.current?.attachedTo ?? null) !== null) core.hooks.cancelJob(job);
    }
  }
  for (const entity of entities) {
    // Whoever is finishing the job before goes on with these, when its fence has signalled (J4).
    if (entity.serial && entity.finishing) continue;
    // A callback may submit to another scheduler of the entity; that job is not of this one.
    while (entity.first !== null && entity.scheduler === core) finish(core, entity.first);
    entity.advancing = false;
    // What ended meanwhile on that other scheduler was left to this loop.
    if (entity.serial && entity.scheduler !== core) advance(entity);
  }
  if (gone) retireAll(core);
}

/** The device was removed: its hardware can touch nothing any more (J11). */
export function retireAll(core: SchedulerCore): void {
  for (const ring of core.rings) {
    for (const job of [...ring.attempts]) {
      // Somebody who was told that the device is gone said so again: it has not been failed and charged yet.
      if (job.isLive) continue;
      job.leaveFence();
      retire(core, job);
    }
  }
}

/** The time belongs to the job that executed, whichever entity is failed first (S13). */
function chargeRing(core: SchedulerCore, ring: Ring): void {
  const executing = ring.executing();
  for (const job of ring.attempts) {
    if (!job.isLive) continue;
    const executes = job === executing || core.driver.ordered === false;
    chargeAttempt(core, job, executes ? 'clock' : 'nothing');
  }
}

function outOfReach(core: SchedulerCore, job: JobCore, outcome: FencelineError): void {
  if (job.phase === 'running') {
    job.phase = 'ended';
    job.outcome = outcome;
    core.inFlight -= 1;
    // Accused, and no reset has it yet: none will.
    if (job.isSuspect && job.onRing?.stopped === false) giveBackToHardware(core, job);
  } else if (job.phase === 'queued') {
    job.phase = 'dead';
    job.outcome = outcome;
    job.leaveFence();
    job.need().stopWaiting = true;
    returnResources(job);
  } else if (job.phase === 'dead') {
    job.leaveFence();
    job.need().stopWaiting = true;
  }
}
