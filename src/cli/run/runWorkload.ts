import type { ClientStats, DeviceStats } from '../../device/index.ts';
import type { Workload } from '../workload/workload.ts';
import { ClientRun } from './clientRun.ts';
import type { Clock } from './clock.ts';
import { BAND_FACTOR, EntitlementMeter } from './entitlement.ts';
import type { MeterReading } from './entitlement.ts';
import type { MainFunctions } from './functions.ts';
import { JobSource } from './jobSource.ts';
import type { RunDevice } from './runDevice.ts';
import { RoundFences } from './roundFences.ts';
import { Stop } from './stop.ts';

/** How often clients are measured; not in step with periods that people write. */
const READING_MS = 37;
/** How often progress is told. */
const TICK_MS = 1000;
/** How long an interrupted run waits for running jobs before it kills the device. */
const INTERRUPT_GRACE_MS = 1500;

/** What a run needs. */
export interface RunOptions {
  readonly workload: Workload;
  readonly device: RunDevice;
  readonly functions: MainFunctions;
  readonly clock: Clock;
  /** Where collects write; it exists. */
  readonly outDirectory: string;
  /** Whether each result's digest is recorded. */
  readonly digests: boolean;
  /** Aborts when the user interrupts the run. */
  readonly interrupt: AbortSignal;
  /** Called about once a second while jobs run. */
  readonly onTick?: (progress: RunProgress) => void;
}

/** How far a run is. */
export interface RunProgress {
  readonly elapsedMs: number;
  readonly durationMs: number;
  readonly clients: readonly ClientProgress[];
  readonly timeouts: number;
  readonly resets: number;
}

/** How far a client is: how many of its jobs ended how, and how many wait. */
export interface ClientProgress {
  readonly label: string;
  readonly done: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly queued: number;
  readonly banned: boolean;
}

/** What became of a run. */
export interface RunResult {
  readonly wallMs: number;
  readonly isInterrupted: boolean;
  readonly clients: readonly {
    readonly run: ClientRun;
    readonly stats: ClientStats;
    readonly sharePct: number;
    readonly entitledPct: number;
  }[];
  readonly device: DeviceStats;
}

/**
 * Runs a workload on `device` to its end: opens the clients, submits their jobs, waits for all of them, closes the device
 * and lets each client's `collect` judge.
 *
 * On interrupt everything is cancelled, and what still runs after a grace time is killed with the device; nothing more is
 * collected then.
 */
export async function runWorkload(options: RunOptions): Promise<RunResult> {
  const { workload, device, clock } = options;
  const startMs = clock.nowMs();
  const stop = new Stop();
  const runs = workload.clients.map((spec) => new ClientRun(spec, device, options));
  addSources(runs, options, startMs, stop);
  const meter = meterOf(runs, device.rings);
  const sources = runs.flatMap((run) => run.sources);
  const finished = Promise.all(sources.map((source) => source.run())).then(() => undefined);
  const background = new AbortController();
  const watching = [
    stopAfter(startMs + workload.durationMs, options, stop, background.signal),
    watch(options, runs, meter, startMs, background.signal),
  ];
  const onInterrupt = (): void => {
    stop.stop('interrupt');
    for (const source of sources) source.cancel(options.interrupt.reason);
    void killAfterGrace(options, background.signal);
  };
  options.interrupt.addEventListener('abort', onInterrupt);
  if (options.interrupt.aborted) onInterrupt();
  await finished;
  background.abort();
  options.interrupt.removeEventListener('abort', onInterrupt);
  await Promise.all(watching);
  meter.read(clock.nowMs(), readings(runs), true);
  const wallMs = clock.nowMs() - startMs;
  const stats = runs.map((run) => run.stats());
  const deviceStats = device.stats();
  await device.close({ mode: stop.isInterrupted ? 'kill' : 'drain' });
  if (!stop.isInterrupted) await collectAll(runs, options);
  const entitled = meter.entitledPct();
  return {
    wallMs,
    isInterrupted: stop.isInterrupted || options.interrupt.aborted,
    clients: runs.map((run, i) => {
      const own = stats[i] ?? run.stats();
      const sharePct = meter.capacityUs === 0 ? 0 : (100 * own.busyUs) / meter.capacityUs;
      return { run, stats: own, sharePct, entitledPct: entitled[i] ?? 0 };
    }),
    device: deviceStats,
  };
}

function addSources(
  runs: readonly ClientRun[],
  options: RunOptions,
  startMs: number,
  stop: Stop,
): void {
  const waitedFor = new Set(runs.flatMap(({ spec }) => spec.jobs.flatMap((job) => job.after)));
  const rounds = new Map([...waitedFor].map((id) => [id, new RoundFences()]));
  for (const run of runs) {
    for (const spec of run.spec.jobs) {
      const source = new JobSource({
        spec,
        plan: spec.plan === null ? null : options.functions.plan(spec.plan),
        directory: options.workload.directory,
        queue: run.client,
        log: run.log,
        clock: options.clock,
        startMs,
        stop,
        after: spec.after.flatMap((id) => rounds.get(id) ?? []),
        rounds: rounds.get(`${run.spec.label}/${spec.name}`) ?? null,
      });
      run.sources.push(source);
    }
  }
}

function meterOf(runs: readonly ClientRun[], rings: number): EntitlementMeter {
  const clients = runs.map(({ spec }) => ({
    weight: spec.weight * BAND_FACTOR[spec.priority],
    rings: spec.order === 'serial' ? 1 : rings,
  }));
  return new EntitlementMeter(clients, rings);
}

function readings(runs: readonly ClientRun[]): MeterReading[] {
  return runs.map((run) => run.stats());
}

async function stopAfter(
  atMs: number,
  { clock }: RunOptions,
  stop: Stop,
  signal: AbortSignal,
): Promise<void> {
  if (atMs === Infinity) return;
  await clock.sleepUntil(atMs, signal, { whileOthersDo: true });
  stop.stop('duration');
}

async function watch(
  { clock, device, workload, onTick }: RunOptions,
  runs: readonly ClientRun[],
  meter: EntitlementMeter,
  startMs: number,
  signal: AbortSignal,
): Promise<void> {
  let tellAtMs = startMs;
  for (let count = 1; !signal.aborted; count++) {
    const nowMs = clock.nowMs();
    meter.read(nowMs, readings(runs));
    if (nowMs >= tellAtMs) {
      const { timeouts, resets } = device.stats().scheduler;
      const clients = runs.map((run) => run.progress());
      const elapsedMs = nowMs - startMs;
      onTick?.({ elapsedMs, durationMs: workload.durationMs, clients, timeouts, resets });
      tellAtMs += TICK_MS;
    }
    const nextMs = Math.max(nowMs, startMs + count * READING_MS);
    await clock.sleepUntil(nextMs, signal, { whileOthersDo: true });
  }
}

async function killAfterGrace({ clock, device }: RunOptions, signal: AbortSignal): Promise<void> {
  await clock.sleepUntil(clock.nowMs() + INTERRUPT_GRACE_MS, signal);
  if (!signal.aborted) await device.close({ mode: 'kill' });
}

async function collectAll(runs: readonly ClientRun[], options: RunOptions): Promise<void> {
  const { outDirectory, workload, functions, interrupt } = options;
  for (const run of runs) {
    if (interrupt.aborted) return;
    await run.collect(functions, { outDirectory, directory: workload.directory }, interrupt);
  }
}
