import { FencelineError, invalid, UsageError } from '../base/index.ts';
import type {
  Fence,
  FenceCallback,
  FenceSource,
  FenceStatus,
  TimelineInfo,
  WaitOptions,
} from '../base/index.ts';
import type { Runtime } from '../events/index.ts';
import { FunctionCallback } from './callback.ts';
import type { CallbackNode } from './callback.ts';
// oxlint-disable-next-line import/no-cycle -- a wait is a node on the fence it was made by; both call only at run time
import { waitFor } from './wait.ts';

/**
 * The state machine of a fence, by rule (F2 to F6):
 *
 * 1. A fence is born pending, or already signalled with its final state.
 * 2. `signal` on a pending fence sets error, time and status, in that order, and cuts the tie to the owner.
 *    Nothing of these ever changes again; `signal` on a signalled fence returns false.
 * 3. A fence that was signalled with callbacks joins the delivery queue; only the outermost `signal` on the stack
 *    delivers, one fence after the other, so a chain of any length needs no stack.
 * 4. A callback leaves its fence's ring before it runs: it runs at most once, and one that was removed never runs.
 * 5. A callback that throws is reported through `runtime.defer`; the others still run.
 */

/** Who may be asked about a pending fence. The tie is cut when the fence signals (rule 2). */
export interface FenceOwner {
  readonly runtime: Runtime;
  /** The timeline that `fence` is on. */
  infoOf(fence: Fence): TimelineInfo;
  /** The fence signalled just now; its state is final and no callback has run. */
  signalled(fence: Fence): void;
  /** Somebody needs the fence by `atUs`, earlier than anybody said before. */
  hinted(fence: Fence, atUs: number): void;
}

const OK = 1;
const FAILED = 2;
const SIGNALLED = OK | FAILED;
const HARDWARE = 4;

// What the rest of this room and the scheduler may do to a fence; set by the static block of FenceCore.

/** Makes a fence that has already signalled (rule 1). */
export let bornSignalled: (
  info: TimelineInfo,
  seqno: number,
  error: FencelineError | null,
  atUs: number,
) => FenceCore;
/** Signals as the producer; see `FenceSource.signal`. */
export let signalFence: (fence: FenceCore, error: FencelineError | null) => boolean;
/** Adds a node; false, and nothing done, where the fence has signalled. */
export let attach: (fence: FenceCore, node: CallbackNode) => boolean;
/** Takes a node back; false where it is not on this fence. */
export let detach: (fence: FenceCore, node: CallbackNode) => boolean;
/** The owner of a pending fence; `null` once it signalled. */
export let ownerOf: (fence: FenceCore) => FenceOwner | null;
/** The earliest deadline hint of a pending fence. */
export let deadlineOf: (fence: FenceCore) => number | null;
/** Marks a fence as the hardware fence of an attempt; false where it was one before (T4). */
export let claimAsHardware: (fence: FenceCore) => boolean;
let runCallbacks: (fence: FenceCore, runtime: Runtime) => void;

/** The one implementation of `Fence`. Cost while pending: this object, and its `FenceSource` where there is one. */
export class FenceCore implements Fence {
  readonly seqno: number;
  #flags = 0;
  #origin: FenceOwner | TimelineInfo;
  #error: FencelineError | null = null;
  /** While pending: the earliest deadline hint, or -1. Afterwards: when it signalled. */
  #timeUs = -1;
  #callbacks: CallbackNode | null = null;

  constructor(origin: FenceOwner | TimelineInfo, seqno: number) {
    this.#origin = origin;
    this.seqno = seqno;
  }

