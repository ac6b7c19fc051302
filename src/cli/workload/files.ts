import { assert } from '../../base/index.ts';
import * as v from 'valibot';
import { matchInputs } from './inputs.ts';
import { ModuleResolver } from './modules.ts';
import { pathText } from './problem.ts';
import type { Path } from './problem.ts';
import { inputsSchema, referenceSchema } from './schema.ts';
import { asList, asMap } from './source.ts';
import type { WorkloadSource } from './source.ts';
import type { FunctionReference } from './workload.ts';

/** The functions and inputs that a workload names, by the place where it names them. */
export class FoundFiles {
  readonly #functions = new Map<string, FunctionReference>();
  readonly #inputs = new Map<string, string[]>();

  /** The function named at `at`. Only for a workload without problems. */
  functionAt(at: Path): FunctionReference {
    const found = this.#functions.get(pathText(at));
    assert(found !== undefined, `no function was looked for at ${pathText(at)}`);
    return found;
  }

  /** The files named at `at`. Only for a workload without problems. */
  inputsAt(at: Path): string[] {
    const found = this.#inputs.get(pathText(at));
    assert(found !== undefined, `no inputs were looked for at ${pathText(at)}`);
    return found;
  }

  addFunction(at: Path, found: FunctionReference): void {
    this.#functions.set(pathText(at), found);
  }

  addInputs(at: Path, found: string[]): void {
    this.#inputs.set(pathText(at), found);
  }
}

/**
 * Looks for every function and every input that the workload names; adds a problem for each that is not there.
 *
 * Works on the written value, so that these mistakes are found beside mistakes of form; what has no form is skipped.
 */
export async function findFiles(source: WorkloadSource, directory: string): Promise<FoundFiles> {
  await ModuleResolver.prepare();
  const modules = new ModuleResolver(source, directory);
  const found = new FoundFiles();
  const findFunction = (written: unknown, at: Path): void => {
    const reference = v.safeParse(referenceSchema, written);
    const resolved = reference.success ? modules.resolve(reference.output, at) : null;
    if (resolved !== null) found.addFunction(at, resolved);
  };
  asList(asMap(source.value)['clients']).forEach((client, i) => {
    findFunction(asMap(client)['collect'], ['clients', i, 'collect']);
    asList(asMap(client)['jobs']).forEach((job, j) => {
      const at = ['clients', i, 'jobs', j];
      findFunction(asMap(job)['kernel'], [...at, 'kernel']);
      findFunction(asMap(job)['webgpu'], [...at, 'webgpu']);
      findFunction(asMap(job)['plan'], [...at, 'plan']);
      const inputs = v.safeParse(inputsSchema, asMap(job)['inputs']);
      if (!inputs.success) return;
      const path = [...at, 'inputs'];
      found.addInputs(path, matchInputs(source, directory, inputs.output, path));
    });
  });
  return found;
}
