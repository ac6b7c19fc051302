import { JobError } from '../base/index.ts';
import { signalledFence, Timeline } from '../fence/index.ts';
import type { Fence, FenceSource } from '../fence/index.ts';
import type { Driver, Job, ResetContext, Verdict } from '../sched/index.ts';
import type { ExploreRuntime } from './exploreRuntime.ts';

/** What a job of a `ModelDevice` is. */
export interface ModelWork {
  /** How far the clock moves as it completes. Default 100. */
  readonly durationUs?: number;
  /** How many fences `prepareJob` gives out before it says `null`. Default 0. */
  readonly prepares?: number;
  /** Whether `runJob` returns a fence that has signalled. */
  readonly instant?: boolean;
  /** In how many further slices it is served, of a device that is `sliced`. Default 0. */
  readonly slices?: number;
  /** Whether its further slices need the ring of the one before. */
  readonly staysOnRing?: boolean;
}

/** The hooks that a model device may be without, or have throw. */
export type ModelHook =
  'prepareJob' | 'timedOut' | 'reset' | 'cancelJob' | 'freeJob' | 'capture' | 'nextSlice';

/** Options of a `ModelDevice`. */
export interface ModelDeviceOptions {
  readonly label: string;
  readonly rings?: number;
  readonly ordered?: boolean;
  readonly resetScope?: 'device' | 'ring';
  /** Whether `reset` returns a fence, which the explorer signals when it likes. */
  readonly slowReset?: boolean;
  /** Whether a running job that is cancelled ends early, with `ERR_JOB_CANCELLED`. Default true. */
  readonly honoursCancel?: boolean;
  readonly lacks?: readonly ModelHook[];
  /** Whether jobs may be served slice by slice (S14). */
  readonly sliced?: boolean;
}

interface HardwareAttempt {
  readonly job: Job<ModelWork>;
  readonly source: FenceSource;
  hung: boolean;
  cancelled: boolean;
}

/**
 * Hardware of which every step is the explorer's choice: when work completes, and what goes wrong.
 *
 * It breaks no rule of a driver by itself: each fence that it gives out is new, and signals once the attempt
 * completed, failed, or was stopped; after a reset the fences of what it took may stay pending, or signal late.
 */
export class ModelDevice {
  readonly label: string;
  readonly rings: number;
  readonly ordered: boolean;
  /** What the scheduler is given. */
  readonly driver: Driver<ModelWork>;
  readonly #runtime: ExploreRuntime;
  readonly #options: ModelDeviceOptions;
  readonly #timeline: Timeline;
  readonly #queues: HardwareAttempt[][];
  /** Off their ring and never signalled: lost completions. */
  #lost: HardwareAttempt[] = [];
  /** Taken by a reset. */
  #stale: HardwareAttempt[] = [];
  readonly #prepared = new Map<Job<ModelWork>, number>();
  /** How many further slices an attempt was given. */
  readonly #sliced = new Map<
    Job<ModelWork>,
    { readonly attempt: number; readonly given: number }
  >();
  #preparing: FenceSource[] = [];
  #resets: FenceSource[] = [];
  #lastDone: HardwareAttempt | null = null;
  readonly #throws = new Set<ModelHook | 'runJob'>();
  readonly #hints = new Map<Fence, number>();
  readonly #acts = new Map<ModelHook | 'runJob', () => void>();
  #nextVerdict: Verdict | null = null;
  #nextReset: 'fail' | 'throw' | null = null;
  #resetIsStuck = false;
  #reusesFence = false;

  constructor(options: ModelDeviceOptions & { readonly runtime: ExploreRuntime }) {
    const { label, rings = 1, ordered = true, runtime } = options;
    this.label = label;
    this.rings = rings;
    this.ordered = ordered;
    this.#runtime = runtime;
    this.#options = options;
    // Lost and late completions signal out of order.
    const onDeadline = (fence: Fence, atUs: number): void => void this.#hints.set(fence, atUs);
    this.#timeline = new Timeline({ driver: 'model', label, runtime, ordered: false, onDeadline });
    this.#queues = [];
    for (let ring = 0; ring < rings; ring += 1) this.#queues.push([]);
    this.driver = this.#makeDriver();
  }

  // What the explorer chooses. Each is a step of an actor.

  /** Whether the attempt at `place` of `ring` can complete: the first one of an ordered device. */
  canComplete(ring: number, place = 0): boolean {
    const attempt = this.#queues[ring]?.[place];
    return attempt !== undefined && !attempt.hung && (place === 0 || !this.ordered);
  }

