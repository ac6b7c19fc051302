/**
 * Measures rows side by side with their peers: rounds interleaved, median of the rounds, ratios, because machines are
 * noisy and only ratios travel.
 *
 * Options of the programs that use it: --json (one JSON document on standard output, nothing else there), --rounds N
 * (default 9), --smoke (tiny counts, to see that it works), and names of rows to run only those.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {string} unit
 * @property {number} count operations in a round
 * @property {(count: number) => number | Promise<number>} fenceline gives the cost of one operation, in `unit`
 * @property {Record<string, (count: number) => number | Promise<number>>} peers the first is what the ratio is to
 * @property {number} [target] the ratio to stay within; or, without peers, the value
 */

/** Nanoseconds for one of `count` operations that `run` does. */
export async function nsPer(count, run) {
  const start = process.hrtime.bigint();
  await run(count);
  return Number(process.hrtime.bigint() - start) / count;
}

/** @param {Row[]} rows */
export async function main(rows) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '9' },
    },
  });
  const rounds = values.smoke ? 1 : Number(values.rounds);
  const names = rows.map(({ name }) => name);
  const unknown = positionals.filter((name) => !names.includes(name));
  if (!(Number.isInteger(rounds) && rounds >= 1) || unknown.length > 0) {
    const got = unknown.length > 0 ? unknown.join(', ') : `--rounds ${values.rounds}`;
    process.stderr.write(`expected rows of ${names.join(', ')} and --rounds N, got ${got}\n`);
    process.exit(2);
  }
  const results = [];
  for (const row of rows) {
    if (positionals.length > 0 && !positionals.includes(row.name)) continue;
    const count = values.smoke ? Math.min(row.count, 100) : row.count;
    const result = resultOf(row, await measured(row, count, rounds));
    results.push(result);
    if (!values.json) process.stdout.write(`${lineOf(result)}\n`);
  }
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`;
  if (values.json) process.stdout.write(`${JSON.stringify({ machine, rounds, rows: results })}\n`);
}

async function measured(row, count, rounds) {
  const runs = { fenceline: row.fenceline, ...row.peers };
  const samples = Object.fromEntries(Object.keys(runs).map((name) => [name, []]));
  // The first round warms up and is thrown away.
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, run] of Object.entries(runs)) {
      const value = await run(count);
      if (round > 0 || rounds === 1) samples[name].push(value);
    }
  }
  return Object.fromEntries(Object.entries(samples).map(([name, list]) => [name, median(list)]));
}

function resultOf({ name, unit, target = null }, { fenceline, ...peers }) {
  const [peer] = Object.values(peers);
  const ratio = peer === undefined ? null : fenceline / peer;
  const ok = target === null ? null : (ratio ?? fenceline) <= target;
  return { name, unit, fenceline, peers, ratio, target, ok };
}

function lineOf({ name, unit, fenceline, peers, ratio, target, ok }) {
  const others = Object.entries(peers).map(([peer, value]) => `${peer} ${value.toFixed(1)}`);
  const parts = [`${fenceline.toFixed(1)} ${unit}`, ...others];
  if (ratio !== null) parts.push(`${ratio.toFixed(2)}x`);
  if (target !== null)
    parts.push(`target ${target}${ratio === null ? '' : 'x'}: ${ok ? 'ok' : 'MISSED'}`);
  return `${name.padEnd(20)} ${parts.join('   ')}`;
}

function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
