/** A summary of many values. All in the unit of the values; zero where there were none. */
export interface Distribution {
  count: number;
  mean: number;
  p50: number;
  p99: number;
  max: number;
}

const BUCKETS_PER_OCTAVE = 32;

/**
 * Counts values in buckets that grow with the value, so that percentiles of millions of values need little memory.
 *
 * A percentile is off by at most 1/32 of its value (exact where all values are equal); count, mean and max are exact.
 * An unused histogram holds no buckets. Cost of `add`: one map update.
 */
export class Histogram {
  #buckets: Map<number, number> | null = null;
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = 0;

  /** Adds one value; what is not a positive number counts as 0. */
  add(value: number): void {
    const v = value > 0 ? value : 0;
    this.#buckets ??= new Map();
    const bucket = bucketOf(v);
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1);
    this.#count += 1;
    this.#sum += v;
    if (v < this.#min) this.#min = v;
    if (v > this.#max) this.#max = v;
  }

  summary(): Distribution {
    if (this.#count === 0) return { count: 0, mean: 0, p50: 0, p99: 0, max: 0 };
    return {
      count: this.#count,
      mean: this.#sum / this.#count,
      p50: this.#percentile(0.5),
      p99: this.#percentile(0.99),
      max: this.#max,
    };
  }

  #percentile(fraction: number): number {
    const buckets = [...(this.#buckets ?? [])].sort((a, b) => a[0] - b[0]);
    const rank = Math.max(1, Math.ceil(fraction * this.#count));
    let seen = 0;
    for (const [bucket, count] of buckets) {
      seen += count;
      if (seen >= rank) return Math.min(this.#max, Math.max(this.#min, middleOf(bucket)));
    }
    return this.#max;
  }
}

function bucketOf(value: number): number {
  return value === 0 ? -Infinity : Math.floor(Math.log2(value) * BUCKETS_PER_OCTAVE);
}

function middleOf(bucket: number): number {
  return 2 ** ((bucket + 0.5) / BUCKETS_PER_OCTAVE);
}