  /** Completes an attempt, or with `error` fails it. */
  complete(ring: number, place = 0, error?: JobError): void {
    const [attempt] = (this.#queues[ring] as HardwareAttempt[]).splice(place, 1);
    if (attempt === undefined) return;
    this.#lastDone = attempt;
    this.#runtime.pass(attempt.job.payload.durationUs ?? 100);
    const stopped = attempt.cancelled && this.#options.honoursCancel !== false;
    attempt.source.signal(error ?? (stopped ? new JobError('ERR_JOB_CANCELLED') : undefined));
  }

  /** The attempt that executes on `ring` does not complete by itself any more. */
  hang(ring: number): void {
    const [first] = this.#queues[ring] as HardwareAttempt[];
    if (first !== undefined) first.hung = true;
  }

  /** The attempt that executes on `ring` completes, and nobody hears of it. */
  lose(ring: number): void {
    const first = (this.#queues[ring] as HardwareAttempt[]).shift();
    if (first !== undefined) this.#lost.push(first);
  }

  get hasStale(): boolean {
    return this.#stale.length + this.#lost.length > 0;
  }

  /** A completion that was lost, or that a reset made meaningless, arrives after all. */
  completeLate(): void {
    const attempt = this.#lost.shift() ?? this.#stale.shift();
    attempt?.source.signal();
  }

  get hasDone(): boolean {
    return this.#lastDone !== null;
  }

  /** The last completion is announced again; true: the fence took it. */
  completeTwice(): boolean {
    return this.#lastDone?.source.signal(new JobError('ERR_DRIVER')) ?? false;
  }

  get isResetting(): boolean {
    return this.#resets.length > 0 && !this.#resetIsStuck;
  }

  get hasReset(): boolean {
    return this.#resets.length > 0;
  }

  /** A slow reset ends. */
  finishReset(failed: boolean): void {
    const source = this.#resets.shift();
    source?.signal(failed ? new JobError('ERR_DRIVER') : undefined);
  }

  get isPreparing(): boolean {
    return this.#preparing.length > 0;
  }

  /** What `prepareJob` had a job wait for has come. */
  finishPreparing(): void {
    this.#preparing.shift()?.signal();
  }

  /** By when somebody said that a hardware fence is needed; `Infinity` where nobody did. */
  hintOf(fence: Fence): number {
    return this.#hints.get(fence) ?? Infinity;
  }

  /** Somebody acts inside the next call of `hook`. */
  actIn(hook: ModelHook | 'runJob', act: () => void): void {
    this.#acts.set(hook, act);
  }

  throwNext(hook: ModelHook | 'runJob'): void {
    this.#throws.add(hook);
  }

  /** What `timedOut` says next, instead of the truth. */
  answerNext(verdict: Verdict): void {
    this.#nextVerdict = verdict;
  }

  failNextReset(how: 'fail' | 'throw'): void {
    this.#nextReset = how;
  }

  /** A reset that is going on, or the next, does not end until `heal`. */
  stickReset(): void {
    this.#resetIsStuck = true;
  }

  /** The next attempt gets the fence of an earlier one. */
  reuseFence(): void {
    this.#reusesFence = true;
  }

  /** Everything works again: what hangs goes on, and what was lost is told. */
  heal(): void {
    for (const queue of this.#queues) for (const attempt of queue) attempt.hung = false;
    this.#resetIsStuck = false;
    this.#reusesFence = false;
    this.#nextReset = null;
    this.#nextVerdict = null;
    this.#throws.clear();
    this.#acts.clear();
    const lost = this.#lost;
    this.#lost = [];
    for (const attempt of lost) attempt.source.signal();
  }

  /** Its state, for the hash of a state. `name` gives the number of a job. */
  state(add: (part: number) => void, name: (job: Job<ModelWork>) => number): void {
    for (const queue of [...this.#queues, this.#lost, this.#stale]) {
      for (const { job, hung, cancelled } of queue) {
        add(name(job) * 4 + (hung ? 2 : 0) + (cancelled ? 1 : 0));
      }
      add(-1);
    }
    add(this.#preparing.length * 8 + this.#resets.length);
    add(
      (this.#resetIsStuck ? 1 : 0) +
        (this.#reusesFence ? 2 : 0) +
        this.#throws.size * 4 +
        this.#acts.size * 64,
    );
    add((this.#nextReset?.length ?? 0) * 16 + (this.#nextVerdict?.length ?? 0));
    for (const [job, count] of this.#prepared) if (count > 0) add(name(job) * 8 + count);
    for (const [job, { attempt, given }] of this.#sliced) add(name(job) * 64 + attempt * 8 + given);
  }

  // What the scheduler calls.

  #makeDriver(): Driver<ModelWork> {
    const { ordered = true, resetScope = 'device', lacks = [] } = this.#options;
    const hooks: Required<
      Omit<Driver<ModelWork>, 'kindOf' | 'measure' | 'interruptWaits' | 'isSliced' | 'nextSlice'>
    > = {
      ordered,
      resetScope,
      runJob: (job, ring) => this.#runJob(job, ring),
      prepareJob: (job) => this.#prepareJob(job),
      timedOut: (job) => this.#timedOut(job),
      reset: (context) => this.#reset(context),
      cancelJob: (job) => this.#cancelJob(job),
      freeJob: () => this.#maybeThrow('freeJob'),
      capture: () => this.#maybeThrow('capture'),
    };
    if (this.#options.sliced === true) {
      const nextSlice: Driver<ModelWork>['nextSlice'] = (job) => this.#nextSlice(job);
      const isSliced: Driver<ModelWork>['isSliced'] = ({ payload }) => (payload.slices ?? 0) > 0;
      Object.assign(hooks, { isSliced, nextSlice });
    }
    // `delete` makes an object slow, so it is left to the few that lack something.
    if (lacks.length === 0) return hooks;
    const driver: Record<string, unknown> = { ...hooks };
    for (const hook of lacks) delete driver[hook];
    return driver as unknown as Driver<ModelWork>;
  }

  #maybeThrow(hook: ModelHook | 'runJob'): void {
    if (this.#acts.size > 0) {
      const act = this.#acts.get(hook);
      this.#acts.delete(hook);
      act?.();
    }
    if (this.#throws.size > 0 && this.#throws.delete(hook))
      throw new Error(`the model's ${hook} failed`);
  }

  #runJob(job: Job<ModelWork>, ring: number): Fence {
    this.#maybeThrow('runJob');
    if (job.payload.instant === true) return signalledFence(this.#runtime);
    if (this.#reusesFence && this.#lastDone !== null) {
      this.#reusesFence = false;
      return this.#lastDone.source.fence;
    }
    if (this.#prepared.size > 0) this.#prepared.delete(job);
    const source = this.#timeline.createFence();
    this.#queues[ring]?.push({ job, source, hung: false, cancelled: false });
    return source.fence;
  }

  #prepareJob(job: Job<ModelWork>): Fence | null {
    this.#maybeThrow('prepareJob');
    const { prepares = 0 } = job.payload;
    if (prepares === 0) return null;
    const given = this.#prepared.get(job) ?? 0;
    if (given >= prepares) return null;
    this.#prepared.set(job, given + 1);
    const source = this.#timeline.createFence();
    this.#preparing.push(source);
    return source.fence;
  }

  /** A new attempt begins with none of its further slices given. */
  #nextSlice(job: Job<ModelWork>): 'any-ring' | 'same-ring' | null {
    this.#maybeThrow('nextSlice');
    const { attempt, payload } = job;
    const known = this.#sliced.get(job);
    const given = known?.attempt === attempt ? known.given : 0;
    if (given >= (payload.slices ?? 0)) return null;
    this.#sliced.set(job, { attempt, given: given + 1 });
    return payload.staysOnRing === true ? 'same-ring' : 'any-ring';
  }

  #timedOut(job: Job<ModelWork>): Verdict {
    this.#maybeThrow('timedOut');
    const answer = this.#nextVerdict;
    this.#nextVerdict = null;
    if (answer !== null) return answer;
    const progresses = this.#queues.some((queue) =>
      queue.some((attempt) => attempt.job === job && !attempt.hung),
    );
    return progresses ? 'no-hang' : 'reset';
  }

  #reset(context: ResetContext<ModelWork>): Fence | void {
    const how = this.#nextReset;
    this.#nextReset = null;
    this.#maybeThrow('reset');
    if (how === 'throw') throw new Error(`the model's reset failed`);
    for (const ring of context.rings) this.#stale.push(...(this.#queues[ring]?.splice(0) ?? []));
    const taken = this.#lost.filter(({ job }) => context.running.includes(job));
    this.#lost = this.#lost.filter(({ job }) => !context.running.includes(job));
    this.#stale.push(...taken);
    if (this.#options.slowReset !== true) {
      return how === 'fail' ? signalledFence(this.#runtime, new JobError('ERR_DRIVER')) : undefined;
    }
    const source = this.#timeline.createFence();
    this.#resets.push(source);
    return source.fence;
  }

  #cancelJob(job: Job<ModelWork>): void {
    this.#maybeThrow('cancelJob');
    for (const queue of this.#queues) {
      for (const attempt of queue) {
        if (attempt.job !== job) continue;
        attempt.cancelled = true;
        if (this.#options.honoursCancel !== false) attempt.hung = false;
      }
    }
  }
}
