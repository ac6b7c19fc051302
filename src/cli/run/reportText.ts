import { tableLines } from '../table.ts';
import type { Column } from '../table.ts';
import type { ClientReport, Percentiles, RunReport } from './report.ts';

const COLUMNS: readonly Column[] = [
  { heading: 'client', align: 'left' },
  { heading: 'jobs', align: 'right' },
  { heading: 'failed', align: 'right' },
  { heading: 'busy ms', align: 'right' },
  { heading: 'share %', align: 'right' },
  { heading: 'entitled %', align: 'right' },
  { heading: 'wait ms p50/p99/max', align: 'right' },
  { heading: 'turnaround ms p50/p99/max', align: 'right' },
  { heading: 'ended', align: 'left' },
];

/** The report of a run for people. */
export function reportText(report: RunReport): string {
  const { driver, policy, rings, wallMs, timeouts, resets, banned } = report;
  const seconds = (wallMs / 1000).toFixed(1);
  const lines = [
    `${report.workload} on ${driver}, ${rings} rings, policy ${policy}: ${seconds} s${report.interrupted ? ', interrupted' : ''}`,
    ...(report.driverWhy === undefined ? [] : [`(${driver}, because ${report.driverWhy})`]),
    '',
    ...tableLines(COLUMNS, report.clients.map(clientRow)),
    '',
    ...report.clients.flatMap(roundLines),
    `timeouts ${timeouts}, resets ${resets}, banned: ${banned.join(', ') || 'nobody'}`,
    ...report.checks.flatMap(({ client, ok, message, files }) => [
      `check ${client}: ${ok ? 'ok' : 'FAILED'}${message && `, ${message}`}`,
      ...files.map((file) => `  wrote ${file}`),
    ]),
    ...(report.trace === undefined ? [] : [`trace: ${report.trace}`]),
    ...report.crashDumps.map((file) => `crash dump: ${file}`),
    ...report.findings.map((finding) => `FAILED: ${finding}`),
  ];
  return `${lines.join('\n')}\n`;
}

function clientRow(client: ClientReport): string[] {
  const cancelled = client.cancelled === 0 ? '' : ` (${client.cancelled} cancelled)`;
  return [
    client.label,
    `${client.jobs}${cancelled}`,
    String(client.failed),
    client.busyMs.toFixed(0),
    client.sharePct.toFixed(1),
    client.entitledPct.toFixed(1),
    percentileText(client.waitMs),
    percentileText(client.turnaroundMs),
    endedText(client),
  ];
}

function endedText({ banned, failed, cancelled, expect }: ClientReport): string {
  const ended = banned ? 'banned' : failed > 0 ? 'failed' : cancelled > 0 ? 'cancelled' : 'ok';
  return expect === 'ok' ? ended : `${ended}, expected ${expect}`;
}

/** Only entries whose rounds are of interest: those that were repeated. */
function roundLines({ label, rounds }: ClientReport): string[] {
  return rounds.flatMap(({ entry, count, failed, turnaroundMs }) => {
    if (count < 2 || turnaroundMs === null) return [];
    const also = failed === 0 ? '' : `, ${failed} more failed`;
    const times = `turnaround ms p50/p99/max ${percentileText(turnaroundMs)}`;
    return [`${label}/${entry}: ${count} rounds${also}, ${times}`];
  });
}

function percentileText({ p50, p99, max }: Percentiles): string {
  return [p50, p99, max].map((ms) => ms.toFixed(ms < 100 ? 1 : 0)).join('/');
}
