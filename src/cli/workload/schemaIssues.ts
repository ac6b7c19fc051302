import * as v from 'valibot';
import { nearest } from '../nearest.ts';
import { expectedGot } from './problem.ts';
import type { Path } from './problem.ts';
import { workloadSchema } from './schema.ts';
import type { WrittenWorkload } from './schema.ts';
import type { WorkloadSource } from './source.ts';

/** Checks the form of the file: every key and every value by itself. Adds what is wrong; `null` if anything is. */
export function checkForm(source: WorkloadSource): WrittenWorkload | null {
  const result = v.safeParse(workloadSchema, source.value);
  if (result.success) return result.output;
  for (const issue of result.issues) addIssue(source, issue);
  return null;
}

function addIssue(source: WorkloadSource, issue: v.BaseIssue<unknown>): void {
  const path = (issue.path ?? []).map((item) => item.key as string | number);
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const key = String(path.at(-1));
    const keys = keysAt(path.slice(0, -1), source.value);
    const near = nearest(key, keys);
    source.add(path, `unknown key; expected one of ${keys.join(', ')}`, {
      nearest: near,
      atKey: true,
    });
  } else if (issue.type === 'strict_object' && path.length > 0 && issue.received === 'undefined') {
    source.add(path.slice(0, -1), `the key ${String(path.at(-1))} is missing`);
  } else if (issue.type === 'strict_object') {
    const keys = keysAt(path, source.value);
    source.add(path, expectedGot(`a map with the keys ${keys.join(', ')}`, issue.input));
  } else {
    const near = issue.type === 'picklist' ? nearestOption(issue) : null;
    source.add(path, issue.message, { nearest: near });
  }
}

function nearestOption(issue: v.BaseIssue<unknown>): string | null {
  const { options } = issue.requirement === undefined ? picklistOf(issue) : { options: [] };
  return typeof issue.input === 'string' ? nearest(issue.input, options, 1 / 2) : null;
}

/** A picklist's issue tells its options only as `("a" | "b")`. */
function picklistOf(issue: v.BaseIssue<unknown>): { options: string[] } {
  return {
    options: [...(issue.expected ?? '').matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? ''),
  };
}

/** The keys that the schema knows at `path` of `input`. */
function keysAt(path: Path, input: unknown): string[] {
  let schema: unknown = workloadSchema;
  let value: unknown = input;
  for (const step of path) {
    schema = stepInto(unwrapped(schema, value), step);
    value = (value as Record<string | number, unknown>)[step];
  }
  const inner = unwrapped(schema, value) as { entries?: Record<string, unknown> };
  return Object.keys(inner.entries ?? {});
}

function stepInto(schema: unknown, step: string | number): unknown {
  const { entries, item } = schema as { entries?: Record<string, unknown>; item?: unknown };
  return typeof step === 'number' ? item : entries?.[step];
}

/** What is inside of `optional`, `lazy` and `pipe`. */
function unwrapped(schema: unknown, value: unknown): unknown {
  let inner = schema as { wrapped?: unknown; getter?: (input: unknown) => unknown };
  for (;;) {
    const next = inner.wrapped ?? inner.getter?.(value);
    if (next === undefined) return inner;
    inner = next as typeof inner;
  }
}
