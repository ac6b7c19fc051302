import { checkedOptions, invalid, JobError } from '../../base/index.ts';
import type { FencelineError } from '../../base/index.ts';
import { checkedRuntime } from '../../events/index.ts';
import type { Runtime } from '../../events/index.ts';
import { Timeline } from '../../fence/index.ts';
import type { Fence } from '../../fence/index.ts';
import type { Driver, Job, ResetContext, Verdict } from '../../sched/index.ts';
import { MockFaults } from './mockFaults.ts';
import type { MockHook } from './mockFaults.ts';
import { MockQueue } from './mockQueue.ts';
import type { MockAttempt, MockStarts, MockWork } from './mockQueue.ts';

/** Options of `new MockRing`. */
export interface MockRingOptions {
  readonly runtime: Runtime;
  /** How many rings the hardware has; give the scheduler the same number. Default 1. */
  readonly rings?: number;
  /** Whether each ring executes one job after the other. Default true; otherwise all of them at once. */
  readonly ordered?: boolean;
  /** What a reset takes with it; see `Driver.resetScope`. Default `device`. */
  readonly resetScope?: 'device' | 'ring';
  /** See `Driver.interruptWaits`. Default false. */
  readonly interruptWaits?: boolean;
  /** Where a job with `slices` goes on after each. Default `any-ring`. */
  readonly slicesOn?: 'any-ring' | 'same-ring';
  /** Names the rings' timelines. Default `ring`. */
  readonly label?: string;
}

/** One call of a hook, in plain data. */
export interface MockCall {
  readonly hook: MockHook;
  /** The job's id; `null` for a reset. */
  readonly job: number | null;
  /** Where the job is, or was; `null` before its first start and for a reset. */
  readonly ring: number | null;
  readonly attempt: number;
  readonly atUs: number;
  /** Of a reset: what its context said, jobs by id. */
  readonly reset?: {
    readonly guilty: readonly number[];
    readonly running: readonly number[];
    readonly rings: readonly number[];
    readonly tries: number;
  };
}

/**
 * Hardware for tests: in-order rings whose jobs take the time they say, or end when the test says, with faults on order.
 *
 * A job with `durationUs` ends that long after it begins to execute: at its submission, or at its predecessor's end on
 * that ring. One without executes until `complete` or `finish`. The faults (`hang`, `failNext`, `dropFence`,
 * `delayNext`) befall the next jobs that begin to execute, in that order, whatever ring they are on; a job's payload can
 * say the same for each of its attempts. Every call of a hook is kept in `calls`.
 *
 * A reset takes all jobs off the rings (with `resetScope: 'ring'`, off those that it names) at once, whether the
 * try then succeeds or not, and leaves their hardware fences unsignalled, as hardware does.
 *
 * Idea: Linux's drm mock scheduler (drivers/gpu/drm/scheduler/tests).
 *
 * @example
 * const runtime = new VirtualRuntime();
 * const driver = new MockRing({ runtime });
 * const scheduler = new Scheduler({ label: 'mock', driver, runtime });
 * const job = scheduler.createEntity().submit({ durationUs: 500 });
 * runtime.advanceBy(500);
 * job.finished.status; // ok
 */
export class MockRing implements Driver<MockWork> {
  readonly ordered: boolean;
  readonly resetScope: 'device' | 'ring';
  readonly interruptWaits: boolean;
  /** Every call of a hook, in order. A test may empty it. */
  readonly calls: MockCall[] = [];
  /** What `timedOut` answers. */
  verdict: Verdict = 'reset';
  /** How long a reset takes; with 0 it is over when the hook returns, otherwise the hook returns a fence. */
  resetUs = 0;
  /** Whether `cancelJob` does nothing, as on hardware that cannot stop a job. */
  ignoresCancel = false;
  readonly slicesOn: 'any-ring' | 'same-ring';
  readonly #runtime: Runtime;
  readonly #rings: readonly MockQueue[];
  readonly #faults = new MockFaults();
  readonly #resets: Timeline;
  readonly #attempts = new WeakMap<Job<MockWork>, MockAttempt[]>();
  readonly #freed = new WeakMap<Job<MockWork>, number>();
  readonly #prepared: Fence[] = [];
  #unplugged = false;

