import type { EventSink, FenceRef, SchedEvent, WarningEvent } from '../events/index.ts';

/** What is known of a job that has not finished. */
interface Unfinished {
  readonly client: number | null;
  readonly label: string;
  /** When its attempt, or slice, was handed to the ring. */
  beganUs: number;
  /** Whether it came in slices: each counts by itself. */
  isSliced: boolean;
  warned: boolean;
}

/**
 * Warns of jobs that keep a ring for longer than `boundUs` while another client waits: nothing can be served in between, so a share
 * is only as fine as the longest job (S14). One warning a job.
 *
 * It is an observer of the scheduler, there only while somebody hears the warnings.
 */
export class LongJobs implements EventSink {
  readonly #boundUs: number;
  /** Whether somebody else than `client` waits for a ring. */
  readonly #waits: (client: number | null) => boolean;
  readonly #warn: (event: WarningEvent) => void;
  readonly #unfinished = new Map<string, Unfinished>();

  constructor(
    boundUs: number,
    waits: (client: number | null) => boolean,
    warn: (event: WarningEvent) => void,
  ) {
    this.#boundUs = boundUs;
    this.#waits = waits;
    this.#warn = warn;
  }

  /** Nobody listens any more: what happens now is not heard. */
  forget(): void {
    this.#unfinished.clear();
  }

  emit(event: SchedEvent): void {
    switch (event.type) {
      case 'job-queue': {
        const { client, label } = event;
        const job = { client, label, beganUs: 0, isSliced: false, warned: false };
        this.#unfinished.set(keyOf(event.fence), job);
        break;
      }
      case 'job-run': {
        const job = this.#unfinished.get(keyOf(event.fence));
        if (job !== undefined) job.beganUs = event.atUs;
        break;
      }
      case 'job-slice': {
        const job = this.#unfinished.get(keyOf(event.fence));
        if (job === undefined) break;
        job.isSliced = true;
        this.#judge(job, event.atUs - job.beganUs, event.atUs);
        break;
      }
      case 'job-done': {
        const key = keyOf(event.fence);
        const job = this.#unfinished.get(key);
        if (job === undefined) break;
        this.#unfinished.delete(key);
        const { atUs, busyUs } = event;
        this.#judge(job, job.isSliced ? Math.min(busyUs, atUs - job.beganUs) : busyUs, atUs);
        break;
      }
      default:
    }
  }

  #judge(job: Unfinished, busyUs: number, atUs: number): void {
    if (busyUs <= this.#boundUs || job.warned || !this.#waits(job.client)) return;
    job.warned = true;
    const message = `job ${job.label} kept its ring for ${Math.round(busyUs / 1000)} ms while other clients waited, longer than a slice of ${this.#boundUs / 1000} ms; divide it, or yield in between`;
    this.#warn({ type: 'warning', atUs, message, count: 1 });
  }
}

function keyOf([timeline, seqno]: FenceRef): string {
  return `${timeline}:${seqno}`;
}
