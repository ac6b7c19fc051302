import { readFileSync } from 'node:fs';
import path from 'node:path';
import { matchInputs } from './inputs.ts';
import { ModuleResolver } from './modules.ts';
import { WorkloadError } from './problem.ts';
import type { Path } from './problem.ts';
import { checkReferences } from './references.ts';
import type { WrittenClient, WrittenDevice, WrittenJob, WrittenWorkload } from './schema.ts';
import { checkForm } from './schemaIssues.ts';
import { WorkloadSource } from './source.ts';
import type { ClientSpec, DeviceSpec, FunctionReference, JobSpec, Workload } from './workload.ts';

/** How many jobs of an entry are kept submitted where the workload does not say. */
const DEFAULT_BACKLOG = 64;

/**
 * Reads the workload at `file` and checks everything that can be checked without running it.
 *
 * @throws {WorkloadError} with every mistake that was found
 */
export async function loadWorkload(file: string): Promise<Workload> {
  const source = new WorkloadSource(file, readText(file));
  if (source.hasProblems) throw new WorkloadError(source.problems);
  const written = checkForm(source);
  checkReferences(source);
  await ModuleResolver.prepare();
  const workload = written === null ? null : new Resolution(source, file).workload(written);
  if (workload === null || source.hasProblems) throw new WorkloadError(source.problems);
  return workload;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const message = `expected a workload file that can be read (${why})`;
    throw new WorkloadError([{ file, line: 1, column: 1, path: '', message }]);
  }
}

/** Turns a file of the right form into a workload: resolves names, adds problems where it cannot. */
class Resolution {
  readonly #source: WorkloadSource;
  readonly #file: string;
  readonly #directory: string;
  readonly #modules: ModuleResolver;

  constructor(source: WorkloadSource, file: string) {
    this.#source = source;
    this.#file = file;
    this.#directory = path.dirname(path.resolve(file));
    this.#modules = new ModuleResolver(source, this.#directory);
  }

  workload(written: WrittenWorkload): Workload {
    return {
      name: written.name ?? path.basename(this.#file).replace(/\.ya?ml$/, ''),
      directory: this.#directory,
      durationMs: written.duration ?? Infinity,
      device: deviceOf(written.device ?? {}),
      clients: written.clients.map((client, i) => this.#client(client, ['clients', i])),
    };
  }

  #client(written: WrittenClient, at: Path): ClientSpec {
    return {
      label: written.label,
      priority: written.priority ?? 'normal',
      weight: written.weight ?? 1,
      order: written.order ?? 'serial',
      maxQueued: written.maxQueued ?? null,
      expect: written.expect ?? 'ok',
      jobs: written.jobs.map((job, i) => this.#job(job, written.label, [...at, 'jobs', i])),
      collect: this.#optional(written.collect, [...at, 'collect']),
    };
  }

  #job(written: WrittenJob, client: string, at: Path): JobSpec {
    const inputs =
      written.inputs === undefined
        ? null
        : matchInputs(this.#source, this.#directory, written.inputs, [...at, 'inputs']);
    return {
      name: written.name,
      kernel: this.#modules.resolve(written.kernel, [...at, 'kernel']) ?? UNRESOLVED,
      plan: this.#optional(written.plan, [...at, 'plan']),
      args: written.args ?? (inputs === null || written.plan !== undefined ? [] : ['$input']),
      inputs,
      rounds: roundsOf(written),
      everyMs: written.every ?? null,
      after: (written.after ?? []).map((name) => (name.includes('/') ? name : `${client}/${name}`)),
      backlog: written.backlog ?? (written.every === undefined ? DEFAULT_BACKLOG : Infinity),
      keep: written.keep ?? 'all',
      ...limitsOf(written),
    };
  }

  #optional(written: WrittenClient['collect'], at: Path): FunctionReference | null {
    return written === undefined ? null : this.#modules.resolve(written, at);
  }
}

/** Stands in for a function with a problem; a workload that holds one is never handed out. */
const UNRESOLVED: FunctionReference = { url: '', export: '', text: '' };

function roundsOf({ repeat, every }: WrittenJob): number {
  if (typeof repeat === 'number') return repeat;
  return repeat === 'forever' || every !== undefined ? Infinity : 1;
}

type Limits = Pick<
  JobSpec,
  'credits' | 'estimateMs' | 'resubmit' | 'runTimeoutMs' | 'queueTimeoutMs' | 'dependencyTimeoutMs'
>;

function limitsOf({ credits, estimate, resubmit, timeouts = {} }: WrittenJob): Limits {
  return {
    credits: credits ?? null,
    estimateMs: estimate ?? null,
    resubmit: resubmit ?? null,
    runTimeoutMs: timeouts.run ?? null,
    queueTimeoutMs: timeouts.queue ?? null,
    dependencyTimeoutMs: timeouts.dependency ?? null,
  };
}

function deviceOf(written: WrittenDevice): DeviceSpec {
  const { credits } = written;
  return {
    driver: written.driver ?? 'auto',
    policy: written.policy ?? 'fair',
    threads: written.threads ?? null,
    spares: written.spares ?? null,
    credits: typeof credits === 'object' ? targetOf(credits) : (credits ?? null),
    runTimeoutMs: written.runTimeout ?? null,
  };
}

function targetOf(written: { target: number; maxJobs?: number | undefined }): {
  targetMs: number;
  maxJobs?: number;
} {
  const { target, maxJobs } = written;
  return maxJobs === undefined ? { targetMs: target } : { targetMs: target, maxJobs };
}
