import type { MessagePort } from 'node:worker_threads';
import type { WireError } from './errorWire.ts';

/**
 * What the main thread and a thread say to each other, over a port of their own.
 *
 * 1. The thread says `ready` once.
 * 2. The main thread posts jobs in batches, in order. The thread executes one at a time, in that order, and answers
 *    each with exactly one `done`, `failed` or `slice`, in that order. `slice` says that the job is a generator that has more to do:
 *    the thread keeps it until a `resume` of it, which is answered in the same way, or a `drop`.
 * 3. An answer is posted, or written into the shared log (answerLog.ts), before the next job begins, so that a job that hangs
 *    takes no other's result with it. Whoever wrote into the log posts `wake`, at once or after one of the next jobs (quiet.ts).
 *    What is posted about a job comes after what the log says of earlier ones.
 * 4. Around each job the thread writes the job's id into the status word `EXECUTING`, and 0 after it was answered: who
 *    finds the thread dead reads there whom it died of.
 * 5. `cancel` of a job that has not begun makes the answer `failed` without executing it.
 * 6. A message may be one that the other end cannot read (what it carries is nested too deep there, for example). Ids have no gaps, so
 *    an answer that cannot be read is that of the next job; `tells` comes before progress for which that may be so. A thread that cannot
 *    read jobs says `resend`, and takes no more before it hears `again`.
 */
export interface ThreadStart {
  readonly port: MessagePort;
  /** Shared with the main thread; the words are named below. */
  readonly status: Int32Array;
  /** The memory of its `AnswerLog`. */
  readonly answers: SharedArrayBuffer;
}

/** Status word: the id of the job that executes, or 0. Written by the thread. */
export const EXECUTING = 0;
/** Status word: the id of the last job that was asked to end early while it executed. Written by the main thread. */
export const CANCELLED = 1;

/** Status word: how often the main thread cancelled something. The thread looks at its port when it has changed. */
export const CANCELS = 2;
/** Status word: 1 while the thread may begin no further job, because it is judged or to be stopped. Written by the main thread. */
export const HALTED = 3;
/** How many status words there are. */
export const WORDS = 4;

/** The further slice of a job, as it is posted to the thread that keeps its generator. */
export interface ResumeMessage {
  /** As in `CallMessage`: each slice has its own. */
  readonly id: number;
  /** The id of the job's first slice. */
  readonly resume: number;
}

/** What a thread executes. */
export type JobMessage = CallMessage | ResumeMessage;

/** One job, as it is posted to a thread. */
export interface CallMessage {
  /** One more than that of the job before it in this thread, from 1; answers name it. */
  readonly id: number;
  readonly module: string;
  readonly name: string;
  readonly args: readonly unknown[];
  /** Whether anybody listens to its progress. */
  readonly progress: boolean;
}

/** Main thread to thread. */
export type ToThread =
  | { readonly type: 'jobs'; readonly jobs: readonly JobMessage[] }
  /** What follows are the jobs that it could not read, and those that were sent after them, under the same ids. */
  | { readonly type: 'again' }
  | { readonly type: 'cancel'; readonly id: number }
  /** The job that was kept between two slices is over; `id` is that of its first. */
  | { readonly type: 'drop'; readonly id: number };

/** The answer that a job succeeded. Times are those of `sharedClockUs`: one clock for all threads. */
export interface DoneMessage {
  readonly type: 'done';
  readonly id: number;
  readonly startUs: number;
  readonly endUs: number;
  readonly value: unknown;
  /** Whether the function is a generator function. */
  readonly isGenerator: boolean;
}

/** The answer that a slice of a job is over, and the job is not. */
export interface SliceMessage {
  readonly type: 'slice';
  readonly id: number;
  readonly startUs: number;
  readonly endUs: number;
}

/** At what a job failed: reaching the module, finding the export, the call, posting the result, or being cancelled. */
export type FailedStage = 'import' | 'export' | 'call' | 'result' | 'cancelled';

/** The answer that a job failed. */
export interface FailedMessage {
  readonly type: 'failed';
  readonly id: number;
  readonly startUs: number;
  readonly endUs: number;
  readonly stage: FailedStage;
  readonly error: WireError;
}

/** What the main thread makes of an answer that it cannot read. */
export interface UnreadableMessage {
  readonly type: 'unreadable';
  readonly id: number;
  readonly cause: unknown;
}

/** Thread to main thread. */
export type FromThread =
  | { readonly type: 'ready' }
  /** There are answers in the log. */
  | { readonly type: 'wake' }
  | { readonly type: 'progress'; readonly id: number; readonly value: unknown }
  /** The next message is progress. */
  | { readonly type: 'tells' }
  /** The jobs from `id` on could not be read. */
  | { readonly type: 'resend'; readonly id: number }
  | DoneMessage
  | SliceMessage
  | FailedMessage;
