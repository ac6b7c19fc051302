import type { Runtime, Timer } from '../../events/index.ts';

/** How often it looks, and how late it must be to call that a stall. */
const EVERY_US = 25_000;
const STALL_US = 50_000;
/** For so long after a stall, what the hardware said meanwhile may not have been heard. */
const ECHO_US = 25_000;

/**
 * Knows whether this thread stood still a moment ago. A job is not to blame for an answer that came in time and was not heard,
 * because the application kept its own thread busy.
 *
 * It has one timer while it watches, and none otherwise.
 */
export class StallWatch {
  readonly #runtime: Runtime;
  #timer: Timer | null = null;
  #lookedAtUs = 0;
  #stalledAtUs = -Infinity;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Watches from now on, or no longer. */
  watch(on: boolean): void {
    if (on === (this.#timer !== null)) return;
    this.#timer?.cancel();
    this.#timer = null;
    if (!on) return;
    this.#lookedAtUs = this.#runtime.nowUs();
    this.#arm();
  }

  /** Whether this thread stood still until a moment ago. */
  get stalled(): boolean {
    const nowUs = this.#look();
    return nowUs - this.#stalledAtUs <= ECHO_US;
  }

  #arm(): void {
    this.#timer = this.#runtime.setTimer(this.#runtime.nowUs() + EVERY_US, () => {
      this.#look();
      this.#arm();
    });
  }

  #look(): number {
    const nowUs = this.#runtime.nowUs();
    if (this.#timer !== null && nowUs - this.#lookedAtUs > STALL_US) this.#stalledAtUs = nowUs;
    this.#lookedAtUs = nowUs;
    return nowUs;
  }
}
