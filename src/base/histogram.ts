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
 * A percentile is off by at most 1/32 of its value (exact where all values are equal, and of one or two values); count,
 * mean and max are exact. The first two values are its least and its largest, and need no buckets; from the third on it
 * holds those from the least to the largest value, 256 bytes an octave. Cost of `add`: a few nanoseconds.
 */
export class Histogram {
  /** How often each bucket was hit, from bucket `#first` on. What is counted and hit none was 0. */
  #hits: number[] | null = null;
  #first = 0;
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = 0;

  /** Adds one value; what is not a positive number counts as 0. */
  add(value: number): void {
    const v = value > 0 ? value : 0;
    this.#count += 1;
    if (this.#count > 2) {
      if (this.#count === 3) {
        this.#hit(this.#min);
        this.#hit(this.#max);
      }
      this.#hit(v);
    }
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
    const rank = Math.max(1, Math.ceil(fraction * this.#count));
    if (this.#count <= 2) return rank === 1 ? this.#min : this.#max;
    const hits = this.#hits ?? [];
    let seen = this.#count;
    for (const times of hits) seen -= times;
    if (seen >= rank) return 0;
    for (let index = 0; index < hits.length; index += 1) {
      seen += hits[index] as number;
      if (seen >= rank) {
        return Math.min(this.#max, Math.max(this.#min, middleOf(this.#first + index)));
      }
    }
    return this.#max;
  }

  #hit(value: number): void {
    if (value === 0) return;
    const bucket = bucketOf(value);
    let hits = this.#hits;
    if (hits === null || bucket < this.#first || bucket >= this.#first + hits.length) {
      hits = this.#cover(bucket);
    }
    const index = bucket - this.#first;
    hits[index] = (hits[index] as number) + 1;
  }

  /** Makes room for `bucket`: as many buckets as it takes, and half as many again. */
  #cover(bucket: number): number[] {
    const old = this.#hits;
    const first = old === null ? bucket : Math.min(this.#first, bucket);
    const end = old === null ? bucket + 1 : Math.max(this.#first + old.length, bucket + 1);
    const spare = Math.max(4, (end - first) >> 1);
    const newFirst = old !== null && bucket < this.#first ? first - spare : first;
    // A plain list of small integers: as large as a typed array of this size, and made many times as fast.
    const grown = new Array<number>(end - first + spare).fill(0);
    const shift = this.#first - newFirst;
    old?.forEach((times, index) => (grown[index + shift] = times));
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
