import { JobError } from '../base/index.ts';
import type { FencelineError } from '../base/index.ts';
import type { FenceRef, Runtime, Timer } from '../events/index.ts';
import { interruptWaits, isFence, Timeline } from '../fence/index.ts';
import type { FenceSource } from '../fence/index.ts';
import { chargeAttempt, retire, watch } from './attempts.ts';
import type { Driver, ResetContext } from './driver.ts';
import { convict, die, endInTurn } from './endings.ts';
import { judge } from './expiry.ts';
import type { JobCore } from './jobCore.ts';
import { lookAgain, prepareAnew, queueAgain } from './queueAgain.ts';
import type { DomainCore } from './resetDomain.ts';
import type { Ring } from './ring.ts';
import type { SchedulerCore } from './schedulerCore.ts';
import { forgetSlices, suspendedOn } from './slices.ts';

/**
 * One reset, from the first stop to the last settled job (T3, T4, T7).
 *
 * 1. The rings that it covers stop; jobs there that are past their own deadline are judged; then every attempt is
 *    detached from its hardware fence, so that a late completion changes nothing (T5), and charged for its time (S11).
 * 2. Each distinct driver's `reset` is called once. A try ends when all have settled, or counts as failed at its
 *    deadline; then it is awaited, because two resets of one device at once would be worse, but each further
 *    deadline that passes costs a try of the budget.
 * 3. A failed try is followed by another after a back-off that doubles, until the budget is spent: then the device is gone.
 * 4. After success every attempt is retired, the rings go on, and each job meets its fate: guilty, run again, or failed.
 */
export class Reset {
  readonly #domain: DomainCore;
  readonly #runtime: Runtime;
  readonly #guilty: Map<JobCore, JobError>;
  readonly #faulty: ReadonlyMap<SchedulerCore, 'lonely' | 'nobody'>;
  /** The covered rings, by scheduler. */
  readonly #rings = new Map<SchedulerCore, Ring[]>();
  /** Every attempt on them, in the order of starts. */
  #attempts: JobCore[] = [];
  #isWhole = false;
  readonly #begun = new Set<JobCore>();
  #tries = 0;
  /** Names the try that is going on, so that an older one cannot be mistaken for it. */
  #token = 0;
  #late = false;
  #timer: Timer | null = null;
  #tryBeganUs = 0;
  #over: FenceSource | null = null;
  readonly #captured = new Map<JobCore, unknown>();
  readonly #setup: SchedulerCore['setup']['reset'];

  constructor(
    domain: DomainCore,
    guilty: Map<JobCore, JobError>,
    faulty: ReadonlyMap<SchedulerCore, 'lonely' | 'nobody'>,
  ) {
    this.#domain = domain;
    this.#runtime = domain.runtime;
    this.#guilty = guilty;
    this.#faulty = faulty;
    const [first] = guilty.keys();
    const [faulted] = faulty.keys();
    const core = first?.entity.scheduler ?? (faulted as SchedulerCore);
    this.#setup = core.setup.reset;
  }

  /** Whether it covers every ring of the domain. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Folds in a guilty job; false where this reset does not cover it. */
  addGuilty(job: JobCore, error: JobError): boolean {
    if (job.onRing === null || !job.onRing.stopped) return false;
    this.#guilty.set(job, error);
    return true;
  }

