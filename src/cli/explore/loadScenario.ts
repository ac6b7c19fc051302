import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { UsageError } from '../../base/index.ts';
import type { Scenario } from '../../explore/index.ts';

/** The scenario that the module at `file` exports, as `scenario` or as its default. @throws {ERR_INVALID_ARGUMENT} */
export async function loadScenario(file: string): Promise<Scenario> {
  const refuse = (why: string): never => {
    throw new UsageError('ERR_INVALID_ARGUMENT', `explore: --scenario ${file}: ${why}`);
  };
  let exports: Record<string, unknown> = {};
  try {
    exports = (await import(pathToFileURL(path.resolve(file)).href)) as Record<string, unknown>;
  } catch (error) {
    refuse(`expected a module that can be imported, got ${String(error)}`);
  }
  const scenario = exports['scenario'] ?? exports['default'];
  if (!isScenario(scenario)) {
    return refuse('expected an export `scenario` made with defineScenario, got none');
  }
  return scenario;
}

function isScenario(value: unknown): value is Scenario {
  if (typeof value !== 'object' || value === null) return false;
  const { name, build } = value as Partial<Scenario>;
  return typeof name === 'string' && typeof build === 'function';
}
