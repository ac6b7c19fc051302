import type { Distribution } from '../../base/index.ts';
import type { WrittenFiles } from './artifacts.ts';
import { disappointments } from './clientRun.ts';
import type { JobRecord } from './jobLog.ts';
import type { RunResult } from './runWorkload.ts';

/** Percentiles of a time, in milliseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** How long the rounds of one entry took. */
export interface RoundsReport {
  readonly entry: string;
  readonly count: number;
  readonly failed: number;
  /** `null` where no round ended well. */
  readonly turnaroundMs: Percentiles | null;
}

/** What one client did. */
export interface ClientReport {
  readonly label: string;
  readonly jobs: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly busyMs: number;
  /** Of the time of all rings. */
  readonly sharePct: number;
  /** Of the time of all rings: what the fair share of it was, given what everybody wanted. */
  readonly entitledPct: number;
  readonly waitMs: Percentiles;
  readonly turnaroundMs: Percentiles;
  readonly expect: 'ok' | 'banned' | 'failed';
  readonly banned: boolean;
  readonly rounds: readonly RoundsReport[];
}

/** What a client's `collect` said. */
export interface CheckReport {
  readonly client: string;
  readonly ok: boolean;
  readonly message: string;
  readonly files: readonly string[];
}

/** The document that `run --json` prints. */
export interface RunReport {
  readonly workload: string;
  readonly driver: string;
  /** Why it is this driver, where the workload left that open. */
  readonly driverWhy?: string;
  readonly policy: string;
  readonly rings: number;
  readonly wallMs: number;
  readonly interrupted: boolean;
  readonly ok: boolean;
  readonly clients: readonly ClientReport[];
  readonly resets: number;
  readonly timeouts: number;
  readonly banned: readonly string[];
  readonly checks: readonly CheckReport[];
  /** Why the run counts as failed, one sentence each. */
  readonly findings: readonly string[];
  readonly trace?: string;
  readonly crashDumps: readonly string[];
  readonly jobs: readonly JobRecord[];
}

/** What the report needs besides the result. */
export interface ReportContext {
  readonly workload: string;
  readonly policy: string;
  readonly files: WrittenFiles;
  /** Why the device is of this kind; `null` where the user chose. */
  readonly driverWhy: string | null;
}

/** Makes the report of a run. An interrupted run is not judged: it was not let to its end. */
export function reportOf(result: RunResult, context: ReportContext): RunReport {
  const { device, clients } = result;
  const { trace, crashDumps, unwritten } = context.files;
  const findings = [
    ...(result.isInterrupted
      ? []
      : clients.flatMap(({ run, stats }) => disappointments(run, stats))),
    ...unwritten,
  ];
  return {
    workload: context.workload,
    driver: device.driver,
    ...(context.driverWhy === null ? {} : { driverWhy: context.driverWhy }),
    policy: context.policy,
    rings: device.scheduler.rings.length,
    wallMs: rounded(result.wallMs),
    interrupted: result.isInterrupted,
    ok: findings.length === 0 && !result.isInterrupted,
    clients: clients.map(clientReport),
    resets: device.scheduler.resets,
    timeouts: device.scheduler.timeouts,
    banned: clients.filter(({ stats }) => stats.banned).map(({ run }) => run.spec.label),
    checks: clients.flatMap(({ run }) =>
      run.verdict === null ? [] : [{ client: run.spec.label, files: [], ...run.verdict }],
    ),
    findings,
    ...(trace === null ? {} : { trace }),
    crashDumps,
    jobs: clients.flatMap(({ run }) => run.log.records),
  };
}

function clientReport({
  run,
  stats,
  sharePct,
  entitledPct,
}: RunResult['clients'][number]): ClientReport {
  return {
    label: run.spec.label,
    jobs: stats.submitted,
    failed: run.log.counts.failed,
    cancelled: run.log.counts.cancelled,
    busyMs: rounded(stats.busyUs / 1000),
    sharePct: rounded(sharePct),
    entitledPct: rounded(entitledPct),
    waitMs: percentiles(stats.waitUs, 1000),
    turnaroundMs: percentiles(stats.turnaroundUs, 1000),
    expect: run.spec.expect,
    banned: stats.banned,
    rounds: run.sources.map(({ spec, times }) => {
      const turnaround = times.turnaroundMs();
      const turnaroundMs = turnaround.count === 0 ? null : percentiles(turnaround, 1);
      return { entry: spec.name, count: turnaround.count, failed: times.failed, turnaroundMs };
    }),
  };
}

function percentiles({ p50, p99, max }: Distribution, unit: number): Percentiles {
  return { p50: rounded(p50 / unit), p99: rounded(p99 / unit), max: rounded(max / unit) };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
