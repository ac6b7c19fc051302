import type { JobCore } from './jobCore.ts';
import type { SchedulerCore } from './schedulerCore.ts';

/** Tells who opened `core` of a reset with these guilty jobs of it: signal first, dump later (T10). Called before the call stack's last signals at worst. */
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
