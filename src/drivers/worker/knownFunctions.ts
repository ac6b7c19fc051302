/** What the device knows of one function. */
export interface KnownFunction {
  /** Whether it runs in slices. One that was never called may do so. */
  isGenerator: boolean;
}

/** The functions that jobs name, each once, by module and name. */
export class KnownFunctions {
  readonly #modules = new Map<string, Map<string, KnownFunction>>();

  of(module: string, name: string): KnownFunction {
    let functions = this.#modules.get(module);
    if (functions === undefined) {
      functions = new Map();
      this.#modules.set(module, functions);
    }
    let known = functions.get(name);
    if (known === undefined) {
      known = { isGenerator: true };
      functions.set(name, known);
    }
    return known;
  }
}
