import { checkedOptions, FencelineError, invalid, JobError, UsageError } from '../base/index.ts';
import type { Fence, FenceSource, TimelineInfo } from '../base/index.ts';
import { checkedRuntime, idsOf } from '../events/index.ts';
import type { Runtime } from '../events/index.ts';
import { bornSignalled, FenceCore, signalFence, signalTogether } from './fence.ts';
import { report, rethrowLater } from './report.ts';
import type { FenceOwner } from './fence.ts';

/** Options of `new Timeline`. */
export interface TimelineOptions {
  /** The kind of producer, for example `worker`. */
  readonly driver: string;
  /** This producer, for example `ring 0`. */
  readonly label: string;
  readonly runtime: Runtime;
  /** Whether its fences signal in the order in which they were created. Default true. */
  readonly ordered?: boolean;
  /** Called when somebody needs `fence` by `atUs`, each time earlier than before (F12); must return soon. */
  readonly onDeadline?: (fence: Fence, atUs: number) => void;
}

/**
 * A series of fences of one producer, numbered from 1 (F1). Linux calls it a fence context.
 *
 * The producer owns it, creates fences on it and signals them; it may `close` it when it goes away, which fails
 * what is still pending. Keeping to the order of an ordered timeline is the producer's duty: comparing,
 * deduplicating and merging rely on it; a signal out of order is reported as a `warning` event.
 *
 * @example
 * const copies = new Timeline({ driver: 'demo', label: 'copies', runtime: systemRuntime() });
 * const copy = copies.createFence();
 * copy.fence.addCallback((fence) => console.log(fence.status)); // ok
 * copy.signal();
 */
export class Timeline {
  readonly #owner: TimelineOwner;

  constructor(options: TimelineOptions) {
    const given = checkedOptions('Timeline', options);
    const { driver, label, runtime, ordered = true, onDeadline } = given;
    if (typeof driver !== 'string') throw invalid('Timeline: driver', 'a string', driver);
    if (typeof label !== 'string') throw invalid('Timeline: label', 'a string', label);
    checkedRuntime('Timeline: runtime', runtime);
    const info = newTimelineInfo(runtime, driver, label, ordered);
    this.#owner = new TimelineOwner(runtime, info, onDeadline ?? null);
  }

  get id(): number {
    return this.#owner.info.id;
  }

  get driver(): string {
    return this.#owner.info.driver;
  }

  get label(): string {
    return this.#owner.info.label;
  }

  get ordered(): boolean {
    return this.#owner.info.ordered;
  }

  /**
   * Makes the next fence of this timeline, pending. Cost: two objects, about 110 bytes.
   *
   * @throws {ERR_CLOSED} after `close`
   */
  createFence(): FenceSource {
    return this.#owner.create();
  }

  /**
   * Fails what is unsignalled, in order, with `error` (default `ERR_PRODUCER_CLOSED`), all of it before any callback runs
   * (F5). Closing twice does nothing.
   *
   * @throws {ERR_INVALID_ARGUMENT} when `error` is not a FencelineError
   */
  close(error?: FencelineError): void {
    this.#owner.close(checkedError('Timeline.close', error));
  }
}

/** The producer's end of a fence. */
class Source implements FenceSource {
  readonly fence: FenceCore;

  constructor(fence: FenceCore) {
    this.fence = fence;
  }

  signal(error?: FencelineError): boolean {
    return signalFence(this.fence, checkedError('signal', error));
  }
}

/** What a fence is signalled with. Anything else is refused, because who waits tells errors apart by their code. */
function checkedError(what: string, error: FencelineError | undefined): FencelineError | null {
  if (error === undefined) return null;
  if (error instanceof FencelineError) return error;
  throw invalid(what, 'nothing, or a FencelineError (for example a JobError)', error);
}

