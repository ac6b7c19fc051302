import { messageOf } from '../base/index.ts';
import type { Fence } from '../fence/index.ts';
import type { Driver, ResetContext, Verdict } from './driver.ts';
import type { JobCore } from './jobCore.ts';
import type { Observers } from './observers.ts';

/** What a hook gave: its value, or what it threw. A hook never throws through the scheduler (D4). */
export type HookResult<T> =
  { readonly threw: false; readonly value: T } | { readonly threw: true; readonly cause: unknown };

/** Calls the hooks of one driver, each between `hook-enter` and `hook-exit` where somebody listens. */
export class Hooks {
  readonly driver: Driver;
  readonly #observers: Observers;
  readonly #nowUs: () => number;

  constructor(driver: Driver, observers: Observers, nowUs: () => number) {
    this.driver = driver;
    this.#observers = observers;
    this.#nowUs = nowUs;
  }

  /** The hardware fence of a new attempt, or whatever came instead; throws what the driver threw. */
  runJob(job: JobCore, ring: number): unknown {
    if (!this.#observers.listening) return this.driver.runJob(job, ring);
    return this.#observed('runJob', job, () => this.driver.runJob(job, ring));
  }

  /** Throws what the driver threw. */
  prepareJob(job: JobCore): unknown {
    return this.#observed('prepareJob', job, () => this.driver.prepareJob?.(job) ?? null);
  }

  isSliced(job: JobCore): boolean {
    if (this.driver.isSliced === undefined) return true;
    try {
      return this.driver.isSliced(job);
    } catch (cause) {
      this.#warn('isSliced', job, cause);
      return true;
    }
  }

  /** Throws what the driver threw. */
  nextSlice(job: JobCore): 'any-ring' | 'same-ring' | null {
    return this.#observed('nextSlice', job, () => this.driver.nextSlice?.(job) ?? null);
  }

  timedOut(job: JobCore): Verdict {
    if (this.driver.timedOut === undefined) return 'reset';
    const result = this.#call('timedOut', job, () => this.driver.timedOut?.(job));
    const verdict = result.threw ? 'reset' : result.value;
    switch (verdict) {
      case 'no-hang':
      case 'waits':
      case 'gone':
      case 'fail':
        return verdict;
      default:
        return 'reset';
    }
  }

  cancelJob(job: JobCore): void {
    const { current } = job;
    if (this.driver.cancelJob === undefined || current === null || current.cancelAsked) return;
    current.cancelAsked = true;
    this.#call('cancelJob', job, () => this.driver.cancelJob?.(job));
  }

  freeJob(job: JobCore): void {
    if (this.driver.freeJob === undefined) return;
    if (this.#observers.listening) {
      this.#call('freeJob', job, () => this.driver.freeJob?.(job));
      return;
    }
    // No closure where nobody listens: this is called for each job.
    try {
      this.driver.freeJob(job);
    } catch {
      // Nothing depends on it, and nobody listens (D4).
    }
  }

  /** The interval of execution that the driver measured; `null` where it did not, or gave no finite numbers. */
  measure(job: JobCore): { startUs: number; endUs: number } | null {
    if (this.driver.measure === undefined) return null;
    try {
      const measured = this.driver.measure(job) ?? null;
      if (measured === null) return null;
      const { startUs, endUs } = measured;
      return Number.isFinite(startUs) && Number.isFinite(endUs) ? measured : null;
    } catch (cause) {
      this.#warn('measure', job, cause);
      return null;
    }
  }

  /** The kind of work that `job` is; `undefined` where the driver does not tell. */
  kindOf(job: JobCore): unknown {
    if (this.driver.kindOf === undefined) return undefined;
    try {
      return this.driver.kindOf(job);
    } catch (cause) {
      this.#warn('kindOf', job, cause);
      return undefined;
    }
  }

  /** What the driver copied of a guilty job; `undefined` where it has nothing, or threw. */
  capture(job: JobCore): unknown {
    if (this.driver.capture === undefined) return undefined;
    const result = this.#call('capture', job, () => this.driver.capture?.(job));
    return result.threw ? undefined : result.value;
  }

  reset(context: ResetContext): HookResult<Fence | Promise<void> | void> {
    return this.#call('reset', null, () => this.driver.reset?.(context));
  }

  #call<T>(hook: string, job: JobCore | null, call: () => T): HookResult<T> {
    try {
      return { threw: false, value: this.#observed(hook, job, call) };
    } catch (cause) {
      this.#warn(hook, job, cause);
      return { threw: true, cause };
    }
  }

  #observed<T>(hook: string, job: JobCore | null, call: () => T): T {
    if (!this.#observers.listening) return call();
    const fence = job?.ref ?? null;
    this.#observers.emit({ type: 'hook-enter', atUs: this.#nowUs(), hook, fence, outcome: null });
    let outcome: 'ok' | 'threw' = 'threw';
    try {
      const value = call();
      outcome = 'ok';
      return value;
    } finally {
      this.#observers.emit({ type: 'hook-exit', atUs: this.#nowUs(), hook, fence, outcome });
    }
  }

  #warn(hook: string, job: JobCore | null, cause: unknown): void {
    if (!this.#observers.listening) return;
    const message = `the driver's ${hook} threw${job === null ? '' : ` for ${job.label}`}: ${messageOf(cause)}`;
    this.#observers.emit({ type: 'warning', atUs: this.#nowUs(), message, count: 1 });
  }
}
