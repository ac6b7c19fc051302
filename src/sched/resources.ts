import { checkedOptions, invalid } from '../base/index.ts';
import type { JobCore } from './jobCore.ts';
import type { Priority } from './policy.ts';

/** So many of a pool's slots for one job. */
export interface ResourceRequest {
  readonly pool: ResourcePool;
  /** Default 1. */
  readonly count?: number;
}

/** Options of `new ResourcePool`. */
export interface ResourcePoolOptions {
  readonly label: string;
  /** How many there are; they are numbered from 0. */
  readonly slots: number;
  /** Slots that only jobs of that priority may take. Together at most `slots`. */
  readonly reserve?: Partial<Record<Priority, number>>;
}

/** What a job that asked for nothing has. */
export const NO_GRANTS: ReadonlyMap<ResourcePool, readonly number[]> = new Map();

const RANK: Readonly<Record<Priority, number>> = { kernel: 0, high: 1, normal: 2, low: 3 };

/** A waiter that was passed by this many later ones of a higher rank goes before all that come after it. */
const PASSED_OFTEN = 8;

// What the functions below may do to a pool; set by its static block.
let poolWaiters: (pool: ResourcePool) => JobCore[];
let take: (pool: ResourcePool, count: number, priority: Priority) => number[];
let giveBack: (pool: ResourcePool, slots: readonly number[]) => void;
let availableTo: (pool: ResourcePool, priority: Priority) => number;
let unusedReserve: (pool: ResourcePool, priority: Priority) => number;
let mostFor: (pool: ResourcePool, priority: Priority) => number;

/**
 * Numbered slots that jobs hold while they run: VM ids, entries of a firmware queue (S6). May serve several schedulers.
 *
 * 1. A job asks when it is at the head of its queue and its dependencies have signalled; it gets all slots that it asks
 *    for, of all pools, or none: nobody holds some while waiting for others.
 * 2. Waiters are in one order: rank, then arrival; who was passed `PASSED_OFTEN` times ranks first. Who cannot be served
 *    holds back those behind it that want one of the same pools, except those of another priority that its reserve serves.
 * 3. Slots go back when the attempt is retired, or when the job is displaced from the head of its queue; then
 *    waiters are served at once, in order, so no wake-up is lost.
 */
export class ResourcePool {
  readonly label: string;
  readonly slots: number;
  readonly #reserve: Readonly<Partial<Record<Priority, number>>>;
  readonly #held = new Map<number, Priority>();
  /** Rule 2. Few: one for each entity that waits. */
  readonly #waiters: JobCore[] = [];

  /** @throws {ERR_INVALID_ARGUMENT} when a count does not fit */
  constructor(options: ResourcePoolOptions) {
    const { label, slots, reserve = {} } = checkedOptions('ResourcePool: options', options);
    if (typeof label !== 'string') throw invalid('ResourcePool: label', 'a string', label);
    if (!(Number.isSafeInteger(slots) && slots >= 1)) {
      throw invalid('ResourcePool: slots', 'a whole number, at least 1', slots);
    }
    checkedOptions('ResourcePool: reserve', reserve);
    let reserved = 0;
    for (const [priority, count] of Object.entries(reserve)) {
      const fits = Object.hasOwn(RANK, priority) && Number.isSafeInteger(count) && count >= 0;
      if (!fits) throw invalid(`ResourcePool: reserve.${priority}`, 'a number of slots', count);
      reserved += count;
    }
    if (reserved > slots) {
      throw invalid('ResourcePool: reserve', `at most ${slots} slots together`, reserved);
    }
    this.label = label;
    this.slots = slots;
    this.#reserve = { ...reserve };
  }

  /** Slots that nobody holds. */
  get free(): number {
    return this.slots - this.#held.size;
  }

