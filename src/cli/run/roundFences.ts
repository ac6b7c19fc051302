import type { Fence } from '../../base/index.ts';
import { deferred } from '../../base/index.ts';
import type { Deferred } from '../../base/index.ts';

/** The fences of the rounds of one entry, for the entries that come after it. */
export class RoundFences {
  readonly #rounds: (readonly Fence[])[] = [];
  #isEnded = false;
  #change: Deferred<void> = deferred();

  /** The next round was submitted, with these jobs. */
  push(fences: readonly Fence[]): void {
    this.#rounds.push(fences);
    this.#wake();
  }

  /** No round follows. */
  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  /** The fences of round `round` once it was submitted; of the last one (none, if there was none) where it never will be. */
  async round(round: number): Promise<readonly Fence[]> {
    while (this.#rounds.length <= round && !this.#isEnded) await this.#change.promise;
    return this.#rounds[round] ?? this.#rounds.at(-1) ?? [];
  }

  #wake(): void {
    this.#change.resolve();
    this.#change = deferred();
  }
}