/** @internal What the fences of a new timeline know of it. */
export function newTimelineInfo(
  runtime: Runtime,
  driver: string,
  label: string,
  ordered: boolean,
): TimelineInfo {
  return Object.freeze({ id: idsOf(runtime).take(), driver, label, ordered });
}

/** Keeps the pending fences of a timeline, so that `close` finds them; forgets signalled ones. */
class TimelineOwner implements FenceOwner {
  readonly runtime: Runtime;
  readonly info: TimelineInfo;
  readonly #onDeadline: TimelineOptions['onDeadline'] | null;
  #lastSeqno = 0;
  #closed = false;
  /** In order of seqno; may hold signalled fences, at most as many as pending ones. */
  #fences: FenceCore[] = [];
  #pending = 0;
  #lastSignalled = 0;

  constructor(
    runtime: Runtime,
    info: TimelineInfo,
    onDeadline: TimelineOptions['onDeadline'] | null,
  ) {
    this.runtime = runtime;
    this.info = info;
    this.#onDeadline = onDeadline;
  }

  create(): Source {
    if (this.#closed) {
      throw new UsageError(
        'ERR_CLOSED',
        `createFence: the timeline ${this.info.driver}/${this.info.label} is closed`,
      );
    }
    this.#lastSeqno += 1;
    const fence = new FenceCore(this, this.#lastSeqno);
    this.#fences.push(fence);
    this.#pending += 1;
    return new Source(fence);
  }

  close(error: FencelineError | null): void {
    if (this.#closed) return;
    this.#closed = true;
    const fences = this.#fences;
    this.#fences = [];
    const why = error ?? new JobError('ERR_PRODUCER_CLOSED', undefined, { label: this.info.label });
    signalTogether(() => {
      for (const fence of fences) signalFence(fence, why);
    });
  }

  infoOf(): TimelineInfo {
    return this.info;
  }

  signalled(fence: Fence): void {
    this.#pending -= 1;
    if (this.info.ordered && fence.seqno < this.#lastSignalled) this.#warnOfOrder(fence);
    else this.#lastSignalled = fence.seqno;
    const fences = this.#fences;
    if (fences[fences.length - 1] === fence) fences.pop();
    else if (fences.length > 16 && fences.length > 2 * this.#pending) {
      this.#fences = fences.filter((one) => one.status === 'pending');
    }
  }

  hinted(fence: Fence, atUs: number): void {
    if (this.#onDeadline === null) return;
    try {
      this.#onDeadline?.(fence, atUs);
    } catch (error) {
      rethrowLater(this.runtime, error);
    }
  }

  #warnOfOrder(fence: Fence): void {
    if (this.runtime.sink === undefined) return;
    report(this.runtime, {
      type: 'warning',
      atUs: this.runtime.nowUs(),
      message:
        `${this.info.driver}/${this.info.label}: fence ${fence.seqno} signalled after ` +
        `${this.#lastSignalled}; signal an ordered timeline in order, or create it with ordered: false`,
      count: 1,
    });
  }
}

const STUB: TimelineInfo = Object.freeze({
  id: 0,
  driver: 'fenceline',
  label: 'signalled',
  ordered: false,
});

/**
 * A fence that has already signalled, ok or with `error`: for work that was complete before it was asked for.
 *
 * It is fence 0 of timeline 0, as Linux's stub fence is. Cost: one object.
 *
 * @throws {ERR_INVALID_ARGUMENT} when `error` is not a FencelineError
 */
export function signalledFence(runtime: Runtime, error?: FencelineError): Fence {
  // Drivers call this for each job: a runtime that is none is looked at only where it cannot tell the time.
  if (typeof runtime?.nowUs !== 'function') checkedRuntime('signalledFence: runtime', runtime);
  return stubFence(checkedError('signalledFence', error), runtime.nowUs());
}

/** @internal As `signalledFence`, at a time of its own. */
export function stubFence(error: FencelineError | null, atUs: number): FenceCore {
  return bornSignalled(STUB, 0, error, atUs);
}
