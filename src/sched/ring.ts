import type { Deadline } from './deadlines.ts';
import type { JobCore } from './jobCore.ts';

/** The credits of a ring: a number of units, or a time target (S4). */
export type SchedulerCredits = number | { readonly targetMs: number; readonly maxJobs?: number };

/**
 * One in-order queue of the hardware: the attempts on it that are not retired, their credits, and its busy time.
 *
 * Credits in use are always the sum over `attempts` (S4): both change in `push` and `remove` only.
 */
export class Ring {
  readonly index: number;
  /** In the order in which they were started. Jobs that finished but are not retired are among them (J11). */
  readonly attempts: JobCore[] = [];
  /** Its run deadline: that of the executing job (T1). */
  readonly deadline: Deadline;
  readonly limit: number;
  readonly #targetUs: number | null;
  creditsUsed = 0;
  busyUs = 0;
  /** When the last attempt here ended: the earliest start of execution of the next one. */
  lastEndUs = 0;
  /** True while a reset covers this ring. */
  stopped = false;
  /** The job that the run deadline is for. */
  watched: JobCore | null = null;
  /** Whether the attempt here has the ring for itself. */
  #isTaken = false;
  /** Queued jobs that must go here (J4, S14), and found no room. */
  readonly heldByOrder: Set<JobCore> = new Set();
  /** The job that the policy chose, and that can go on here alone, while others leave it no room (S14): they come after it. */
  keptFor: JobCore | null = null;
  /** What `attempts` are expected to take together; and with a time target, each of them. */
  #estimatedUs = 0;
  readonly #lengthsUs: number[] = [];

  constructor(index: number, credits: SchedulerCredits, deadline: Deadline) {
    this.index = index;
    this.deadline = deadline;
    if (typeof credits === 'number') {
      this.limit = credits;
      this.#targetUs = null;
    } else {
      this.limit = credits.maxJobs ?? 1024;
      this.#targetUs = credits.targetMs * 1000;
    }
  }

  /** What `job` takes of the limit: at most all of it (S4). */
  costOf(job: JobCore): number {
    if (this.#targetUs !== null) return 1;
    return job.credits > this.limit ? this.limit : job.credits;
  }

  /** Whether `job` may be started here now. */
  hasRoom(job: JobCore): boolean {
    if (this.keptFor !== null && this.keptFor !== job) return false;
    if (this.#isTaken || (isExclusive(job) && this.attempts.length > 0)) return false;
    if (this.stopped || this.creditsUsed + this.costOf(job) > this.limit) return false;
    if (this.#targetUs === null || this.attempts.length === 0) return true;
    return this.#estimatedUs < this.#targetUs;
  }

  isLessLoadedThan(other: Ring): boolean {
    if (this.creditsUsed !== other.creditsUsed) return this.creditsUsed < other.creditsUsed;
    return this.#estimatedUs < other.#estimatedUs;
  }

  /** How long `job` may keep it busy, where that counts (S4). Asks the driver. */
  lengthOf(job: JobCore): number {
    return this.#targetUs === null ? 0 : job.entity.lengthOf(job);
  }

  /** `lengthUs`: what `lengthOf` gave. */
  push(job: JobCore, lengthUs: number): void {
    this.attempts.push(job);
    this.creditsUsed += this.costOf(job);
    if (this.#targetUs === null) {
      if (job.current !== null) this.#estimatedUs += job.current.estimateUs;
    } else {
      this.#lengthsUs.push(lengthUs);
      this.#estimatedUs += lengthUs;
    }
    if (isExclusive(job)) this.#isTaken = true;
  }

  remove(job: JobCore): void {
    const { attempts } = this;
    const index = attempts.indexOf(job);
    takeOut(attempts, index);
    this.creditsUsed -= this.costOf(job);
    this.#isTaken = false;
    if (this.#targetUs !== null) this.#estimatedUs -= takeOut(this.#lengthsUs, index);
    else if (job.current !== null) this.#estimatedUs -= job.current.estimateUs;
    if (attempts.length === 0) this.#estimatedUs = 0;
  }

  /**
   * The job that executes now: the first attempt that has not ended; `null` if there is none, or behind one that hangs. One
   * whose time is settled has ended, also where it is accused and waits for its reset.
   */
  executing(): JobCore | null {
    for (const job of this.attempts) {
      if (job.isLive && job.current?.charged === false) return job;
      if (job.current?.hung === true) return null;
    }
    return null;
  }

  /** The one live attempt; `null` where there are others, or none. */
  get lonely(): JobCore | null {
    const [only, ...others] = this.attempts.filter((job) => job.isLive);
    return only === undefined || others.length > 0 ? null : only;
  }

  /** Whether it holds an attempt that failed on time, and nothing can stop (T2). */
  get hung(): boolean {
    return this.attempts.some((job) => job.current?.hung === true);
  }
}

/** Takes out one of a list that is mostly used from its front. */
function takeOut<T>(list: T[], index: number): T {
  return (index === 0 ? list.shift() : list.splice(index, 1)[0]) as T;
}

/** Whether a reset covers every ring. */
export function allStopped(rings: readonly Ring[]): boolean {
  for (const ring of rings) if (!ring.stopped) return false;
  return true;
}

/** The ring with the least on it that has room for `job`. */
export function leastLoaded(rings: readonly Ring[], job: JobCore): Ring | null {
  let best: Ring | null = null;
  for (const ring of rings) {
    if (!ring.hasRoom(job)) continue;
    if (best === null || ring.isLessLoadedThan(best)) best = ring;
  }
  return best;
}

function isExclusive(job: JobCore): boolean {
  return job.extra !== null && job.extra.exclusive;
}
