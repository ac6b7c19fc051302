import { invalid, JobError } from '../../base/index.ts';
import type { FencelineError, FenceSource } from '../../base/index.ts';
import type { Runtime, Timer } from '../../events/index.ts';
import { Timeline } from '../../fence/index.ts';
import type { Fence } from '../../fence/index.ts';
import type { Job } from '../../sched/index.ts';
import type { MockFate, MockFaults } from './mockFaults.ts';

/** What a job is to a `MockRing`. */
export interface MockWork {
  /** How long it executes; without it the job executes until `complete` or `finish` ends it. */
  readonly durationUs?: number;
  /** In how many slices each attempt executes, each as long as `durationUs` says (S14). Default 1. */
  readonly slices?: number;
  /** Whether each attempt hangs: it never ends by itself. */
  readonly hangs?: boolean;
  /** What each attempt fails with when it ends. */
  readonly error?: FencelineError;
}

/** One attempt of a job, as the mock hardware sees it. */
export interface MockAttempt {
  readonly job: Job<MockWork>;
  /** The number of the attempt; the slices of one attempt share it. */
  readonly number: number;
  readonly source: FenceSource;
  /** Grows with each start on any ring; -1 while it waits behind another. */
  startOrder: number;
  timer: Timer | null;
  /** `null` while it waits. */
  fate: MockFate | null;
  cancelled: boolean;
}

/** Counts starts over all rings of a device, so that they can be ordered. */
export interface MockStarts {
  count: number;
}

/**
 * One ring of the mock hardware: attempts in the order in which they were submitted.
 *
 * 1. On an ordered ring the first one executes and the others wait; on an unordered ring all execute.
 * 2. An attempt leaves the ring before its fence is signalled, and the next one has begun by then.
 * 3. An attempt that was cancelled while it waited ends when its turn comes, so that fences stay in order.
 */
export class MockQueue {
  readonly #runtime: Runtime;
  readonly #label: string;
  readonly #ordered: boolean;
  readonly #faults: MockFaults;
  readonly #starts: MockStarts;
  #timeline: Timeline;
  #attempts: MockAttempt[] = [];

  constructor(
    runtime: Runtime,
    label: string,
    ordered: boolean,
    faults: MockFaults,
    starts: MockStarts,
  ) {
    this.#runtime = runtime;
    this.#label = label;
    this.#ordered = ordered;
    this.#faults = faults;
    this.#starts = starts;
    this.#timeline = this.#newTimeline();
  }

  /** What is on the ring, in the order of submission. */
  get attempts(): readonly MockAttempt[] {
    return this.#attempts;
  }

  submit(job: Job<MockWork>): Fence {
    const durationUs = job.payload?.durationUs;
    if (durationUs !== undefined && !(Number.isFinite(durationUs) && durationUs >= 0)) {
      throw invalid(
        'MockRing: durationUs',
        'a finite number of microseconds, at least 0',
        durationUs,
      );
    }
    const attempt: MockAttempt = {
      job,
      number: job.attempt,
      source: this.#timeline.createFence(),
      startOrder: -1,
      timer: null,
      fate: null,
      cancelled: false,
    };
    this.#attempts.push(attempt);
    if (!this.#ordered || this.#attempts.length === 1) this.#start(attempt);
    return attempt.source.fence;
  }

  /** Ends an attempt that executes; its fence fails with `error`, or else with what its fate says. */
  end(attempt: MockAttempt, error?: FencelineError): void {
    attempt.timer?.cancel();
    this.#attempts = this.#attempts.filter((one) => one !== attempt);
    const cancelled: MockAttempt[] = [];
    if (this.#ordered) {
      while (this.#attempts[0]?.cancelled === true)
        cancelled.push(this.#attempts.shift() as MockAttempt);
      const next = this.#attempts[0];
      if (next !== undefined) this.#start(next);
    }
    if (attempt.fate?.loses !== true) {
      attempt.source.signal(
        error ?? attempt.job.payload?.error ?? attempt.fate?.error ?? undefined,
      );
    }
    for (const one of cancelled) one.source.signal(cancellation(one));
  }

  /** Ends an attempt early; one that waits ends when its turn comes (rule 3). */
  cancel(attempt: MockAttempt): void {
    if (attempt.fate === null) attempt.cancelled = true;
    else this.end(attempt, cancellation(attempt));
  }

  /** Takes everything off, signalling nothing; fences made from now on are on a new timeline. */
  clear(): readonly MockAttempt[] {
    const abandoned = this.#attempts;
    for (const attempt of abandoned) attempt.timer?.cancel();
    this.#attempts = [];
    this.#timeline = this.#newTimeline();
    return abandoned;
  }

  #start(attempt: MockAttempt): void {
    const { durationUs, hangs = false } = attempt.job.payload ?? {};
    const ordered = this.#faults.takeFate();
    const fate = { ...ordered, hangs: hangs || ordered.hangs };
    attempt.fate = fate;
    attempt.startOrder = this.#starts.count;
    this.#starts.count += 1;
    if (durationUs === undefined || fate.hangs) return;
    const endUs = this.#runtime.nowUs() + durationUs + fate.delayUs;
    attempt.timer = this.#runtime.setTimer(endUs, () => this.end(attempt));
  }

  #newTimeline(): Timeline {
    return new Timeline({
      driver: 'mock',
      label: this.#label,
      runtime: this.#runtime,
      ordered: this.#ordered,
    });
  }
}

function cancellation(attempt: MockAttempt): JobError {
  return new JobError('ERR_JOB_CANCELLED', undefined, { label: attempt.job.label });
}
