import { HASH_EVERY } from './replayString.ts';
import type { RunOptions, StepRow } from './run.ts';
import { stateHash } from './stateHash.ts';

/** All that can be seen of a run, step by step, so that it can be compared with the same run, made again. */
export class RunRecord {
  /** What the run is made with, so that it is seen. */
  readonly hooks: Required<Pick<RunOptions, 'onStep' | 'afterStep'>>;
  readonly #rows: string[] = [];
  readonly #hashes: number[] = [];

  constructor() {
    this.hooks = {
      onStep: ({ atUs, who, did, after }: StepRow) =>
        void this.#rows.push([atUs, who, ...did, after].join('; ')),
      afterStep: (run) => {
        if (run.steps % HASH_EVERY === 0 || run.finding !== null) this.#hashes.push(stateHash(run));
      },
    };
  }

  /** The first step in which `again` was another run, or after which its state was another; `null`: it was the same. */
  differsAt(again: RunRecord): number | null {
    const rows = firstDifference(this.#rows, again.#rows);
    const hashes = firstDifference(this.#hashes, again.#hashes);
    if (rows === null && hashes === null) return null;
    const atHash = hashes === null ? Infinity : (hashes + 1) * HASH_EVERY;
    return Math.min(rows === null ? Infinity : rows + 1, atHash, this.#rows.length);
  }
}

function firstDifference<T>(some: readonly T[], others: readonly T[]): number | null {
  const length = Math.max(some.length, others.length);
  for (let at = 0; at < length; at += 1) if (some[at] !== others[at]) return at;
  return null;
}
