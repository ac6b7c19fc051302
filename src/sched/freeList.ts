import { assert } from '../base/index.ts';
import type { JobCore } from './jobCore.ts';
import type { SchedulerCore } from './schedulerCore.ts';

/** How many attempts a scheduler keeps for the next starts. */
const SPARE_ATTEMPTS = 64;

/** Jobs that are finished and retired, until `freeJob` was called for them: after the call stack, never in a callback (D3, E5). */
export class FreeList {
  readonly #core: SchedulerCore;
  #jobs: JobCore[] = [];
  readonly #flush = (): void => this.flush();

  constructor(core: SchedulerCore) {
    this.#core = core;
  }

  /** Takes a job that is finished and retired, for the first and only time. */
  add(job: JobCore): void {
    this.#spare(job);
    const { hooks, observers } = this.#core;
    if (hooks.driver.freeJob === undefined && !observers.listening) return;
    if (this.#jobs.length === 0) this.#core.runtime.defer(this.#flush);
    this.#jobs.push(job);
  }

  #spare(job: JobCore): void {
    const { current } = job;
    if (current === null) return;
    assert(current.attachedTo === null, 'the attempt of a freed job waits for its hardware fence');
    job.current = null;
    current.job = null;
    const { spareAttempts } = this.#core;
    if (spareAttempts.length < SPARE_ATTEMPTS) spareAttempts.push(current);
  }

  /** Frees what is due now; the end of a scheduler runs it first. */
  flush(): void {
    const { hooks, observers, runtime } = this.#core;
    while (this.#jobs.length > 0) {
      const jobs = this.#jobs;
      this.#jobs = [];
      for (const job of jobs) {
        hooks.freeJob(job);
        if (!observers.listening) continue;
        const { ref: fence, attempt } = job;
        observers.emit({ type: 'job-free', atUs: runtime.nowUs(), fence, attempt });
      }
    }
  }
}
