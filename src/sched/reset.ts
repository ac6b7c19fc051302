import { JobError } from '../base/index.ts';
import type { FencelineError } from '../base/index.ts';
import type { FenceRef, Runtime, Timer } from '../events/index.ts';
import { interruptWaits, isFence, Timeline } from '../fence/index.ts';
import type { FenceSource } from '../fence/index.ts';
import { chargeAttempt, retire, watch } from './attempts.ts';
import { reportCrash } from './crashReport.ts';
import type { Driver, ResetContext } from './driver.ts';
import { convict, endInTurn } from './endings.ts';
import { judge } from './expiry.ts';
import type { JobCore } from './jobCore.ts';
import { prepareAnew } from './queueAgain.ts';
import type { DomainCore } from './resetDomain.ts';
import type { Ring } from './ring.ts';
import type { SchedulerCore } from './schedulerCore.ts';
import { fateOfInnocent, requeue, settleSuspended } from './settling.ts';
import { suspendedOn } from './slices.ts';

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
 * 5. Whoever is named until the last job has met its fate is guilty in this reset, if it covers that job (T3).
 * 6. Where the device is gone meanwhile (a hook, an observer or a callback may say so), the reset stops where it is (T8).
 */
export class Reset {
  readonly #domain: DomainCore;
  readonly #runtime: Runtime;
  readonly #guilty: Map<JobCore, JobError>;
  readonly #faulty: readonly SchedulerCore[];
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
  readonly #convicted = new Set<JobCore>();
  #abandoned = false;
  readonly #setup: SchedulerCore['setup']['reset'];

  constructor(
    domain: DomainCore,
    guilty: Map<JobCore, JobError>,
    faulty: readonly SchedulerCore[],
  ) {
    this.#domain = domain;
    this.#runtime = domain.runtime;
    this.#guilty = guilty;
    this.#faulty = faulty;
    const [first] = guilty.keys();
    const core = first?.entity.scheduler ?? (faulty[0] as SchedulerCore);
    this.#setup = core.setup.reset;
  }

  /** Whether it covers every ring of the domain. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Whether it covers every ring of `core`. */
  coversAll(core: SchedulerCore): boolean {
    return this.#rings.get(core)?.length === core.rings.length;
  }

  /** Whether it took `job`, or will as it begins. */
  covers(job: JobCore): boolean {
    const ring = job.onRing;
    if (ring === null) return this.#attempts.includes(job);
    return this.#rings.get(job.entity.scheduler)?.includes(ring) === true;
  }

