import { isMap, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import type { Document } from 'yaml';
import { nearest } from '../nearest.ts';
import { pathText } from './problem.ts';
import type { Path, Place, Problem } from './problem.ts';

/**
 * The text of a workload file, parsed, with the place of everything in it, and the list of what is wrong with it.
 *
 * Each step of the validation adds to `problems`; who made it decides what to do when all steps are done.
 */
export class WorkloadSource {
  /** The file as the user named it, for messages. */
  readonly file: string;
  /** The plain value of the document; `null` where it is empty or cannot be read. */
  readonly value: unknown;
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();
  readonly #problems: Problem[] = [];

  constructor(file: string, text: string) {
    this.file = file;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    for (const error of this.#document.errors) {
      const [line = error.code] = error.message.split('\n', 1);
      const isSecond = error.code === 'MULTIPLE_DOCS';
      this.#addAt(error.pos[0], '', isSecond ? 'expected one document, got a second one' : line);
    }
    this.#checkAliases();
    this.value = this.hasProblems ? null : this.#plainValue();
  }

  get hasProblems(): boolean {
    return this.#problems.length > 0;
  }

  /** What was found so far, in the order of the file. */
  get problems(): Problem[] {
    return [...this.#problems].sort((a, b) => a.line - b.line || a.column - b.column);
  }

  /** Adds a problem with the value at `path`, or with its key; a value that is missing is reported where it would be. */
  add(
    path: Path,
    message: string,
    options: { nearest?: string | null; atKey?: boolean } = {},
  ): void {
    const offset = options.atKey === true ? this.#keyOffset(path) : this.#valueOffset(path);
    this.#addAt(offset, pathText(path), message, options.nearest ?? undefined);
  }

  /** Where in the file the value at `path` is, or where it would be. */
  placeOf(path: Path): Place {
    return this.#placeAt(this.#valueOffset(path), pathText(path));
  }

  /** An alias names an anchor that stands before it, and not one that it is inside of. */
  #checkAliases(): void {
    const document = this.#document;
    const anchors: string[] = [];
    visit(document, {
      Node: (_key, { anchor }: { anchor?: string }) => {
        if (anchor !== undefined) anchors.push(anchor);
      },
    });
    visit(document, {
      Alias: (_key, alias, path) => {
        const named = alias.resolve(document);
        const offset = alias.range?.[0] ?? 0;
        if (named === undefined) {
          const message = `expected the name of an anchor (&${alias.source}) that stands before, got *${alias.source}`;
          const near = nearest(alias.source, anchors) ?? undefined;
          this.#addAt(offset, '', message, near === alias.source ? undefined : near);
        } else if (path.includes(named)) {
          this.#addAt(offset, '', `expected no circle, got *${alias.source} inside of its anchor`);
        }
      },
    });
  }

  /** `null`, and a problem, where aliases of aliases would make it too large. */
  #plainValue(): unknown {
    try {
      return this.#document.toJS({ maxAliasCount: 100 });
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
      this.#addAt(0, '', 'expected fewer aliases: written out, they are too much to read');
      return null;
    }
  }

  #placeAt(offset: number, path: string): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.file, line: Math.max(1, line), column: Math.max(1, col), path };
  }

  #addAt(offset: number, path: string, message: string, near?: string): void {
    this.#problems.push({
      ...this.#placeAt(offset, path),
      message,
      ...(near === undefined ? {} : { nearest: near }),
    });
  }

  #valueOffset(path: Path): number {
    for (let length = path.length; length >= 0; length--) {
      const node: unknown = this.#document.getIn(path.slice(0, length), true);
      const range = (node as { range?: readonly number[] } | null | undefined)?.range;
      if (range?.[0] !== undefined) return range[0];
    }
    return 0;
  }

  #keyOffset(path: Path): number {
    const parent: unknown =
      path.length === 1 ? this.#document.contents : this.#document.getIn(path.slice(0, -1), true);
    if (isMap(parent)) {
      for (const { key } of parent.items) {
        if (isScalar(key) && key.value === path.at(-1) && key.range) return key.range[0];
      }
    }
    return this.#valueOffset(path);
  }
}

/** `value` where it is a map, else an empty one: for checks that skip what has no form. */
export function asMap(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** `value` where it is a list, else an empty one. */
export function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
