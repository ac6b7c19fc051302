import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { judge } from './judge.mjs';
import { measureRow } from './measure.mjs';
import { installPeers } from './peers.mjs';
import { Progress } from './progress.mjs';
import { machine, reportText } from './report.mjs';
import { drawCharts } from './svg.mjs';
import { BENCH_HELP } from '../../dist/cli/bench/helpText.js';
import { loadRow, loadRows } from '../rows.mjs';

/** As BENCH_HELP says. */
const ROUNDS = 7;

const OPTIONS = {
  peers: { type: 'boolean', default: false },
  rounds: { type: 'string' },
  json: { type: 'boolean', default: false },
  save: { type: 'string' },
  charts: { type: 'string', default: 'out/bench' },
  smoke: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
};

/**
 * @typedef {object} Terminal
 * @property {(text: string) => void} out
 * @property {(text: string) => void} err
 * @property {boolean} errIsTerminal
 * @property {number} [errColumns] how wide that terminal is
 * @property {AbortSignal} interrupt
 */

/** What the caller got wrong; said on the error stream, exit 2. */
class BadUsage extends Error {}

function optionsOf(args) {
  let parsed;
  try {
    parsed = parseArgs({ args, options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new BadUsage(error.message);
  }
  const { values, positionals } = parsed;
  const rounds = values.rounds === undefined ? (values.smoke ? 1 : ROUNDS) : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new BadUsage(`--rounds: expected a whole number from 1, got ${String(values.rounds)}`);
  }
  return { ...values, rounds, names: positionals, args };
}

function chosen(rows, names) {
  for (const name of names) {
    if (rows.some((row) => row.name.startsWith(name))) continue;
    throw new BadUsage(
      `no row is called ${name}; there are ${rows.map((row) => row.name).join(', ')}`,
    );
  }
  return names.length === 0
    ? rows
    : rows.filter((row) => names.some((name) => row.name.startsWith(name)));
}

async function bench(rows, options, terminal) {
  if (options.peers) installPeers();
  const progress = new Progress(terminal);
  const measuredOn = machine();
  const lines = [];
  const failures = [];
  for (const row of rows) {
    const measured = await measureRow(row, { ...options, progress, interrupt: terminal.interrupt });
    if (terminal.interrupt.aborted) break;
    lines.push(...judge(row, measured.samples));
    failures.push(...measured.failures);
    if (!options.peers) continue;
    const drawn = await drawCharts(row, options.charts);
    for (const file of drawn) terminal.err(`${row.name}: drew ${file}\n`);
  }
  progress.end();
  const isInterrupted = terminal.interrupt.aborted;
  const report = {
    command: ['fenceline bench', ...options.args].join(' '),
    machine: measuredOn,
    rounds: options.rounds,
    ...(isInterrupted && { interrupted: true }),
    rows: lines,
  };
  const json = `${JSON.stringify(report, null, 2)}\n`;
  if (options.save !== undefined && !isInterrupted) {
    mkdirSync(dirname(resolve(options.save)), { recursive: true });
    writeFileSync(options.save, json);
  }
  terminal.out(options.json ? json : reportText(report));
  for (const failure of failures) terminal.err(`${failure}\n`);
  if (isInterrupted) return 130;
  return failures.length === 0 ? 0 : 1;
}

/**
 * Runs the program, and gives the exit code.
 *
 * @param {string[]} args
 * @param {Terminal} terminal what it talks to
 * @param {{ rowUrl?: string }} [only] the one row to measure, of a row file that is run alone
 * @returns {Promise<number>}
 */
export async function runBench(args, terminal, { rowUrl } = {}) {
  try {
    const options = optionsOf(args);
    const rows = rowUrl === undefined ? await loadRows() : [await loadRow(rowUrl)];
    if (options.help) {
      const list = rows.map((row) => `  ${row.name.padEnd(20)}${row.question}\n`);
      terminal.out(`${BENCH_HELP}\nRows:\n${list.join('')}`);
      return 0;
    }
    return await bench(chosen(rows, options.names), options, terminal);
  } catch (error) {
    if (!(error instanceof BadUsage)) throw error;
    const message = `bench: ${error.message}`;
    terminal.err(`${message}\n(add --help for what is expected)\n`);
    if (args.includes('--json')) terminal.out(`${JSON.stringify({ problems: [{ message }] })}\n`);
    return 2;
  }
}
