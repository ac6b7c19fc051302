import { rethrowLater } from '../fence/index.ts';
import type { EntityCore } from './entityCore.ts';
import type { SchedulerCore } from './schedulerCore.ts';

/**
 * What a policy is told of starts and ends. One that throws must not stop what it is told of, be it a completion, a reset or a
 * close: its error is the platform's to report. Whom it knows, and what it answers: listing.ts.
 */

export function tellStarted(core: SchedulerCore, entity: EntityCore, estimateUs: number): void {
  try {
    core.policy.started(entity, estimateUs, core.nowUs);
  } catch (error) {
    rethrowLater(core.runtime, error);
  }
}

export function tellEnded(
  core: SchedulerCore,
  entity: EntityCore,
  estimateUs: number,
  busyUs: number,
): void {
  try {
    core.policy.ended(entity, estimateUs, busyUs, core.nowUs);
  } catch (error) {
    rethrowLater(core.runtime, error);
  }
}
