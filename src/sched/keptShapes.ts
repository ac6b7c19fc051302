import { Ids } from '../events/index.ts';
import type { Runtime } from '../events/index.ts';
import { signalledFence, Timeline } from '../fence/index.ts';
import { EntityCore } from './entityCore.ts';
import { checkedEntityOptions } from './entityOptions.ts';
import type { JobCore } from './jobCore.ts';
import { domainOf } from './resetDomain.ts';
import { SchedulerCore } from './schedulerCore.ts';
import { checkedSchedulerOptions } from './schedulerOptions.ts';
import { submit } from './submit.ts';

let kept: { readonly jobs: readonly JobCore[]; readonly rest: unknown } | null = null;

/**
 * Keeps one small scheduler for ever, with a job in each state, so that the engine keeps the code that it compiled for jobs.
 *
 * V8 forgets how the objects of a class are laid out with the last of them, and with the layout every function that was
 * compiled for it. A program that collects its garbage while nothing is queued would run its next jobs in slow code: a
 * third slower in `core-noop`. Called by each scheduler that is opened; the first call costs some ten microseconds.
 */
export function keepShapes(): void {
  if (kept !== null) return;
  const deferred: (() => void)[] = [];
  // Its times are no integers, as real ones are: V8 tells the two apart.
  let nowUs = 0;
  const runtime: Runtime = {
    nowUs: () => (nowUs += 0.3),
    defer: (fn) => deferred.push(fn),
    setTimer: () => ({ cancel: () => {} }),
    ids: new Ids(),
  };
  const timeline = new Timeline({ driver: 'kept', label: 'kept', runtime });
  const source = timeline.createFence();
  const driver = {
    runJob: ({ seqno }: { readonly seqno: number }) =>
      seqno === 1 ? signalledFence(runtime) : source.fence,
  };
  const setup = checkedSchedulerOptions({ label: 'kept', driver, runtime, credits: 1 } as never);
  const core = new SchedulerCore(setup, domainOf(setup.resetDomain));
  core.observers.hide();
  const entity = new EntityCore(1, checkedEntityOptions({}), core);
  const jobs = [1, 2, 3].map((payload) => submit(entity, core.alone, payload));
  const waits = jobs.map((job) => [job.scheduled, job.finished.wait()]);
  for (const fn of deferred) fn();
  kept = { jobs, rest: { core, entity, source, waits } };
}

/** The jobs of the kept scheduler. For tests. */
export function keptJobs(): readonly JobCore[] {
  return kept === null ? [] : kept.jobs;
}
