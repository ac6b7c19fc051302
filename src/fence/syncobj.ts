import { checkedOptions, deferred, invalid, JobError } from '../base/index.ts';
import type { Fence } from '../base/index.ts';
import { checkedRuntime } from '../events/index.ts';
import type { Runtime } from '../events/index.ts';
import { FenceChain } from './chain.ts';
import { checkedFence } from './composite.ts';
import { report } from './report.ts';
import { signalledFence } from './timeline.ts';
import { setTimerIn } from './waitLimits.ts';

/** Options of `new Syncobj`. */
export interface SyncobjOptions {
  readonly runtime: Runtime;
  /** Names it in messages. Default `syncobj`. */
  readonly label?: string;
  /** Whether it begins with a signalled fence. Default false: with none. */
  readonly signalled?: boolean;
}

/**
 * A box that holds one replaceable fence (binary), or a chain of numbered points (timeline).
 *
 * It is shared by who produces and who waits, and lives as long as somebody holds it. A fence that was taken
 * out stays what it is when the box changes. `replace`, `reset` and `signal` treat it as binary and drop its points;
 * `addPoint` and `signalPoint` chain onto what it holds. Waiting for a fence that was not put in yet is possible only with
 * `waitForSubmit` and `waitSyncobjs`; a job can depend only on a fence that is there (F9).
 *
 * Cost: O(1) unless it says otherwise.
 *
 * Idea: `struct drm_syncobj`; Vulkan's binary and timeline semaphores.
 */
export class Syncobj {
  readonly label: string;
  readonly #runtime: Runtime;
  /** A chain in timeline use, a fence in binary use. */
  #held: FenceChain | Fence | null;
  readonly #watchers: Set<() => void> = new Set();

  constructor(options: SyncobjOptions) {
    const { runtime, label = 'syncobj', signalled = false } = checkedOptions('Syncobj', options);
    this.label = label;
    this.#runtime = checkedRuntime('Syncobj: runtime', runtime);
    this.#held = signalled ? signalledFence(runtime) : null;
  }

  /** The fence of everything that was put in: the binary fence, or that of the last point. `null`: nothing. */
  get fence(): Fence | null {
    return this.#held instanceof FenceChain ? this.#held.fence : this.#held;
  }

  /**
   * The last point up to which everything has signalled; 0 if there is none. It goes back only where that very point is added
   * once more. Cost: O(pending points).
   */
  get lastSignalled(): number {
    return this.#held instanceof FenceChain ? this.#held.lastSignalled : 0;
  }

  /** The last point that was put in; 0 if there is none. */
  get lastSubmitted(): number {
    return this.#held instanceof FenceChain ? this.#held.seqno : 0;
  }

  /** Puts in a fence, or nothing, in place of what is there. */
  replace(fence: Fence | null): void {
    this.#hold(fence === null ? null : checkedFence('Syncobj.replace', fence));
  }

  /** Takes everything out. Fences that were taken out before are untouched. */
  reset(): void {
    this.#hold(null);
  }

  /** Puts in a signalled fence in place of what is there. */
  signal(): void {
    this.#hold(signalledFence(this.#runtime));
  }

  /**
   * Adds point `seqno`, which signals when `fence` and everything before have.
   *
   * A point that is not above the last one is reported as a `warning` event; it delays the last one, and all before it
   * that have not signalled, until it signals, too, and so nobody is told too early. Cost: that of `new FenceChain`.
   *
   * @throws {ERR_INVALID_ARGUMENT} when `seqno` is not a whole number above 0
   */
  addPoint(seqno: number, fence: Fence): void {
    const point = checkedPoint('Syncobj.addPoint', seqno, 1);
    const last = this.lastSubmitted;
    this.#hold(new FenceChain(this.#held, fence, point, this.#runtime));
    if (point > last) return;
    report(this.#runtime, {
      type: 'warning',
      atUs: this.#runtime.nowUs(),
      message: `${this.label}: point ${point} was added after point ${last}; add points in order`,
      count: 1,
    });
  }

  /** Adds point `seqno` as signalled; it still waits for earlier points. */
  signalPoint(seqno: number): void {
    this.addPoint(seqno, signalledFence(this.#runtime));
  }

  /**
   * The fence to wait on for point `seqno`, 0 for the binary fence; `null` where it was not put in yet.
   *
   * For a point that was collected, with everything before, a signalled fence without its error. Cost: O(pending points).
   */
  fenceAt(seqno: number): Fence | null {
    const point = checkedPoint('Syncobj.fenceAt', seqno, 0);
    const held = this.#held;
    if (point === 0) return this.fence;
    if (!(held instanceof FenceChain) || point > held.seqno) return null;
    if (point === held.seqno && held.lastSignalled === point) return held.fence;
    return held.find(point)?.fence ?? signalledFence(this.#runtime);
  }

  /**
   * Waits until point `seqno` (0: the binary fence) was put in, and gives its fence, signalled or not.
   *
   * The bound is required, so that nothing is made to depend on a submit that never comes (F9).
   *
   * @throws {ERR_INVALID_ARGUMENT} without a finite `timeoutMs`; rejects with ERR_WAIT_TIMEOUT past it
   */
  waitForSubmit(seqno: number, options: { readonly timeoutMs: number }): Promise<Fence> {
    const point = checkedPoint('Syncobj.waitForSubmit', seqno, 0);
    const timeoutMs = options?.timeoutMs;
    if (!(Number.isFinite(timeoutMs) && timeoutMs >= 0)) {
      throw invalid('waitForSubmit: timeoutMs', 'a finite number of milliseconds', timeoutMs);
    }
    const there = this.fenceAt(point);
    if (there !== null) return Promise.resolve(there);
    const message = `${this.label}: point ${point} was not submitted within ${timeoutMs} ms`;
    const late = (): JobError => new JobError('ERR_WAIT_TIMEOUT', message, { label: this.label });
    if (timeoutMs === 0) return Promise.reject(late());
    const done = deferred<Fence>();
    const timer = setTimerIn(this.#runtime, timeoutMs, () => {
      this.#watchers.delete(look);
      done.reject(late());
    });
    const look = (): void => {
      const fence = this.fenceAt(point);
      if (fence === null) return;
      timer?.cancel();
      this.#watchers.delete(look);
      done.resolve(fence);
    };
    this.#watchers.add(look);
    return done.promise;
  }

  /**
   * Puts the fence at point `from` of this one into `target` at point `to`; 0 is the binary fence on either side.
   *
   * @throws {ERR_INVALID_ARGUMENT} where `from` was not put in yet
   */
  transfer(from: number, target: Syncobj, to: number): void {
    if (!(target instanceof Syncobj)) throw invalid('Syncobj.transfer', 'a Syncobj', target);
    const point = checkedPoint('Syncobj.transfer: to', to, 0);
    const fence = this.fenceAt(from);
    if (fence === null) {
      throw invalid('Syncobj.transfer: from', 'a point that was submitted', from);
    }
    if (point === 0) target.replace(fence);
    else target.addPoint(point, fence);
  }

  /** @internal Calls `fn` whenever something was put in, until the returned function is called. */
  watch(fn: () => void): () => void {
    this.#watchers.add(fn);
    return () => this.#watchers.delete(fn);
  }

  #hold(held: FenceChain | Fence | null): void {
    this.#held = held;
    for (const look of [...this.#watchers]) look();
  }
}

function checkedPoint(what: string, seqno: number, min: number): number {
  if (Number.isSafeInteger(seqno) && seqno >= min) return seqno;
  throw invalid(what, `a point, which is a whole number from ${min}`, seqno);
}