  /** Folds in a guilty job; false where this reset does not cover it. Who speaks first gives the reason. */
  addGuilty(job: JobCore, error: JobError): boolean {
    if (!this.covers(job)) return false;
    if (!this.#guilty.has(job)) this.#guilty.set(job, error);
    return true;
  }

  /** Rule 1. */
  begin(): void {
    this.#tryBeganUs = this.#runtime.nowUs();
    this.#cover();
    const late: [SchedulerCore, JobCore[]][] = [];
    for (const [core, rings] of this.#rings) {
      late.push([core, rings.flatMap((ring) => lateOn(core, ring))]);
    }
    for (const rings of this.#rings.values()) for (const ring of rings) ring.stopped = true;
    for (const [core, jobs] of late) {
      judge(core, jobs);
      if (this.#abandoned) return;
    }
    for (const [core, rings] of this.#rings) for (const ring of rings) this.#freeze(core, ring);
    this.#attempts.sort((a, b) => startOf(a) - startOf(b));
    for (const job of this.#guilty.keys()) {
      if (job.onRing === null) continue;
      this.#captured.set(job, job.entity.scheduler.hooks.capture(job));
      if (this.#abandoned) return;
    }
    if (this.#cores().some((core) => core.driver.interruptWaits === true)) this.#interrupt();
    this.#try();
  }

  /** The device is gone: nothing that this reset was about matters any more. */
  abandon(): void {
    this.#abandoned = true;
    this.#token += 1;
    this.#timer?.cancel();
    for (const job of this.#attempts) retire(job.entity.scheduler, job);
    for (const rings of this.#rings.values()) for (const ring of rings) ring.stopped = false;
    this.#over?.signal();
    this.#reportCrash(false);
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
    for (const core of this.#faulty) this.#rings.set(core, [...core.rings]);
    for (const job of this.#guilty.keys()) {
      const core = job.entity.scheduler;
      const rings = this.#rings.get(core) ?? [];
      if (job.onRing !== null && !rings.includes(job.onRing)) rings.push(job.onRing);
      rings.sort((a, b) => a.index - b.index);
      this.#rings.set(core, rings);
    }
  }

  #freeze(core: SchedulerCore, ring: Ring): void {
    const executing = ring.executing();
    core.readClock();
    for (const job of ring.attempts) {
      this.#attempts.push(job);
      job.leaveFence();
      const { current } = job;
      if (!job.isLive || current === null) continue;
      current.suspect = true;
      // Charged: it was accused, and the hardware was done with it before.
      const begun = job === executing || current.charged || core.driver.ordered === false;
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
    if (this.#abandoned) return;
    this.#tries += 1;
    this.#token += 1;
    this.#late = false;
    const token = this.#token;
    this.#tryBeganUs = this.#runtime.nowUs();
    const deadlineUs = this.#tryBeganUs + this.#setup.timeoutUs;
    if (!this.#tell(null)) return;
    let waiting = 1;
    let failed = false;
    const settled = (ok: boolean): void => {
      if (!ok) failed = true;
      waiting -= 1;
      if (waiting > 0 || token !== this.#token) return;
      this.#domain.guard(() => this.#tryEnded(!failed && !this.#late));
    };
    if (Number.isFinite(deadlineUs)) this.#setTimer(deadlineUs, () => this.#tryIsLate());
    for (const [driver, core] of this.#drivers()) {
      waiting += 1;
      callReset(core, driver, this.#contextFor(driver, deadlineUs), settled);
      if (token !== this.#token) return;
    }
    settled(true);
  }

  #setTimer(atUs: number, act: () => void): void {
    this.#timer = this.#runtime.setTimer(atUs, () => this.#domain.guard(act));
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
      guilty: [...this.#guilty.keys()].filter((job) => job.onRing !== null),
      running: this.#attempts.filter((job) => job.onRing !== null),
      rings: [...rings].sort((a, b) => a - b),
      tries: this.#tries,
      deadlineUs,
    };
  }

  #tryIsLate(): void {
    if (!this.#late) {
      this.#late = true;
      if (!this.#tell('late')) return;
    } else {
      this.#tries += 1;
    }
    if (this.#tries >= this.#setup.maxTries) {
      this.#giveUp();
      return;
    }
    this.#setTimer(this.#runtime.nowUs() + this.#setup.timeoutUs, () => this.#tryIsLate());
  }

  #tryEnded(ok: boolean): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (!this.#late && !this.#tell(ok ? 'ok' : 'failed')) return;
    if (ok) {
      this.#succeed();
    } else if (this.#tries >= this.#setup.maxTries) {
      this.#giveUp();
    } else {
      // Without a limit of tries it would become endless.
      const backoffUs = this.#setup.backoffUs * 2 ** Math.min(this.#tries - 1, 20);
      this.#setTimer(this.#runtime.nowUs() + backoffUs, () => this.#try());
    }
  }

  #giveUp(): void {
    const message = `the device could not be reset in ${this.#tries} tries`;
    this.#domain.lose(new JobError('ERR_DEVICE_GONE', message));
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
      this.#convict(job);
      if (this.#abandoned) return;
    }
    const failing: JobCore[] = [];
    for (const job of live) {
      // A ban signals fences, and their callbacks may have closed the scheduler.
      if (!job.isLive) continue;
      if (this.#fateOf(job) === null) requeue(job);
      else failing.push(job);
    }
    for (const job of suspended) {
      if (job.phase === 'queued') settleSuspended(job);
    }
    for (const job of failing) {
      const core = job.entity.scheduler;
      core.readClock();
      this.#convict(job);
      if (job.isLive) endInTurn(core, job, this.#fateOf(job));
    }
    if (this.#abandoned) return;
    this.#over?.signal();
    if (this.#abandoned) return;
    this.#reportCrash(true);
    this.#domain.resetOver(this);
  }

  /** The error that `job` fails with, or `null` where it runs again (T4). */
  #fateOf(job: JobCore): FencelineError | null {
    return this.#guilty.get(job) ?? fateOfInnocent(job, this.#begun.has(job));
  }

  #convict(job: JobCore): void {
    if (!this.#guilty.has(job) || this.#convicted.has(job)) return;
    this.#convicted.add(job);
    convict(job.entity.scheduler, job);
  }

  /** Each scheduler hears of its own. */
  #reportCrash(recovered: boolean): void {
    const guilty = [...this.#guilty.keys()];
    for (const core of this.#cores()) {
      const mine = guilty.filter((job) => job.entity.scheduler === core);
      reportCrash(core, this.#tryBeganUs, recovered, mine, this.#captured);
    }
  }

  /** Says how a try began or ended; false where somebody who heard it lost the device. */
  #tell(outcome: 'ok' | 'failed' | 'late' | null): boolean {
    for (const core of this.#cores()) {
      this.#report(core, outcome);
      if (this.#abandoned) return false;
    }
    return true;
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
  return job.current?.order ?? 0;
}

/** The jobs that execute on `ring` and are past their deadlines. */
function lateOn(core: SchedulerCore, ring: Ring): JobCore[] {
  if (!core.ordered) {
    const nowUs = core.deadlines.nowUs();
    return ring.attempts.filter((job) => job.isLive && (job.current?.dueUs ?? Infinity) <= nowUs);
  }
  const { deadline, watched } = ring;
  const late = deadline.heapIndex !== -1 && core.deadlines.isDue(deadline);
  return late && watched !== null ? [watched] : [];
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
