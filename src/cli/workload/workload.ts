import type { Place } from './problem.ts';
import type { DriverName, PolicyName } from './schema.ts';

/** A function of a module: `url` is absolute, `text` is how the workload wrote it. */
export interface FunctionReference {
  readonly url: string;
  readonly export: string;
  readonly text: string;
  /** Where the workload names it. */
  readonly place: Place;
}

/** One entry of a client's `jobs`: what its jobs are and when they are submitted. */
export interface JobSpec {
  /** Unique among the client's entries. */
  readonly name: string;
  readonly kernel: FunctionReference;
  /** Makes the same job for a GPU of the kernel's arguments, in this thread; `null`: it runs in threads only. */
  readonly webgpu: FunctionReference | null;
  /** Makes the list of jobs of each round, in this thread. Without one a round is one job, or one a file. */
  readonly plan: FunctionReference | null;
  /** Arguments as written; placeholders are filled in for each job. */
  readonly args: readonly unknown[];
  /** Absolute paths of the files that `inputs` matched, sorted; `null` without `inputs`. */
  readonly inputs: readonly string[] | null;
  /** How many rounds; `Infinity` for as long as the run lasts. */
  readonly rounds: number;
  /** The period at which rounds begin; `null`: as soon as the backlog allows. */
  readonly everyMs: number | null;
  /** Entries, as `client/name`, whose round of the same number comes first. */
  readonly after: readonly string[];
  /** How many unfinished jobs to keep submitted. */
  readonly backlog: number;
  /** Which results the client's `collect` is given. */
  readonly keep: 'all' | 'last' | 'none';
  readonly credits: number | null;
  readonly estimateMs: number | null;
  readonly resubmit: boolean | null;
  readonly runTimeoutMs: number | null;
  readonly queueTimeoutMs: number | null;
  readonly dependencyTimeoutMs: number | null;
}

/** One client of the device. */
export interface ClientSpec {
  readonly label: string;
  readonly priority: 'high' | 'normal' | 'low';
  readonly weight: number;
  readonly order: 'serial' | 'parallel';
  readonly maxQueued: number | null;
  /** How it is meant to end; anything else makes the run fail. */
  readonly expect: 'ok' | 'banned' | 'failed';
  readonly jobs: readonly JobSpec[];
  /** Judges the results at the end, in this thread. */
  readonly collect: FunctionReference | null;
}

/** What the workload says of its device; `null` where it leaves the choice to the driver. */
export interface DeviceSpec {
  readonly driver: DriverName;
  readonly policy: PolicyName;
  readonly threads: number | null;
  readonly spares: number | null;
  readonly credits: number | { readonly targetMs: number; readonly maxJobs?: number } | null;
  readonly runTimeoutMs: number | null;
}

/** A workload that is valid and resolved: paths are absolute, defaults are filled in, times are in milliseconds. */
export interface Workload {
  readonly name: string;
  /** The directory of the file, absolute. */
  readonly directory: string;
  /** For how long rounds are begun; `Infinity` where every entry ends by itself. */
  readonly durationMs: number;
  readonly device: DeviceSpec;
  readonly clients: readonly ClientSpec[];
}
