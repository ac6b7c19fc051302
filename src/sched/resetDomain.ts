import { checkedOptions, invalid, JobError } from '../base/index.ts';
import type { FencelineError } from '../base/index.ts';
import { checkedRuntime } from '../events/index.ts';
import type { Runtime } from '../events/index.ts';
import { rethrowLater, signalTogether } from '../fence/index.ts';
import { Accusations } from './accusations.ts';
import { BlameBook } from './blame.ts';
import { accuse } from './expiry.ts';
import { retireAll } from './failAll.ts';
import type { JobCore } from './jobCore.ts';
import { Reset } from './reset.ts';
import { allStopped } from './ring.ts';
import type { SchedulerCore } from './schedulerCore.ts';

/** Options of `new ResetDomain`. */
export interface ResetDomainOptions {
  readonly label: string;
  readonly runtime: Runtime;
}

/** The mechanism of a domain. */
export let domainOf: (domain: ResetDomain) => DomainCore;

/**
 * Schedulers whose devices are reset together, because a reset of one takes the work of the others with it.
 *
 * Give the same domain to each of their constructors. One reset at a time per domain (T3); a device that is gone takes
 * the whole domain (T8). One client number is one client on all of them (T6). A scheduler that names none is alone in its own.
 */
export class ResetDomain {
  readonly label: string;
  readonly #core: DomainCore;

  /** @throws {ERR_INVALID_ARGUMENT} naming the option that does not fit */
  constructor(options: ResetDomainOptions) {
    const { label, runtime } = checkedOptions('ResetDomain: options', options);
    if (typeof label !== 'string') throw invalid('ResetDomain: label', 'a string', label);
    this.label = label;
    this.#core = new DomainCore(checkedRuntime('ResetDomain: runtime', runtime));
  }

  static {
    domainOf = (domain) => domain.#core;
  }
}

/** The requests for resets of a domain, and the one that is going on. */
export class DomainCore {
  readonly runtime: Runtime;
  /** Those that have not ended, and of the others those with attempts that are not retired (J11). */
  readonly members: Set<SchedulerCore> = new Set();
  readonly blames: BlameBook = new BlameBook();
  /** What the next reset is about. */
  #accusations = new Accusations();
  #current: Reset | null = null;
  #beginAsked = false;
  /** Schedulers that joined during a reset: stopped until it is over, and nothing to it otherwise. */
  readonly #joined = new Set<SchedulerCore>();
  /** Why the device is gone; `null` while it is not. */
  #goneError: FencelineError | null = null;

