/**
 * Planted bugs: each patch in test/mutants is applied to a copy of the source, compiled, and searched for by the explorer.
 *
 * Usage: node scripts/mutants.mjs [check|replay|pin|search] [ID...]
 *   check   every patch applies to the source as it is now (default)
 *   replay  the pinned string of each finds it again, and finds nothing in the source as it is
 *   pin     searches, and writes what was found beside the patch
 *   search  searches, as `fenceline explore --mutant` does
 *
 * A mutant is two files: ID.patch, and ID.json, which says where the bug is from and pins what finds it.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'test', 'mutants');
const SECONDS = 60;

/**
 * @typedef {object} Mutant
 * @property {string} id
 * @property {string} patch the file
 * @property {{ name: string, source: string, breaks: string, rule?: string, replay?: string }} about
 */

/** @returns {Mutant[]} */
export function listMutants() {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.patch'))
    .sort()
    .map((file) => {
      const id = file.slice(0, -'.patch'.length);
      const about = JSON.parse(readFileSync(join(folder, `${id}.json`), 'utf8'));
      return { id, patch: join(folder, file), about };
    });
}

/** Bugs of the catalogue that have no mutant yet, and why. */
export function listLater() {
  return JSON.parse(readFileSync(join(folder, 'later.json'), 'utf8'));
}

/** Whether the patch applies; `null`, or what git says. @param {Mutant} mutant */
export function whyNotApplied(mutant) {
  try {
    execFileSync('git', ['apply', '--check', mutant.patch], { cwd: root, stdio: 'pipe' });
    return null;
  } catch (error) {
    return String(error.stderr ?? error);
  }
}

/** A folder with the compiled rooms that the explorer needs, with the bug in them. @param {Mutant} mutant */
export function buildMutant(mutant) {
  const copy = mkdtempSync(join(tmpdir(), 'fenceline-mutant-'));
  try {
    for (const file of ['tsconfig.base.json', 'tsconfig.pure.json', 'package.json']) {
      cpSync(join(root, file), join(copy, file));
    }
    for (const room of ['base', 'events', 'fence', 'sched', 'device', 'explore', 'drivers/sim']) {
      cpSync(join(root, 'src', room), join(copy, 'src', room), { recursive: true });
    }
    // In a folder that is no repository git applies to what is there.
    execFileSync('git', ['apply', mutant.patch], {
      cwd: copy,
      stdio: 'pipe',
      env: { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir() },
    });
    const flags = [
      'declaration',
      'declarationMap',
      'sourceMap',
      'composite',
      'isolatedDeclarations',
    ];
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    execFileSync(
      process.execPath,
      [
        tsc,
        '-p',
        'tsconfig.pure.json',
        '--noCheck',
        ...flags.flatMap((flag) => [`--${flag}`, 'false']),
      ],
      { cwd: copy, stdio: 'pipe' },
    );
    return copy;
  } catch (error) {
    rmSync(copy, { recursive: true, force: true });
    throw new Error(`${mutant.id}: ${String(error.stdout ?? '')}${String(error.stderr ?? error)}`);
  }
}

/** What a child process runs: it explores, or replays, with the library in its first argument. */
const CHILD = `
const [dist, task] = process.argv.slice(1);
const { explore, replay } = await import(dist);
const { replayOf, ...options } = JSON.parse(task);
const clock = () => performance.now();
const result = replayOf === undefined ? explore({ ...options, clock }) : replay(replayOf);
process.stdout.write(JSON.stringify(result));
`;

/**
 * Runs a task in a process of its own, because a bug may leave anything behind.
 *
 * @param {string} where a folder that holds dist/explore
 * @param {object} task
 * @param {AbortSignal} [signal]
 */
export function inChild(where, task, signal) {
  const door = new URL(`file://${join(where, 'dist', 'explore', 'index.js')}`).href;
  const args = ['--input-type=module', '-e', CHILD, door, JSON.stringify(task)];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], signal });
    let out = '';
    let err = '';
    child.stdout.on('data', (text) => (out += text));
    child.stderr.on('data', (text) => (err += text));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(out));
      else reject(new Error(err));
    });
  });
}

