import type { Fence } from '../../fence/index.ts';
import type { Driver, Entity, Job, Priority, ResourcePool, Scheduler } from '../../sched/index.ts';

/** What the judge knows of the judged, from outside: what was asked for, what drivers were called with, how fences signalled. */

/** A law that was broken. */
export interface Finding {
  /** The number of the law, as `J5`; `live` where something never ends, `crash` where the core threw. */
  readonly rule: string;
  readonly message: string;
}

/** What a scheduler was made with, and where it is in its life. */
export interface SchedulerRecord {
  readonly scheduler: Scheduler<never>;
  readonly driver: Driver<never>;
  readonly label: string;
  readonly credits: number;
  readonly ordered: boolean;
  readonly hasReset: boolean;
  readonly hasTimedOut: boolean;
  readonly resetScope: 'device' | 'ring';
  readonly runTimeoutUs: number;
  readonly dependencyTimeoutUs: number;
  readonly maxAttempts: number;
  readonly banAfter: number;
  readonly maxTries: number;
  readonly backoffUs: number;
  readonly resetTimeoutUs: number;
  readonly noHangLimit: number;
  readonly policy: string;
  readonly domain: DomainRecord;
  readonly rings: RingRecord[];
  state: 'open' | 'draining' | 'closed' | 'gone';
  /** Whether an attempt of it was ever out of reach of its hardware fence: what was left to the ring's order is waited for since. */
  wasDisturbed: boolean;
  /** Whether a job was past its time with nobody to ask: from outside it cannot be told when it was accused. */
  isUnsure: boolean;
  /** Whether its device was removed after its close. */
  wasUnplugged: boolean;
  /** Whether `close` was called. */
  wasClosed: boolean;
  /** The clock of its timeouts (T1). */
  suspendedAtUs: number | null;
  stoodStillUs: number;
  /** `fault()` without a job was called, and no reset has begun since. */
  faultedAlone: boolean;
  /** Whether the reset that began last was told of such a fault. */
  resetIsForFault: boolean;
  /** Of `stats()`: how many resets it has had. */
  resets: number;
  /** Of `stats()`: how many timeouts it has had. */
  timeouts: number;
}

/** What one client, or an entity without one, did to the device (T6). */
export interface BlameRecord {
  /** Guilty jobs. */
  accused: number;
  /** Those of them that have failed for it. */
  convicted: number;
  /** Of the schedulers that they ran on, which may ban after different numbers: the least of these, and the most. */
  leastToBan: number;
  mostToBan: number;
}

export interface RingRecord {
  readonly index: number;
  /** Attempts that are not retired, in the order of their starts. */
  readonly attempts: AttemptRecord[];
  lastEndUs: number;
  busyUs: number;
}

/** Schedulers that are reset together. */
export interface DomainRecord {
  readonly members: SchedulerRecord[];
  readonly blames: Map<number, BlameRecord>;
  /** It was removed, or called gone. */
  mayBeGone: boolean;
  /** A reset has begun and has not succeeded, and the device is not gone. */
  resetting: boolean;
  tries: number;
  /** Answers of drivers that are still to come, of the try that is going on. */
  unsettled: number;
  failed: boolean;
  deadlineUs: number;
  /** When the last answer of the try came. */
  settledAtUs: number;
  /** What was past its own deadline when it began. */
  late: AttemptRecord[];
  taken: AttemptRecord[];
  rings: RingRecord[];
  asked: SchedulerRecord[];
}

export interface EntityRecord {
  readonly entity: Entity<never>;
  readonly label: string;
  readonly serial: boolean;
  readonly fails: boolean;
  readonly client: number | null;
  /** Where it has no client. */
  readonly blame: BlameRecord;
  readonly killsOnFault: boolean;
  priority: Priority;
  readonly maxQueued: number;
  readonly jobs: JobRecord[];
  schedulers: readonly SchedulerRecord[];
  /** The first job that has not finished. */
  firstUnfinished: number;
  killed: boolean;
  closing: boolean;
  /** The seqno of the job whose finished fence signalled last. */
  lastFinished: number;
  busyUs: number;
}

export interface DependencyRecord {
  readonly fence: Fence;
  /** Whose job's fence it is, and which of the two. */
  readonly of: JobRecord | null;
  readonly which: 'scheduled' | 'finished' | null;
  /** Whether a later fence of its ordered timeline stands for it, so that its failure may not be seen (J6). */
  readonly isDropped: boolean;
}

export interface JobRecord {
  readonly job: Job<never>;
  readonly label: string;
  readonly entity: EntityRecord;
  readonly seqno: number;
  readonly after: readonly DependencyRecord[];
  readonly failsOnError: boolean;
  readonly credits: number;
  /** By when somebody needs it (F12); `Infinity` where nobody said. */
  readonly hintUs: number;
  readonly resources: ReadonlyMap<ResourcePool, number>;
  readonly resubmit: boolean | null;
  readonly submittedAtUs: number;
  readonly queueTimeoutUs: number;
  readonly dependencyTimeoutUs: number | null;
  readonly runTimeoutUs: number | null;
  readonly attempts: AttemptRecord[];
  /** Fences that `prepareJob` gave for the attempt to come; `null`: it has not said `null` yet. */
  prepared: Fence[];
  isPrepared: boolean;
  /** It never runs (again), and why it may be so. */
  dead: 'cancelled' | 'killed' | 'expired' | null;
  cancelled: boolean;
  hookThrew: boolean;
  reusedFence: boolean;
  /** Whether the attempt that began last may come back for further slices (S14). */
  sliced: boolean;
  /** Accused: by its driver's verdict, or by `fault`. */
  accused: boolean;
  /** Its driver was asked to copy what it was doing (T10). */
  captured: boolean;
  /** Since when it waits for slots, as the number of jobs that there were, and with which priority; `null`: it does not (S6). */
  waiting: { readonly jobs: number; readonly priority: Priority } | null;
  /** Whether it had its slots when the judge looked last. */
  hadSlots: boolean;
  /** Verdicts that it hangs, or is past its time. */
  timeouts: number;
  /** A signal that the law allows is on its way: see `signals`. */
  signals: string;
  freed: number;
  /** Which dependency it waits for at the head of its queue, and since when it has been seen to (J10). */
  blocked: { readonly on: Fence; readonly sinceUs: number } | null;
}

/** One start of a job: an attempt, or of a sliced job one slice of it. */
export interface AttemptRecord {
  readonly job: JobRecord;
  readonly number: number;
  readonly scheduler: SchedulerRecord;
  readonly ring: RingRecord;
  readonly hardware: Fence;
  readonly startedAtUs: number;
  /** When it became the first on its ring, in the clock of timeouts; `NaN` before (T1). */
  execClockUs: number;
  /** Its job has its outcome, or the hardware has told. */
  over: boolean;
  /** Out of reach of its hardware fence: asked about, accused, or taken by a reset. */
  detached: boolean;
  /** Its job failed on time, and the hardware still works on it: what is behind it does not execute (T2). */
  hung: boolean;
  /** A reset took it, before it had begun to execute or afterwards. */
  taken: 'no' | 'waiting' | 'begun';
  retired: boolean;
  cancelAsked: number;
  charged: boolean;
  /** It was alone on its ring at a fault that named nobody. */
  wasAlone: boolean;
  /** Of a slice that ended well: where its driver said that the job goes on; `null`: nowhere, or it was not asked. */
  goesOn: 'any-ring' | 'same-ring' | null;
  wasAsked: boolean;
}