  #starts = 0;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
  }

  /** Numbers the starts of its schedulers. */
  countStart(): number {
    this.#starts += 1;
    return this.#starts;
  }

  /** Whether a reset is going on that covers `job`. */
  covers(job: JobCore): boolean {
    return this.#current?.covers(job) === true;
  }

  /** Adds a scheduler that was just made. It shares in what is going on: it waits for a reset, and is gone with the device. */
  join(core: SchedulerCore): void {
    if (this.#goneError !== null) {
      core.markGone(this.#goneError);
      return;
    }
    this.members.add(core);
    if (this.#current?.isWhole !== true) return;
    for (const ring of core.rings) ring.stopped = true;
    this.#joined.add(core);
  }

  /** Lets a scheduler go that has ended, once its hardware can touch nothing any more (J11). */
  leave(core: SchedulerCore): void {
    if (core.rings.every(({ attempts }) => attempts.length === 0)) this.members.delete(core);
  }

  #startJoined(): void {
    for (const core of this.#joined) {
      for (const ring of core.rings) ring.stopped = false;
      core.requestPass();
    }
    this.#joined.clear();
  }

  /** Asks for a reset in which `job` is guilty. Folded into the one that is going on where that covers it (T3). */
  accuse(job: JobCore, error: JobError): void {
    if (this.#current?.addGuilty(job, error) === true) return;
    this.#accusations.name(job, error);
    this.#beginLater();
  }

  /** Asks for a reset for a fault that names nobody: only who is alone on its ring now is blamed. */
  askForFault(core: SchedulerCore): void {
    if (this.isAtWorkOn(core)) return;
    this.#accusations.nameLonely(core);
    this.#beginLater();
  }

  /** Asks for a reset for which nobody is blamed. */
  askBlameless(core: SchedulerCore): void {
    if (this.isAtWorkOn(core)) return;
    this.#accusations.nameNobody(core);
    this.#beginLater();
  }

  /** Whether a reset covers every ring of `core`: a fault that names nobody may be of any, also of one that goes on or runs again by now. */
  isAtWorkOn(core: SchedulerCore): boolean {
    return this.#current?.coversAll(core) === true && allStopped(core.rings);
  }

  /** The device is lost for good: every job of every member fails (T8). */
  lose(error: FencelineError): void {
    if (this.#goneError !== null) return;
    this.#goneError = error;
    const reset = this.#current;
    this.#current = null;
    this.#accusations = new Accusations();
    const lost = [...this.members].filter((core) => !core.ended);
    // All at once: a callback of one's fences must not submit to another.
    for (const core of lost) core.markGone(error);
    this.#startJoined();
    // Together: what the callbacks see is gone as a whole, whichever fence they are of.
    signalTogether(() => {
      reset?.abandon();
      for (const core of lost) core.onGone(error);
      for (const core of lost) {
        if (core.observers.listening) {
          const atUs = this.runtime.nowUs();
          core.observers.emit({ type: 'gone', atUs, device: core.device, error: error.code });
        }
        core.failAsGone(error);
      }
    });
    // Nobody else tells those that were closed before that their hardware is no more.
    for (const core of this.members) retireAll(core);
    this.members.clear();
  }

  /** Does a step of a reset. Whatever throws there is a fault of ours, and must not leave the domain in a reset for ever (T7). */
  guard(step: () => void): void {
    try {
      step();
    } catch (cause) {
      rethrowLater(this.runtime, cause);
      this.lose(new JobError('ERR_DEVICE_GONE', 'its reset came to an unexpected end', { cause }));
    }
  }

  /** A reset that is over makes room for the next. */
  resetOver(reset: Reset): void {
    if (this.#current !== reset) return;
    this.#current = null;
    this.#startJoined();
    if (this.#accusations.any) this.#beginLater();
  }

  /** A reset begins in a call stack of its own, so that no hook or callback is in the middle of something. */
  #beginLater(): void {
    if (this.#beginAsked || this.#current !== null) return;
    this.#beginAsked = true;
    this.runtime.defer(() => {
      this.#beginAsked = false;
      this.guard(() => this.#begin());
    });
  }

  #begin(): void {
    if (this.#current !== null) return;
    const guilty = this.#accusations.guilty();
    const faulty = this.#accusations.faulty();
    this.#accusations = new Accusations();
    if (guilty.size === 0 && faulty.length === 0) return;
    const reset = new Reset(this, guilty, faulty);
    this.#current = reset;
    reset.begin();
  }
}

/** The driver saw a fault (T6): of `job`, or of nobody that it could name. */
export function fault(core: SchedulerCore, job: JobCore | null, error: JobError | null): void {
  if (core.ended) return;
  if (job === null) {
    if (core.driver.reset === undefined) faultWithoutReset(core);
    else core.domain.askForFault(core);
    return;
  }
  if (!job.isLive) return;
  job.leaveFence();
  if (job.current !== null) job.current.suspect = true;
  accuse(core, job, error ?? new JobError('ERR_JOB_TIMEOUT', undefined, { label: job.label }));
}

/** Without a reset only a job that is alone on its ring can be blamed; nothing else can be done. */
function faultWithoutReset(core: SchedulerCore): void {
  if (core.domain.isAtWorkOn(core)) return;
  for (const { lonely } of core.rings) if (lonely !== null) fault(core, lonely, null);
}

/** The device lost its state, and nobody is to blame. Without a reset nothing can be done. */
export function recover(core: SchedulerCore): void {
  if (!core.ended && core.driver.reset !== undefined) core.domain.askBlameless(core);
}
