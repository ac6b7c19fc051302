import { rethrowLater } from '../fence/index.ts';
import type { EntityCore } from './entityCore.ts';
import type { SchedulerCore } from './schedulerCore.ts';

/**
 * Which entities the policy knows, and what happens where it throws: its error is the platform's to report, and the scheduler
 * goes on (S7, F9).
 *
 * 1. An entity is listed from an `add` that returned to the next `remove`.
 * 2. One whose `add` threw is looked at again in the next pass. One whose `remove` threw is removed again where the policy
 *    picks it, and before it is added again.
 * 3. A pass in which the policy threw asks for one more, so that nobody waits for ever where it throws once. If it throws in
 *    that one, too, the next is for something else to ask for: a policy that always throws keeps nothing busy.
 */
export class Listing {
  readonly #core: SchedulerCore;
  #count = 0;
  #refused: EntityCore[] = [];
  readonly #notRemoved = new Set<EntityCore>();
  #threw = false;
  #isRetry = false;

  constructor(core: SchedulerCore) {
    this.#core = core;
  }

  /** How many are listed. */
  get count(): number {
    return this.#count;
  }

  /** The head of `entity` can start, or what the policy knows of it may have changed. */
  add(entity: EntityCore): void {
    const { policy, nowUs } = this.#core;
    try {
      if (entity.listed) {
        policy.changed?.(entity, nowUs);
        return;
      }
      if (this.#notRemoved.size > 0) this.#removeAgain(entity);
      policy.add(entity, nowUs);
    } catch (error) {
      this.#failed(error);
      if (!entity.listed) this.#refused.push(entity);
      return;
    }
    entity.listed = true;
    this.#count += 1;
  }

  /** Its head cannot start any more, or it leaves this scheduler. */
  remove(entity: EntityCore): void {
    const core = this.#core;
    if (!entity.listed || entity.scheduler !== core) return;
    entity.listed = false;
    this.#count -= 1;
    try {
      core.policy.remove(entity, core.nowUs);
    } catch (error) {
      this.#notRemoved.add(entity);
      this.#failed(error);
    }
  }

  /** Whom the policy serves next; `null` where nobody, or it threw. */
  pick(): EntityCore | null {
    const core = this.#core;
    try {
      for (;;) {
        const picked = core.policy.pick(core.nowUs) as EntityCore | null;
        if (picked === null || (picked.listed && picked.scheduler === core)) return picked;
        this.#threw = true;
        if (!this.#notRemoved.has(picked)) break;
        this.#removeAgain(picked);
      }
    } catch (error) {
      this.#failed(error);
    }
    return null;
  }

  /** A pass is over (rule 3). */
  passEnded(): void {
    this.#isRetry = this.#threw && !this.#isRetry;
    if (!this.#threw) return;
    this.#threw = false;
    const core = this.#core;
    for (const entity of this.#refused.splice(0)) {
      if (entity.scheduler === core) core.noteCheck(entity);
    }
    if (this.#isRetry) core.requestPass();
  }

  #removeAgain(entity: EntityCore): void {
    if (!this.#notRemoved.has(entity)) return;
    this.#core.policy.remove(entity, this.#core.nowUs);
    this.#notRemoved.delete(entity);
  }

  #failed(error: unknown): void {
    this.#threw = true;
    rethrowLater(this.#core.runtime, error);
  }
}
