import { Heap } from '../base/index.ts';
import type { HeapItem } from '../base/index.ts';
import type { Runtime, Timer } from '../events/index.ts';
import type { JobCore } from './jobCore.ts';
import type { Ring } from './ring.ts';

/** One moment at which something is too late: a ring's executing job, a queued job, or a blocked one. */
export class Deadline implements HeapItem {
  heapIndex = -1;
  /** In the time of the deadlines' clock, which stands still while it is suspended. */
  atUs = 0;
  readonly kind: 'run' | 'queue' | 'dependency';
  /** Of `queue` and `dependency`. */
  readonly job: JobCore | null;
  /** Of `run`; set once, by the scheduler. */
  ring: Ring | null = null;

  constructor(kind: 'run' | 'queue' | 'dependency', job: JobCore | null) {
    this.kind = kind;
    this.job = job;
  }
}

/**
 * All deadlines of a scheduler behind one native timer (T1).
 *
 * 1. The timer is armed no later than the earliest deadline. It may be earlier, where a deadline was moved back: then it
 *    fires for nothing and is armed again, which costs less than moving the timer for each job.
 * 2. `settle`, at the end of each pass, cancels the timer where no deadline is left.
 * 3. While suspended the clock stands still and no timer is armed; resuming goes on with what was left.
 */
export class Deadlines {
  readonly #runtime: Runtime;
  readonly #expire: (due: readonly Deadline[]) => void;
  readonly #heap = new Heap<Deadline>();
  #timer: Timer | null = null;
  #timerAtUs = 0;
  /** How long the clock stood still before now. */
  #stoodStillUs = 0;
  #suspendedAtUs: number | null = null;

  constructor(runtime: Runtime, expire: (due: readonly Deadline[]) => void) {
    this.#runtime = runtime;
    this.#expire = expire;
  }

  /** The time of the clock. `runtimeUs`: what the runtime said just now, where it was asked already. */
  nowUs(runtimeUs: number = this.#runtime.nowUs()): number {
    return (this.#suspendedAtUs ?? runtimeUs) - this.#stoodStillUs;
  }

  /** Whether `deadline` has come, as the timer for it reckons: the other way round, rounding could differ (rule 1). */
  isDue(deadline: Deadline, nowUs: number = this.#suspendedAtUs ?? this.#runtime.nowUs()): boolean {
    return deadline.atUs + this.#stoodStillUs <= nowUs;
  }

  /** Sets or moves `deadline`; `Infinity` takes it out. */
  set(deadline: Deadline, atUs: number): void {
    if (atUs === Infinity) {
      this.clear(deadline);
      return;
    }
    deadline.atUs = atUs;
    if (deadline.heapIndex === -1) this.#heap.push(deadline, atUs);
    else this.#heap.update(deadline, atUs);
    if (this.#heap.peek() === deadline) this.#arm();
  }

  clear(deadline: Deadline): void {
    this.#heap.remove(deadline);
  }

  /** Rule 2. */
  settle(): void {
    if (this.#heap.size === 0) this.#disarm();
  }

  suspend(): void {
    if (this.#suspendedAtUs !== null) return;
    this.#suspendedAtUs = this.#runtime.nowUs();
    this.#disarm();
  }

  resume(): void {
    if (this.#suspendedAtUs === null) return;
    this.#stoodStillUs += this.#runtime.nowUs() - this.#suspendedAtUs;
    this.#suspendedAtUs = null;
    this.#arm();
  }

  /** Forgets every deadline and cancels the timer. */
  clearAll(): void {
    for (const deadline of [...this.#heap]) this.#heap.remove(deadline);
    this.#disarm();
  }

  #arm(): void {
    const first = this.#heap.peek();
    if (first === undefined || this.#suspendedAtUs !== null) return;
    const atUs = first.atUs + this.#stoodStillUs;
    if (this.#timer !== null && this.#timerAtUs <= atUs) return;
    this.#timer?.cancel();
    this.#timerAtUs = atUs;
    this.#timer = this.#runtime.setTimer(atUs, () => this.#fire());
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #fire(): void {
    this.#timer = null;
    const nowUs = this.#runtime.nowUs();
    const due: Deadline[] = [];
    for (;;) {
      const first = this.#heap.peek();
      if (first === undefined || !this.isDue(first, nowUs)) break;
      this.#heap.remove(first);
      due.push(first);
    }
    if (due.length > 0) this.#expire(due);
    this.#arm();
  }
}
