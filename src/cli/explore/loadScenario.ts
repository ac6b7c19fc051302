import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { UsageError } from '../../base/index.ts';
import type { Scenario } from '../../explore/index.ts';
import { settled } from '../settled.ts';

/** The scenario that the module at `file` exports, as `scenario` or as its default. @throws {ERR_INVALID_ARGUMENT}, or the reason of `interrupt` */
export async function loadScenario(file: string, interrupt: AbortSignal): Promise<Scenario> {
  const refuse = (why: string): never => {
    throw new UsageError('ERR_INVALID_ARGUMENT', `explore: --scenario ${file}: ${why}`);
  };
  let exports: Record<string, unknown> = {};
  try {
    const imported = import(pathToFileURL(path.resolve(file)).href) as Promise<typeof exports>;
    exports = await settled(imported, 'the module', interrupt);
  } catch (error) {
    if (interrupt.aborted) throw error;
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
