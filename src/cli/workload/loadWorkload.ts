import { readFileSync } from 'node:fs';
import path from 'node:path';
import { findFiles } from './files.ts';
import type { FoundFiles } from './files.ts';
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
  const found = await findFiles(source, directoryOf(file));
  if (written === null || source.hasProblems) throw new WorkloadError(source.problems);
  return new Resolution(file, found).workload(written);
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

function directoryOf(file: string): string {
  return path.dirname(path.resolve(file));
}

/** Turns a file without mistakes into a workload. */
class Resolution {
  readonly #file: string;
  readonly #found: FoundFiles;

  constructor(file: string, found: FoundFiles) {
    this.#file = file;
    this.#found = found;
  }

  workload(written: WrittenWorkload): Workload {
    return {
      name: written.name ?? path.basename(this.#file).replace(/\.ya?ml$/, ''),
      directory: directoryOf(this.#file),
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
    const inputs = written.inputs === undefined ? null : this.#found.inputsAt([...at, 'inputs']);
    return {
      name: written.name,
      kernel: this.#found.functionAt([...at, 'kernel']),
      webgpu: this.#optional(written.webgpu, [...at, 'webgpu']),
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
    return written === undefined ? null : this.#found.functionAt(at);
  }
}

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
