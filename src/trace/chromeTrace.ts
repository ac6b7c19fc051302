import type {
  EventSink,
  FenceRef,
  JobDoneEvent,
  JobQueueEvent,
  JobRunEvent,
  SchedEvent,
} from '../events/index.ts';
import type { ChromeEvent } from './chromeEvent.ts';

/** Options of a `ChromeTrace`. */
export interface ChromeTraceOptions {
  /** How many trace events to keep; what comes later is counted, not kept. Default 1,000,000. */
  readonly maxEvents?: number;
}

/** The process of the rings, one thread a ring, and the process after it: the clients, one process each. */
const RINGS_PID = 1;
const FIRST_CLIENT_PID = 2;
/** The thread, in the process of the rings, that shows resets. */
const RECOVERY_TID = 1000;

interface LiveJob {
  readonly id: number;
  readonly label: string;
  readonly track: { readonly pid: number; readonly name: string };
  readonly queuedAtUs: number;
  /** Whether the begin of its slice was kept; then its end is, too. */
  isKept: boolean;
  ring: number | null;
  attempt: number;
  startedAtUs: number | null;
}

/** How many executed jobs are remembered, so that arrows can begin at them. */
const EXECUTED_KEPT = 100_000;

/** Where and when a job executed, so that arrows can begin there. */
interface Executed {
  readonly tid: number;
  readonly startUs: number;
  readonly endUs: number;
}

/**
 * Turns the events of a device into Chrome's trace format, which Perfetto and chrome://tracing open.
 *
 * 1. Each client has a track of asynchronous slices, one a job, from submission to the end.
 * 2. Each ring has a track of slices that never overlap: a job executes from the later of its own start and the end
 *    of its predecessor on that ring. An attempt that had not begun when a reset took it has no slice.
 * 3. An arrow leads from the slice of a job to the slice of each job that depended on it, if both executed.
 * 4. Timeouts and bans are instants, resets are slices on a track of their own.
 * 5. Every `b` has its `e`: `finish` ends what is still open. Times count from the first event.
 *
 * Memory is bounded: by `maxEvents`, by the jobs that have not ended, and by a number of executed jobs for arrows.
 */
export class ChromeTrace implements EventSink {
  readonly #maxEvents: number;
  readonly #events: ChromeEvent[] = [];
  #dropped = 0;
  #zeroUs: number | null = null;
  #lastUs = 0;
  #nextId = 1;
  readonly #live = new Map<string, LiveJob>();
  readonly #dependencies = new Map<string, FenceRef[]>();
  readonly #executed = new Map<string, Executed>();
  readonly #ringFreeUs = new Map<number, number>();
  readonly #clients = new Map<string, { pid: number; name: string }>();
  #resetAtUs: number | null = null;

  constructor(options: ChromeTraceOptions = {}) {
    this.#maxEvents = options.maxEvents ?? 1_000_000;
    this.#name(RINGS_PID, 0, 'process_name', 'rings');
  }

  /** How many trace events did not fit. */
  get dropped(): number {
    return this.#dropped;
  }

  emit(event: SchedEvent): void {
    this.#zeroUs ??= event.atUs;
    this.#lastUs = Math.max(this.#lastUs, event.atUs);
    // Observers ignore the types that they do not need.
    // oxlint-disable-next-line typescript/switch-exhaustiveness-check
    switch (event.type) {
      case 'client-open':
        this.#track(event.client, event.label);
        break;
      case 'job-queue':
        this.#queued(event);
        break;
      case 'job-dependency':
        this.#dependency(event.fence, event.on);
        break;
      case 'job-run':
        this.#started(event);
        break;
      case 'job-requeue':
        this.#executionEnded(event.fence, event.atUs, 'requeued');
        break;
      case 'job-done':
        this.#done(event);
        break;
      case 'timeout':
      case 'ban':
      case 'gone':
      case 'reset-begin':
      case 'reset-end':
        this.#recovery(event);
        break;
      default:
    }
  }

