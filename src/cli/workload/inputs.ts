import { globSync } from 'tinyglobby';
import { shown } from '../../base/index.ts';
import type { Path } from './problem.ts';
import type { WorkloadSource } from './source.ts';

/**
 * The files that `patterns` match, relative to `directory`: absolute, sorted, each once. Hidden files count; links are
 * not followed. A pattern without a match is a mistake, and so is a list without patterns.
 */
export function matchInputs(
  source: WorkloadSource,
  directory: string,
  patterns: readonly string[],
  at: Path,
): string[] {
  const files = new Set<string>();
  if (patterns.length === 0) {
    source.add(at, 'expected files, or a pattern that matches files, got an empty list');
  }
  for (const pattern of patterns) {
    const found = globSync(pattern, {
      cwd: directory,
      absolute: true,
      dot: true,
      followSymbolicLinks: false,
      expandDirectories: false,
    });
    if (found.length === 0) {
      source.add(
        at,
        `expected files, or a pattern that matches files, got ${shown(pattern)}, which matches none`,
      );
    }
    for (const file of found) files.add(file);
  }
  return [...files].sort();
}
