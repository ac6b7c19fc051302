import type { Runtime } from '../events/index.ts';

/** How far ahead a time is taken as it is told. */
const BELIEVED_US = 100;

/**
 * When what a scheduler handles now happened.
 *
 * Who comes in from outside (a pass, a fence, a timer, a user's call) reads the clock; what that calls takes `nowUs`. It is a
 * field, because V8 puts a number with a fraction into a box of its own wherever it is handed from function to function.
 */
export class Clock {
  readonly runtime: Runtime;
  nowUs: number = NaN;
  /** The same in whole seconds and nanoseconds: V8 keeps small integers in the object that has them, without a box. */
  nowS = 0;
  nowNs = 0;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
  }

  readClock(): void {
    this.#set(this.runtime.nowUs());
  }

  /**
   * As `readClock`, where something tells when it happened: it is not before what happened last. A fence may tell the time of
   * another clock, so what is much later is believed only as far as this one; to ask it for less costs more than the error.
   */
  reachTime(atUs: number): void {
    if (atUs <= this.nowUs) return;
    const isNear = atUs - this.nowUs < BELIEVED_US;
    this.#set(isNear ? atUs : Math.min(atUs, this.runtime.nowUs()));
  }

  #set(us: number): void {
    let restUs = us - this.nowS * 1e6;
    if (!(restUs >= 0 && restUs < 1e6)) {
      this.nowS = Math.floor(us / 1e6);
      restUs = us - this.nowS * 1e6;
    }
    this.nowUs = us;
    this.nowNs = Math.round(restUs * 1000);
  }
}