/** Searches for one mutant: small scopes by PCT, until the first finding. */
async function searchOne(mutant, seconds, signal) {
  const copy = buildMutant(mutant);
  try {
    const options = { strategy: 'pct', seconds, maxViolations: 1 };
    const { schedules, violations } = await inChild(copy, options, signal);
    const [found] = violations;
    return {
      id: mutant.id,
      found: found !== undefined,
      schedules,
      replay: found?.replay ?? null,
      rule: found?.rule ?? null,
      signature: found?.signature ?? null,
      trail: found?.trail ?? null,
    };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** What `fenceline explore --mutant` does. */
export async function searchMutants(id, { seconds = SECONDS, json = false }, terminal) {
  const all = listMutants();
  const chosen = id === 'all' ? all : all.filter((one) => one.id === id);
  if (chosen.length === 0) {
    const names = all.map((one) => one.id).join(', ');
    const message = `explore: --mutant: expected all or one of ${names}, got ${id}`;
    terminal.err(`${message}\n`);
    if (json) terminal.out(`${JSON.stringify({ problems: [{ message }] })}\n`);
    return 2;
  }
  const began = performance.now();
  const mutants = [];
  for (const mutant of chosen) {
    if (terminal.interrupt.aborted) return 130;
    const found = await searchOne(mutant, seconds, terminal.interrupt).catch((error) => {
      if (terminal.interrupt.aborted) return null;
      throw error;
    });
    if (found === null) return 130;
    mutants.push(found);
    terminal.err(
      `${found.id}: ${found.found ? `found as ${found.signature}` : 'NOT FOUND'} after ${found.schedules} schedules\n`,
    );
    if (!json && id !== 'all' && found.trail !== null)
      terminal.out(`${found.trail}\n\nreplay ${found.replay}\n`);
  }
  const took = (performance.now() - began) / 1000;
  const schedules = mutants.reduce((sum, one) => sum + one.schedules, 0);
  const missing = mutants.filter((one) => !one.found);
  if (json) {
    const report = {
      strategy: 'pct',
      scope: '2x2',
      schedules,
      states: 0,
      seconds: took,
      schedulesPerSecond: Math.round(schedules / took),
      violations: [],
      mutant: id,
      mutants: mutants.map((one) => ({
        id: one.id,
        found: one.found,
        schedules: one.schedules,
        replay: one.replay,
        rule: one.rule,
      })),
    };
    terminal.out(`${JSON.stringify(report)}\n`);
  } else {
    terminal.out(
      `${mutants.length - missing.length} of ${mutants.length} planted bugs found in ${took.toFixed(0)} s\n`,
    );
  }
  return missing.length === 0 ? 0 : 1;
}

/** Finds each again by its pinned string, and nothing without the bug; gives what is wrong. @param {Mutant} mutant */
export async function replayPinned(mutant) {
  const { replay, rule } = mutant.about;
  if (typeof replay !== 'string')
    return `${mutant.id}: nothing is pinned; run node scripts/mutants.mjs pin ${mutant.id}`;
  const clean = await inChild(root, { replayOf: replay });
  if (clean.violation !== null)
    return `${mutant.id}: the pinned run breaks ${clean.violation.rule} without the bug, too`;
  const copy = buildMutant(mutant);
  try {
    const { violation } = await inChild(copy, { replayOf: replay });
    if (violation === null)
      return `${mutant.id}: the pinned run does not find it any more; pin it anew`;
    return violation.rule === rule
      ? null
      : `${mutant.id}: the pinned run breaks ${violation.rule}, and ${rule} is pinned`;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

async function pin(mutant) {
  const found = await searchOne(mutant, SECONDS);
  console.log(`${mutant.id}: ${found.signature ?? 'NOT FOUND'} (${found.schedules} schedules)`);
  if (!found.found) return false;
  const about = { ...mutant.about, rule: found.rule, replay: found.replay };
  writeFileSync(mutant.patch.replace(/patch$/, 'json'), `${JSON.stringify(about, null, 2)}\n`);
  return true;
}

async function main(task = 'check', ...ids) {
  const chosen = listMutants().filter(({ id }) => ids.length === 0 || ids.includes(id));
  let faults = 0;
  const fault = (text) => {
    console.error(text);
    faults += 1;
  };
  if (task === 'check') {
    for (const mutant of chosen) {
      const why = whyNotApplied(mutant);
      if (why !== null) fault(`${mutant.id}: the patch does not apply: ${why}`);
    }
  } else if (task === 'replay') {
    for (const mutant of chosen) {
      const wrong = await replayPinned(mutant);
      if (wrong !== null) fault(wrong);
    }
  } else if (task === 'pin') {
    for (const mutant of chosen) if (!(await pin(mutant))) faults += 1;
  } else if (task === 'search') {
    const terminal = {
      out: (text) => process.stdout.write(text),
      err: (text) => process.stderr.write(text),
      errIsTerminal: false,
      interrupt: new AbortController().signal,
    };
    for (const id of ids.length === 0 ? ['all'] : ids)
      faults += await searchMutants(id, {}, terminal);
  } else {
    fault(`mutants: expected check, replay, pin or search, got ${task}`);
  }
  console.log(`mutants: ${chosen.length}, ${faults} faults`);
  process.exitCode = faults > 0 ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!existsSync(join(root, 'dist', 'explore')))
    throw new Error('mutants: expected a build; run npm run build first');
  await main(...process.argv.slice(2));
}
