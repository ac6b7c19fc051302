import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

/** What the figures were found on, and how many others wanted its processors when the run began. Names no host. */
export function machine() {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    processors: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    load: Number(loadavg()[0]?.toFixed(1)),
  };
}

/** The machine in one line. */
export function machineText({ cpu, processors, memoryGiB, platform, node, load }) {
  return `${processors} x ${cpu}, ${memoryGiB} GiB, ${platform}, Node ${node}, load ${load} before the run`;
}

/** Three digits that count, without an exponent. */
export function figureText(value) {
  if (value === null || value === undefined) return '–';
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 3));
}

/** What a report line says about its target. */
export function verdictText({ ok, target }) {
  if (target === null) return '';
  return ok === null ? 'not judged' : ok ? 'reached' : 'missed';
}

/** Median, and the least and the most of all rounds. */
function spreadText(value, spread) {
  if (spread === undefined) return '–';
  return `${figureText(value)} (${figureText(spread.min)} to ${figureText(spread.max)})`;
}

/**
 * The report for people: a block a figure, a line a contender, ours first.
 *
 * @param {{ machine: object, rounds: number, rows: object[], interrupted?: boolean }} report
 */
export function reportText(report) {
  const lines = [
    `${machineText(report.machine)}; median (least to most) of ${report.rounds} rounds${report.interrupted ? '; interrupted: only the rows that were measured to their end' : ''}`,
  ];
  for (const row of report.rows) {
    lines.push('', `${row.name}, ${row.unit}`);
    const values = { fenceline: row.fenceline, ...row.peers };
    for (const [name, value] of Object.entries(values)) {
      lines.push(`  ${name.padEnd(12)} ${spreadText(value, row.spread[name])}`);
    }
    const parts = [];
    if (row.ratio !== null) parts.push(`ratio ${figureText(row.ratio)}x`);
    if (row.target !== null) parts.push(`target ${row.target}: ${verdictText(row)}`);
    if (parts.length > 0) lines.push(`  ${parts.join('; ')}`);
  }
  return `${lines.join('\n')}\n`;
}
