import { rethrowLater } from '../fence/index.ts';
import type { EntityCore } from './entityCore.ts';
import type { SchedulerCore } from './schedulerCore.ts';

/**
 * What a policy is told. One that throws must not stop what it is told of, be it a completion, a reset or a close: its error is the
 * platform's to report. `pick` is not among these: a pass cannot go on without its answer.
 */

export function tellAdded(core: SchedulerCore, entity: EntityCore): void {
  try {
    core.policy.add(entity, core.nowUs);
  } catch (error) {
    rethrowLater(core.runtime, error);
  }
}

export function tellChanged(core: SchedulerCore, entity: EntityCore): void {
  try {
    core.policy.changed?.(entity, core.nowUs);
  } catch (error) {
    rethrowLater(core.runtime, error);
  }
}

export function tellRemoved(core: SchedulerCore, entity: EntityCore): void {
  try {
    core.policy.remove(entity, core.nowUs);
  } catch (error) {
    rethrowLater(core.runtime, error);
  }
}

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
