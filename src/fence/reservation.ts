import { invalid } from '../base/index.ts';
import type { CancelSignal, Fence } from '../base/index.ts';
import type { Runtime } from '../events/index.ts';
import { abandonAll, allOf } from './allFence.ts';
import { checkedFence } from './composite.ts';
import { ownerOf } from './fence.ts';
import type { FenceCore } from './fence.ts';
import { mergeFences } from './merge.ts';
import { checkLimits } from './waitLimits.ts';

/**
 * What a fence does to the buffer, weakest wait first: a query at a level returns that level and those before it (M2).
 *
 * `kernel` moves or clears the buffer, and everybody waits for it; `write` and `read` are ordinary access; `bookkeep` only
 * keeps the memory from being freed.
 */
export type FenceUsage = 'kernel' | 'write' | 'read' | 'bookkeep';

const LEVELS: Readonly<Record<FenceUsage, number>> = { kernel: 0, write: 1, read: 2, bookkeep: 3 };

/** Options of `reservation.wait`. */
export interface ReservationWaitOptions {
  /** Milliseconds after which the wait rejects with `ERR_WAIT_TIMEOUT`. */
  readonly timeoutMs?: number;
  /** Ends the wait early; it rejects with `signal.reason`. */
  readonly signal?: CancelSignal;
}

/**
 * The fences of everything that still uses a buffer (M2). The buffer may be reused, moved or freed when none is pending.
 *
 * Adding replaces what the new fence makes needless: what has signalled, and an earlier (or the same) fence of the same
 * ordered timeline whose usage is not stronger. So it holds about one fence a timeline and usage. What it hands
 * out is a list of its own: adding and signalling meanwhile does not disturb who walks through one.
 *
 * Cost: every operation O(fences held).
 *
 * Idea: `struct dma_resv`.
 */
export class Reservation {
  #fences: FenceCore[] = [];
  #levels: number[] = [];

  /** @throws {ERR_INVALID_ARGUMENT} when `usage` is none of the four */
  add(fence: Fence, usage: FenceUsage): void {
    const level = checkedLevel('Reservation.add', usage);
    const added = checkedFence('Reservation.add', fence);
    let count = 0;
    let covered = added.status !== 'pending';
    for (let i = 0; i < this.#fences.length; i += 1) {
      const held = this.#fences[i] as FenceCore;
      const heldLevel = this.#levels[i] as number;
      if (held.status !== 'pending') continue;
      if (!covered && level <= heldLevel && isCoveredBy(held, added)) continue;
      covered ||= heldLevel <= level && isCoveredBy(added, held);
      this.#fences[count] = held;
      this.#levels[count] = heldLevel;
      count += 1;
    }
    this.#fences.length = count;
    this.#levels.length = count;
    if (covered) return;
    this.#fences.push(added);
    this.#levels.push(level);
  }

  /** The pending fences at `usage` and the levels before it, in the order in which they were added. */
  fences(usage: FenceUsage): Fence[] {
    return this.#pending(checkedLevel('Reservation.fences', usage));
  }

  /** Whether no fence at `usage`, or at a level before it, is pending. */
  isSignalled(usage: FenceUsage): boolean {
    const level = checkedLevel('Reservation.isSignalled', usage);
    return this.#fences.every((fence, i) => {
      return (this.#levels[i] as number) > level || fence.status !== 'pending';
    });
  }

  /**
   * Resolves when all fences at `usage`, as they are now, have signalled, whatever their outcome; fences that
   * are added meanwhile are not waited for. It is never interrupted by a reset (T11).
   *
   * @throws {ERR_INVALID_ARGUMENT} naming the option that does not fit
   */
  wait(usage: FenceUsage, options: ReservationWaitOptions = {}): Promise<void> {
    const pending = this.#pending(checkedLevel('Reservation.wait', usage));
    checkLimits('Reservation.wait', options);
    const runtime = pending[0] === undefined ? null : ownerOf(pending[0])?.runtime;
    if (runtime === null || runtime === undefined) return Promise.resolve();
    const all = allOf(pending, runtime, 'reservation');
    const endedBy = (error: unknown): void => {
      if (all.status !== 'pending') return;
      abandonAll(all);
      throw error;
    };
    try {
      return all.wait(options).catch(endedBy);
    } catch (error) {
      // The signal threw.
      abandonAll(all);
      throw error;
    }
  }

  /** One fence for all at `usage`; see `mergeFences`. */
  mergedFence(usage: FenceUsage, runtime: Runtime): Fence {
    return mergeFences(this.fences(usage), runtime);
  }

  /**
   * What work must wait for before it accesses the buffer (implicit synchronisation): a writer for every access, a
   * reader for writers. Add the work's own fence afterwards, with the usage of the same name.
   */
  fencesBefore(access: 'read' | 'write'): Fence[] {
    if (access !== 'read' && access !== 'write') {
      throw invalid('Reservation.fencesBefore', `'read' or 'write'`, access);
    }
    return this.fences(access === 'write' ? 'read' : 'write');
  }

  #pending(level: number): FenceCore[] {
    return this.#fences.filter((fence, i) => {
      return (this.#levels[i] as number) <= level && fence.status === 'pending';
    });
  }
}

/** Whether `earlier` has surely signalled when `later` has. */
function isCoveredBy(earlier: FenceCore, later: FenceCore): boolean {
  if (earlier === later) return true;
  const { timeline } = earlier;
  return timeline.ordered && later.timeline === timeline && earlier.seqno <= later.seqno;
}

function checkedLevel(what: string, usage: FenceUsage): number {
  if (Object.hasOwn(LEVELS, usage)) return LEVELS[usage];
  throw invalid(what, `'kernel', 'write', 'read' or 'bookkeep'`, usage);
}
