import { UsageError } from '../base/index.ts';

/**
 * Something of a device that belongs to who holds this, until it is released: explicitly, once, never by the garbage collector.
 *
 * Releasing ends the right to use it at once; what it stands for is freed later, when nothing of the hardware uses it any more, and never
 * inside a fence callback (E5). Releasing twice does nothing.
 *
 * @example
 * const held = new Owned('a buffer', 'the buffer itself', () => {});
 * console.log(held.value); // the buffer itself
 * held.release();
 * held.release();
 * console.log(held.released); // true
 */
export class Owned<T> {
  readonly #what: string;
  readonly #value: T;
  readonly #onRelease: (value: T) => void;
  #released = false;

  /** @param what names it in errors; @param onRelease called once, by `release` */
  constructor(what: string, value: T, onRelease: (value: T) => void) {
    this.#what = what;
    this.#value = value;
    this.#onRelease = onRelease;
  }

  /** @throws {ERR_CLOSED} once it was released */
  get value(): T {
    if (!this.#released) return this.#value;
    throw new UsageError('ERR_CLOSED', `${this.#what} was released`);
  }

  get released(): boolean {
    return this.#released;
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#onRelease(this.#value);
  }

  /** Releases it. */
  [Symbol.dispose](): void {
    this.release();
  }
}
