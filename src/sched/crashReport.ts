import type { JobCore } from './jobCore.ts';
import type { SchedulerCore } from './schedulerCore.ts';

/** Tells who opened `core` of a reset with guilty jobs of it, after the call stack: signal first, dump later (T10). */
export function reportCrash(
  core: SchedulerCore,
  atUs: number,
  recovered: boolean,
  jobs: readonly JobCore[],
  captured: ReadonlyMap<JobCore, unknown>,
): void {
  const { onCrash } = core.setup;
  if (onCrash === null || jobs.length === 0) return;
  const guilty = jobs.map((job) => {
    const { label, ref: fence, attempt } = job;
    const { client } = job.entity.setup;
    return { label, client, fence, attempt, captured: captured.get(job) };
  });
  core.runtime.defer(() => onCrash({ atUs, recovered, guilty }));
}
