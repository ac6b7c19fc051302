import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { shown } from '../../base/index.ts';
import { nearest } from '../nearest.ts';
import { moduleExports, prepareLexer } from './moduleExports.ts';
import type { ModuleExports } from './moduleExports.ts';
import type { Path } from './problem.ts';
import type { WrittenReference } from './schema.ts';
import type { WorkloadSource } from './source.ts';
import type { FunctionReference } from './workload.ts';

/**
 * Finds the functions that a workload names. Modules are read, not run: that a kernel's module has the export is
 * seen from its text.
 */
export class ModuleResolver {
  readonly #source: WorkloadSource;
  readonly #directory: string;
  readonly #exports = new Map<string, ModuleExports | null>();

  constructor(source: WorkloadSource, directory: string) {
    this.#source = source;
    this.#directory = directory;
  }

  /** Gets the lexer ready; call it once, before `resolve`. */
  static async prepare(): Promise<void> {
    await prepareLexer();
  }

  /** The function that was written at `at`; adds a problem, and gives `null`, where there is none. */
  resolve(written: WrittenReference, at: Path): FunctionReference | null {
    const file = path.resolve(this.#directory, written.module);
    if (!existsSync(file)) {
      const near = nearest(path.basename(file), modulesIn(path.dirname(file)));
      const hint = near === null ? null : path.join(path.dirname(written.module), near);
      const message = `expected a module, beside this file or by its path, got ${shown(written.module)}, which does not exist`;
      this.#source.add(at, message, { nearest: hint });
      return null;
    }
    if (!this.#exports.has(file)) this.#exports.set(file, moduleExports(file));
    const exported = this.#exports.get(file) ?? null;
    if (exported === null) {
      this.#source.add(
        at,
        `expected a module, got ${shown(written.module)}, which cannot be parsed`,
      );
      return null;
    }
    if (!exported.has(written.export)) {
      const message = `expected an export of ${written.module}, got ${shown(written.export)}; it exports ${exported.names.join(', ') || 'nothing'}`;
      this.#source.add(at, message, { nearest: nearest(written.export, exported.names) });
      return null;
    }
    const text = `${written.module}#${written.export}`;
    const place = this.#source.placeOf(at);
    return { url: pathToFileURL(file).href, export: written.export, text, place };
  }
}

function modulesIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => /\.m?js$/.test(name));
  } catch {
    return [];
  }
}
