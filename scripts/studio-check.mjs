/**
 * Whether the studio's viewport keeps its pace whatever the backlog of others: its worst turnaround of a frame must stay below 3
 * times its worst when it runs alone, plus one indexer job (the longest).
 *
 * Usage: node scripts/studio-check.mjs [SECONDS]. Runs the viewport alone, then the whole studio, for SECONDS each (default
 * 12); needs a build. Prints one JSON document; exits 1 where the bound does not hold.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';

const seconds = Number(process.argv[2] ?? 12);
const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const studio = fileURLToPath(new URL('../examples/studio/', import.meta.url));
const scratch = await mkdtemp(join(tmpdir(), 'fenceline-studio-'));

/** Runs the clients of the studio that `isWanted`, and gives the report and the trace. */
async function run(isWanted) {
  const workload = parse(await readFile(join(studio, 'workload.yaml'), 'utf8'));
  workload.duration = `${seconds}s`;
  workload.clients = workload.clients.filter(({ label }) => isWanted(label));
  const file = join(studio, `.check-${process.pid}.yaml`);
  await writeFile(file, stringify(workload));
  try {
    const args = [main, 'run', file, '--json', '--out', scratch];
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 30 });
    const report = JSON.parse(stdout);
    return { report, trace: JSON.parse(await readFile(report.trace, 'utf8')).traceEvents };
  } finally {
    await rm(file);
  }
}

function frames({ clients }) {
  return clients.find(({ label }) => label === 'viewport').rounds[0].turnaroundMs;
}

try {
  const alone = frames((await run((label) => label === 'viewport')).report);
  const { report, trace } = await run(() => true);
  const all = frames(report);
  const indexerMs = trace
    .filter(({ ph, args }) => ph === 'X' && args?.client === 'indexer')
    .reduce((longest, { dur }) => Math.max(longest, dur / 1000), 0);
  const boundMs = 3 * alone.max + indexerMs;
  const ok = all.max < boundMs;
  const figures = { aloneMs: alone, studioMs: all, longestIndexerJobMs: indexerMs, boundMs, ok };
  console.log(JSON.stringify(figures, null, 2));
  process.exitCode = ok ? 0 : 1;
} finally {
  await rm(scratch, { recursive: true });
}
