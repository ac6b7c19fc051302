import { JobError } from '../../base/index.ts';
import type { Fence } from '../../base/index.ts';
import { Timeline } from '../../fence/index.ts';
import { errorOf, messageOf, moves } from './attempt.ts';
import type { Answer, Attempt } from './attempt.ts';
import type { AnswerSource } from './lateAnswers.ts';
import {
  cancelledError,
  crashError,
  lostError,
  neverBegunError,
  unpostableError,
} from './outcomes.ts';
import type { FromThread, UnreadableMessage } from './protocol.ts';
import type { RingHost, WorkerJob } from './ringHost.ts';
import type { Death, ThreadHandle, ThreadOwner } from './threadHandle.ts';

/** A thread that is not busy has begun what was posted to it by then; one that starts is ready by then, or never will be. */
const TAKE_US = 100_000;
const START_US = 10_000_000;
/** A job fails, innocent, when so many threads in a row did not come round to it. */
const THREADS_MAX = 3;

/**
 * One ring: attempts in order, and the thread that executes them.
 *
 * 1. The first `#posted` attempts are with the thread, in order; the others are held here. What is started in one pass is posted
 *    together, after the pass.
 * 2. An attempt that moves objects to the thread is posted only when nothing is before it, so that what was only queued
 *    still has them when a reset makes it run again. One that was cancelled, or cannot be posted, fails at that moment.
 * 3. Answers come in order; the head's answer signals its hardware fence.
 * 4. A ring without a thread takes one when it has something to post. It has none after a reset and after a death.
 * 5. A thread that dies while a job executes: the job is blamed, and the ring waits for the reset. While none does:
 *    nobody is blamed, and what was posted is posted again to the next thread.
 * 6. The process is kept alive while there are attempts.
 * 7. Where a thread cannot read a message, its jobs and what was posted after it are posted again, each by itself; one that then
 *    cannot be read fails.
 * 8. A job that goes on in slices stays with its thread in between; a further slice of one whose thread is no more fails.
 */
export class WorkerRing implements ThreadOwner, AnswerSource {
  readonly #host: RingHost;
  readonly #timeline: Timeline;
  readonly #attempts: Attempt[] = [];
  #posted = 0;
  /** When something was posted last. */
  #postedAtUs = 0;
  #thread: ThreadHandle | null = null;
  #flushAsked = false;
  #receiveAsked = false;
  /** True while nothing may be posted: the thread is dead or being stopped, and the reset is not over. */
  #blocked = false;
  #resetting: Promise<void> | null = null;

  constructor(label: string, host: RingHost) {
    this.#host = host;
    this.#timeline = new Timeline({ driver: 'worker', label, runtime: host.runtime });
  }

