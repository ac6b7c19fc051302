import { checkedOptions, invalid, UsageError } from '../base/index.ts';
import type { FencelineError } from '../base/index.ts';
import { checkedRuntime } from '../events/index.ts';
import type { FenceRef, Runtime } from '../events/index.ts';
import type { Driver } from './driver.ts';
import type { Job } from './job.ts';
import { checkedCount, checkedLimit, checkedMs } from './entityOptions.ts';
import { fair } from './policies/fair.ts';
import type { Policy } from './policy.ts';
import { domainOf, ResetDomain } from './resetDomain.ts';
import type { SchedulerCredits } from './ring.ts';

/** Options of `new Scheduler`. */
export interface SchedulerOptions<P = unknown> {
  readonly label: string;
  readonly driver: Driver<P>;
  readonly runtime: Runtime;
  /** Names the device in events. Default: the label. */
  readonly device?: string;
  /** How many interchangeable in-order rings it drives. Default 1. */
  readonly rings?: number;
  /** Per ring (S4). Default 2 units. */
  readonly credits?: SchedulerCredits;
  /** Who is served next; an instance of its own. Default `fair()`. */
  readonly policy?: Policy;
  /** Per attempt, for jobs that name none. Default: no limit; who uses the bare scheduler sets the bounds (F9). */
  readonly runTimeoutMs?: number;
  /** At the head of its queue and blocked, for jobs that name none. Default: no limit. */
  readonly dependencyTimeoutMs?: number;
  /** Which schedulers are reset together. Default: this one alone. */
  readonly resetDomain?: ResetDomain;
  /** Of the reset procedure (T7): one try (default 10,000 ms), tries (default 3), and the first pause between two (default 100 ms, at most a day; it doubles). */
  readonly reset?: {
    readonly timeoutMs?: number;
    readonly maxTries?: number;
    readonly backoffMs?: number;
  };
  /** Told of each reset with a guilty job of this scheduler, after the fences have signalled (T10). */
  readonly onCrash?: (report: CrashReport) => void;
  /**
   * Told that a cancel took `job` out of the queue for good, before its fences signal, which happens in order: what waits for its
   * result may give up at once (J9). `error` is what it fails with.
   */
  onDequeued?(job: Job<P>, error: FencelineError): void;
  /** Of a job (T4); the first is 1. Default 3. */
  readonly maxAttempts?: number;
  /** Guilty jobs after which a client is banned (T6). Default 3. */
  readonly banAfter?: number;
  /** `no-hang` verdicts on one job before it is reset all the same (T2). Default 10. */
  readonly noHangLimit?: number;
}

/** The options with their defaults, checked; times in microseconds. */
export interface SchedulerSetup {
  readonly label: string;
  readonly device: string;
  readonly driver: Driver;
  readonly runtime: Runtime;
  readonly rings: number;
  readonly credits: SchedulerCredits;
  readonly policy: Policy;
  readonly runTimeoutUs: number;
  readonly dependencyTimeoutUs: number;
  readonly resetDomain: ResetDomain;
  readonly reset: {
    readonly timeoutUs: number;
    readonly maxTries: number;
    readonly backoffUs: number;
  };
  readonly onCrash: ((report: CrashReport) => void) | null;
  readonly onDequeued: ((job: Job, error: FencelineError) => void) | null;
  readonly maxAttempts: number;
  readonly banAfter: number;
  readonly noHangLimit: number;
}

/** What is known of a crash: who was guilty, and what the driver captured of each (T10). */
export interface CrashReport {
  /** When the reset began. */
  readonly atUs: number;
  /** Whether the device works again. */
  readonly recovered: boolean;
  readonly guilty: readonly {
    readonly label: string;
    readonly client: number | null;
    readonly fence: FenceRef;
    readonly attempt: number;
    /** What `capture` gave; `undefined` where it was not asked, because the job was named only while the reset went on. */
    readonly captured: unknown;
  }[];
}

/** A pause without end would leave the device in reset for ever (T7). It doubles from try to try, so it stays far from that. */
const BACKOFF_MS_MAX = 24 * 60 * 60 * 1000;

const policiesInUse = new WeakSet<Policy>();

