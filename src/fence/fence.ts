import { invalid, UsageError } from '../base/index.ts';
import type {
  Fence,
  FenceCallback,
  FencelineError,
  FenceJson,
  FenceStatus,
  TimelineInfo,
  WaitOptions,
} from '../base/index.ts';
import type { Runtime } from '../events/index.ts';
import { CallbackHandle, FunctionCallback, nodeOf } from './callback.ts';
import type { CallbackNode } from './callback.ts';
import { reportSignal, rethrowLater } from './report.ts';
import { namedTimeline, summary } from './summary.ts';
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
 * 6. Early nodes (those of composites, which only carry state on) stand at the front of the ring, newest first. They
 *    run inside `signal`, oldest first, before any callback of any fence: whoever looks at a composite, also inside
 *    a callback, sees what its members say now (F10). They too run from a queue, not from the stack.
 * 7. Where the first to wait is a plain promise, the fence holds its resolve function, no node; `signal` calls it first.
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
  /** Of composites: what the fence is made of. */
  parts?(): FenceParts;
}

/** What a pending composite is made of, for `unwrapFences` and `describe`. */
export interface FenceParts {
  readonly kind: 'all' | 'any' | 'chain';
  readonly fences: readonly FenceCore[];
}

/** Settles a promise: with nothing, or as the rejected promise that it is given. No user's code runs in it (rule 7). */
type Resolve = (value?: Promise<void>) => void;

const OK = 1;
const FAILED = 2;
const SIGNALLED = OK | FAILED;
const HARDWARE = 4;
const HAS_EARLY = 8;

/** How many consumed entries a queue below may hold before it is shortened. */
const CONSUMED_MAX = 4096;

// What the rest of this room and the scheduler may do to a fence; set by the static block of FenceCore.
/** Makes a fence that has already signalled (rule 1). */
export let bornSignalled: (
  info: TimelineInfo,
  seqno: number,
  error: FencelineError | null,
  atUs: number,
) => FenceCore;
/** Signals as the producer; see `FenceSource.signal`. `atUs`: what the clock said just now, where the producer asked it. */
export let signalFence: (fence: FenceCore, error: FencelineError | null, atUs?: number) => boolean;
/** Has a pending fence settle a promise (rule 7); false, and nothing done, where somebody waits for it already. */
export let settleWith: (fence: FenceCore, resolve: Resolve) => boolean;
/** Adds a node; false, and nothing done, where the fence has signalled. */
export let attach: (fence: FenceCore, node: CallbackNode) => boolean;
/** Adds a node whose `isEarly` is true (rule 6); false, and nothing done, where the fence has signalled. */
export let attachEarly: (fence: FenceCore, node: CallbackNode) => boolean;
/** Takes a node back; false where it is not on this fence. */
export let detach: (fence: FenceCore, node: CallbackNode) => boolean;
/** The owner of a pending fence; `null` once it signalled. */
export let ownerOf: (fence: FenceCore) => FenceOwner | null;
/** The earliest deadline hint of a pending fence. */
export let deadlineOf: (fence: FenceCore) => number | null;
/** Marks a fence as the hardware fence of an attempt; false where it was one before (T4). */
export let claimAsHardware: (fence: FenceCore) => boolean;
let runCallbacks: (fence: FenceCore, runtime: Runtime) => void;
let runEarly: (fence: FenceCore) => void;

/** The one implementation of `Fence`. Cost while pending: this object, and its `FenceSource` where there is one. */
export class FenceCore implements Fence {
  // Methods that only this file needs are static: a private method costs each object a field.
  readonly seqno: number;
  #flags = 0;
  #origin: FenceOwner | TimelineInfo;
  /** While pending: what settles the wait that was first (rule 7). Afterwards: the error. */
  #waitOrError: Resolve | FencelineError | null = null;
  /** While pending: the earliest deadline hint. Afterwards: when it signalled. (A number here would always take a box.) */
  #timeUs: number | null = null;
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
    return (this.#flags & FAILED) === 0 ? null : (this.#waitOrError as FencelineError);
  }

