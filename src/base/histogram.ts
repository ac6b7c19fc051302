/** A summary of many values. All in the unit of the values; zero where there were none. */
export interface Distribution {
  count: number;
  mean: number;
  p50: number;
  p99: number;
  max: number;
}

/** The bits of a number: a bucket is its exponent and the first five bits of its mantissa, 32 buckets an octave. */
const asNumber = new Float64Array(1);
const asBits = new Uint32Array(asNumber.buffer);
const MANTISSA_BITS = 5;

/**
 * Counts values in buckets that grow with the value, so that percentiles of millions of values need little memory.
 *
 * A percentile is off by at most 1/32 of its value (exact where all values are equal); count, mean and max are exact.
 * An unused histogram holds no buckets; a used one those from its least to its largest value, 128 bytes an
 * octave. Cost of `add`: a few nanoseconds.
 */
export class Histogram {
  /** How often each bucket was hit, from bucket `#first` on. */
  #hits: Uint32Array | null = null;
  #first = 0;
  #zeros = 0;
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = 0;

  /** Adds one value; what is not a positive number counts as 0. */
  add(value: number): void {
    const v = value > 0 ? value : 0;
    this.#count += 1;
    this.#sum += v;
    if (v < this.#min) this.#min = v;
    if (v > this.#max) this.#max = v;
    if (v === 0) {
      this.#zeros += 1;
      return;
    }
    const bucket = bucketOf(v);
    let hits = this.#hits;
    if (hits === null || bucket < this.#first || bucket >= this.#first + hits.length) {
      hits = this.#cover(bucket);
    }
    const index = bucket - this.#first;
    hits[index] = (hits[index] as number) + 1;
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
    const rank = Math.max(1, Math.ceil(fraction * this.#count));
    let seen = this.#zeros;
    if (seen >= rank) return 0;
    const hits = this.#hits ?? new Uint32Array(0);
    for (let index = 0; index < hits.length; index += 1) {
      seen += hits[index] as number;
      if (seen >= rank) {
        return Math.min(this.#max, Math.max(this.#min, middleOf(this.#first + index)));
      }
    }
    return this.#max;
  }

  /** Makes room for `bucket`: as many buckets as it takes, and half as many again. */
  #cover(bucket: number): Uint32Array {
    const old = this.#hits;
    const first = old === null ? bucket : Math.min(this.#first, bucket);
    const end = old === null ? bucket + 1 : Math.max(this.#first + old.length, bucket + 1);
    const spare = Math.max(4, (end - first) >> 1);
    const grown = new Uint32Array(end - first + spare);
    const newFirst = old !== null && bucket < this.#first ? first - spare : first;
    if (old !== null) grown.set(old, this.#first - newFirst);
    this.#hits = grown;
    this.#first = newFirst;
    return grown;
  }
}

function bucketOf(value: number): number {
  asNumber[0] = value;
  return (asBits[1] as number) >>> (20 - MANTISSA_BITS);
}

/** The middle of a bucket: its bits, and a one behind them. */
function middleOf(bucket: number): number {
  asBits[1] = ((bucket << 1) | 1) << (19 - MANTISSA_BITS);
  asBits[0] = 0;
  return asNumber[0] as number;
}
