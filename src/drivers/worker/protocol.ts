import type { MessagePort } from 'node:worker_threads';
import type { WireError } from './errorWire.ts';

/**
 * What the main thread and a thread say to each other, over a port of their own.
 *
 * 1. The thread says `ready` once.
 * 2. The main thread posts jobs in batches, in order. The thread executes one at a time, in that order, and answers
 *    each with exactly one `done` or `failed`, in that order.
 * 3. An answer is posted before the next job begins, so that a job that hangs takes no other's result with it.
 * 4. Around each job the thread writes the job's id into the status word `EXECUTING`, and 0 after the answer was posted: who
 *    finds the thread dead reads there whom it died of.
 * 5. `cancel` of a job that has not begun makes the answer `failed` without executing it.
 */
export interface ThreadStart {
  readonly port: MessagePort;
  /** Shared with the main thread; the words are named below. */
  readonly status: Int32Array;
}

/** Status word: the id of the job that executes, or 0. Written by the thread. */
export const EXECUTING = 0;
/** Status word: the id of the last job that was asked to end early while it executed. Written by the main thread. */
export const CANCELLED = 1;

/** Status word: how often the main thread cancelled something. The thread looks at its port when it has changed. */
export const CANCELS = 2;
/** How many status words there are. */
export const WORDS = 3;

/** One job, as it is posted to a thread. */
export interface JobMessage {
  /** Unique in the life of the thread, from 1; answers name it. */
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
  | { readonly type: 'cancel'; readonly id: number };

/** The answer that a job succeeded. Times are those of `sharedClockUs`: one clock for all threads. */
export interface DoneMessage {
  readonly type: 'done';
  readonly id: number;
  readonly startUs: number;
  readonly endUs: number;
  readonly value: unknown;
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

/** Thread to main thread. */
export type FromThread =
  | { readonly type: 'ready' }
  | { readonly type: 'progress'; readonly id: number; readonly value: unknown }
  | DoneMessage
  | FailedMessage;