  constructor(options: MockRingOptions) {
    const { runtime, rings = 1, label = 'ring' } = checkedOptions('MockRing: options', options);
    checkedRuntime('MockRing: runtime', runtime);
    if (!(Number.isInteger(rings) && rings >= 1)) {
      throw invalid('MockRing: rings', 'a whole number, at least 1', rings);
    }
    this.ordered = options.ordered ?? true;
    this.resetScope = options.resetScope ?? 'device';
    this.interruptWaits = options.interruptWaits ?? false;
    this.slicesOn = options.slicesOn ?? 'any-ring';
    this.#runtime = runtime;
    const starts: MockStarts = { count: 0 };
    this.#rings = Array.from(
      { length: rings },
      (_, ring) => new MockQueue(runtime, `${label} ${ring}`, this.ordered, this.#faults, starts),
    );
    this.#resets = new Timeline({
      driver: 'mock',
      label: `${label} resets`,
      runtime,
      ordered: false,
    });
  }

  // What the scheduler calls.

  runJob(job: Job<MockWork>, ring: number): Fence {
    this.#called('runJob', job, ring);
    const queue = this.#rings[ring];
    if (queue === undefined) {
      throw invalid('MockRing: ring', `a ring from 0 to ${this.#rings.length - 1}`, ring);
    }
    if (this.#unplugged)
      throw new JobError('ERR_DEVICE_GONE', 'MockRing: the device was unplugged');
    const fence = queue.submit(job);
    const attempt = queue.attempts.at(-1) as MockAttempt;
    const attempts = this.#attempts.get(job);
    if (attempts === undefined) this.#attempts.set(job, [attempt]);
    else attempts.push(attempt);
    return fence;
  }

  prepareJob(job: Job<MockWork>): Fence | null {
    this.#called('prepareJob', job, job.ring);
    return this.#prepared.shift() ?? null;
  }

  isSliced(job: Job<MockWork>): boolean {
    return (job.payload?.slices ?? 1) > 1;
  }

  nextSlice(job: Job<MockWork>): 'any-ring' | 'same-ring' | null {
    this.#called('nextSlice', job, job.ring);
    const begun = (this.#attempts.get(job) ?? []).filter(({ number }) => number === job.attempt);
    return begun.length < (job.payload?.slices ?? 1) ? this.slicesOn : null;
  }

  timedOut(job: Job<MockWork>): Verdict {
    this.#called('timedOut', job, job.ring);
    return this.verdict;
  }

  reset(context: ResetContext<MockWork>): Fence | void {
    const ids = (jobs: readonly Job<MockWork>[]): number[] => jobs.map((job) => job.id);
    const { guilty, running, rings, tries } = context;
    const told = { guilty: ids(guilty), running: ids(running), rings: [...rings], tries };
    this.#called('reset', null, null, told);
    const scope = this.resetScope === 'ring' ? rings : this.#rings.keys();
    for (const ring of scope) this.#rings[ring]?.clear();
    const fails = this.#faults.failedResets > 0;
    if (fails) this.#faults.failedResets -= 1;
    const error = fails ? new JobError('ERR_DRIVER', 'MockRing: the reset failed') : undefined;
    if (this.resetUs > 0) {
      const done = this.#resets.createFence();
      this.#runtime.setTimer(this.#runtime.nowUs() + this.resetUs, () => done.signal(error));
      return done.fence;
    }
    if (error !== undefined) throw error;
  }

  cancelJob(job: Job<MockWork>): void {
    this.#called('cancelJob', job, job.ring);
    if (this.ignoresCancel) return;
    const found = this.#find(job);
    if (found !== null) found.queue.cancel(found.attempt);
  }

  freeJob(job: Job<MockWork>): void {
    this.#freed.set(job, this.freedCount(job) + 1);
    this.#called('freeJob', job, job.ring);
  }

  capture(job: Job<MockWork>): unknown {
    this.#called('capture', job, job.ring);
    return { job: job.id, ring: job.ring, attempt: job.attempt };
  }

  // What a test says to the hardware.

  /**
   * Ends up to `count` jobs that execute until told, longest executing first, whatever ring they are on; a job that
   * begins to execute meanwhile is among them, one that hangs is not. Returns how many ended.
   */
  complete(count: number): number {
    checkTimes('complete: count', count);
    let completed = 0;
    while (completed < count) {
      const next = this.#oldestByHand();
      if (next === null) break;
      next.queue.end(next.attempt);
      completed += 1;
    }
    return completed;
  }

  /** Ends this job's attempt now, also if it hangs; false where none executes. With `error`, its fence fails. */
  finish(job: Job<MockWork>, error?: FencelineError): boolean {
    const found = this.#find(job);
    if (found === null || found.attempt.fate === null) return false;
    found.queue.end(found.attempt, error);
    return true;
  }

  /**
   * Signals the fences of earlier attempts of this job that a reset took off the ring, or whose completion was lost
   * (T5). Returns how many it signalled.
   */
  completeLate(job: Job<MockWork>, error?: FencelineError): number {
    const current = this.#find(job)?.attempt;
    const late = (this.#attempts.get(job) ?? []).filter((one) => one !== current);
    return late.filter((attempt) => attempt.source.signal(error)).length;
  }

  /** Takes everything off the rings, signalling nothing; `runJob` throws from now on. */
  unplug(): void {
    this.#unplugged = true;
    for (const queue of this.#rings) queue.clear();
  }

  // Faults on order.

  /** The next `count` jobs that begin to execute never end by themselves. */
  hang(count = 1): void {
    this.#faults.hangs += checkTimes('hang: count', count);
  }

  /** The next `count` jobs that begin to execute fail with `error` (default `ERR_DRIVER`) when they end. */
  failNext(
    error: FencelineError = new JobError('ERR_DRIVER', 'MockRing: the hardware failed'),
    count = 1,
  ): void {
    checkFinite('failNext: count', count);
    for (let i = 0; i < count; i += 1) this.#faults.errors.push(error);
  }

  /** The next `count` jobs that begin to execute end, and the ring goes on, but nobody is told. */
  dropFence(count = 1): void {
    this.#faults.losses += checkTimes('dropFence: count', count);
  }

  /** The next job that begins to execute takes `us` longer, if it has a duration. */
  delayNext(us: number): void {
    if (!(Number.isFinite(us) && us >= 0)) {
      throw invalid('MockRing: delayNext: us', 'a finite number of microseconds, at least 0', us);
    }
    this.#faults.delaysUs.push(us);
  }

  /** The next `times` resets fail, `resetUs` after they began. */
  failReset(times = 1): void {
    this.#faults.failedResets += checkTimes('failReset: times', times);
  }

  /** The next `count` calls of `hook` throw `error`. The call is in `calls`, and does nothing else. */
  throwNext(
    hook: MockHook,
    error: unknown = new Error(`MockRing: ${hook} threw`),
    count = 1,
  ): void {
    checkFinite('throwNext: count', count);
    for (let i = 0; i < count; i += 1) this.#faults.addThrow(hook, error);
  }

  /** The next calls of `prepareJob` return these fences, one each. */
  prepareNext(...fences: readonly Fence[]): void {
    this.#prepared.push(...fences);
  }

  /** A driver over the same hardware that lacks some hooks. */
  without(...hooks: readonly Exclude<MockHook, 'runJob'>[]): Driver<MockWork> {
    const has = (hook: Exclude<MockHook, 'runJob'>): boolean => !hooks.includes(hook);
    return {
      ordered: this.ordered,
      resetScope: this.resetScope,
      interruptWaits: this.interruptWaits,
      runJob: (job, ring) => this.runJob(job, ring),
      ...(has('prepareJob') && { prepareJob: (job) => this.prepareJob(job) }),
      ...(has('nextSlice') && {
        isSliced: (job) => this.isSliced(job),
        nextSlice: (job) => this.nextSlice(job),
      }),
      ...(has('timedOut') && { timedOut: (job) => this.timedOut(job) }),
      ...(has('reset') && { reset: (context) => this.reset(context) }),
      ...(has('cancelJob') && { cancelJob: (job) => this.cancelJob(job) }),
      ...(has('freeJob') && { freeJob: (job) => this.freeJob(job) }),
      ...(has('capture') && { capture: (job) => this.capture(job) }),
    };
  }

  // What a test looks at.

  /** The jobs on `ring`, in the order in which they were submitted; on an ordered ring the first one executes. */
  jobsOn(ring = 0): readonly Job<MockWork>[] {
    return (this.#rings[ring]?.attempts ?? []).map((attempt) => attempt.job);
  }

  /** The ids of the jobs for which `hook` was called, in order; a job that it was called for twice is there twice. */
  idsOf(hook: MockHook): readonly number[] {
    return this.calls.flatMap((call) =>
      call.hook === hook && call.job !== null ? [call.job] : [],
    );
  }

  /** How often `freeJob` was called for `job`; 1 after a life that went well (D3). */
  freedCount(job: Job<MockWork>): number {
    return this.#freed.get(job) ?? 0;
  }

  #called(
    hook: MockHook,
    job: Job<MockWork> | null,
    ring: number | null,
    reset?: NonNullable<MockCall['reset']>,
  ): void {
    this.calls.push({
      hook,
      job: job?.id ?? null,
      ring,
      attempt: job?.attempt ?? 0,
      atUs: this.#runtime.nowUs(),
      ...(reset !== undefined && { reset }),
    });
    this.#faults.throwIfOrdered(hook);
  }

  #find(job: Job<MockWork>): { queue: MockQueue; attempt: MockAttempt } | null {
    for (const queue of this.#rings) {
      const attempt = queue.attempts.find((one) => one.job === job);
      if (attempt !== undefined) return { queue, attempt };
    }
    return null;
  }

  #oldestByHand(): { queue: MockQueue; attempt: MockAttempt } | null {
    let oldest: { queue: MockQueue; attempt: MockAttempt } | null = null;
    for (const queue of this.#rings) {
      for (const attempt of queue.attempts) {
        const { fate, startOrder } = attempt;
        if (fate === null || fate.hangs || attempt.timer !== null) continue;
        if (oldest === null || startOrder < oldest.attempt.startOrder) oldest = { queue, attempt };
      }
    }
    return oldest;
  }
}

/** How often something is to happen; `Infinity`: always. */
function checkTimes(what: string, times: number): number {
  if (times === Infinity || (Number.isInteger(times) && times >= 0)) return times;
  throw invalid(`MockRing: ${what}`, 'a whole number, at least 0, or Infinity', times);
}

function checkFinite(what: string, times: number): void {
  if (Number.isSafeInteger(times) && times >= 0) return;
  throw invalid(`MockRing: ${what}`, 'a whole number, at least 0', times);
}
