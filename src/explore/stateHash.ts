import type { Scheduler } from '../sched/index.ts';
import type { Run } from './run.ts';

type SchedulerInside = Scheduler['core'];
type EntityInside = SchedulerInside['active'] extends Set<infer Item> ? Item : never;
type JobInside = NonNullable<EntityInside['first']>;

/** What is left out of the hash: ids, and what was counted in the past. Two such states behave alike. */
const PHASES: readonly string[] = ['queued', 'running', 'dead', 'ended', 'finished'];

/** Two mixed lanes of 32 bits, read as one number of 53. */
class Hasher {
  #a = 0x9e3779b9 | 0;
  #b = 0x85ebca6b | 0;

  add(part: number): void {
    const low =
      part === Infinity
        ? 0x7fffffff
        : Number.isInteger(part)
          ? part | 0
          : Math.round(part * 1024) | 0;
    this.#a = Math.imul(this.#a ^ low, 0x01000193);
    this.#a ^= this.#a >>> 15;
    this.#b = Math.imul(this.#b + low, 0x5bd1e995) ^ (this.#b >>> 13);
  }

  value(): number {
    const mix = (lane: number): number => {
      const mixed = Math.imul(lane ^ (lane >>> 16), 0x21f0aaad);
      return (mixed ^ (mixed >>> 15)) >>> 0;
    };
    return mix(this.#a) * 2 ** 21 + (mix(this.#b) >>> 11);
  }
}

/**
 * A number for the state that a run is in: what clients, hardware, the runtime and the scheduler will do next follows from it.
 *
 * It reads the scheduler's own state, which is used to tell states apart and for nothing else: what is right is the judge's
 * business. Two states with one number are taken as one; that costs coverage at most, never a false finding. Of the
 * policy it sees what entities carry; so a search over `fifo` leaves nothing out, and one over `fair` may.
 * With `withTrace` it tells each way to a state apart, for worlds of which it cannot see everything.
 */
export function stateHash(run: Run, withTrace: boolean = run.world.isOpaque): number {
  const hasher = new Hasher();
  const add = (part: number): void => hasher.add(part);
  const { world, runtime } = run;
  const numbers = new Map<unknown, number>();
  world.judge.jobs.forEach(({ job }, at) => numbers.set(job, at));
  const nameOf = (job: unknown): number => numbers.get(job) ?? -2;
  add(run.phase.length);
  if (withTrace) run.trace.forEach(add);
  for (const read of world.states) read().forEach(add);
  add(world.faultBudget);
  for (const actor of world.actors) add(actor.state());
  for (const fault of world.faults) add(fault.state());
  runtime.pending(add);
  for (const device of world.devices) device.state(add, nameOf);
  for (const { scheduler, suspendedAtUs, faultedAlone, domain } of world.judge.schedulers) {
    addScheduler(add, scheduler.core as SchedulerInside, runtime.nowUs(), nameOf);
    add(
      (suspendedAtUs === null ? 0 : 1) +
        (faultedAlone ? 2 : 0) +
        domain.tries * 4 +
        domain.unsettled * 64,
    );
  }
  for (const { entity, job, accused, cancelled, timeouts } of world.judge.jobs) {
    addJob(add, job as unknown as JobInside, nameOf);
    add((accused ? 1 : 0) + (cancelled ? 2 : 0) + timeouts * 4 + (entity.killed ? 1024 : 0));
  }
  return hasher.value();
}

function addScheduler(
  add: (part: number) => void,
  core: SchedulerInside,
  nowUs: number,
  nameOf: (job: unknown) => number,
): void {
  add(core.state.length + (core.passPending ? 64 : 0));
  for (const ring of core.rings) {
    add(ring.stopped ? -3 : -4);
    for (const job of ring.attempts) add(nameOf(job));
    add(ring.watched === null ? -5 : nameOf(ring.watched));
    add(ring.deadline.heapIndex === -1 ? -6 : ring.deadline.atUs - nowUs);
    add(ring.heldByOrder.size);
    add(ring.keptFor === null ? -7 : nameOf(ring.keptFor));
  }
  for (const entity of core.active) {
    add(nameOf(entity.nextStart));
    add(
      (entity.listed ? 1 : 0) +
        (entity.checkAsked ? 2 : 0) +
        (entity.serial ? 4 : 0) +
        entity.unretired * 8,
    );
    // In order of submission, which breaks ties.
    add(entity.listed ? entity.headJobId : 0);
  }
}

function addJob(
  add: (part: number) => void,
  job: JobInside,
  nameOf: (job: unknown) => number,
): void {
  const { phase, attempt, extra, current } = job;
  if (phase === 'finished' && current === null) {
    add(-7);
    return;
  }
  add(PHASES.indexOf(phase) + (job.isPrepared ? 8 : 0) + attempt * 16);
  if (current !== null) {
    const { hardware, suspect, charged, ring, attachedTo } = current;
    const flags =
      (suspect ? 1 : 0) +
      (charged ? 2 : 0) +
      (ring === null ? 4 : 0) +
      (attachedTo === null ? 8 : 0);
    add(flags + (hardware === null ? 16 : hardware.status.length * 32));
  }
  if (extra === null) return;
  if (extra.slicing !== null) {
    const { isSuspended, pinned, ended } = extra.slicing;
    add((isSuspended ? 1 : 0) + (pinned === null ? 0 : 2 + 4 * pinned.index) + 64 * ended);
  }
  const waits = extra.waiter?.attachedTo ?? null;
  add(extra.nextAfter + (extra.pipelined ? 64 : 0) + (extra.stopWaiting ? 256 : 0));
  add(
    (waits === null ? 0 : 1) +
      (extra.cancelError === null ? 0 : 2) +
      (extra.grants === null ? 0 : 4),
  );
  add(extra.noHangs + (extra.dependencyError === null ? 0 : 64));
  for (const fence of extra.after ?? []) add(fence.status.length);
  void nameOf;
}
