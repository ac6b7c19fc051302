import type { FencelineError } from '../base/index.ts';
import { Reservation } from '../fence/index.ts';
import type { Fence, FenceSource } from '../fence/index.ts';
import type { HostBytes } from './hostBytes.ts';

/** Bytes for a buffer, from where they are on the host. */
export type BufferContents = Uint8Array<ArrayBuffer>;

/** Options of `client.allocate`. */
export interface BufferOptions {
  /** At least 1. Rounded up to four. */
  readonly bytes: number;
  /** Names it in errors and statistics. */
  readonly label?: string;
  /**
   * Gives the contents anew, all of them, after the device was lost with them: called when the buffer is needed again. Without it, jobs
   * that need the buffer then fail with `ERR_JOB_RESET`, as they do where this fails. What is missing at the end is zero.
   */
  readonly refill?: () => HostBytes | Promise<HostBytes>;
}

/**
 * Where the contents of a buffer are (M2, M3).
 *
 * 1. `arriving`: memory on the device is reserved, and it is being made there: zeroed, or with the contents that it had. To resident;
 *    to evicted while nobody needs it.
 * 2. `resident`: on the device. Only there jobs use it. To leaving while it is idle; to lost or evicted with the device.
 * 3. `leaving`: being copied to the host. To evicted; back to resident if a job needs it meanwhile.
 * 4. `evicted`: on the host, or with whoever refills it. To arriving when a job needs it.
 * 5. `lost`: nowhere. It can only be freed.
 * 6. `freed`: it was released, and nothing uses it.
 */
export type BufferState = 'arriving' | 'resident' | 'leaving' | 'evicted' | 'lost' | 'freed';

/** The mechanism of a buffer. */
export let bufferCoreOf: (buffer: DeviceBuffer) => BufferCore;

/**
 * Memory of a device that one client owns. Jobs name it; its contents come and go between device and host unseen.
 *
 * Made by `client.allocate`; it is freed when its `Owned` is released, or its client closed, and nothing uses it any more.
 */
export class DeviceBuffer {
  readonly label: string;
  readonly bytes: number;
  readonly #core: BufferCore;

  /** @internal */
  constructor(core: BufferCore) {
    this.label = core.label;
    this.bytes = core.bytes;
    this.#core = core;
  }

  static {
    bufferCoreOf = (buffer) => buffer.#core;
  }

  get state(): BufferState {
    return this.#core.state;
  }

  /** The finished fences of the jobs that use it. */
  get reservation(): Reservation {
    return this.#core.reservation;
  }
}

/** What the memory of a device knows of one buffer. Its rules are those of `BufferState`. */
export class BufferCore {
  readonly client: number;
  readonly label: string;
  readonly bytes: number;
  readonly refill: Exclude<BufferOptions['refill'], undefined> | null;
  readonly reservation: Reservation = new Reservation();
  state: BufferState = 'arriving';
  /** Its name on the device; 0 while it is not there. */
  handle = 0;
  /** Where its contents come from when it arrives. */
  source: 'zeros' | 'host' | 'refill' = 'zeros';
  /** Its contents while they are on the host. */
  contents: BufferContents | null = null;
  /** Why it did not arrive, where it did not. */
  failure: FencelineError | null = null;
  /** The number of its last move. */
  move = 0;
  /** Jobs that name it, from submit until they are freed (M2). */
  uses = 0;
  /** When it was used last, in uses of this device. */
  lastUse = 0;
  released = false;
  /** Whether its end waits for a fence in its reservation. */
  guarded = false;
  /** While it is not resident and a job waits for it: signals when it has arrived, or cannot. */
  arrival: FenceSource | null = null;

  constructor(client: number, options: BufferOptions, number: number) {
    this.client = client;
    this.bytes = Math.ceil(options.bytes / 4) * 4;
    this.label = options.label ?? `buffer ${number}`;
    this.refill = options.refill ?? null;
  }

  /** Whether it may be moved or freed (M2). */
  get idle(): boolean {
    return this.uses === 0 && this.reservation.isSignalled('bookkeep');
  }

  /** What a job that needs it waits for; `null`: nothing. */
  get pendingArrival(): Fence | null {
    const fence = this.arrival?.fence ?? null;
    return fence?.status === 'pending' ? fence : null;
  }
}

/**
 * What to wait for before `buffers` can be used; `null`: nothing. A job that was prepared, and waited for its ring while the device was
 * lost, starts before they are back.
 */
export function arrivalOf(buffers: readonly DeviceBuffer[]): Fence | null {
  for (const buffer of buffers) {
    const arrival = bufferCoreOf(buffer).pendingArrival;
    if (arrival !== null) return arrival;
  }
  return null;
}

/** Why `buffer` did not arrive on its device; `null` where it did, and is not there because it was lost. */
export function failureOf(buffer: DeviceBuffer): FencelineError | null {
  return bufferCoreOf(buffer).failure;
}

/** What `buffer` is called on its device now; `null` where it is not there, because it was lost. */
export function handleOf(buffer: DeviceBuffer): number | null {
  const { handle, state } = bufferCoreOf(buffer);
  return state === 'resident' ? handle : null;
}
