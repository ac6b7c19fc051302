import type { FencelineError } from '../../base/index.ts';

/** A hook of the driver, by name. */
export type MockHook =
  | 'runJob'
  | 'prepareJob'
  | 'nextSlice'
  | 'timedOut'
  | 'reset'
  | 'cancelJob'
  | 'freeJob'
  | 'capture';

/** What befalls one attempt, decided when it begins to execute. */
export interface MockFate {
  /** It never ends by itself. */
  readonly hangs: boolean;
  /** It ends, but its fence is never signalled. */
  readonly loses: boolean;
  /** What its fence fails with. */
  readonly error: FencelineError | null;
  /** How much longer it takes. */
  readonly delayUs: number;
}

/** The faults that a test ordered and that have not happened yet. */
export class MockFaults {
  hangs = 0;
  losses = 0;
  failedResets = 0;
  readonly errors: FencelineError[] = [];
  readonly delaysUs: number[] = [];
  readonly #throws = new Map<MockHook, unknown[]>();

  /** The faults for the attempt that begins to execute now; each ordered fault is used once. */
  takeFate(): MockFate {
    const hangs = this.hangs > 0;
    if (hangs) this.hangs -= 1;
    const loses = this.losses > 0;
    if (loses) this.losses -= 1;
    const error = this.errors.shift() ?? null;
    return { hangs, loses, error, delayUs: this.delaysUs.shift() ?? 0 };
  }

  addThrow(hook: MockHook, error: unknown): void {
    const list = this.#throws.get(hook);
    if (list === undefined) this.#throws.set(hook, [error]);
    else list.push(error);
  }

  /** Throws what was ordered for this call of `hook`, if anything was. */
  throwIfOrdered(hook: MockHook): void {
    const list = this.#throws.get(hook);
    if (list !== undefined && list.length > 0) throw list.shift();
  }
}
