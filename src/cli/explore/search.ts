import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { UsageError } from '../../base/index.ts';
import { Exploration } from '../../explore/index.ts';
import type {
  Checkpoint,
  ExploreOptions,
  ExploreReport,
  Scenario,
  Scope,
} from '../../explore/index.ts';
import { ProgressLine } from '../progressLine.ts';
import type { Terminal } from '../terminal.ts';
import type { ExploreFlags } from './command.ts';

/** How long a slice of a search is, between two looks at the interrupt; and how often progress is shown. */
const SLICE_MS = 50;
const SHOW_EVERY_MS = 1000;

/** Searches as the flags say, and shows how it goes. */
export async function search(
  flags: ExploreFlags,
  scenarios: readonly Scenario[] | undefined,
  terminal: Terminal,
): Promise<{ report: ExploreReport; isInterrupted: boolean }> {
  const options = optionsOf(flags);
  const resume = flags.checkpoint === undefined ? undefined : readCheckpoint(flags.checkpoint);
  if (resume !== undefined) checkSameSearch(flags, options, resume);
  const exploration = new Exploration({
    ...options,
    clock: () => performance.now(),
    ...(scenarios !== undefined && { scenarios }),
    ...(resume !== undefined && { resume }),
  });
  if (exploration.strategy === 'exhaustive') checkNoSeeds(flags);
  try {
    keep(flags, exploration);
  } catch {
    throw usage('--checkpoint', 'a file that can be written', flags.checkpoint);
  }
  const progress = new ProgressLine(terminal);
  let shownMs = performance.now();
  let isGoing = true;
  while (isGoing && !terminal.interrupt.aborted) {
    const endMs = performance.now() + SLICE_MS;
    while (isGoing && performance.now() < endMs) isGoing = exploration.next();
    if (performance.now() - shownMs > SHOW_EVERY_MS) {
      shownMs = performance.now();
      progress.show(progressText(exploration.report()));
      keep(flags, exploration);
    }
    // Lets the interrupt be heard.
    await new Promise((resolve) => setImmediate(resolve));
  }
  progress.wipe();
  keep(flags, exploration);
  return { report: exploration.report(), isInterrupted: isGoing };
}

/** What the flags say, checked. @throws {ERR_INVALID_ARGUMENT} */
export function optionsOf(flags: ExploreFlags): ExploreOptions {
  const { strategy } = flags;
  const scope = flags.scope === undefined ? undefined : parseScope(flags.scope);
  const seeds = parseCount('--seeds', flags.seeds, 1);
  const firstSeed = parseCount('--first-seed', flags.firstSeed, 0);
  const seconds = flags.seconds === undefined ? undefined : Number(flags.seconds);
  if (seconds !== undefined && !(seconds > 0 && Number.isFinite(seconds))) {
    throw usage('--seconds', 'a number above 0', flags.seconds);
  }
  return {
    ...(strategy !== undefined && { strategy }),
    ...(scope !== undefined && { scope }),
    ...(seeds !== undefined && { seeds }),
    ...(firstSeed !== undefined && { firstSeed }),
    ...(seconds !== undefined && { seconds }),
  };
}

function parseScope(text: string): Scope {
  const found = /^(\d{1,3})x(\d{1,3})$/.exec(text);
  const [entities, jobs] = [Number(found?.[1]), Number(found?.[2])];
  if (!(entities >= 1 && jobs >= 1)) throw usage('--scope', 'ENTITIESxJOBS, for example 2x2', text);
  return { entities, jobs };
}

function parseCount(flag: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const count = /^\d+$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(count) && count >= least) return count;
  throw usage(flag, `a whole number, at least ${least}`, text);
}

function usage(flag: string, expected: string, got: string | undefined): UsageError {
  return new UsageError(
    'ERR_INVALID_ARGUMENT',
    `explore: ${flag}: expected ${expected}, got ${got}`,
  );
}

function readCheckpoint(file: string): Checkpoint | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const checkpoint = JSON.parse(readFileSync(file, 'utf8')) as Checkpoint;
    if (checkpoint.version === 1 && Array.isArray(checkpoint.violations)) return checkpoint;
  } catch {
    // Told below, as any other file that is none.
  }
  throw usage('--checkpoint', 'a file that a search has written, or a new one', file);
}

/** What the command line says is not silently outvoted by what the checkpoint says. */
function checkSameSearch(flags: ExploreFlags, options: ExploreOptions, resume: Checkpoint): void {
  const { entities, jobs } = resume.scope;
  const isOther = (own: number | undefined, kept: number): boolean =>
    own !== undefined && own !== kept;
  if (isOther(options.scope?.entities, entities) || isOther(options.scope?.jobs, jobs)) {
    throw usage('--scope', `that of the checkpoint, ${entities}x${jobs}, or none`, flags.scope);
  }
  if (flags.strategy !== undefined && flags.strategy !== resume.strategy) {
    const kept = `that of the checkpoint, ${resume.strategy}, or none`;
    throw usage('--strategy', kept, flags.strategy);
  }
}

/** An exhaustive search takes every schedule, and has no use for seeds. */
function checkNoSeeds({ seeds, firstSeed }: ExploreFlags): void {
  const none = 'none in an exhaustive search, or --strategy pct or random';
  if (seeds !== undefined) throw usage('--seeds', none, seeds);
  if (firstSeed !== undefined) throw usage('--first-seed', none, firstSeed);
}

/** Writes the checkpoint beside the one of before, which is replaced when the new one is whole. */
function keep({ checkpoint }: ExploreFlags, exploration: Exploration): void {
  if (checkpoint === undefined) return;
  const written = `${checkpoint}.new`;
  writeFileSync(written, JSON.stringify(exploration.checkpoint()));
  renameSync(written, checkpoint);
}

function progressText(report: ExploreReport): string {
  const { seconds, schedules, schedulesPerSecond, states, violations } = report;
  const parts = [
    `${seconds.toFixed(0)} s`,
    `${schedules} schedules`,
    `${schedulesPerSecond}/s`,
    ...(states > 0 ? [`${states} states`] : []),
    `${violations.length} violations`,
  ];
  return parts.join(' | ');
}

/** A report for people, with the command that runs each finding again. */
export function reportText(report: ExploreReport, flags: ExploreFlags): string {
  const scenario = flags.scenario === undefined ? '' : ` --scenario ${quoted(flags.scenario)}`;
  const { strategy, scope, schedules, states, seconds, schedulesPerSecond, complete } = report;
  const found = report.violations.map(
    ({ signature, trail, replay }) =>
      `\n${signature}\n\n${trail}\n\nfenceline explore${scenario} --replay ${quoted(replay)}\n`,
  );
  const counted = states > 0 ? `, ${states} states${complete ? ', all of them' : ''}` : '';
  const rate = `${seconds.toFixed(1)} s, ${schedulesPerSecond} schedules/s`;
  const what = `${strategy}, scope ${scope}: ${schedules} schedules${counted} in ${rate}`;
  return `${found.join('')}${found.length > 0 ? '\n' : ''}${what}; ${report.violations.length} violations\n`;
}

/** `text` as one word of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
