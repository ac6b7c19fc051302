import { readFileSync } from 'node:fs';
import path from 'node:path';
import { init, parse } from 'es-module-lexer';

/** What a module exports, as far as its text tells. */
export interface ModuleExports {
  /** Those that are sure, for messages. */
  readonly names: readonly string[];
  /** Whether it may have this one: sure, or of a form that the text does not tell. */
  has(name: string): boolean;
}

/** Gets the lexer ready; call it once, before `moduleExports`. */
export async function prepareLexer(): Promise<void> {
  await init;
}

/**
 * What the module at `file` exports; `null` where it cannot be read or parsed. The module is read, not run.
 *
 * 1. The lexer knows the names of all declarations but the second of a list (`export const a = 1, b = 2`), and those inside of
 *    patterns. They are believed where the text has them in such a place.
 * 2. `export *` is followed into files; what a package exports is believed.
 * 3. Of CommonJS, everything is believed.
 */
export function moduleExports(file: string): ModuleExports | null {
  const found: Found = { names: new Set(), texts: [], seen: new Set(), isOpen: false };
  if (!collect(file, found)) return null;
  const { names, texts, isOpen } = found;
  const has = (name: string): boolean =>
    names.has(name) || isOpen || texts.some((text) => mayDeclare(text, name));
  return { names: [...names], has };
}

interface Found {
  readonly names: Set<string>;
  readonly texts: string[];
  readonly seen: Set<string>;
  /** Whether there is something that the text does not tell. */
  isOpen: boolean;
}

/** Adds what `file` exports; false where it cannot be read or parsed. */
function collect(file: string, found: Found): boolean {
  found.seen.add(file);
  let text: string;
  let parsed: ReturnType<typeof parse>;
  try {
    text = readFileSync(file, 'utf8');
    parsed = parse(text);
  } catch {
    return false;
  }
  const [imports, exports, , isModule] = parsed;
  for (const { n: name } of exports) found.names.add(name);
  found.texts.push(text);
  if (!isModule && !file.endsWith('.mjs')) found.isOpen = true;
  for (const { n: from = '', ss: start, se: end } of imports) {
    if (/^export\s*\*\s*from\b/.test(text.slice(start, end))) collectFrom(from, file, found);
  }
  return true;
}

/** Adds what `file` exports with all that `from` exports, but for its default. A module that cannot be read is told when the file is imported. */
function collectFrom(from: string, file: string, found: Found): void {
  const other = path.resolve(path.dirname(file), from);
  if (found.seen.has(other)) return;
  const hasDefault = found.names.has('default');
  const isRead = /^\.{0,2}\//.test(from) && collect(other, found);
  if (!hasDefault) found.names.delete('default');
  if (!isRead) found.isOpen = true;
}

/** Whether `text` has `name` where a list of declarations, or a pattern, that is exported could declare it. */
function mayDeclare(text: string, name: string): boolean {
  const word = `(?<![\\w$])${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w$])`;
  return [
    `export\\s+(?:let|var)\\s[\\w$\\s,]*${word}`,
    `export\\s+(?:const|let|var)\\s[^]*?,\\s*${word}\\s*=(?![=>])`,
    `export\\s+(?:const|let|var)\\s*[{[][^]*?${word}`,
  ].some((pattern) => new RegExp(pattern).test(text));
}