  static {
    poolWaiters = (pool) => pool.#waiters;
    take = (pool, count, priority) => {
      const slots: number[] = [];
      for (let slot = 0; slots.length < count; slot += 1) {
        if (pool.#held.has(slot)) continue;
        pool.#held.set(slot, priority);
        slots.push(slot);
      }
      return slots;
    };
    giveBack = (pool, slots) => {
      for (const slot of slots) pool.#held.delete(slot);
    };
    availableTo = (pool, priority) => {
      let kept = 0;
      for (const other of Object.keys(pool.#reserve) as Priority[]) {
        if (other !== priority) kept += pool.#unusedReserve(other);
      }
      return pool.free - kept;
    };
    unusedReserve = (pool, priority) => pool.#unusedReserve(priority);
    mostFor = (pool, priority) => {
      let most = pool.slots;
      for (const [other, count] of Object.entries(pool.#reserve)) {
        if (other !== priority) most -= count;
      }
      return most;
    };
  }

  #unusedReserve(priority: Priority): number {
    let used = 0;
    for (const holder of this.#held.values()) if (holder === priority) used += 1;
    return Math.max(0, (this.#reserve[priority] ?? 0) - used);
  }
}

/** The requests of a submit, checked, one a pool. @throws {ERR_INVALID_ARGUMENT} */
export function checkedResources(
  requests: readonly ResourceRequest[],
  priority: Priority,
): ReadonlyMap<ResourcePool, number> {
  if (!Array.isArray(requests)) throw invalid('submit: resources', 'a list', requests);
  const counts = new Map<ResourcePool, number>();
  for (const request of requests as readonly ResourceRequest[]) {
    const { pool, count = 1 } = checkedOptions('submit: resources: request', request);
    if (!(pool instanceof ResourcePool)) {
      throw invalid('submit: resources: pool', 'a ResourcePool', pool);
    }
    // What is reserved for others would never come.
    const most = mostFor(pool, priority);
    const before = counts.get(pool) ?? 0;
    if (!(Number.isSafeInteger(count) && count >= 1 && before + count <= most)) {
      const expected = `1 to ${most} slots of ${pool.label} at priority ${priority}`;
      throw invalid('submit: resources: count', expected, before === 0 ? count : before + count);
    }
    counts.set(pool, before + count);
  }
  return counts;
}

/** Numbers those who ask, over all pools, so that every pool has its waiters in the same order. */
let lastTurn = 0;

/** Whether `job` holds what it asked for; if not, it waits, and its entity is checked again when it does (rule 1). */
export function holdsResources(job: JobCore): boolean {
  const wanted = job.extra?.resources ?? null;
  if (wanted === null || job.extra?.grants !== null) return true;
  if (job.extra.waitsForResources) return false;
  job.extra.waitsForResources = true;
  job.extra.timesPassed = 0;
  lastTurn += 1;
  job.extra.resourceTurn = lastTurn;
  for (const pool of wanted.keys()) poolWaiters(pool).push(job);
  serve([...wanted.keys()]);
  return job.extra.grants !== null;
}

/** Takes back what `job` holds, and its place among the waiters (rule 3). */
export function returnResources(job: JobCore): void {
  const { extra } = job;
  const wanted = extra?.resources ?? null;
  if (extra === null || wanted === null) return;
  const { grants } = extra;
  if (grants === null && !extra.waitsForResources) return;
  stopWaiting(job);
  if (grants !== null) {
    extra.grants = null;
    for (const [pool, slots] of grants) giveBack(pool, slots);
    for (const [pool, slots] of grants) report('release', job, pool, slots);
  }
  serve([...wanted.keys()]);
}

/** The priority of `job` is another: what is reserved for it may be, too. */
export function askResourcesAgain({ extra }: JobCore): void {
  if (extra !== null && extra.waitsForResources) serve([...(extra.resources?.keys() ?? [])]);
}

function stopWaiting(job: JobCore): void {
  const { extra } = job;
  if (extra === null || !extra.waitsForResources) return;
  extra.waitsForResources = false;
  for (const pool of extra.resources?.keys() ?? []) {
    const waiters = poolWaiters(pool);
    waiters.splice(waiters.indexOf(job), 1);
  }
}

/** Grants what can be granted, in order, until nothing more can be. */
function serve(pools: readonly ResourcePool[]): void {
  const changed = new Set(pools);
  for (const pool of changed) {
    const waiters = [...poolWaiters(pool)].sort(byOrder);
    for (const job of waiters) {
      if (!canServe(job)) continue;
      grant(job);
      // Who waited behind this one in another pool may be next there.
      for (const other of job.extra?.resources?.keys() ?? []) {
        changed.delete(other);
        changed.add(other);
      }
      break;
    }
  }
}

/** Rule 2. */
function canServe(job: JobCore): boolean {
  const priority = priorityOf(job);
  let fromReserve = true;
  for (const [pool, count] of job.extra?.resources ?? []) {
    if (availableTo(pool, priority) < count) return false;
    if (unusedReserve(pool, priority) < count) fromReserve = false;
  }
  for (const pool of job.extra?.resources?.keys() ?? []) {
    for (const other of poolWaiters(pool)) {
      if (other === job || byOrder(other, job) >= 0) continue;
      if (!fromReserve || priorityOf(other) === priority) return false;
    }
  }
  return true;
}

function grant(job: JobCore): void {
  const { extra } = job;
  if (extra === null || extra.resources === null) return;
  for (const pool of extra.resources.keys()) {
    for (const other of poolWaiters(pool)) {
      if (other.extra !== null && turnOf(other) < turnOf(job)) other.extra.timesPassed += 1;
    }
  }
  stopWaiting(job);
  const priority = priorityOf(job);
  const grants = new Map<ResourcePool, readonly number[]>();
  for (const [pool, count] of extra.resources) grants.set(pool, take(pool, count, priority));
  extra.grants = grants;
  for (const [pool, slots] of grants) {
    report('grant', job, pool, slots);
    // Who observes may have ended the job: then everything is back.
    if (extra.grants !== grants) return;
  }
  job.entity.scheduler.askCheck(job.entity);
}

function byOrder(a: JobCore, b: JobCore): number {
  return rankOf(a) - rankOf(b) || turnOf(a) - turnOf(b);
}

/** Its entity's priority; where that was changed to one that never gets so many slots, the one it was submitted with. */
function priorityOf({ extra, entity }: JobCore): Priority {
  for (const [pool, count] of extra?.resources ?? []) {
    if (mostFor(pool, entity.priority) < count) return extra?.resourcePriority ?? entity.priority;
  }
  return entity.priority;
}

function turnOf(job: JobCore): number {
  return job.extra?.resourceTurn ?? 0;
}

function rankOf(job: JobCore): number {
  const often = (job.extra?.timesPassed ?? 0) >= PASSED_OFTEN;
  return often ? -1 : RANK[priorityOf(job)];
}

function report(
  type: 'grant' | 'release',
  job: JobCore,
  pool: ResourcePool,
  slots: readonly number[],
): void {
  const core = job.entity.scheduler;
  if (!core.observers.listening) return;
  core.observers.emit({
    type,
    atUs: core.runtime.nowUs(),
    pool: pool.label,
    slots,
    fence: job.ref,
  });
}