  get signalledAtUs(): number | null {
    return (this.#flags & SIGNALLED) === 0 ? null : this.#timeUs;
  }

  addCallback(fn: (fence: Fence) => void): FenceCallback | null {
    if (typeof fn !== 'function') throw invalid('addCallback', 'a function', fn);
    if ((this.#flags & SIGNALLED) !== 0) return null;
    const node = new FunctionCallback(fn);
    FenceCore.#attach(this, node);
    return new CallbackHandle(this, node);
  }

  removeCallback(callback: FenceCallback): boolean {
    if (typeof callback !== 'object' || callback === null) {
      throw invalid('removeCallback', 'what addCallback returned', callback);
    }
    const node = nodeOf(callback);
    return node !== null && FenceCore.#detach(this, node);
  }

  wait(options: WaitOptions = {}): Promise<void> {
    const pending = (this.#flags & SIGNALLED) === 0;
    return waitFor(this, pending ? (this.#origin as FenceOwner).runtime : null, options);
  }

  isLaterThan(other: Fence): boolean {
    if (!isFence(other)) throw invalid('isLaterThan', 'a fence of this package', other);
    const mine = this.timeline;
    if (!mine.ordered || other.timeline !== mine) {
      throw new UsageError(
        'ERR_TIMELINE_MISMATCH',
        `isLaterThan: only fences of one ordered timeline can be compared; these are on ` +
          `${namedTimeline(mine)} and ${namedTimeline(other.timeline)}`,
      );
    }
    return this.seqno > other.seqno;
  }

  setDeadline(atUs: number): void {
    if (!Number.isFinite(atUs)) throw invalid('setDeadline', 'a time in microseconds', atUs);
    if ((this.#flags & SIGNALLED) !== 0) return;
    if (this.#timeUs !== null && atUs >= this.#timeUs) return;
    this.#timeUs = Math.max(0, atUs);
    (this.#origin as FenceOwner).hinted(this, this.#timeUs);
  }

  toJSON(): FenceJson {
    const { id, driver, label, ordered } = this.timeline;
    return {
      timeline: { id, driver, label, ordered },
      seqno: this.seqno,
      status: this.status,
      error: this.error?.code ?? null,
      signalledAtUs: this.signalledAtUs,
    };
  }

  static #attach(fence: FenceCore, node: CallbackNode): void {
    const first = fence.#callbacks;
    node.attachedTo = fence;
    if (first === null) {
      node.previous = node;
      node.next = node;
      fence.#callbacks = node;
      return;
    }
    const last = first.previous;
    node.previous = last;
    node.next = first;
    last.next = node;
    first.previous = node;
  }

  static #detach(fence: FenceCore, node: CallbackNode): boolean {
    if (node.attachedTo !== fence) return false;
    node.attachedTo = null;
    if (node.next === node) {
      fence.#callbacks = null;
    } else {
      if (fence.#callbacks === node) fence.#callbacks = node.next;
      node.previous.next = node.next;
      node.next.previous = node.previous;
      node.previous = node;
      node.next = node;
    }
    return true;
  }

  static #signal(fence: FenceCore, error: FencelineError | null, atUs: number | null): boolean {
    if ((fence.#flags & SIGNALLED) !== 0) return false;
    const owner = fence.#origin as FenceOwner;
    const runtime = owner.runtime;
    const info = owner.infoOf(fence);
    const wait = fence.#waitOrError as Resolve | null;
    fence.#waitOrError = error;
    fence.#timeUs = atUs ?? runtime.nowUs();
    fence.#origin = info;
    fence.#flags |= error === null ? OK : FAILED;
    owner.signalled(fence);
    if (runtime.sink !== undefined) reportSignal(runtime, info, fence);
    if (wait !== null) wait(error === null ? undefined : Promise.reject(error));
    if (fence.#callbacks !== null) announce(fence, runtime, (fence.#flags & HAS_EARLY) !== 0);
    return true;
  }

  /** Rule 6. A node that runs takes none off this ring: its fence has signalled. */
  static #runEarly(fence: FenceCore): void {
    let node = FenceCore.#oldestEarly(fence);
    while (node !== null) {
      const newer: CallbackNode | null = node === fence.#callbacks ? null : node.previous;
      FenceCore.#detach(fence, node);
      node.run(fence);
      node = newer;
    }
  }

  static #oldestEarly(fence: FenceCore): CallbackNode | null {
    const first = fence.#callbacks;
    if (first === null || !first.isEarly) return null;
    let oldest = first;
    while (oldest.next !== first && oldest.next.isEarly) oldest = oldest.next;
    return oldest;
  }

  /** Rule 4: takes callbacks off the ring one by one, so that one may remove another. */
  static #runCallbacks(fence: FenceCore, runtime: Runtime): void {
    for (let node = fence.#callbacks; node !== null; node = fence.#callbacks) {
      FenceCore.#detach(fence, node);
      try {
        node.run(fence);
      } catch (error) {
        rethrowLater(runtime, error);
      }
    }
  }

  static {
    // What Node, Deno and Bun print: one line, without the parts that refer to half the program.
    Object.defineProperty(FenceCore.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value(this: FenceCore): string {
        return `Fence ${summary(this)}`;
      },
    });
    bornSignalled = (info, seqno, error, atUs) => {
      const fence = new FenceCore(info, seqno);
      fence.#waitOrError = error;
      fence.#timeUs = atUs;
      fence.#flags = error === null ? OK : FAILED;
      return fence;
    };
    signalFence = (fence, error, atUs) => FenceCore.#signal(fence, error, atUs ?? null);
    settleWith = (fence, resolve) => {
      if (fence.#callbacks !== null || fence.#waitOrError !== null) return false;
      fence.#waitOrError = resolve;
      return true;
    };
    attach = (fence, node) => {
      if ((fence.#flags & SIGNALLED) !== 0) return false;
      FenceCore.#attach(fence, node);
      return true;
    };
    attachEarly = (fence, node) => {
      if ((fence.#flags & SIGNALLED) !== 0) return false;
      fence.#flags |= HAS_EARLY;
      FenceCore.#attach(fence, node);
      fence.#callbacks = node;
      return true;
    };
    detach = (fence, node) => FenceCore.#detach(fence, node);
    runEarly = (fence) => FenceCore.#runEarly(fence);
    runCallbacks = (fence, runtime) => FenceCore.#runCallbacks(fence, runtime);
    ownerOf = (fence) => ((fence.#flags & SIGNALLED) === 0 ? (fence.#origin as FenceOwner) : null);
    deadlineOf = (fence) => ((fence.#flags & SIGNALLED) === 0 ? fence.#timeUs : null);
    claimAsHardware = (fence) => {
      if ((fence.#flags & HARDWARE) !== 0) return false;
      fence.#flags |= HARDWARE;
      return true;
    };
  }
}

/** Rule 3: fences whose callbacks have yet to run, each followed by its runtime. */
let queue: (FenceCore | Runtime)[] = [];
let queueStart = 0;
let delivering = false;
/** Rule 6: fences whose early nodes have yet to run. */
const unsettled: FenceCore[] = [];
let settling = false;

function announce(fence: FenceCore, runtime: Runtime, hasEarly: boolean): void {
  if (!hasEarly && !settling && !delivering && queue.length === 0)
    return deliverFirst(fence, runtime);
  queue.push(fence, runtime);
  if (hasEarly) {
    unsettled.push(fence);
    if (!settling) settle();
  }
  if (!settling && !delivering) deliver();
}

/** Runs `fn`; callbacks of what it signals run after it, so that nobody acts between the first of them and the last. */
export function signalTogether(fn: () => void): void {
  if (delivering) return fn();
  delivering = true;
  try {
    fn();
  } finally {
    delivering = false;
  }
  if (queue.length > 0 && !settling) deliver();
}

function settle(): void {
  settling = true;
  try {
    for (let i = 0; i < unsettled.length; i += 1) {
      runEarly(unsettled[i] as FenceCore);
      if (i === CONSUMED_MAX) {
        unsettled.splice(0, i + 1);
        i = -1;
      }
    }
  } finally {
    unsettled.length = 0;
    settling = false;
  }
}

/** As `deliver` of a queue with this one fence in it: most fences are signalled alone. */
function deliverFirst(fence: FenceCore, runtime: Runtime): void {
  delivering = true;
  try {
    runCallbacks(fence, runtime);
  } finally {
    delivering = false;
  }
  if (queue.length > 0) deliver();
}

function deliver(): void {
  delivering = true;
  try {
    while (queueStart < queue.length) {
      const fence = queue[queueStart] as FenceCore;
      const runtime = queue[queueStart + 1] as Runtime;
      queueStart += 2;
      if (queueStart === queue.length) {
        queue.length = 0;
        queueStart = 0;
      } else if (queueStart > CONSUMED_MAX && 2 * queueStart > queue.length) {
        queue = queue.slice(queueStart);
        queueStart = 0;
      }
      runCallbacks(fence, runtime);
    }
  } finally {
    delivering = false;
  }
}

/** Whether `value` is a fence of this package. */
export function isFence(value: unknown): value is FenceCore {
  return value instanceof FenceCore;
}
