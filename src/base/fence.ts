import type { CancelSignal } from './cancelSignal.ts';
import type { ErrorCode, FencelineError } from './errors.ts';

/** `pending` until the producer signals; then `ok` or `failed`, for ever (F2). */
export type FenceStatus = 'pending' | 'ok' | 'failed';

/** What a fence knows of its timeline: a copy, so that it stays true when the producer is gone (F6). */
export interface TimelineInfo {
  /** Unique among the timelines of a process, or of a virtual runtime. */
  readonly id: number;
  /** The name of the kind of producer, for example `worker`. */
  readonly driver: string;
  /** The name of this producer, for example `studio/viewport`. */
  readonly label: string;
  /** Whether its fences signal in the order of their seqnos (F1). */
  readonly ordered: boolean;
}

/** What `addCallback` returns: a handle to remove that callback by. */
export interface FenceCallback {
  /** The fence that the callback was added to. */
  readonly fence: Fence;
}

/** A fence in plain JSON, for logs and messages. */
export interface FenceJson {
  timeline: TimelineInfo;
  seqno: number;
  status: FenceStatus;
  error: ErrorCode | null;
  signalledAtUs: number | null;
}

/** Options of `fence.wait`. */
export interface WaitOptions {
  /** Milliseconds after which the wait rejects with `ERR_WAIT_TIMEOUT`; 0 fails at once on a pending fence. */
  readonly timeoutMs?: number;
  /** Ends the wait early; it rejects with `signal.reason`. */
  readonly signal?: CancelSignal;
  /** Whether a reset may interrupt the wait with `ERR_WAIT_INTERRUPTED` (T11). Default false. */
  readonly interruptible?: boolean;
}

/**
 * A one-shot completion: a point on a timeline that is pending until its producer signals it, once, as ok or failed.
 *
 * Consumers hold a `Fence` and can only look and wait; the producer holds the `FenceSource` (F7). A fence
 * outlives its producer: every question on it keeps its answer after the device is gone (F6).
 *
 * Idea: `struct dma_fence`, without the parts of it that point into their producer.
 */
export interface Fence {
  /** The timeline, by copy. */
  readonly timeline: TimelineInfo;
  /** The place on the timeline; strictly increasing there (F1). */
  readonly seqno: number;
  readonly status: FenceStatus;
  /** Why it failed; `null` while pending and when ok. */
  readonly error: FencelineError | null;
  /** When it signalled, in microseconds of its runtime; `null` while pending. */
  readonly signalledAtUs: number | null;
  /**
   * Calls `fn` once, synchronously, inside the producer's `signal` (F4). The callback must be short and must not wait.
   *
   * Returns `null`, and never calls `fn`, if the fence has already signalled. Cost: two small objects.
   */
  addCallback(fn: (fence: Fence) => void): FenceCallback | null;
  /** Takes a callback back. True: it will never run. False: it ran, is running, or belongs to another fence. Cost: O(1). */
  removeCallback(callback: FenceCallback): boolean;
  /**
   * Resolves when the fence is ok, rejects with its error when it failed.
   *
   * The promise is made here, not before; a wait that ends early leaves nothing behind (F8). Cost: a promise and one
   * object; a timer and a listener where they are asked for.
   */
  wait(options?: WaitOptions): Promise<void>;
  /**
   * Whether this fence comes after `other` on their timeline. Cost: O(1).
   *
   * @throws {ERR_TIMELINE_MISMATCH} when the two are not on one ordered timeline (F1)
   * @throws {ERR_INVALID_ARGUMENT} when `other` is not a fence of this package
   */
  isLaterThan(other: Fence): boolean;
  /**
   * Hints that somebody needs this fence by `atUs`. The earliest hint wins; a signalled fence ignores it (F12). Cost: O(1);
   * of a composite, O(parts), each hinted in turn.
   */
  setDeadline(atUs: number): void;
  /** What `JSON.stringify` writes: names and state, never the parts. */
  toJSON(): FenceJson;
}

/** The producer's end of a fence: the only way to signal it (F7). */
export interface FenceSource {
  readonly fence: Fence;
  /**
   * Signals the fence, ok or with `error`. True: newly signalled. False: it was signalled before, nothing changed (F2).
   *
   * Cost: reading the clock, and its callbacks, which run before it returns (F5: unless it is called inside one).
   */
  signal(error?: FencelineError): boolean;
}
