/** What a function is expected to take that was never called: what the scheduler takes for jobs of which it knows nothing. */
const UNKNOWN_US = 1000;
/** How much of what is expected of a function its last call makes up, as in the scheduler's averages. */
const LAST_CALL_PART = 1 / 4;

/** What the calls of one function told. */
interface KnownFunction {
  isGenerator: boolean;
  lengthUs: number;
}

/** What the device knows of the functions that its threads called, by module and name. */
export class KnownFunctions {
  readonly #modules = new Map<string, Map<string, KnownFunction>>();

  /** A call, or a slice of one, took `lengthUs`. */
  learn(module: string, name: string, isGenerator: boolean, lengthUs: number): void {
    const known = this.#find(module, name);
    if (known !== undefined) {
      known.isGenerator = isGenerator;
      known.lengthUs += (lengthUs - known.lengthUs) * LAST_CALL_PART;
      return;
    }
    let functions = this.#modules.get(module);
    if (functions === undefined) {
      functions = new Map();
      this.#modules.set(module, functions);
    }
    functions.set(name, { isGenerator, lengthUs });
  }

  /** Whether it runs in slices. One that was never called may do so. */
  isGenerator(module: string, name: string): boolean {
    return this.#find(module, name)?.isGenerator ?? true;
  }

  /** How long the next call may take, or the next slice. */
  lengthUs(module: string, name: string): number {
    return this.#find(module, name)?.lengthUs ?? UNKNOWN_US;
  }

  #find(module: string, name: string): KnownFunction | undefined {
    return this.#modules.get(module)?.get(name);
  }
}
