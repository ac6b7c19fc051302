import type { Fence, TimelineInfo } from '../base/index.ts';
import type { Runtime } from '../events/index.ts';
import { FenceCore, signalFence } from './fence.ts';
import type { FenceOwner } from './fence.ts';
import { errorOf } from './sharedSlots.ts';
import type { SharedFenceHandle, SharedSlots } from './sharedSlots.ts';

/**
 * What shared fences need of the platform; `threadPlatform()` of the package is the real one.
 *
 * A pending `Atomics.waitAsync` does not keep a process alive, and some platforms do not have it.
 */
export interface SharedFencePlatform {
  /** Keeps the process alive until the function that it returns is called. */
  keepAlive(): () => void;
  /** Tells every other thread that a slot of the pool named `pool` changed; -1: any of them. */
  ring(pool: string, slot: number): void;
  /** Calls `fn` for every `ring` of another thread, until the function that it returns is called. */
  listen(pool: string, fn: (slot: number) => void): () => void;
}

/** What `ring` says instead of a slot where any may have changed. */
export const ALL_SLOTS = -1;

/** The place of a fence on its timeline. */
export interface FenceName {
  readonly info: TimelineInfo;
  readonly seqno: number;
}

/** What the watches of one pool share. */
export interface WatchContext {
  readonly slots: SharedSlots;
  readonly runtime: Runtime;
  readonly platform: SharedFencePlatform;
  readonly label: string;
  /** The name of the pool among threads. */
  readonly pool: string;
}

/**
 * Looks at one shared fence for this thread, and signals a fence of this thread when it signals.
 *
 * It is told by `Atomics.waitAsync`, or by a message where that is missing; either way it looks again after it has
 * asked to be told, so that no signal is lost. It stops when nobody needs it any more.
 */
export class SharedWatch implements FenceOwner {
  readonly runtime: Runtime;
  readonly fence: FenceCore;
  readonly #context: WatchContext;
  readonly #handle: SharedFenceHandle;
  readonly #info: TimelineInfo;
  readonly #ended: () => void;
  #users = 0;
  #stopListening: (() => void) | null = null;
  #letGo: (() => void) | null;

  /** `ended` is called once, when it has signalled or was stopped. */
  constructor(
    context: WatchContext,
    handle: SharedFenceHandle,
    name: FenceName,
    ended: () => void,
  ) {
    this.runtime = context.runtime;
    this.#context = context;
    this.#handle = handle;
    this.#info = name.info;
    this.#ended = ended;
    this.#letGo = context.platform.keepAlive();
    this.fence = new FenceCore(this, name.seqno);
    this.#ask();
  }

  /** One more, or one less, who needs it; without any it stops, and its fence stays pending. */
  use(change: 1 | -1): void {
    this.#users += change;
    if (this.#users > 0 || this.#letGo === null) return;
    this.#end();
    // Wakes the wait that stop left behind; others on this slot look and go on waiting.
    Atomics.notify(this.#context.slots.words, this.#context.slots.indexOf(this.#handle.slot));
  }

  /** Signals the fence if the shared one has. */
  look(): void {
    if (this.#letGo === null) return;
    const state = this.#context.slots.read(this.#handle);
    if (state.status === 'pending') return;
    this.#end();
    const error = state.status === 'ok' ? null : errorOf(state, this.#context.label);
    signalFence(this.fence, error);
  }

  infoOf(): TimelineInfo {
    return this.#info;
  }

  signalled(_fence: Fence): void {}

  hinted(): void {}

  /** Asks to be told, again and again until it has signalled. */
  #ask(): void {
    const { slots, platform, pool } = this.#context;
    const { slot } = this.#handle;
    if (typeof Atomics.waitAsync !== 'function') {
      this.#stopListening = platform.listen(pool, (rung) => {
        if (rung === slot || rung === ALL_SLOTS) this.look();
      });
      slots.wantBell();
      this.look();
      return;
    }
    const { status, word } = slots.read(this.#handle);
    if (status !== 'pending') return this.look();
    const wait = Atomics.waitAsync(slots.words, slots.indexOf(slot), word);
    const again = (): void => {
      this.look();
      if (this.#letGo !== null) this.#ask();
    };
    if (wait.async) void wait.value.then(again);
    else again();
  }

  #end(): void {
    this.#stopListening?.();
    this.#letGo?.();
    this.#letGo = null;
    this.#ended();
  }
}
