import { nearest } from '../nearest.ts';
import { shown } from '../../base/index.ts';
import type { Path } from './problem.ts';
import { asList, asMap } from './source.ts';
import type { WorkloadSource } from './source.ts';

interface Entry {
  /** `client/name`. */
  readonly id: string;
  readonly path: Path;
  readonly after: { readonly id: string; readonly path: Path }[];
}

/**
 * Checks what one part of the file says of another: labels and names are unique, `after` names entries that exist and
 * never itself, what goes on for ever is bounded by `duration`.
 *
 * Works on the written value, so that these mistakes are found beside mistakes of form; what has no form is skipped.
 */
export function checkReferences(source: WorkloadSource): void {
  const root = asMap(source.value);
  const clients = asList(root['clients']);
  checkUnique(source, clients, ['clients'], 'label');
  const entries: Entry[] = [];
  clients.forEach((client, i) => {
    const jobs = asList(asMap(client)['jobs']);
    checkUnique(source, jobs, ['clients', i, 'jobs'], 'name');
    jobs.forEach((job, j) => {
      const path = ['clients', i, 'jobs', j];
      entries.push(entryOf(asMap(job), String(asMap(client)['label']), path));
      checkJob(source, asMap(job), path, root['duration'] !== undefined);
    });
  });
  checkAfter(source, entries);
}

function checkUnique(source: WorkloadSource, items: unknown[], path: Path, key: string): void {
  const seen = new Set<unknown>();
  items.forEach((item, i) => {
    const name = asMap(item)[key];
    if (typeof name !== 'string') return;
    if (seen.has(name)) {
      source.add([...path, i, key], `expected a ${key} of its own, got ${shown(name)} once more`);
    } else if (name.includes('/')) {
      source.add([...path, i, key], `expected a ${key} without a slash, got ${shown(name)}`);
    }
    seen.add(name);
  });
}

function checkJob(
  source: WorkloadSource,
  job: Record<string, unknown>,
  path: Path,
  bounded: boolean,
): void {
  const endless =
    job['repeat'] === 'forever' || (job['every'] !== undefined && job['repeat'] === undefined);
  if (endless && !bounded) {
    source.add(
      path,
      'goes on for ever; expected a duration at the top of the file, or repeat: with a number',
    );
  }
  if (job['every'] !== undefined && job['backlog'] !== undefined) {
    const message = 'expected either every or backlog: what comes at fixed times is not held back';
    source.add([...path, 'backlog'], message, { atKey: true });
  }
  const used = JSON.stringify(job['args'] ?? '');
  const inputs = job['inputs'] !== undefined;
  if (
    inputs &&
    job['args'] !== undefined &&
    job['plan'] === undefined &&
    !/"\$inputs?"/.test(used)
  ) {
    source.add(
      [...path, 'args'],
      'expected $input or $inputs among the arguments, because there are inputs',
    );
  }
  if (!inputs && /"\$inputs?"/.test(used)) {
    source.add([...path, 'args'], 'expected inputs beside args, because $input is used');
  }
}

function entryOf(job: Record<string, unknown>, client: string, path: Path): Entry {
  const written = job['after'];
  const names = typeof written === 'string' ? [written] : asList(written);
  const after = names.flatMap((name, i) =>
    typeof name === 'string'
      ? [
          {
            id: name.includes('/') ? name : `${client}/${name}`,
            path: Array.isArray(written) ? [...path, 'after', i] : [...path, 'after'],
          },
        ]
      : [],
  );
  return { id: `${client}/${String(job['name'])}`, path, after };
}

function checkAfter(source: WorkloadSource, entries: readonly Entry[]): void {
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  for (const entry of entries) {
    const client = entry.id.slice(0, entry.id.indexOf('/') + 1);
    for (const { id, path } of entry.after) {
      if (byId.has(id)) continue;
      const isShort = id.startsWith(client);
      const names = isShort
        ? [...byId.keys()]
            .filter((key) => key.startsWith(client))
            .map((key) => key.slice(client.length))
        : [...byId.keys()];
      const got = isShort ? id.slice(client.length) : id;
      const message = `expected the name of a job of this client, or client/name, got ${shown(got)}`;
      source.add(path, message, { nearest: nearest(got, names) });
    }
  }
  for (const entry of entries) {
    const circle = circleFrom(entry, byId);
    const first = entry.after[0];
    if (circle !== null && first !== undefined) {
      source.add(first.path, `expected no circle, got ${circle.join(' after ')}`);
    }
  }
}

/** The way from `entry` back to itself along `after`, if there is one. */
function circleFrom(entry: Entry, byId: ReadonlyMap<string, Entry>): string[] | null {
  const ways: string[][] = [[entry.id]];
  const seen = new Set<string>();
  for (let way = ways.pop(); way !== undefined; way = ways.pop()) {
    for (const { id } of byId.get(way.at(-1) ?? '')?.after ?? []) {
      if (id === entry.id) return [...way, id];
      if (!seen.has(id)) ways.push([...way, id]);
      seen.add(id);
    }
  }
  return null;
}
