import { checkedOptions, deferred, invalid, JobError } from '../base/index.ts';
import type { CancelSignal, Deferred, Fence, FencelineError } from '../base/index.ts';
import { checkedRuntime } from '../events/index.ts';
import type { Runtime, Timer } from '../events/index.ts';
import { stopListening } from './report.ts';
import { Syncobj } from './syncobj.ts';
import { checkLimits, setTimerIn } from './waitLimits.ts';

/** One thing to wait for: a point of a syncobj, or its binary fence. */
export interface SyncobjWaitEntry {
  readonly syncobj: Syncobj;
  /** Default 0, the binary fence. */
  readonly point?: number;
}

/** Options of `waitSyncobjs`. */
export interface SyncobjWaitOptions {
  readonly runtime: Runtime;
  /** Wait for every entry (default), or for the first. */
  readonly mode?: 'all' | 'any';
  /** Until their fences signalled (default), or only until there are fences. */
  readonly until?: 'signalled' | 'available';
  /** Whether an entry that has no fence yet is waited for, too; otherwise it is an invalid argument. Default false. */
  readonly waitForSubmit?: boolean;
  /** Milliseconds after which the wait rejects with `ERR_WAIT_TIMEOUT`. Default: no bound. */
  readonly timeoutMs?: number;
  /** Ends the wait early; it rejects with `signal.reason`. */
  readonly signal?: CancelSignal;
}

/**
 * Waits for points of several syncobjs; gives the index of the entry that was there first (of those that are there when
 * it is called, the lowest).
 *
 * As composites do, it rejects with a fence's error: for `all`, once every entry signalled, with the error that
 * came first; for `any`, where the first one failed. As with `fence.wait`, what is there already counts also where `signal` is
 * aborted. A wait that ends leaves no callback, timer or listener behind.
 * Cost: one callback an entry.
 *
 * @throws {ERR_INVALID_ARGUMENT} naming the option that does not fit; of no entries, or of an entry without a fence unless it may wait for a submit
 */
export function waitSyncobjs(
  entries: readonly SyncobjWaitEntry[],
  options: SyncobjWaitOptions,
): Promise<number> {
  checkLimits('waitSyncobjs', options);
  const { mode = 'all', until = 'signalled', waitForSubmit = false } = options;
  checkedRuntime('waitSyncobjs: runtime', options.runtime);
  if (mode !== 'all' && mode !== 'any') {
    throw invalid('waitSyncobjs: mode', `'all' or 'any'`, mode);
  }
  if (until !== 'signalled' && until !== 'available') {
    throw invalid('waitSyncobjs: until', `'signalled' or 'available'`, until);
  }
  if (!Array.isArray(entries) || entries.length === 0) {
    throw invalid('waitSyncobjs', 'at least one entry', entries);
  }
  for (const entry of entries as readonly SyncobjWaitEntry[]) {
    const { syncobj, point = 0 } = checkedOptions('waitSyncobjs: entry', entry);
    if (!(syncobj instanceof Syncobj)) throw invalid('waitSyncobjs', 'a Syncobj', syncobj);
    if (syncobj.fenceAt(point) === null && !waitForSubmit && until === 'signalled') {
      const expected = `that point ${point} of ${syncobj.label} was submitted, or waitForSubmit`;
      throw invalid('waitSyncobjs', expected, 'a point without a fence');
    }
  }
  const wait = new SyncobjWait(entries, options);
  wait.begin();
  return wait.promise;
}

class SyncobjWait {
  readonly #done: Deferred<number> = deferred();
  readonly #entries: readonly SyncobjWaitEntry[];
  readonly #options: SyncobjWaitOptions;
  readonly #stops: Set<() => void> = new Set();
  #timer: Timer | null = null;
  #ended = false;
  #left: number;
  #first = -1;
  #error: FencelineError | null = null;
  #errorUs = Infinity;

  constructor(entries: readonly SyncobjWaitEntry[], options: SyncobjWaitOptions) {
    this.#entries = [...entries];
    this.#options = options;
    this.#left = options.mode === 'any' ? 1 : entries.length;
  }

  get promise(): Promise<number> {
    return this.#done.promise;
  }

  /** Where the signal throws, nothing is left behind (F8). */
  begin(): void {
    try {
      this.#start();
    } catch (error) {
      this.#end(() => {});
      throw error;
    }
  }

  #start(): void {
    const { runtime, timeoutMs = Infinity, signal } = this.#options;
    for (let index = 0; index < this.#entries.length && !this.#ended; index += 1) this.#look(index);
    if (this.#ended) return;
    if (signal?.aborted === true) return this.#end(() => this.#done.reject(signal.reason));
    if (timeoutMs === 0) return this.#timeOut(timeoutMs);
    this.#timer = setTimerIn(runtime, timeoutMs, () => this.#timeOut(timeoutMs));
    if (signal === undefined) return;
    const onAbort = (): void => this.#end(() => this.#done.reject(signal.reason));
    this.#stops.add(() => stopListening(runtime, signal, onAbort));
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
  }

  /** Looks for the entry's fence, and waits for the next step where there is one. */
  #look(index: number): void {
    const { syncobj, point = 0 } = this.#entries[index] as SyncobjWaitEntry;
    const fence = syncobj.fenceAt(point);
    if (fence === null) {
      const stop = syncobj.watch(() => {
        if (syncobj.fenceAt(point) === null) return;
        this.#stops.delete(stop);
        stop();
        this.#look(index);
      });
      this.#stops.add(stop);
      return;
    }
    if (this.#options.until === 'available') return this.#ready(index, null);
    const callback = fence.addCallback(() => {
      this.#stops.delete(stop);
      this.#ready(index, fence);
    });
    const stop = (): void => {
      if (callback !== null) fence.removeCallback(callback);
    };
    if (callback === null) this.#ready(index, fence);
    else this.#stops.add(stop);
  }

  #ready(index: number, fence: Fence | null): void {
    if (this.#ended) return;
    if (this.#first === -1) this.#first = index;
    const atUs = fence?.signalledAtUs ?? 0;
    if (fence !== null && fence.error !== null && atUs < this.#errorUs) {
      this.#error = fence.error;
      this.#errorUs = atUs;
    }
    this.#left -= 1;
    if (this.#left > 0) return;
    this.#end(() => {
      if (this.#error === null) this.#done.resolve(this.#first);
      else this.#done.reject(this.#error);
    });
  }

  #timeOut(timeoutMs: number): void {
    const message = `${this.#left} of ${this.#entries.length} syncobjs were not there within ${timeoutMs} ms`;
    this.#end(() => this.#done.reject(new JobError('ERR_WAIT_TIMEOUT', message)));
  }

  #end(settle: () => void): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.cancel();
    for (const stop of this.#stops) stop();
    this.#stops.clear();
    settle();
  }
}
