/**
 * How many tests passed, failed and were skipped, over all reports of a run?
 *
 * Usage: node scripts/testTotals.mjs FOLDER. Reads vitest's JSON reports in FOLDER; prints `N passed, N failed, N skipped`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2];
if (folder === undefined) throw new Error('expected a folder of reports, got no argument');
const reports = (existsSync(folder) ? readdirSync(folder) : [])
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
const sum = (/** @type {string} */ key) =>
  reports.reduce((total, report) => total + (report[key] ?? 0), 0);

const skipped = sum('numPendingTests') + sum('numTodoTests');
console.log(`${sum('numPassedTests')} passed, ${sum('numFailedTests')} failed, ${skipped} skipped`);
