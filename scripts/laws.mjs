/**
 * Which laws of the contract have a test: a law without one fails the check, and so does a test of a law that is not there.
 *
 * Usage: node scripts/laws.mjs [ROOT]. ROOT is a folder that holds `test`; default: this package.
 *
 * A test cites a law in its title: before the colon (`J4, E2: …`) or in parentheses (`… (F6)`). A skipped test proves nothing.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How many laws each section has, numbered from 1. */
const SECTIONS = { F: 13, J: 11, S: 14, T: 11, E: 6, M: 4, D: 5 };

const LAWS = Object.entries(SECTIONS).flatMap(([section, count]) =>
  Array.from({ length: count }, (_, index) => `${section}${index + 1}`),
);

/** A call of `it` or `test` that begins a line, and what hangs on it: `.each`, `.skipIf`. */
const CALL = /^[ \t]*(?:it|test)((?:\.\w+)*)(?:<[^\n]*>)?\(/gm;
const QUOTED =
  String.raw`\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|` + '`((?:\\\\.|[^`\\\\])*)`)';
/** The title follows the call, or the call of what that returned. */
const TITLE_HERE = new RegExp(QUOTED, 'y');
const TITLE_NEXT = new RegExp(String.raw`\)\(${QUOTED}`, 'g');
const LIST = String.raw`[A-Z]-?\d+(?:, [A-Z]-?\d+)*`;
const CITATION = new RegExp(String.raw`^(${LIST}): |\((${LIST})\)`, 'g');

/**
 * @param {string} text of a test file
 * @returns {{ law: string, title: string }[]} what its tests cite; hazards of the kernel (`H-3`) are not laws
 */
function citationsOf(text) {
  return titlesOf(text).flatMap((title) =>
    [...title.matchAll(CITATION)]
      .flatMap(([, before, inside]) => (before ?? inside).split(', '))
      .filter((law) => !law.includes('-'))
      .map((law) => ({ law, title })),
  );
}

/** @param {string} text of a test file */
function titlesOf(text) {
  const titles = [];
  for (const call of text.matchAll(CALL)) {
    const modifiers = call[1];
    if (/\.(?:skip|todo|fails)\b/.test(modifiers)) continue;
    const title = /\.(?:each|for|skipIf|runIf)$/.test(modifiers) ? TITLE_NEXT : TITLE_HERE;
    title.lastIndex = call.index + call[0].length;
    const found = title.exec(text);
    if (found !== null) titles.push(found[1] ?? found[2] ?? found[3]);
  }
  return titles;
}

/** @param {string} root */
function check(root) {
  const folder = join(root, 'test');
  const files = (
    existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : []
  )
    .filter((entry) => entry.isFile() && /\.test(?:-d)?\.ts$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
  const cited = new Set();
  const faults = [];
  for (const file of files) {
    for (const { law, title } of citationsOf(readFileSync(join(root, file), 'utf8'))) {
      cited.add(law);
      if (LAWS.includes(law)) continue;
      faults.push(`${file}: cites ${law}, which is no law of the contract: ${title}`);
    }
  }
  for (const law of LAWS) {
    if (cited.has(law)) continue;
    faults.push(`${law} has no test: cite it in the title of one, '${law}: …'`);
  }
  return { files: files.length, cited: LAWS.filter((law) => cited.has(law)).length, faults };
}

const root = resolve(process.argv[2] ?? join(fileURLToPath(import.meta.url), '..', '..'));
const { files, cited, faults } = check(root);
if (files === 0) faults.push('there is nothing to check: no test file was found under test');
for (const fault of faults) console.error(fault);
console.log(`laws: ${LAWS.length}, ${cited} with tests in ${files} files, ${faults.length} faults`);
process.exitCode = faults.length > 0 ? 1 : 0;