  /** Rule 1. */
  begin(): void {
    this.#cover();
    for (const [core, rings] of this.#rings) {
      for (const ring of rings) ring.stopped = true;
      judge(
        core,
        rings.flatMap((ring) => lateOn(core, ring)),
      );
      if (this.#token === -1) return;
    }
    for (const [core, blamed] of this.#faulty) if (blamed === 'lonely') this.#blameTheLonely(core);
    for (const [core, rings] of this.#rings) for (const ring of rings) this.#freeze(core, ring);
    for (const job of this.#guilty.keys()) {
      this.#captured.set(job, job.entity.scheduler.hooks.capture(job));
    }
    this.#attempts.sort((a, b) => startOf(a) - startOf(b) || a.id - b.id);
    if (this.#cores().some((core) => core.driver.interruptWaits === true)) this.#interrupt();
    this.#try();
  }

  /** The device is gone: nothing that this reset was about matters any more. */
  abandon(): void {
    this.#token = -1;
    this.#timer?.cancel();
    for (const job of this.#attempts) retire(job.entity.scheduler, job);
    for (const rings of this.#rings.values()) for (const ring of rings) ring.stopped = false;
    this.#over?.signal();
  }

  #cores(): SchedulerCore[] {
    return [...this.#rings.keys()];
  }

  /** A driver that can reset single rings is asked only for those to blame; any other takes the whole domain with it. */
  #cover(): void {
    const { members } = this.#domain;
    this.#isWhole = [...members].some((core) => core.driver.resetScope !== 'ring');
    if (this.#isWhole) {
      for (const core of members) this.#rings.set(core, [...core.rings]);
      return;
    }
    for (const core of this.#faulty.keys()) this.#rings.set(core, [...core.rings]);
    for (const job of this.#guilty.keys()) {
      const core = job.entity.scheduler;
      const rings = this.#rings.get(core) ?? [];
      if (job.onRing !== null && !rings.includes(job.onRing)) rings.push(job.onRing);
      rings.sort((a, b) => a.index - b.index);
      this.#rings.set(core, rings);
    }
  }

  #blameTheLonely(core: SchedulerCore): void {
    for (const ring of core.rings) {
      const live = ring.attempts.filter((job) => job.isLive);
      const [only] = live;
      if (only === undefined || live.length !== 1 || this.#guilty.has(only)) continue;
      this.#guilty.set(only, new JobError('ERR_JOB_TIMEOUT', undefined, { label: only.label }));
    }
  }

  #freeze(core: SchedulerCore, ring: Ring): void {
    const executing = ring.executing();
    core.readClock();
    for (const job of ring.attempts) {
      this.#attempts.push(job);
      job.leaveFence();
      if (!job.isLive) continue;
      if (job.current !== null) job.current.suspect = true;
      const begun = job === executing || core.driver.ordered === false;
      if (begun) this.#begun.add(job);
      chargeAttempt(core, job, begun ? 'clock' : 'nothing');
    }
    watch(core, ring);
  }

  #interrupt(): void {
    const timeline = new Timeline({ driver: 'reset', label: 'over', runtime: this.#runtime });
    this.#over = timeline.createFence();
    interruptWaits(this.#over.fence);
  }

  /** Rule 2. */
  #try(): void {
    this.#tries += 1;
    this.#token += 1;
    this.#late = false;
    const token = this.#token;
    this.#tryBeganUs = this.#runtime.nowUs();
    const deadlineUs = this.#tryBeganUs + this.#setup.timeoutUs;
    for (const core of this.#cores()) this.#report(core, null);
    let waiting = 1;
    let failed = false;
    const settled = (ok: boolean): void => {
      if (!ok) failed = true;
      waiting -= 1;
      if (waiting === 0 && token === this.#token) this.#tryEnded(!failed && !this.#late);
    };
    if (Number.isFinite(deadlineUs)) {
      this.#timer = this.#runtime.setTimer(deadlineUs, () => this.#tryIsLate());
    }
    for (const [driver, core] of this.#drivers()) {
      waiting += 1;
      callReset(core, driver, this.#contextFor(driver, deadlineUs), settled);
      if (token !== this.#token) return;
    }
    settled(true);
  }

  #drivers(): Map<Driver, SchedulerCore> {
    const drivers = new Map<Driver, SchedulerCore>();
    for (const core of this.#cores()) {
      if (!drivers.has(core.driver)) drivers.set(core.driver, core);
    }
    return drivers;
  }

  #contextFor(driver: Driver, deadlineUs: number): ResetContext {
    const rings = new Set<number>();
    for (const [core, covered] of this.#rings) {
      if (core.driver === driver) for (const ring of covered) rings.add(ring.index);
    }
    return {
      guilty: [...this.#guilty.keys()],
      running: this.#attempts.filter((job) => job.onRing !== null),
      rings: [...rings].sort((a, b) => a - b),
      tries: this.#tries,
      deadlineUs,
    };
  }

  #tryIsLate(): void {
    if (!this.#late) {
      this.#late = true;
      for (const core of this.#cores()) this.#report(core, 'late');
    } else {
      this.#tries += 1;
    }
    if (this.#tries >= this.#setup.maxTries) {
      this.#giveUp();
      return;
    }
    const nextUs = this.#runtime.nowUs() + this.#setup.timeoutUs;
    this.#timer = this.#runtime.setTimer(nextUs, () => this.#tryIsLate());
  }

  #tryEnded(ok: boolean): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (!this.#late) for (const core of this.#cores()) this.#report(core, ok ? 'ok' : 'failed');
    if (ok) {
      this.#succeed();
    } else if (this.#tries >= this.#setup.maxTries) {
      this.#giveUp();
    } else {
      // Without a limit of tries it would become endless.
      const backoffUs = this.#setup.backoffUs * 2 ** Math.min(this.#tries - 1, 20);
      this.#timer = this.#runtime.setTimer(this.#runtime.nowUs() + backoffUs, () => this.#try());
    }
  }

  #giveUp(): void {
    const message = `the device could not be reset in ${this.#tries} tries`;
    this.#domain.lose(new JobError('ERR_DEVICE_GONE', message));
    this.#reportCrash(false);
  }

  /** Rule 4. Everything is in its place before the first fence signals. */
  #succeed(): void {
    this.#token += 1;
    const suspended = [...this.#rings].flatMap(([core, rings]) => suspendedOn(core, rings));
    const live = this.#attempts.filter((job) => job.isLive && job.onRing !== null);
    for (const job of this.#attempts) retire(job.entity.scheduler, job);
    for (const [core, rings] of this.#rings) {
      core.resets += 1;
      for (const ring of rings) {
        ring.stopped = false;
        ring.lastEndUs = this.#runtime.nowUs();
      }
      prepareAnew(core);
      core.requestPass();
    }
    for (const job of live) {
      if (job.current !== null) job.current.suspect = false;
      if (this.#guilty.has(job)) convict(job.entity.scheduler, job);
    }
    const failing: JobCore[] = [];
    for (const job of live) {
      // A ban signals fences, and their callbacks may have closed the scheduler.
      if (!job.isLive) continue;
      if (this.#fateOf(job) === null) requeue(job);
      else failing.push(job);
    }
    for (const job of suspended) {
      if (job.phase === 'queued') this.#settleSuspended(job);
    }
    for (const job of failing) {
      const core = job.entity.scheduler;
      core.readClock();
      if (job.isLive) endInTurn(core, job, this.#fateOf(job));
    }
    this.#over?.signal();
    this.#reportCrash(true);
    this.#domain.resetOver(this);
  }

  /** Signal first, dump later (T10): the fences have signalled by now. */
  #reportCrash(recovered: boolean): void {
    const atUs = this.#tryBeganUs;
    for (const core of this.#cores()) {
      const { onCrash } = core.setup;
      const mine = [...this.#captured].filter(([job]) => job.entity.scheduler === core);
      if (onCrash === null || mine.length === 0) continue;
      const guilty = mine.map(([job, captured]) => {
        const { label, ref: fence, attempt } = job;
        return { label, client: job.entity.setup.client, fence, attempt, captured };
      });
      this.#runtime.defer(() => onCrash({ atUs, recovered, guilty }));
    }
  }

  /** The error that `job` fails with, or `null` where it runs again (T4). */
  #fateOf(job: JobCore): FencelineError | null {
    const { entity, extra } = job;
    const guilty = this.#guilty.get(job);
    if (guilty !== undefined) return guilty;
    const cancelError = extra?.cancelError ?? null;
    if (cancelError !== null) return cancelError;
    if (entity.killed !== null) return entity.killed;
    const begun = this.#begun.has(job) || (extra?.slicing?.ended ?? 0) > 0;
    const resubmit = extra?.resubmit ?? !begun;
    const again = resubmit && job.attempt < entity.scheduler.setup.maxAttempts;
    return again ? null : new JobError('ERR_JOB_RESET', undefined, { label: job.label });
  }

  /** Between two slices it was not on a ring, and had begun: it begins anew where that was asked for, else it fails (S14, T4). */
  #settleSuspended(job: JobCore): void {
    const core = job.entity.scheduler;
    const again = job.extra?.resubmit === true && job.attempt < core.setup.maxAttempts;
    forgetSlices(core, job);
    if (again) askAnew(core, job);
    else die(core, job, new JobError('ERR_JOB_RESET', undefined, { label: job.label }));
  }

  #report(core: SchedulerCore, outcome: 'ok' | 'failed' | 'late' | null): void {
    if (!core.observers.listening) return;
    const atUs = this.#runtime.nowUs();
    const guilty: FenceRef[] = [];
    const innocent: FenceRef[] = [];
    for (const job of this.#attempts) {
      if (this.#guilty.has(job)) guilty.push(job.ref);
      else if (job.isLive) innocent.push(job.ref);
    }
    const tries = this.#tries;
    if (outcome === null) {
      core.observers.emit({ type: 'reset-begin', atUs, guilty, innocent, tries });
    } else {
      const tookUs = atUs - this.#tryBeganUs;
      core.observers.emit({ type: 'reset-end', atUs, guilty, innocent, tries, outcome, tookUs });
    }
  }
}

function startOf(job: JobCore): number {
  return job.current?.startedAtUs ?? 0;
}

/** The executing job of `ring`, if it is past its deadline. */
function lateOn(core: SchedulerCore, ring: Ring): JobCore[] {
  const { deadline, watched } = ring;
  const late = deadline.heapIndex !== -1 && core.deadlines.isDue(deadline);
  return late && watched !== null ? [watched] : [];
}

/** Puts an innocent job back in its place in the queue, as a new attempt to come. */
function requeue(job: JobCore): void {
  const core = job.entity.scheduler;
  forgetSlices(core, job);
  queueAgain(job);
  askAnew(core, job);
}

/** What it waited for is asked anew by its next attempt. */
function askAnew(core: SchedulerCore, job: JobCore): void {
  if (job.extra !== null) job.extra.nextAfter = 0;
  job.isPrepared = false;
  if (core.observers.listening) {
    const atUs = core.runtime.nowUs();
    const { ref: fence, attempt } = job;
    core.observers.emit({ type: 'job-requeue', atUs, fence, attempt });
  }
  lookAgain(core, job);
}

/** Calls one driver's `reset` and tells `settled` once how it went, whatever form the answer takes. */
function callReset(
  core: SchedulerCore,
  driver: Driver,
  context: ResetContext,
  settled: (ok: boolean) => void,
): void {
  if (driver.reset === undefined) {
    settled(true);
    return;
  }
  const result = core.hooks.reset(context);
  if (result.threw) {
    settled(false);
    return;
  }
  const { value } = result;
  if (value === undefined) {
    settled(true);
  } else if (isFence(value)) {
    if (value.addCallback((fence) => settled(fence.error === null)) === null) {
      settled(value.error === null);
    }
  } else {
    Promise.resolve(value as Promise<void>).then(
      () => settled(true),
      () => settled(false),
    );
  }
}
