import { assert } from '../base/index.ts';
import { CallbackNode } from '../fence/index.ts';
import type { FenceCore } from '../fence/index.ts';
import type { JobCore } from './jobCore.ts';
import type { Ring } from './ring.ts';
import type { SchedulerCore } from './schedulerCore.ts';

/**
 * One try of a job on a ring, or one slice of it, and what hears its hardware fence. Each start takes one; the job keeps the
 * last.
 *
 * When its job is freed it goes to `spareAttempts` of the scheduler, and another start takes it. A job that waited has been
 * moved to the old generation, where each young object that it is given costs the next collections a look at it.
 */
export class Attempt extends CallbackNode {
  /** `null` while it is spare. */
  job: JobCore | null = null;
  number = 0;
  /** The ring, until the attempt is retired (J11). */
  ring: Ring | null = null;
  startedAtUs: number = NaN;
  /** Its place among all starts of the reset domain. Not an integer at first: it may outgrow V8's small ones. */
  order: number = NaN;
  /** On an unordered ring: when it is past its run timeout, in the time of the deadlines' clock; NaN while nobody has looked. */
  dueUs: number = NaN;
  /** When its job was submitted. */
  submittedS = 0;
  submittedNs = 0;
  /** What the policy was charged at the start. */
  estimateUs: number = NaN;
  /** Of this attempt and those before it, as far as they have ended. */
  busyUs: number = NaN;
  /** Whether its time has been settled. */
  charged = false;
  /** Out of reach of completion handling: its driver is asked about its timeout, or a reset has it (T2, T3). */
  suspect = false;
  /** It failed on time while the hardware still worked on it (T2). */
  hung = false;
  /** Of a hung attempt: its time so far. The policy is told when the hardware is done with it, as of all others once. */
  owedUs: number = NaN;
  hardware: FenceCore | null = null;
  /** Whether its driver was asked to end it early: it is asked once. */
  cancelAsked = false;

  begin(job: JobCore, number: number, ring: Ring, estimateUs: number, core: SchedulerCore): void {
    const last = job.current;
    this.job = job;
    this.number = number;
    this.ring = ring;
    this.startedAtUs = core.nowUs;
    this.order = core.domain.countStart();
    this.dueUs = NaN;
    this.estimateUs = estimateUs;
    if (last === null) {
      this.busyUs = 0;
      job.tellSubmitted(this);
    } else {
      this.busyUs = last.busyUs;
      this.submittedS = last.submittedS;
      this.submittedNs = last.submittedNs;
    }
    job.noteStart(core);
    this.charged = false;
    this.suspect = false;
    this.hung = false;
    this.cancelAsked = false;
  }

  run(): void {
    const { job } = this;
    assert(job !== null, 'a spare attempt heard a hardware fence');
    job.entity.scheduler.fenceSignalled(job);
  }
}
