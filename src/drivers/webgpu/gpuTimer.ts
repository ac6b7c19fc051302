import { USAGE } from './gpu.ts';
import type {
  GPUBufferLike,
  GPUCommandEncoderLike,
  GPUDeviceLike,
  GPUQuerySetLike,
} from './gpu.ts';

/** How many dispatches are measured at a time; those beyond are not. */
const SLOTS = 64;
/** Where in a buffer the times of a slot may be resolved to is a multiple of this. */
const SLOT_BYTES = 256;
/** Two times of eight bytes each. */
export const TIMES_BYTES = 16;

/** How the execution times of a device are known. */
export interface TimingStats {
  /** What most of them come from: the GPU's own clock, or the moments at which WebGPU said that work was done. */
  source: 'timestamp-query' | 'submit-done';
  /** `high`: measured by the GPU, in fine steps; `medium`: in steps of 100 us, or not all of them; `low`: seen from outside. */
  confidence: 'high' | 'medium' | 'low';
  /** Executions that the GPU measured, and those whose times made no sense. */
  measured: number;
  discarded: number;
  /** Executions of which only the end was seen. */
  unmeasured: number;
}

/** How trustworthy the execution times of a device are, from one time to the next. */
export class TimingLog {
  #measured = 0;
  #discarded = 0;
  #unmeasured = 0;
  #coarse = 0;
  #leastUs = Infinity;

  /**
   * Cleans what the GPU measured of one execution, in microseconds: `null` where it makes no sense, because it is zero, negative,
   * or longer than the time from submission to its end. Zero of a clock that has told other times is less than a step of it, and
   * counts as the least that it told: what was seen from outside may be a hundred times that.
   */
  clean(gpuUs: number | null, seenUs: number): number | null {
    if (gpuUs === null) {
      this.#unmeasured += 1;
      return null;
    }
    if (!(gpuUs > 0 && gpuUs <= seenUs)) {
      this.#discarded += 1;
      return gpuUs === 0 && this.#measured > 0 ? Math.min(this.#leastUs, seenUs) : null;
    }
    this.#measured += 1;
    this.#leastUs = Math.min(this.#leastUs, gpuUs);
    if (gpuUs % 100 === 0) this.#coarse += 1;
    return gpuUs;
  }

  stats(): TimingStats {
    const [measured, discarded, unmeasured] = [this.#measured, this.#discarded, this.#unmeasured];
    const all = measured + discarded + unmeasured;
    const isMeasured = measured > 0 && measured >= all / 2;
    const isFine = this.#coarse < measured / 2 && measured >= all * 0.95;
    const confidence = !isMeasured ? 'low' : isFine ? 'high' : 'medium';
    const source = isMeasured ? 'timestamp-query' : 'submit-done';
    return { source, confidence, measured, discarded, unmeasured };
  }
}

/** Measures dispatches on a device that has timestamp queries. */
export class GpuTimer {
  readonly #set: GPUQuerySetLike;
  readonly #resolved: GPUBufferLike;
  readonly #free: number[] = Array.from({ length: SLOTS }, (_, slot) => slot);

  constructor(device: GPUDeviceLike) {
    this.#set = device.createQuerySet({ type: 'timestamp', count: 2 * SLOTS });
    const usage = USAGE.queryResolve | USAGE.copySource;
    this.#resolved = device.createBuffer({ size: SLOT_BYTES * SLOTS, usage });
  }

  /** Gives back what it has on the device; called when nothing is measured any more. */
  destroy(): void {
    this.#set.destroy();
    this.#resolved.destroy();
  }

  /** Takes a slot for one pass; `null` where all are taken. Give it back. */
  take(): number | null {
    return this.#free.pop() ?? null;
  }

  giveBack(slot: number): void {
    this.#free.push(slot);
  }

  /** What the pass is begun with. */
  passDescriptor(slot: number): object {
    const querySet = this.#set;
    const [beginningOfPassWriteIndex, endOfPassWriteIndex] = [2 * slot, 2 * slot + 1];
    return { timestampWrites: { querySet, beginningOfPassWriteIndex, endOfPassWriteIndex } };
  }

  /** Copies the times of `slot` into `target`, after its pass. */
  resolve(encoder: GPUCommandEncoderLike, slot: number, target: GPUBufferLike, at: number): void {
    const from = slot * SLOT_BYTES;
    encoder.resolveQuerySet(this.#set, 2 * slot, 2, this.#resolved, from);
    encoder.copyBufferToBuffer(this.#resolved, from, target, at, TIMES_BYTES);
  }
}

/** How long a pass took, in microseconds, from what was copied. */
export function passUs(mapped: ArrayBuffer, at: number): number {
  const [begin = 0n, end = 0n] = new BigUint64Array(mapped, at, 2);
  return Number(end - begin) / 1000;
}
