import { deferred, UsageError } from '../../base/index.ts';
import type { Deferred, Fence } from '../../base/index.ts';
import type { Submission } from '../../device/index.ts';
import type { SubmitOptions } from '../../sched/index.ts';
import type { JobSpec } from '../workload/workload.ts';
import type { Clock } from './clock.ts';
import { errorText, RoundTimes } from './jobLog.ts';
import type { Ending, JobLog, KeptResult } from './jobLog.ts';
import { jobsOfRound } from './round.ts';
import type { Plan, PlannedJob } from './round.ts';
import type { RunClient } from './runDevice.ts';
import type { RoundFences } from './roundFences.ts';
import type { Stop } from './stop.ts';

/** What a source works with. */
export interface JobSourceOptions {
  readonly spec: JobSpec;
  readonly plan: Plan | null;
  readonly directory: string;
  readonly queue: RunClient;
  readonly log: JobLog;
  readonly clock: Clock;
  /** When the run began, on `clock`. */
  readonly startMs: number;
  readonly stop: Stop;
  /** The rounds of the entries that `spec.after` names. */
  readonly after: readonly RoundFences[];
  /** Where other entries wait for the rounds of this one; `null` if none does. */
  readonly rounds: RoundFences | null;
}

interface RoundState {
  readonly number: number;
  readonly startMs: number;
  readonly results: KeptResult[];
  unfinished: number;
  isSubmitted: boolean;
}

/**
 * Submits the jobs of one entry of a workload, round after round.
 *
 * 1. A round begins when its time has come (`every`), the rounds that it comes after were submitted, and its entry has
 *    room in its backlog.
 * 2. A round of a plan is submitted whole, unless the user interrupts; one that goes over files ends with the run.
 * 3. A submit that is refused because the queue is full is tried again after a job ended; any other refusal (banned,
 *    gone, closed, arguments that cannot be cloned) ends the source, and is its `refusal`.
 */
export class JobSource {
  readonly spec: JobSpec;
  readonly times: RoundTimes = new RoundTimes();
  /** Why the source ended early; `null` while it has not. */
  refusal: string | null = null;
  readonly #options: JobSourceOptions;
  readonly #live = new Set<Submission<unknown>>();
  #change: Deferred<void> = deferred();

  constructor(options: JobSourceOptions) {
    this.spec = options.spec;
    this.#options = options;
  }

  /** Submits until there is nothing left to submit, and resolves when everything submitted has ended. */
  async run(): Promise<void> {
    try {
      await this.#submitRounds();
    } catch (error) {
      this.refusal = errorText(error);
    }
    this.#options.rounds?.end();
    while (this.#live.size > 0) await this.#change.promise;
  }

  /** Asks every job that has not ended to end. */
  cancel(reason: unknown): void {
    for (const submission of [...this.#live]) submission.cancel(reason);
  }

  async #submitRounds(): Promise<void> {
    const { spec, clock, startMs, stop, after } = this.#options;
    for (let round = 0; round < spec.rounds && stop.reason === null; round++) {
      if (spec.everyMs !== null) {
        await clock.sleepUntil(startMs + round * spec.everyMs, stop.signal);
        if (stop.reason !== null) return;
      }
      const fences = (await Promise.all(after.map((rounds) => rounds.round(round)))).flat();
      if (stop.reason !== null) return;
      const jobs = await jobsOfRound(this.#options, round);
      if (!(await this.#submitRound(round, jobs, fences))) return;
    }
  }

  /** False: the source has ended. */
  async #submitRound(
    number: number,
    jobs: readonly PlannedJob[],
    after: readonly Fence[],
  ): Promise<boolean> {
    const { spec, stop, plan } = this.#options;
    const state: RoundState = {
      number,
      startMs: this.#options.clock.nowMs(),
      results: [],
      unfinished: 0,
      isSubmitted: false,
    };
    const fences: Fence[] = [];
    for (const [index, job] of jobs.entries()) {
      while (this.#live.size >= spec.backlog) await this.#change.promise;
      const isCut = plan === null && stop.reason !== null && spec.rounds === Infinity;
      if (stop.isInterrupted || isCut) return false;
      const own = job.after.flatMap((place) => fences[place] ?? []);
      const submission = await this.#submit(job, {
        ...this.#submitOptions(),
        after: [...after, ...own],
      });
      if (submission === null) return false;
      fences.push(submission.finished);
      state.unfinished += 1;
      this.#follow(submission, job, index, state);
    }
    this.#options.rounds?.push(fences);
    state.isSubmitted = true;
    return true;
  }

  /** `null`: the user interrupted while the queue was full. */
  async #submit(job: PlannedJob, options: SubmitOptions): Promise<Submission<unknown> | null> {
    while (!this.#options.stop.isInterrupted) {
      try {
        return this.#options.queue.submit(job.work, { ...options, label: job.name });
      } catch (error) {
        const isFull = error instanceof UsageError && error.code === 'ERR_QUEUE_FULL';
        if (!isFull || this.#live.size === 0) throw error;
      }
      await this.#change.promise;
    }
    return null;
  }

  #submitOptions(): SubmitOptions {
    const { spec } = this;
    return {
      ...(spec.credits === null ? {} : { credits: spec.credits }),
      ...(spec.estimateMs === null ? {} : { estimateMs: spec.estimateMs }),
      ...(spec.resubmit === null ? {} : { resubmit: spec.resubmit }),
      ...(spec.runTimeoutMs === null ? {} : { runTimeoutMs: spec.runTimeoutMs }),
      ...(spec.queueTimeoutMs === null ? {} : { queueTimeoutMs: spec.queueTimeoutMs }),
      ...(spec.dependencyTimeoutMs === null
        ? {}
        : { dependencyTimeoutMs: spec.dependencyTimeoutMs }),
    };
  }

  #follow(
    submission: Submission<unknown>,
    job: PlannedJob,
    index: number,
    state: RoundState,
  ): void {
    this.#live.add(submission);
    let endMs: number | null = null;
    const stamp = (): void => {
      endMs = this.#options.clock.nowMs();
    };
    submission.finished.addCallback(stamp);
    const settle = (ending: Ending): void => {
      const who = { entry: this.spec.name, round: state.number, index, name: job.name };
      const logged = job.input === undefined ? who : { ...who, input: job.input };
      const result = this.#options.log.ended(logged, submission.job.attempt, ending);
      this.#live.delete(submission);
      this.#ended(state, result, endMs ?? this.#options.clock.nowMs());
    };
    submission.result.then(
      (value) => {
        settle({ value });
      },
      (error: unknown) => {
        settle({ error });
      },
    );
  }

  #ended(state: RoundState, result: KeptResult, endMs: number): void {
    const { spec, log } = this.#options;
    if (spec.keep === 'all') log.keep(result);
    state.results.push(spec.keep === 'last' ? result : { ...result, value: undefined });
    state.unfinished -= 1;
    if (state.unfinished === 0 && state.isSubmitted) {
      const isOk = state.results.every(({ status }) => status === 'ok');
      this.times.add(endMs - state.startMs, state.results);
      if (isOk && spec.keep === 'last') log.keepLast(state.number, state.results);
      state.results.length = isOk && spec.keep === 'last' ? state.results.length : 0;
    }
    this.#change.resolve();
    this.#change = deferred();
  }
}