  /** Takes `job` as the last attempt. */
  start(job: WorkerJob): Fence {
    const { work } = job.payload;
    if (work.kept !== null && work.kept.attempt !== job.attempt) work.kept = null;
    const source = this.#timeline.createFence();
    this.#attempts.push({
      job,
      source,
      id: 0,
      cancelled: false,
      alone: false,
      refused: null,
      waited: false,
      abandoned: 0,
    });
    if (this.#attempts.length === 1) this.#thread?.ref();
    this.#askFlush();
    return source.fence;
  }

  /** `job` is over: what its thread keeps of it is of no use. */
  drop(job: WorkerJob): void {
    const { kept } = job.payload.work;
    job.payload.work.kept = null;
    if (kept !== null && kept.thread === this.#thread && !this.#blocked) {
      kept.thread.post({ type: 'drop', id: kept.id }, []);
    }
  }

  /** Asks that `job` ends early (J9). */
  cancel(job: WorkerJob): void {
    const index = this.#attempts.findIndex((attempt) => attempt.job === job);
    const attempt = this.#attempts[index];
    if (attempt === undefined) return;
    attempt.cancelled = true;
    if (attempt.id !== 0) {
      const thread = this.#thread;
      thread?.cancel(attempt.id, index === 0 || thread.executing === attempt.id);
      return;
    }
    attempt.refused ??= cancelledError(job);
    this.#askFlush();
  }

  /**
   * Judges `job`, which is past its deadline (T2). It hangs only if it executes, and had its time for that. What came in too late
   * because this thread was busy is no hang. Where the thread still starts, or is stuck outside of any job, the job waits: for a
   * bounded time, then the thread is replaced, because nothing that runs there now has a job to blame.
   */
  timedOut(job: WorkerJob): 'no-hang' | 'waits' | 'reset' {
    const thread = this.#thread;
    if (this.#blocked || thread === null || this.#hasMail(thread)) return 'no-hang';
    const head = this.#attempts[0];
    if (head?.job === job && head.id !== 0 && thread.halt(head.id)) {
      if (!head.waited) return 'reset';
      // It began since it was judged last: its clock starts now.
      head.waited = false;
      thread.goOn();
      return 'waits';
    }
    if (head !== undefined) head.waited = true;
    const waitedUs = this.#host.runtime.nowUs() - this.#postedAtUs;
    if (waitedUs <= (thread.ready ? TAKE_US : START_US)) return 'waits';
    if (!thread.halt(0)) return 'no-hang';
    if (this.#hasMail(thread)) {
      thread.goOn();
      return 'no-hang';
    }
    this.#abandon(thread);
    return 'waits';
  }

  /** Stops the thread; resolves when nothing that was started here can run any more (T3). A second call waits for the same. */
  reset(): Promise<void> {
    this.#resetting ??= this.#reset();
    return this.#resetting;
  }

  messagesCame(thread: ThreadHandle): void {
    this.#receive(thread);
    this.#host.lateAnswers.told();
  }

  /** Only while other jobs wait behind it does a thread answer a job without a word. */
  get mayBeQuiet(): boolean {
    return this.#posted > 1;
  }

  look(): boolean {
    const thread = this.#thread;
    if (thread === null || !thread.hasWritten) return false;
    this.#receive(thread);
    return true;
  }

  died(thread: ThreadHandle, death: Death): void {
    if (this.#thread !== thread) return;
    const executing = thread.executing;
    this.#receive(thread);
    const head = this.#attempts[0];
    if (head !== undefined && head.id !== 0 && head.id === executing) {
      this.#blocked = true;
      this.#host.blame(head.job, crashError(head.job, death));
      return;
    }
    this.#giveUp(thread, death);
  }

  async #reset(): Promise<void> {
    this.#blocked = true;
    const thread = this.#thread;
    // It waits also where there is no thread: nothing is over before `reset` has kept what waits for it.
    await (thread === null ? null : this.#host.spares.stop(thread));
    if (thread !== null) {
      this.#thread = null;
      this.#host.spares.owe();
    }
    const error = new JobError('ERR_JOB_RESET', 'the ring of this attempt was reset');
    for (const { source } of this.#attempts.splice(0)) source.signal(error);
    this.#posted = 0;
    this.#blocked = false;
    this.#resetting = null;
  }

  /**
   * Gives up a thread that is halted while no job executes there: none begins there any more, whenever it stops. So what was
   * posted to it need not wait for that, which takes as long as a call of the platform that it is in.
   */
  #abandon(thread: ThreadHandle): void {
    const why = thread.ready ? 'it was stuck while no job executed there' : 'it did not start';
    const head = this.#attempts[0];
    if (head !== undefined) {
      head.abandoned += 1;
      if (head.abandoned === THREADS_MAX) head.refused ??= neverBegunError(head.job, THREADS_MAX);
    }
    void this.#host.spares.stop(thread);
    this.#giveUp(thread, { exitCode: 1, error: new Error(why) });
  }

  /** Stops a thread that is of no use, through nobody's fault. */
  #replace(thread: ThreadHandle, why: string): void {
    this.#blocked = true;
    void this.#host.spares.stop(thread).then(() => {
      if (this.#thread !== thread || this.#resetting !== null) return;
      this.#blocked = false;
      this.#receive(thread);
      this.#giveUp(thread, { exitCode: 1, error: new Error(why) });
    });
  }

  /**
   * The thread is over and no job is to blame: what it had not begun is for the next thread, except what it holds
   * moved objects of.
   */
  #giveUp(thread: ThreadHandle, death: Death): void {
    this.#thread = null;
    this.#host.spares.owe();
    const posted = this.#attempts.slice(0, this.#posted);
    this.#posted = 0;
    for (const attempt of posted) {
      const isKept = attempt.job.payload.work.kept !== null;
      const canRunAgain = attempt.id !== thread.executing && !moves(attempt) && !isKept;
      if (!canRunAgain) attempt.refused = lostError(attempt.job);
      attempt.id = 0;
    }
    this.#askFlush();
    if (!thread.hasWorked) this.#host.diedUnused(death);
  }

  #askFlush(): void {
    if (this.#flushAsked) return;
    this.#flushAsked = true;
    this.#host.runtime.defer(() => {
      this.#flushAsked = false;
      this.#flush();
    });
  }

  /** Rules 1 and 2. */
  #flush(): void {
    if (this.#blocked) return;
    this.#refuseTheLost();
    for (let head = this.#attempts[0]; this.#posted === 0; head = this.#attempts[0]) {
      if (head === undefined || head.refused === null) break;
      this.#finish(head.refused);
    }
    for (let batch = this.#nextBatch(); batch.length > 0; batch = this.#nextBatch()) {
      if (!this.#post((this.#thread ??= this.#takeThread()), batch)) return;
    }
  }

  /** The attempts that can be posted now as one message. */
  #nextBatch(): readonly Attempt[] {
    const batch: Attempt[] = [];
    for (let index = this.#posted; index < this.#attempts.length; index += 1) {
      const attempt = this.#attempts[index] as Attempt;
      const isMoving = moves(attempt);
      if (index > 0 && (attempt.refused !== null || isMoving)) break;
      attempt.alone ||= isMoving;
      if (attempt.alone && batch.length > 0) break;
      batch.push(attempt);
      if (attempt.alone) break;
    }
    return batch;
  }

  /** Rule 8. */
  #refuseTheLost(): void {
    for (let index = this.#posted; index < this.#attempts.length; index += 1) {
      const attempt = this.#attempts[index] as Attempt;
      const { kept } = attempt.job.payload.work;
      if (kept === null || kept.thread === this.#thread) continue;
      attempt.refused ??= lostError(attempt.job);
    }
  }

  /** Posts `batch` as one message. Where that fails, one by one, up to the one that it failed for. */
  #post(thread: ThreadHandle, batch: readonly Attempt[]): boolean {
    const jobs = batch.map((attempt, index) => messageOf(attempt, thread.nextId + index));
    const moved = batch.flatMap((attempt) =>
      moves(attempt) ? attempt.job.payload.work.transfer : [],
    );
    try {
      thread.postJobs(jobs, moved);
      this.#posted += batch.length;
      this.#postedAtUs = this.#host.runtime.nowUs();
      if (this.#posted > 1) this.#host.lateAnswers.expect();
      return true;
    } catch (cause) {
      for (const attempt of batch) attempt.id = 0;
      const [only] = batch;
      if (batch.length > 1) return batch.every((attempt) => this.#post(thread, [attempt]));
      if (only !== undefined) only.refused = unpostableError(only.job, cause);
      this.#askFlush();
      return false;
    }
  }

  #takeThread(): ThreadHandle {
    const thread = this.#host.spares.take(this);
    thread.ref();
    return thread;
  }

  #receive(thread: ThreadHandle): void {
    for (const message of thread.receive()) {
      if (this.#thread !== thread || this.#blocked) return;
      this.#take(thread, message);
    }
  }

  #take(thread: ThreadHandle, message: FromThread | UnreadableMessage): void {
    const head = this.#attempts[0];
    if (!('id' in message) || head === undefined) return;
    if (message.type === 'resend') this.#sendAgain(thread, message.id);
    else if (message.type === 'progress') {
      // A generator may report at any time, also between two slices: then it is not its turn.
      if (head.id === message.id) this.#progress(head.job, message.value);
    } else if (head.id === message.id) this.#answer(head, message);
    else this.#replace(thread, 'the thread answered out of order');
  }

  /** Rule 7. */
  #sendAgain(thread: ThreadHandle, id: number): void {
    const first = this.#attempts.findIndex((attempt) => attempt.id === id);
    if (first === -1) return;
    const unread = this.#attempts.slice(first, this.#posted);
    if (unread[0]?.alone === true) {
      const { job } = unread[0];
      const cause = new Error('the thread cannot read what was posted');
      unread[0].refused = unpostableError(job, cause);
    }
    for (const attempt of unread) {
      if (attempt.cancelled) attempt.refused ??= cancelledError(attempt.job);
      attempt.id = 0;
      attempt.alone = true;
    }
    this.#posted = first;
    thread.sendAgain(id);
    this.#askFlush();
  }

  #answer(head: Attempt, message: Answer): void {
    const { payload, attempt } = head.job;
    const { work } = payload;
    const isRead = message.type !== 'unreadable';
    work.span = isRead ? { startUs: message.startUs, endUs: message.endUs } : null;
    const id = work.kept?.id ?? head.id;
    const thread = this.#thread;
    work.kept = message.type === 'slice' && thread !== null ? { thread, id, attempt } : null;
    if (isRead && message.type !== 'failed') {
      this.#host.learned(work, message.type === 'slice' || message.isGenerator);
    }
    this.#posted -= 1;
    this.#host.answered();
    if (message.type === 'done') payload.result = message.value;
    this.#finish(errorOf(head, message));
    if (this.#posted < this.#attempts.length) this.#askFlush();
  }

  /** Takes the head off the ring and signals its fence. */
  #finish(error?: JobError): void {
    const head = this.#attempts.shift() as Attempt;
    if (this.#attempts.length === 0) this.#thread?.unref();
    head.source.signal(error);
  }

  #progress(job: WorkerJob, value: unknown): void {
    try {
      job.payload.work.onProgress?.(value);
    } catch (error) {
      this.#host.runtime.defer(() => {
        throw error;
      });
    }
  }

  /** Whether the thread has answered something that was not heard yet; it is heard soon. */
  #hasMail(thread: ThreadHandle): boolean {
    if (!thread.hasAnswers()) return false;
    if (this.#receiveAsked) return true;
    this.#receiveAsked = true;
    this.#host.runtime.defer(() => {
      this.#receiveAsked = false;
      this.#receive(thread);
    });
    return true;
  }
}