  get timeline(): TimelineInfo {
    return (this.#flags & SIGNALLED) === 0
      ? (this.#origin as FenceOwner).infoOf(this)
      : (this.#origin as TimelineInfo);
  }

  get status(): FenceStatus {
    const flags = this.#flags;
    if ((flags & SIGNALLED) === 0) return 'pending';
    return (flags & OK) === 0 ? 'failed' : 'ok';
  }

  get error(): FencelineError | null {
    return this.#error;
  }

  get signalledAtUs(): number | null {
    return (this.#flags & SIGNALLED) === 0 ? null : this.#timeUs;
  }

  addCallback(fn: (fence: Fence) => void): FenceCallback | null {
    if (typeof fn !== 'function') throw invalid('addCallback', 'a function', fn);
    if ((this.#flags & SIGNALLED) !== 0) return null;
    const node = new FunctionCallback(this, fn);
    this.#attach(node);
    return node;
  }

  removeCallback(callback: FenceCallback): boolean {
    return this.#detach(callback as CallbackNode);
  }

  wait(options: WaitOptions = {}): Promise<void> {
    const pending = (this.#flags & SIGNALLED) === 0;
    return waitFor(this, pending ? (this.#origin as FenceOwner).runtime : null, options);
  }

  isLaterThan(other: Fence): boolean {
    const mine = this.timeline;
    if (!mine.ordered || other.timeline !== mine) {
      throw new UsageError(
        'ERR_TIMELINE_MISMATCH',
        `isLaterThan: only fences of one ordered timeline can be compared; these are on ` +
          `${described(mine)} and ${described(other.timeline)}`,
      );
    }
    return this.seqno > other.seqno;
  }

  setDeadline(atUs: number): void {
    if (!Number.isFinite(atUs)) throw invalid('setDeadline', 'a time in microseconds', atUs);
    if ((this.#flags & SIGNALLED) !== 0) return;
    if (this.#timeUs !== -1 && atUs >= this.#timeUs) return;
    this.#timeUs = Math.max(0, atUs);
    (this.#origin as FenceOwner).hinted(this, this.#timeUs);
  }

  #attach(node: CallbackNode): void {
    const first = this.#callbacks;
    node.attachedTo = this;
    if (first === null) {
      node.previous = node;
      node.next = node;
      this.#callbacks = node;
      return;
    }
    const last = first.previous;
    node.previous = last;
    node.next = first;
    last.next = node;
    first.previous = node;
  }

  #detach(node: CallbackNode): boolean {
    if (node.attachedTo !== this) return false;
    node.attachedTo = null;
    if (node.next === node) {
      this.#callbacks = null;
    } else {
      if (this.#callbacks === node) this.#callbacks = node.next;
      node.previous.next = node.next;
      node.next.previous = node.previous;
      node.previous = node;
      node.next = node;
    }
    return true;
  }

  #signal(error: FencelineError | null): boolean {
    if ((this.#flags & SIGNALLED) !== 0) return false;
    const owner = this.#origin as FenceOwner;
    const runtime = owner.runtime;
    const info = owner.infoOf(this);
    this.#error = error;
    this.#timeUs = runtime.nowUs();
    this.#origin = info;
    this.#flags |= error === null ? OK : FAILED;
    owner.signalled(this);
    if (runtime.sink !== undefined) reportSignal(runtime, info, this);
    if (this.#callbacks !== null) deliver(this, runtime);
    return true;
  }

  /** Rule 4: takes callbacks off the ring one by one, so that one may remove another. */
  #runCallbacks(runtime: Runtime): void {
    for (let node = this.#callbacks; node !== null; node = this.#callbacks) {
      this.#detach(node);
      try {
        node.run(this);
      } catch (error) {
        rethrowLater(runtime, error);
      }
    }
  }

  static {
    bornSignalled = (info, seqno, error, atUs) => {
      const fence = new FenceCore(info, seqno);
      fence.#error = error;
      fence.#timeUs = atUs;
      fence.#flags = error === null ? OK : FAILED;
      return fence;
    };
    signalFence = (fence, error) => fence.#signal(error);
    attach = (fence, node) => {
      if ((fence.#flags & SIGNALLED) !== 0) return false;
      fence.#attach(node);
      return true;
    };
    detach = (fence, node) => fence.#detach(node);
    runCallbacks = (fence, runtime) => fence.#runCallbacks(runtime);
    ownerOf = (fence) => ((fence.#flags & SIGNALLED) === 0 ? (fence.#origin as FenceOwner) : null);
    deadlineOf = (fence) =>
      (fence.#flags & SIGNALLED) === 0 && fence.#timeUs !== -1 ? fence.#timeUs : null;
    claimAsHardware = (fence) => {
      if ((fence.#flags & HARDWARE) !== 0) return false;
      fence.#flags |= HARDWARE;
      return true;
    };
  }
}

/** Rule 3: fences whose callbacks have yet to run, each followed by its runtime. */
const delivery: (FenceCore | Runtime)[] = [];
let delivered = 0;
let delivering = false;

function deliver(fence: FenceCore, runtime: Runtime): void {
  delivery.push(fence, runtime);
  if (delivering) return;
  delivering = true;
  while (delivered < delivery.length) {
    const next = delivery[delivered] as FenceCore;
    const nextRuntime = delivery[delivered + 1] as Runtime;
    delivered += 2;
    if (delivered === delivery.length) {
      delivery.length = 0;
      delivered = 0;
    }
    runCallbacks(next, nextRuntime);
  }
  delivering = false;
}

/** Throws `error` in a call stack of its own, so that it reaches the platform's uncaught-error handling. */
export function rethrowLater(runtime: Runtime, error: unknown): void {
  runtime.defer(() => {
    throw error;
  });
}

function reportSignal(runtime: Runtime, info: TimelineInfo, fence: FenceCore): void {
  try {
    runtime.sink?.emit({
      type: 'fence-signal',
      atUs: fence.signalledAtUs ?? 0,
      fence: [info.id, fence.seqno],
      error: fence.error?.code ?? null,
    });
  } catch (error) {
    rethrowLater(runtime, error);
  }
}

function described(info: TimelineInfo): string {
  return `timeline ${info.id} (${info.driver}/${info.label}${info.ordered ? '' : ', unordered'})`;
}

/** Whether `value` is a fence of this package. */
export function isFence(value: unknown): value is FenceCore {
  return value instanceof FenceCore;
}

/** The producer's end of a fence. */
export class Source implements FenceSource {
  readonly fence: FenceCore;

  constructor(fence: FenceCore) {
    this.fence = fence;
  }

  signal(error?: FencelineError): boolean {
    if (error !== undefined && error !== null && !(error instanceof FencelineError)) {
      throw invalid('signal', 'nothing, or a FencelineError (for example a JobError)', error);
    }
    return signalFence(this.fence, error ?? null);
  }
}
