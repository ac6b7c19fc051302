import type { Fence } from '../fence/index.ts';
import type { Driver, Job, ResetContext } from '../sched/index.ts';
import type { Task } from './backend.ts';
import { LeaseCore } from './lease.ts';

/** What the jobs of a device need of its memory. */
export interface JobMemory<P> {
  /** What a job has to wait for, because a buffer that it names is on its way. */
  arrivalFor(work: P): Fence | null;
  /** A job was freed: it needs its buffers no longer (M2). */
  freed(work: P): void;
}

/**
 * The driver of a device: jobs are for the driver of its backend, leases for themselves.
 *
 * It has the hooks that `driver` has, because a missing hook means something to the scheduler, and those that leases need.
 */
export function leaseDriver<P>(
  driver: Driver<Task<P>>,
  memory: JobMemory<P> | null,
): Driver<Task<P>> {
  const leaseOf = ({ payload }: Job<Task<P>>): LeaseCore<P> | null =>
    payload instanceof LeaseCore ? payload : null;
  const isWork = (job: Job<Task<P>>): boolean => leaseOf(job) === null;
  const workOf = (context: ResetContext<Task<P>>): ResetContext<Task<P>> => ({
    ...context,
    guilty: context.guilty.filter(isWork),
    running: context.running.filter(isWork),
  });
  const { ordered, resetScope, interruptWaits } = driver;
  return {
    ...(ordered !== undefined && { ordered }),
    ...(resetScope !== undefined && { resetScope }),
    ...(interruptWaits !== undefined && { interruptWaits }),
    runJob: (job, ring) => leaseOf(job)?.begin() ?? driver.runJob(job, ring),
    isSliced: (job) =>
      leaseOf(job) !== null || (driver.nextSlice !== undefined && (driver.isSliced?.(job) ?? true)),
    nextSlice(job) {
      const lease = leaseOf(job);
      if (lease === null) return driver.nextSlice?.(job) ?? null;
      return lease.goesOn ? 'any-ring' : null;
    },
    cancelJob(job) {
      const lease = leaseOf(job);
      if (lease === null) driver.cancelJob?.(job);
      else lease.cancel();
    },
    ...((driver.prepareJob !== undefined || memory !== null) && {
      prepareJob: (job) =>
        isWork(job)
          ? (memory?.arrivalFor(job.payload.work) ?? driver.prepareJob?.(job) ?? null)
          : null,
    }),
    ...(driver.timedOut !== undefined && {
      timedOut: (job) => (isWork(job) ? (driver.timedOut?.(job) ?? 'reset') : 'no-hang'),
    }),
    ...(driver.reset !== undefined && { reset: (context) => driver.reset?.(workOf(context)) }),
    ...((driver.freeJob !== undefined || memory !== null) && {
      freeJob(job) {
        if (!isWork(job)) return;
        memory?.freed(job.payload.work);
        driver.freeJob?.(job);
      },
    }),
    ...(driver.capture !== undefined && {
      capture: (job) => (isWork(job) ? driver.capture?.(job) : undefined),
    }),
    ...(driver.kindOf !== undefined && {
      kindOf: (job) => (isWork(job) ? driver.kindOf?.(job) : undefined),
    }),
    ...(driver.measure !== undefined && {
      measure: (job) => (isWork(job) ? (driver.measure?.(job) ?? null) : null),
    }),
  };
}
