import { Scheduler } from '../sched/index.ts';
import type { Driver, ResetDomain, SchedulerOptions } from '../sched/index.ts';
import { failedOnTime } from './judge/accuse.ts';
import type { Judge } from './judge/judge.ts';
import { syncResets } from './judge/resetRules.ts';
import type { DomainRecord, RingRecord, SchedulerRecord } from './judge/records.ts';
import { watchedDriver } from './judge/watchedDriver.ts';

/** Options of a watched scheduler: those of `Scheduler` that the judge knows. */
export interface WatchedSchedulerOptions<P> extends Omit<
  SchedulerOptions<P>,
  'runtime' | 'label' | 'device' | 'credits'
> {
  readonly label?: string;
  /** Units per ring. Default 2. */
  readonly credits?: number;
}

/** A scheduler whose driver, and whose every use, the judge sees. */
export class WatchedScheduler<P = unknown> {
  readonly scheduler: Scheduler<P>;
  readonly record: SchedulerRecord;
  readonly #judge: Judge;

  constructor(
    judge: Judge,
    options: WatchedSchedulerOptions<P>,
    domains: Map<ResetDomain, DomainRecord>,
  ) {
    const { driver, label = `gpu${judge.schedulers.length}`, ...others } = options;
    this.#judge = judge;
    const watched = watchedDriver(judge, driver, () => this.record);
    this.scheduler = new Scheduler<P>({
      label,
      driver: watched,
      runtime: judge.runtime,
      // Last: an object that is spread and then added to takes several times as long to make.
      ...others,
    });
    const { resetDomain } = options;
    const domain =
      (resetDomain === undefined ? undefined : domains.get(resetDomain)) ?? newDomain(judge);
    if (resetDomain !== undefined) domains.set(resetDomain, domain);
    this.record = {
      scheduler: this.scheduler as unknown as Scheduler<never>,
      driver: watched as unknown as Driver<never>,
      label,
      credits: options.credits ?? 2,
      ordered: driver.ordered !== false,
      hasReset: driver.reset !== undefined,
      hasTimedOut: driver.timedOut !== undefined,
      resetScope: driver.resetScope ?? 'device',
      runTimeoutUs: (options.runTimeoutMs ?? Infinity) * 1000,
      dependencyTimeoutUs: (options.dependencyTimeoutMs ?? Infinity) * 1000,
      maxAttempts: options.maxAttempts ?? 3,
      banAfter: options.banAfter ?? 3,
      maxTries: options.reset?.maxTries ?? 3,
      backoffUs: (options.reset?.backoffMs ?? 100) * 1000,
      resetTimeoutUs: (options.reset?.timeoutMs ?? 10_000) * 1000,
      policy: options.policy?.name ?? 'fair',
      noHangLimit: options.noHangLimit ?? 10,
      domain,
      rings: newRings(options.rings ?? 1),
      state: 'open',
      wasClosed: false,
      wasUnplugged: false,
      isUnsure: false,
      wasDisturbed: false,
      suspendedAtUs: null,
      stoodStillUs: 0,
      faultedAlone: false,
      resetIsForFault: false,
      resets: 0,
      timeouts: 0,
    };
    if (driver.measure !== undefined) judge.countsTime = false;
    judge.schedulers.push(this.record);
    domain.members.push(this.record);
    // Made before anything can end it, so that looking at it changes nothing later.
    void this.scheduler.gone;
  }

  /** A fault that names nobody (T6). */
  fault(): void {
    const { record } = this;
    if (this.#judge.isTold) this.#judge.tell(`fault of ${record.label}`);
    syncResets(this.#judge);
    this.#judge.settleHeard();
    if (record.state === 'open' || record.state === 'draining') this.#faulted();
    this.scheduler.fault();
  }

  #faulted(): void {
    const { record } = this;
    if (record.hasReset) {
      if (!(
        record.domain.resetting && record.rings.every((ring) => record.domain.rings.includes(ring))
      )) {
        record.faultedAlone = true;
        for (const ring of record.rings) {
          const [only, ...others] = ring.attempts.filter(({ over }) => !over);
          if (only !== undefined && others.length === 0) only.wasAlone = true;
        }
      }
      return;
    }
    for (const ring of record.rings) {
      const live = ring.attempts.filter(({ over }) => !over);
      const [only] = live;
      if (only === undefined || live.length !== 1) continue;
      failedOnTime(this.#judge, record, only.job, only);
    }
  }

  #isDrained(): boolean {
    return !this.#judge.jobs.some(
      (job) => job.job.state !== 'finished' && this.#judge.placeOf(job) === this.record,
    );
  }

  removeDevice(): void {
    const { record } = this;
    // Whether it has ended by now, only it knows.
    if (record.state === 'draining' && this.#isDrained()) return;
    if (this.#judge.isTold) this.#judge.tell(`${record.label} is unplugged`);
    if (record.state === 'closed') record.wasUnplugged = true;
    this.#judge.lose(record.domain);
    this.scheduler.removeDevice();
  }

  close(mode: 'drain' | 'kill'): void {
    const { record } = this;
    if (this.#judge.isTold) this.#judge.tell(`close ${record.label} (${mode})`);
    record.wasClosed = true;
    if (mode === 'kill') this.#judge.closeKilled(record);
    else if (record.state === 'open') record.state = this.#isDrained() ? 'closed' : 'draining';
    void this.scheduler.close({ mode });
  }

  suspendTimeouts(): void {
    if (this.#judge.isTold) this.#judge.tell(`suspend the timeouts of ${this.record.label}`);
    this.record.suspendedAtUs ??= this.#judge.runtime.nowUs();
    this.scheduler.suspendTimeouts();
  }

  resumeTimeouts(): void {
    const { record } = this;
    if (this.#judge.isTold) this.#judge.tell(`resume the timeouts of ${record.label}`);
    if (record.suspendedAtUs !== null) {
      record.stoodStillUs += this.#judge.runtime.nowUs() - record.suspendedAtUs;
    }
    record.suspendedAtUs = null;
    this.scheduler.resumeTimeouts();
  }
}

function newRings(count: number): RingRecord[] {
  const rings: RingRecord[] = [];
  for (let index = 0; index < count; index += 1) {
    rings.push({ index, attempts: [], lastEndUs: 0, busyUs: 0 });
  }
  return rings;
}

function newDomain(judge: Judge): DomainRecord {
  const domain: DomainRecord = {
    members: [],
    blames: new Map(),
    mayBeGone: false,
    resetting: false,
    tries: 0,
    unsettled: 0,
    failed: false,
    deadlineUs: Infinity,
    settledAtUs: -Infinity,
    late: [],
    taken: [],
    rings: [],
    asked: [],
  };
  judge.domains.push(domain);
  return domain;
}
