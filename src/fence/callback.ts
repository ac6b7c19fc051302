import type { Fence, FenceCallback } from '../base/index.ts';

/**
 * A callback in a fence's ring of callbacks. It refers to its neighbours, which are other people's: nobody outside the
 * library may get hold of one (F7).
 *
 * Subclasses are the framework's own waiters (a job's hardware callback, a wait, a composite): they carry
 * what they need as fields, so that nothing is allocated beyond the node. It is on one fence at a time and may be
 * attached again after it ran or was detached.
 */
export abstract class CallbackNode {
  // Assigned, not defined: V8 is slow to define fields in a class with many subclasses, and nodes are made for each wait.
  /** @internal The fence that this node is attached to, or `null`. Written by fence.ts alone. */
  declare attachedTo: Fence | null;
  /** @internal */
  declare previous: CallbackNode;
  /** @internal */
  declare next: CallbackNode;

  constructor() {
    this.attachedTo = null;
    this.previous = this;
    this.next = this;
  }

  /** Whether it only carries state on, and so runs before any callback of any fence; see rule 6 of fence.ts. */
  get isEarly(): boolean {
    return false;
  }

  /** Called once, synchronously, after the fence's state is final. Must not wait. */
  abstract run(fence: Fence): void;
}

/**
 * A node of a composite: it runs inside `signal`, before any callback, so that nobody sees a composite that is behind
 * its members. It may signal, and take nodes off pending fences, nothing else: no user's code runs here. Added with `attachEarly`.
 */
export abstract class EarlyNode extends CallbackNode {
  override get isEarly(): boolean {
    return true;
  }
}

/** A callback that a user added. */
export class FunctionCallback extends CallbackNode {
  readonly #fn: (fence: Fence) => void;

  constructor(fn: (fence: Fence) => void) {
    super();
    this.#fn = fn;
  }

  run(fence: Fence): void {
    (0, this.#fn)(fence);
  }
}

/** The node behind what `addCallback` gave out; `null` of anything else. */
export let nodeOf: (handle: FenceCallback) => CallbackNode | null;

/** What `addCallback` gives out: it names the callback, and leads nowhere else. */
export class CallbackHandle implements FenceCallback {
  readonly fence: Fence;
  readonly #node: CallbackNode;

  constructor(fence: Fence, node: CallbackNode) {
    this.fence = fence;
    this.#node = node;
  }

  static {
    nodeOf = (handle) => (#node in handle ? handle.#node : null);
  }
}
