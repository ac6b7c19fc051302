/** What the device knows of one function. */
export interface KnownFunction {
  /** Whether it runs in slices. One that was never called may do so. */
  isGenerator: boolean;
}

/** More names than this are not remembered: jobs may name what does not exist. */
const KNOWN_MAX = 4096;

/** The functions that jobs name, each once, by module and name. */
export class KnownFunctions {
  #count = 0;
  readonly #modules = new Map<string, Map<string, KnownFunction>>();

  of(module: string, name: string): KnownFunction {
    let functions = this.#modules.get(module);
    if (functions === undefined) {
      functions = new Map();
      if (this.#count < KNOWN_MAX) this.#modules.set(module, functions);
    }
    let known = functions.get(name);
    if (known === undefined) {
      known = { isGenerator: true };
      if (this.#count === KNOWN_MAX) return known;
      this.#count += 1;
      functions.set(name, known);
    }
    return known;
  }
}