  /** Ends what is open. Call it once, when no event follows. */
  finish(): void {
    for (const job of this.#live.values()) this.#end(job, this.#lastUs, { error: 'unfinished' });
    this.#live.clear();
  }

  /** The file, in pieces that together are one JSON document. */
  *chunks(): Generator<string> {
    yield '{"displayTimeUnit":"ms","traceEvents":[\n';
    let separator = '';
    for (const event of this.#events) {
      yield separator + JSON.stringify(event);
      separator = ',\n';
    }
    yield `\n],"otherData":{"producer":"fenceline","dropped":${this.#dropped}}}\n`;
  }

  #queued(event: JobQueueEvent): void {
    const track =
      event.client === null
        ? this.#track(`entity ${event.entity}`, `entity ${event.entity}`)
        : this.#track(event.client, `client ${event.client}`);
    const job: LiveJob = {
      id: this.#nextId++,
      label: event.label,
      track,
      queuedAtUs: event.atUs,
      isKept: false,
      ring: null,
      attempt: 0,
      startedAtUs: null,
    };
    this.#live.set(keyOf(event.fence), job);
    const { pid, name } = track;
    const args = { job: event.label, fence: keyOf(event.fence) };
    job.isKept = this.#add({
      ph: 'b',
      cat: 'job',
      id: job.id,
      name,
      pid,
      tid: 0,
      ts: this.#ts(event.atUs),
      args,
    });
  }

  #dependency(fence: FenceRef, on: FenceRef): void {
    const key = keyOf(fence);
    const list = this.#dependencies.get(key);
    if (list === undefined) this.#dependencies.set(key, [on]);
    else list.push(on);
  }

  #started(event: JobRunEvent): void {
    const job = this.#live.get(keyOf(event.fence));
    if (job === undefined) return;
    if (!this.#ringFreeUs.has(event.ring)) {
      this.#ringFreeUs.set(event.ring, 0);
      this.#name(RINGS_PID, event.ring + 1, 'thread_name', `ring ${event.ring}`);
    }
    job.ring = event.ring;
    job.attempt = event.attempt;
    job.startedAtUs = event.atUs;
  }

  #done(event: JobDoneEvent): void {
    const key = keyOf(event.fence);
    const job = this.#live.get(key);
    if (job === undefined) return;
    this.#executionEnded(event.fence, event.atUs, event.error ?? 'ok');
    this.#live.delete(key);
    this.#dependencies.delete(key);
    const outcome = event.error === null ? {} : { error: event.error };
    this.#end(job, event.atUs, { ...outcome, attempts: job.attempt, busyUs: event.busyUs });
  }

  #end(job: LiveJob, atUs: number, args: Readonly<Record<string, unknown>>): void {
    if (!job.isKept) return;
    const { pid, name } = job.track;
    const place = { name, pid, tid: 0, ts: this.#ts(atUs) };
    this.#push({ ph: 'e', cat: 'job', id: job.id, ...place, args });
  }

  /** Writes the slice of the attempt that is on a ring, and the arrows that end in it. */
  #executionEnded(fence: FenceRef, atUs: number, outcome: string): void {
    const job = this.#live.get(keyOf(fence));
    if (job === undefined || job.ring === null || job.startedAtUs === null) return;
    const tid = job.ring + 1;
    const startUs = Math.max(job.startedAtUs, this.#ringFreeUs.get(job.ring) ?? 0);
    const hadNotBegun = outcome === 'requeued' && (startUs >= atUs || this.#isBehindAnother(job));
    job.startedAtUs = null;
    if (startUs > atUs || hadNotBegun) return;
    this.#ringFreeUs.set(job.ring, atUs);
    const args = {
      client: job.track.name,
      attempt: job.attempt,
      outcome,
      waitUs: rounded(startUs - job.queuedAtUs),
    };
    const place = { pid: RINGS_PID, tid, ts: this.#ts(startUs), dur: rounded(atUs - startUs) };
    this.#add({ ph: 'X', cat: 'execution', name: job.label, ...place, args });
    this.#arrows(fence, { tid, startUs, endUs: atUs });
    this.#remember(fence, { tid, startUs, endUs: atUs });
  }

  #isBehindAnother(job: LiveJob): boolean {
    for (const other of this.#live.values()) {
      const isEarlier = other.startedAtUs !== null && other.startedAtUs <= (job.startedAtUs ?? 0);
      if (other !== job && other.ring === job.ring && isEarlier) return true;
    }
    return false;
  }

  #arrows(fence: FenceRef, to: Executed): void {
    for (const on of this.#dependencies.get(keyOf(fence)) ?? []) {
      const from = this.#executed.get(keyOf(on));
      if (from === undefined) continue;
      const id = this.#nextId++;
      const arrow = { cat: 'dependency', id, name: 'dependency', pid: RINGS_PID };
      const leavesUs = Math.max(from.startUs, from.endUs - 1);
      const isKept = this.#add({ ph: 's', ...arrow, tid: from.tid, ts: this.#ts(leavesUs) });
      if (isKept) {
        this.#push({ ph: 'f', bp: 'e', ...arrow, tid: to.tid, ts: this.#ts(to.startUs) });
      }
    }
  }

  #recovery(
    event: Extract<SchedEvent, { type: 'timeout' | 'ban' | 'gone' | 'reset-begin' | 'reset-end' }>,
  ): void {
    const { type, atUs, ...args } = event;
    const place = { pid: RINGS_PID, tid: RECOVERY_TID, ts: this.#ts(atUs) };
    if (type === 'reset-begin') {
      if (this.#resetAtUs === null) this.#name(RINGS_PID, RECOVERY_TID, 'thread_name', 'recovery');
      this.#resetAtUs = atUs;
    } else if (type === 'reset-end') {
      const startUs = this.#resetAtUs ?? atUs;
      const slice = { ...place, ts: this.#ts(startUs), dur: rounded(atUs - startUs) };
      this.#add({ ph: 'X', cat: 'recovery', name: 'reset', ...slice, args });
    } else {
      this.#add({ ph: 'i', cat: 'recovery', name: type, s: 'g', ...place, args });
    }
  }

  #track(client: number | string, label: string): { pid: number; name: string } {
    const known = this.#clients.get(String(client));
    if (known !== undefined) return known;
    const track = { pid: FIRST_CLIENT_PID + this.#clients.size, name: label };
    this.#clients.set(String(client), track);
    this.#name(track.pid, 0, 'process_name', label);
    return track;
  }

  #name(pid: number, tid: number, what: 'process_name' | 'thread_name', name: string): void {
    this.#push({ ph: 'M', name: what, pid, tid, args: { name } });
  }

  #ts(atUs: number): number {
    return rounded(atUs - (this.#zeroUs ?? 0));
  }

  #remember(fence: FenceRef, executed: Executed): void {
    this.#executed.set(keyOf(fence), executed);
    if (this.#executed.size <= EXECUTED_KEPT) return;
    for (const oldest of this.#executed.keys()) {
      this.#executed.delete(oldest);
      return;
    }
  }

  /** False: there was no room. */
  #add(event: ChromeEvent): boolean {
    if (this.#events.length >= this.#maxEvents) {
      this.#dropped += 1;
      return false;
    }
    this.#push(event);
    return true;
  }

  /** Adds a name, or the other end of what is kept already: these always have room. */
  #push(event: ChromeEvent): void {
    this.#events.push(event);
  }
}

/** Nanoseconds are enough, and keep the file short. */
function rounded(us: number): number {
  return Math.round(us * 1000) / 1000;
}

function keyOf(fence: FenceRef): string {
  return `${fence[0]}:${fence[1]}`;
}
