import type { EventSink, FenceRef, SchedEvent } from '../../events/index.ts';

/** How many of the latest events a dump holds, and how many queued jobs it names. */
const EVENTS_KEPT = 200;
const QUEUED_NAMED = 50;

/** A job in a dump. Times in microseconds of the device's clock. */
export interface DumpedJob {
  readonly label: string;
  readonly client: string | null;
  readonly fence: FenceRef;
  readonly attempt: number;
  readonly ring: number | null;
  readonly queuedAtUs: number;
  readonly startedAtUs: number | null;
}

/** What the driver said of a job that was past its deadline. */
export interface DumpedVerdict {
  readonly job: string;
  readonly client: string | null;
  readonly ring: number;
  readonly verdict: 'no-hang' | 'reset' | 'gone' | 'fail';
}

/** One try of a reset. */
export interface DumpedTry {
  readonly atUs: number;
  readonly tries: number;
  outcome: 'ok' | 'failed' | 'late' | null;
  tookUs: number | null;
}

/** What is known of one reset. */
export interface CrashDump {
  readonly number: number;
  readonly atUs: number;
  /** The verdicts that led to it. */
  readonly verdicts: readonly DumpedVerdict[];
  readonly guilty: readonly DumpedJob[];
  readonly innocent: readonly DumpedJob[];
  /** What was on the rings when it began, those above included. */
  readonly running: readonly DumpedJob[];
  readonly queuedCount: number;
  /** The first of the queued jobs, in order of submission. */
  readonly queued: readonly DumpedJob[];
  readonly tries: DumpedTry[];
  /** What happened before, oldest first. */
  readonly events: readonly SchedEvent[];
}

type LiveJob = { -readonly [K in keyof DumpedJob]: DumpedJob[K] };

/**
 * Listens to a device and makes a dump of each reset, from events alone.
 *
 * Bounded: it knows the jobs that have not ended, and the latest events.
 */
export class CrashDumps implements EventSink {
  readonly dumps: CrashDump[] = [];
  readonly #jobs = new Map<string, LiveJob>();
  readonly #clients = new Map<number, string>();
  readonly #events: SchedEvent[] = [];
  #verdicts: DumpedVerdict[] = [];
  #open: CrashDump | null = null;

  emit(event: SchedEvent): void {
    this.#follow(event);
    if (event.type === 'reset-begin') this.#begin(event);
    if (event.type === 'reset-end') this.#end(event);
    this.#events.push(event);
    if (this.#events.length > 2 * EVENTS_KEPT) this.#events.splice(0, EVENTS_KEPT);
  }

  #follow(event: SchedEvent): void {
    // Observers ignore the types that they do not need.
    // oxlint-disable-next-line typescript/switch-exhaustiveness-check
    switch (event.type) {
      case 'client-open':
        this.#clients.set(event.client, event.label);
        break;
      case 'job-queue':
        this.#jobs.set(keyOf(event.fence), {
          label: event.label,
          client: this.#clientOf(event.client),
          fence: event.fence,
          attempt: 0,
          ring: null,
          queuedAtUs: event.atUs,
          startedAtUs: null,
        });
        break;
      case 'job-run':
        this.#started(event.fence, event.attempt, event.ring, event.atUs);
        break;
      case 'job-requeue':
        this.#started(event.fence, event.attempt, null, null);
        break;
      case 'job-done':
        this.#jobs.delete(keyOf(event.fence));
        break;
      case 'timeout':
        if (event.verdict !== 'no-hang') this.#verdicts.push(this.#verdict(event));
        break;
      default:
    }
  }

  #verdict(event: Extract<SchedEvent, { type: 'timeout' }>): DumpedVerdict {
    const job = this.#dumped(event.fence).label;
    const { ring, verdict } = event;
    return { job, client: this.#clientOf(event.client), ring, verdict };
  }

  #started(fence: FenceRef, attempt: number, ring: number | null, atUs: number | null): void {
    const job = this.#jobs.get(keyOf(fence));
    if (job === undefined) return;
    job.attempt = attempt;
    job.ring = ring;
    job.startedAtUs = atUs;
  }

  #begin(event: Extract<SchedEvent, { type: 'reset-begin' }>): void {
    this.#open ??= this.#newDump(event);
    this.#open.tries.push({ atUs: event.atUs, tries: event.tries, outcome: null, tookUs: null });
  }

  #newDump(event: Extract<SchedEvent, { type: 'reset-begin' }>): CrashDump {
    const jobs = [...this.#jobs.values()].map((job) => ({ ...job }));
    const queued = jobs.filter((job) => job.ring === null);
    const dump: CrashDump = {
      number: this.dumps.length + 1,
      atUs: event.atUs,
      verdicts: this.#verdicts,
      guilty: event.guilty.map((fence) => this.#dumped(fence)),
      innocent: event.innocent.map((fence) => this.#dumped(fence)),
      running: jobs.filter((job) => job.ring !== null),
      queuedCount: queued.length,
      queued: queued.slice(0, QUEUED_NAMED),
      tries: [],
      events: this.#events.slice(-EVENTS_KEPT),
    };
    this.#verdicts = [];
    this.dumps.push(dump);
    return dump;
  }

  #end(event: Extract<SchedEvent, { type: 'reset-end' }>): void {
    const last = this.#open?.tries.at(-1);
    if (last !== undefined) {
      last.outcome = event.outcome;
      last.tookUs = event.tookUs;
    }
    if (event.outcome === 'ok') this.#open = null;
  }

  #dumped(fence: FenceRef): DumpedJob {
    const job = this.#jobs.get(keyOf(fence));
    if (job !== undefined) return { ...job };
    const nothing = { attempt: 0, ring: null, queuedAtUs: 0, startedAtUs: null };
    return { label: 'unknown', client: null, fence, ...nothing };
  }

  #clientOf(client: number | null): string | null {
    return client === null ? null : (this.#clients.get(client) ?? `client ${client}`);
  }
}

function keyOf(fence: FenceRef): string {
  return `${fence[0]}:${fence[1]}`;
}
