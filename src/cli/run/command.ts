import path from 'node:path';
import { Command, Option } from 'commander';
import { FencelineError, UsageError } from '../../base/index.ts';
import { EXIT } from '../exit.ts';
import type { ExitCode } from '../exit.ts';
import { ProgressLine } from '../progressLine.ts';
import { refuse } from '../refuse.ts';
import type { Terminal } from '../terminal.ts';
import { loadWorkload } from '../workload/loadWorkload.ts';
import { WorkloadError } from '../workload/problem.ts';
import { DRIVER_NAMES, POLICY_NAMES } from '../workload/schema.ts';
import type { DriverName, PolicyName } from '../workload/schema.ts';
import type { Workload } from '../workload/workload.ts';
import { ChromeTrace } from '../../trace/index.ts';
import { probeWebGpu } from '../../drivers/webgpu/index.ts';
import { webGpuModule } from '../webGpuModule.ts';
import { preparePlaces, writeFiles } from './artifacts.ts';
import type { Places } from './artifacts.ts';
import { chooseDriver } from './chooseDriver.ts';
import type { ChosenDriver } from './chooseDriver.ts';
import { systemClock } from './clock.ts';
import { CrashDumps } from './crashDumps.ts';
import { importFunctions } from './functions.ts';
import type { MainFunctions } from './functions.ts';
import { errorText } from './jobLog.ts';
import { openRunDevice } from './openRunDevice.ts';
import { progressText } from './progressText.ts';
import { reportOf } from './report.ts';
import type { RunReport } from './report.ts';
import { reportText } from './reportText.ts';
import { runWorkload } from './runWorkload.ts';

/** How long the process is kept alive at a time where nothing else keeps it. */
const STAY_MS = 20;

interface RunFlags {
  readonly json: boolean;
  readonly driver?: DriverName;
  readonly policy?: PolicyName;
  readonly trace?: string;
  readonly out: string;
}

const AFTER_HELP = `
The table's share is the client's part of the time of all rings; entitled is the part that the weighted max-min
division would have given it: weight times 4 (high), 1 (normal) or 1/8 (low), no more than it asked for, measured each
second. Only jobs that are backlogged ask for more than they used.

Exit codes: 0 everything ended as the workload expects; 1 it did not; 2 the workload or the command line is not valid,
nothing was run; 130 interrupted.`;

/** The command `fenceline run`. `done` is told the exit code. */
export function runCommand(terminal: Terminal, done: (code: ExitCode) => void): Command {
  return new Command('run')
    .description('run a workload file on a device and report what each client got')
    .argument('<workload>', 'the workload, a YAML file')
    .addOption(
      new Option('--driver <name>', 'instead of the one in the file').choices(DRIVER_NAMES),
    )
    .addOption(
      new Option('--policy <name>', 'instead of the one in the file').choices(POLICY_NAMES),
    )
    .option(
      '--trace <file>',
      'where the trace is written (default: trace.json in the directory of --out)',
    )
    .option('--out <directory>', 'where results, crash dumps and the trace are written', 'out')
    .option('--json', 'print one JSON document on standard output, and nothing else there', false)
    .addHelpText('after', AFTER_HELP)
    .action(async (file: string, flags: RunFlags) => {
      done(await run(file, flags, terminal));
    });
}

async function run(file: string, flags: RunFlags, terminal: Terminal): Promise<ExitCode> {
  let workload: Workload;
  let chosen: ChosenDriver;
  let functions: MainFunctions;
  let places: Places;
  try {
    workload = withFlags(await loadWorkload(file), flags);
    chosen = await chooseDriver(workload, () => probeWebGpu(webGpuModule()));
    functions = await importFunctions(workload, chosen.driver, terminal.interrupt);
    places = preparePlaces(flags);
  } catch (error) {
    if (error === terminal.interrupt.reason) {
      refuse('run: interrupted before anything was run', flags, terminal);
      return EXIT.interrupted;
    }
    const message = error instanceof Error ? error.message : String(error);
    const isListed = error instanceof WorkloadError;
    const code = refuse(message, flags, terminal, isListed ? error.problems : undefined);
    return terminal.interrupt.aborted ? EXIT.interrupted : code;
  }
  let report: RunReport;
  try {
    report = await runAndWrite({ workload, chosen, functions, places }, flags, terminal);
  } catch (error) {
    if (!(error instanceof FencelineError) && !isSystemError(error)) throw error;
    refuse(`the run failed: ${errorText(error)}`, flags, terminal);
    return error instanceof UsageError ? EXIT.usage : EXIT.failed;
  }
  terminal.out(flags.json ? `${JSON.stringify(report)}\n` : reportText(report));
  if (report.interrupted) return EXIT.interrupted;
  return report.ok ? EXIT.ok : EXIT.failed;
}

/** What the operating system refused: a file that cannot be written, for example. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

function withFlags(workload: Workload, { driver, policy }: RunFlags): Workload {
  const device = {
    ...workload.device,
    driver: driver ?? workload.device.driver,
    policy: policy ?? workload.device.policy,
  };
  return { ...workload, device };
}

/** What a run is made of, ready to run. */
interface Prepared {
  readonly workload: Workload;
  readonly chosen: ChosenDriver;
  readonly functions: MainFunctions;
  readonly places: Places;
}

async function runAndWrite(
  { workload, chosen, functions, places }: Prepared,
  flags: RunFlags,
  terminal: Terminal,
): Promise<RunReport> {
  const device = await openRunDevice(workload, chosen, functions);
  const trace = new ChromeTrace();
  const dumps = new CrashDumps();
  const progress = new ProgressLine(terminal);
  process.on('beforeExit', stayAlive);
  try {
    device.observe(trace);
    device.observe(dumps);
    const result = await runWorkload({
      workload,
      device,
      functions,
      clock: systemClock,
      outDirectory: path.resolve(places.out),
      digests: flags.json,
      interrupt: terminal.interrupt,
      onTick: (now) => {
        const text = progressText(now);
        if (terminal.errIsTerminal) progress.show(text);
        else terminal.err(`${text}\n`);
      },
    });
    progress.end();
    trace.finish();
    if (trace.dropped > 0) terminal.err(`the trace is full: ${trace.dropped} events left out\n`);
    const { name, device: spec } = workload;
    const files = writeFiles(places, trace, dumps.dumps);
    const { why } = chosen;
    return reportOf(result, { workload: name, policy: spec.policy, files, driverWhy: why });
  } finally {
    process.off('beforeExit', stayAlive);
    progress.end();
    await device.close({ mode: 'kill' });
  }
}

/** A run goes on although nothing of it keeps the process alive at the moment: a device between two threads, for example. */
function stayAlive(): void {
  setTimeout(() => {}, STAY_MS);
}
