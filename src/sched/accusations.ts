import { JobError } from '../base/index.ts';
import type { Attempt } from './attempt.ts';
import type { JobCore } from './jobCore.ts';
import type { SchedulerCore } from './schedulerCore.ts';

/** Why somebody is blamed, and for which of a job's attempts. */
interface Accusation {
  readonly attempt: Attempt | null;
  readonly error: JobError;
}

/**
 * What the reset of a domain is asked for that begins next: who is guilty, and whose rings are at fault (T4, T6).
 *
 * Each accusation is of one attempt: it falls with it, and never meets a later one.
 */
export class Accusations {
  readonly #named = new Map<JobCore, Accusation>();
  readonly #lonely = new Map<JobCore, Accusation>();
  readonly #faulty = new Set<SchedulerCore>();

  get any(): boolean {
    return this.#named.size > 0 || this.#faulty.size > 0;
  }

  /** Names a guilty job. Who speaks first gives the reason. */
  name(job: JobCore, error: JobError): void {
    if (!this.#named.has(job)) this.#named.set(job, { attempt: job.current, error });
  }

  /** Takes a fault that names nobody: who is alone on its ring now is blamed. */
  nameLonely(core: SchedulerCore): void {
    this.#faulty.add(core);
    for (const { lonely: job } of core.rings) {
      if (job === null) continue;
      const error = new JobError('ERR_JOB_TIMEOUT', undefined, { label: job.label });
      this.#lonely.set(job, { attempt: job.current, error });
    }
  }

  /** Takes a fault for which nobody is blamed. */
  nameNobody(core: SchedulerCore): void {
    this.#faulty.add(core);
  }

  /** Who is still to blame, and the error that each fails with. */
  guilty(): Map<JobCore, JobError> {
    const guilty = new Map<JobCore, JobError>();
    for (const [job, { attempt, error }] of [...this.#named, ...this.#lonely]) {
      if (job.isLive && job.current === attempt && !guilty.has(job)) guilty.set(job, error);
    }
    return guilty;
  }

  /** Without those that were closed since: they have no job that a reset could save. */
  faulty(): SchedulerCore[] {
    return [...this.#faulty].filter((core) => !core.ended);
  }
}
