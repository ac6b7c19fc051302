import { programKey } from './programKey.ts';

/** How many programs one process is sent at most; the one that was used least recently makes room. */
const NAMES_MAX = 256;

/** A program's number in its process, and what has to be said before it is used. */
export interface ProgramName {
  readonly program: number;
  readonly isNew: boolean;
  /** The number of a program that makes room; `null` mostly. */
  readonly forgotten: number | null;
}

/** The numbers of the programs that one process was sent. */
export class ProgramNames {
  /** By text, in order of last use. */
  readonly #names = new Map<string, number>();
  /** The number that was given last. */
  #last = 0;
  /** What was named last: mostly it is named again. */
  #recent: { readonly key: string; readonly name: ProgramName } | null = null;

  nameOf(wgsl: string, entryPoint: string | null): ProgramName {
    const key = programKey(wgsl, entryPoint);
    if (this.#recent?.key === key) return this.#recent.name;
    const known = this.#names.get(key);
    if (known !== undefined) {
      this.#names.delete(key);
      this.#names.set(key, known);
      const name = { program: known, isNew: false, forgotten: null };
      this.#recent = { key, name };
      return name;
    }
    this.#recent = null;
    this.#last += 1;
    this.#names.set(key, this.#last);
    return { program: this.#last, isNew: true, forgotten: this.#makeRoom() };
  }

  #makeRoom(): number | null {
    if (this.#names.size <= NAMES_MAX) return null;
    const [oldest] = this.#names;
    if (oldest === undefined) return null;
    this.#names.delete(oldest[0]);
    return oldest[1];
  }
}
