import { shown } from '../../base/index.ts';
import { nearest } from '../nearest.ts';
import { settled } from '../settled.ts';
import { WorkloadError } from '../workload/problem.ts';
import type { Problem } from '../workload/problem.ts';
import type { FunctionReference, Workload } from '../workload/workload.ts';
import type { KeptResult } from './jobLog.ts';
import { errorText } from './jobLog.ts';
import type { Plan } from './round.ts';
import type { Twin } from './twinDevice.ts';

/** What a client's `collect` is called with, besides the results. */
export interface CollectContext {
  readonly client: string;
  /** The directory of the workload file. */
  readonly directory: string;
  /** Where files belong; it exists. */
  readonly outDirectory: string;
}

/** What `collect` says of the results. */
export interface Verdict {
  readonly ok: boolean;
  /** One line for the report. */
  readonly message: string;
  /** Paths of the files that it wrote. */
  readonly files?: readonly string[];
}

/** A function that judges a client's results, once, at the end, in the main thread. May return a promise. */
export type Collect = (
  results: readonly KeptResult[],
  context: CollectContext,
) => Verdict | Promise<Verdict>;

/** The functions of a workload that run in the main thread. */
export interface MainFunctions {
  plan(reference: FunctionReference): Plan;
  collect(reference: FunctionReference): Collect;
  twin(reference: FunctionReference): Twin;
}

/**
 * Imports the plans and collects of `workload`, and the twins where it runs on WebGPU. Kernels are not imported: they run in
 * threads only. A promise of theirs that can never settle is rejected, and so is any once `interrupt` aborts.
 *
 * @throws {WorkloadError} with every function whose module cannot be imported, or that is none
 * @throws the signal's reason, as soon as `interrupt` aborts
 */
export async function importFunctions(
  workload: Workload,
  driver: 'worker' | 'webgpu',
  interrupt: AbortSignal,
): Promise<MainFunctions> {
  const functions = new Map<string, unknown>();
  const problems: Problem[] = [];
  for (const client of workload.clients) {
    const twins = driver === 'webgpu' ? client.jobs.map((job) => job.webgpu) : [];
    const plans = client.jobs.map((job) => job.plan);
    for (const reference of [client.collect, ...plans, ...twins]) {
      if (reference === null) continue;
      const found = await importFunction(reference, interrupt);
      if (typeof found === 'function') functions.set(keyOf(reference), found);
      else problems.push({ ...reference.place, ...found });
    }
  }
  if (problems.length > 0) throw new WorkloadError(problems);
  return {
    plan: (reference) => {
      const plan = functions.get(keyOf(reference)) as Plan;
      return (context) => settled(plan(context), `the plan ${reference.text}`, interrupt);
    },
    collect: (reference) => {
      const collect = functions.get(keyOf(reference)) as Collect;
      return (results, context) =>
        settled(collect(results, context), `the collect ${reference.text}`, interrupt);
    },
    twin: (reference) => functions.get(keyOf(reference)) as Twin,
  };
}

/** The function, or what is wrong with it. */
async function importFunction(
  reference: FunctionReference,
  interrupt: AbortSignal,
): Promise<((...args: never[]) => unknown) | Pick<Problem, 'message' | 'nearest'>> {
  let module: Record<string, unknown>;
  try {
    const imported = import(reference.url) as Promise<Record<string, unknown>>;
    module = await settled(imported, 'the module', interrupt);
  } catch (error) {
    if (interrupt.aborted) throw error;
    return { message: `${reference.text} cannot be imported: ${errorText(error)}` };
  }
  const found = module[reference.export];
  if (typeof found === 'function') return found as (...args: never[]) => unknown;
  const names = Object.keys(module).filter((name) => typeof module[name] === 'function');
  const near = nearest(reference.export, names);
  return {
    message: `${reference.text}: expected an exported function, got ${shown(found)}`,
    ...(near === null ? {} : { nearest: near }),
  };
}

function keyOf(reference: FunctionReference): string {
  return `${reference.url}#${reference.export}`;
}
