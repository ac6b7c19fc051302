import type { Runtime } from '../events/index.ts';

/**
 * When what a scheduler handles now happened.
 *
 * Who comes in from outside (a pass, a fence, a timer, a user's call) reads the clock; what that calls takes `nowUs`. It is a
 * field, because V8 puts a number with a fraction into a box of its own wherever it is handed from function to function.
 */
export class Clock {
  readonly runtime: Runtime;
  nowUs: number = NaN;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
  }

  readClock(): void {
    this.nowUs = this.runtime.nowUs();
  }

  /** As `readClock`, where something tells when it happened: it is not before what happened last. */
  reachTime(atUs: number): void {
    if (!(atUs <= this.nowUs)) this.nowUs = atUs;
  }
}