/** @throws {ERR_INVALID_ARGUMENT} naming the option that does not fit */
export function checkedSchedulerOptions(options: SchedulerOptions<never>): SchedulerSetup {
  const {
    label,
    driver,
    runtime,
    device = label,
    policy,
    resetDomain,
    reset = {},
    onCrash,
    onDequeued,
  } = checkedOptions('Scheduler: options', options);
  checkedOptions('Scheduler: reset', reset);
  if (typeof label !== 'string') throw invalid('Scheduler: label', 'a string', label);
  if (typeof device !== 'string') throw invalid('Scheduler: device', 'a string', device);
  if (typeof driver?.runJob !== 'function') {
    throw invalid('Scheduler: driver', 'an object with runJob', driver);
  }
  checkedRuntime('Scheduler: runtime', runtime);
  if (resetDomain !== undefined && !(resetDomain instanceof ResetDomain)) {
    throw invalid('Scheduler: resetDomain', 'a ResetDomain', resetDomain);
  }
  if (resetDomain !== undefined && domainOf(resetDomain).runtime !== runtime) {
    throw invalid('Scheduler: resetDomain', 'one of the same runtime', resetDomain);
  }
  if (onCrash !== undefined && typeof onCrash !== 'function') {
    throw invalid('Scheduler: onCrash', 'a function', onCrash);
  }
  if (onDequeued !== undefined && typeof onDequeued !== 'function') {
    throw invalid('Scheduler: onDequeued', 'a function', onDequeued);
  }
  const setup = {
    label,
    device,
    driver,
    runtime,
    rings: checkedCount('Scheduler: rings', options.rings, 1),
    credits: checkedCredits(options.credits),
    policy: policy === undefined ? fair() : policy,
    runTimeoutUs: checkedMs('Scheduler: runTimeoutMs', options.runTimeoutMs, Infinity),
    dependencyTimeoutUs: checkedMs(
      'Scheduler: dependencyTimeoutMs',
      options.dependencyTimeoutMs,
      Infinity,
    ),
    resetDomain: resetDomain ?? new ResetDomain({ label, runtime }),
    reset: {
      timeoutUs: checkedMs('Scheduler: reset.timeoutMs', reset.timeoutMs, 10_000_000),
      maxTries: checkedLimit('Scheduler: reset.maxTries', reset.maxTries, 3),
      backoffUs: checkedBackoff(reset.backoffMs),
    },
    onCrash: onCrash ?? null,
    onDequeued: (onDequeued as SchedulerSetup['onDequeued'] | undefined) ?? null,
    maxAttempts: checkedLimit('Scheduler: maxAttempts', options.maxAttempts, 3),
    banAfter: checkedLimit('Scheduler: banAfter', options.banAfter, 3),
    noHangLimit: checkedLimit('Scheduler: noHangLimit', options.noHangLimit, 10, 0),
  };
  // One that was made here can be in nobody else's hands.
  if (policy !== undefined) claimPolicy(setup.policy);
  return setup;
}

function checkedBackoff(backoffMs: number | undefined): number {
  if (backoffMs === undefined) return 100_000;
  if (typeof backoffMs === 'number' && backoffMs >= 0 && backoffMs <= BACKOFF_MS_MAX) {
    return backoffMs * 1000;
  }
  throw invalid('Scheduler: reset.backoffMs', `milliseconds, 0 to ${BACKOFF_MS_MAX}`, backoffMs);
}

/** One instance of a policy serves one scheduler, because it keeps that scheduler's state. */
function claimPolicy(policy: Policy): void {
  const { add, remove, pick, started, ended } = (policy ?? {}) as Partial<Policy>;
  if (![add, remove, pick, started, ended].every((method) => typeof method === 'function')) {
    throw invalid('Scheduler: policy', 'a Policy, for example fair()', policy);
  }
  if (policiesInUse.has(policy)) {
    throw new UsageError(
      'ERR_INVALID_ARGUMENT',
      `Scheduler: policy: this ${policy.name} instance serves another scheduler; make one for each`,
    );
  }
  policiesInUse.add(policy);
}

/** @throws {ERR_INVALID_ARGUMENT} unless `credits` is a number of units or a time target */
export function checkedCredits(credits: SchedulerCredits | undefined): SchedulerCredits {
  if (credits === undefined) return 2;
  if (typeof credits === 'number') return checkedCount('credits', credits, 2);
  if (typeof credits !== 'object' || credits === null) {
    throw invalid('credits', 'a number of units, or an object with targetMs', credits);
  }
  const { targetMs, maxJobs } = credits;
  if (!(Number.isFinite(targetMs) && targetMs > 0)) {
    throw invalid('credits.targetMs', 'milliseconds above 0', targetMs);
  }
  return maxJobs === undefined
    ? { targetMs }
    : { targetMs, maxJobs: checkedCount('credits.maxJobs', maxJobs, 1) };
}
