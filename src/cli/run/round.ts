import path from 'node:path';
import type { JobSpec } from '../workload/workload.ts';
import { fillIn } from './placeholders.ts';

/** One call of a kernel: what a device driver that runs functions takes as work. */
export interface KernelWork {
  readonly module: string;
  readonly export: string;
  readonly args: readonly unknown[];
}

/** One job of a round, before it is submitted. */
export interface PlannedJob {
  readonly name: string;
  readonly work: KernelWork;
  /** The file that it is about, where the round goes over `inputs`. */
  readonly input?: string;
  /** Places in the round of the jobs that come first; all smaller than its own. */
  readonly after: readonly number[];
}

/** What a plan returns for each job. The jobs that it names in `after` must stand before it in the list. */
export interface PlanEntry {
  /** Unique in the round where another job names it. Default: its place in the list. */
  readonly name?: string;
  /** Arguments of the kernel; no placeholders. */
  readonly args?: readonly unknown[];
  readonly after?: readonly string[];
  /** Another export of the kernel's module. */
  readonly export?: string;
}

/** What a plan is called with: once a round, in the main thread, in order. May return a promise. */
export interface PlanContext {
  /** From 0. */
  readonly round: number;
  /** The entry's `args`, placeholders filled in. */
  readonly args: readonly unknown[];
  readonly inputs: readonly string[];
  /** The directory of the workload file. */
  readonly directory: string;
}

/** A plan function, as a workload's module exports it. */
export type Plan = (context: PlanContext) => readonly PlanEntry[] | Promise<readonly PlanEntry[]>;

/** What is the same for all rounds of an entry. */
export interface RoundMaker {
  readonly spec: JobSpec;
  readonly plan: Plan | null;
  readonly directory: string;
}

/**
 * The jobs of round number `round`, in the order in which they are to be submitted.
 *
 * @throws whatever the plan throws, and an Error that says what is wrong with what it returned
 */
export async function jobsOfRound(maker: RoundMaker, round: number): Promise<PlannedJob[]> {
  const { spec, plan, directory } = maker;
  const inputs = spec.inputs ?? [];
  if (plan !== null) {
    const args = fillIn(spec.args, { round, inputs });
    return plannedJobs(spec, await plan({ round, args, inputs, directory }));
  }
  const kernel = { module: spec.kernel.url, export: spec.kernel.export };
  const isPerFile = JSON.stringify(spec.args).includes('"$input"');
  if (!isPerFile) {
    const work = { ...kernel, args: fillIn(spec.args, { round, inputs }) };
    return [{ name: spec.name, work, after: [] }];
  }
  return inputs.map((input) => ({
    name: path.relative(directory, input),
    work: { ...kernel, args: fillIn(spec.args, { round, input, inputs }) },
    input,
    after: [],
  }));
}

function plannedJobs(spec: JobSpec, entries: unknown): PlannedJob[] {
  const where = `the plan ${spec.plan?.text ?? ''}`;
  if (!Array.isArray(entries)) throw new Error(`${where}: expected it to return a list of jobs`);
  const places = new Map<string, number>();
  return (entries as readonly PlanEntry[]).map((entry, place) => {
    if (typeof entry !== 'object' || entry === null) {
      throw new Error(`${where}: expected { name, args, after } at place ${place} of its list`);
    }
    const name = entry.name ?? String(place);
    const after = (entry.after ?? []).map((other) => {
      const found = places.get(other);
      if (found === undefined) {
        throw new Error(`${where}: ${name} is after ${other}, which does not stand before it`);
      }
      return found;
    });
    places.set(name, place);
    const call = { module: spec.kernel.url, export: entry.export ?? spec.kernel.export };
    return { name: `${spec.name}/${name}`, work: { ...call, args: entry.args ?? [] }, after };
  });
}
