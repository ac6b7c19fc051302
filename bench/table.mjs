/**
 * Writes the tables of docs/benchmarks.md from bench/results/*.json, between the markers.
 *
 * Usage: node bench/table.mjs [--check]. With `--check` it writes nothing, and exits 1 where the page says something else
 * than the results.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { figureText, machineText, verdictText } from './harness/report.mjs';

const PAGE = join(import.meta.dirname, '..', 'docs', 'benchmarks.md');
const RESULTS = join(import.meta.dirname, 'results');
const BEGIN = '<!-- results: written by bench/table.mjs -->';
const END = '<!-- end of results -->';

function tableOf(report) {
  const rows = report.rows.map((row) => {
    const peers = Object.entries(row.peers).map(([name, value]) => `${name} ${figureText(value)}`);
    const ratio = row.ratio === null ? '' : `${figureText(row.ratio)}x`;
    const spread = row.spread.fenceline;
    const ours =
      spread === undefined
        ? '–'
        : `${figureText(row.fenceline)} (${figureText(spread.min)} to ${figureText(spread.max)})`;
    const target = row.target === null ? '' : `${row.target}: ${verdictText(row)}`;
    return `| ${[row.name, row.unit, ours, peers.join(', '), ratio, target].join(' | ')} |`;
  });
  return [
    `\`${report.command}\` on ${machineText(report.machine)}; medians of ${report.rounds} rounds.`,
    '',
    '| figure | unit | fenceline (least to most) | peers | ratio | target |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

const tables = readdirSync(RESULTS)
  .filter((file) => file.endsWith('.json'))
  .sort()
  .map((file) => tableOf(JSON.parse(readFileSync(join(RESULTS, file), 'utf8'))));
const page = readFileSync(PAGE, 'utf8');
const begin = page.indexOf(BEGIN);
const end = page.indexOf(END);
if (begin === -1 || end < begin) throw new Error(`docs/benchmarks.md: the markers are missing`);
const body = `${page.slice(0, begin + BEGIN.length)}\n\n${tables.join('\n\n')}\n\n${page.slice(end)}`;
const config = await resolveConfig(PAGE);
const wanted = await format(body, { ...config, filepath: PAGE });
if (!process.argv.includes('--check')) writeFileSync(PAGE, wanted);
else if (wanted !== page) {
  console.error('docs/benchmarks.md differs from bench/results: run node bench/table.mjs');
  process.exitCode = 1;
}
