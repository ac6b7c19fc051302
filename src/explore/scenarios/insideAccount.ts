import { isFence } from '../../fence/index.ts';
import type { Fence } from '../../fence/index.ts';
import type { Driver, Entity, Job, Scheduler } from '../../sched/index.ts';
import type { ModelWork } from '../modelDevice.ts';
import type { World } from '../world.ts';

/** What is known of one job, in the worlds whose clients act inside hooks and events. */
interface Known {
  readonly job: Job<ModelWork>;
  readonly label: string;
  signals: string;
  freed: number;
  dequeued: boolean;
  /** The hardware fence of its last start, and whether a reset took that. */
  hardware: Fence | null;
  isTaken: boolean;
  /** Whether a reset came after its first start. */
  wasReset: boolean;
  cancelAsked: number;
  /** `cancel` said that its driver is asked. */
  isRequested: boolean;
  /** Its driver called it late, and did not give it back; or somebody saw a fault of it: it is out of reach. */
  isSuspect: boolean;
  hasFaulted: boolean;
  hookFailed: boolean;
}

/** One scheduler, and what ended it. */
export interface Place {
  readonly scheduler: Scheduler<ModelWork>;
  readonly label: string;
  wasClosed: boolean;
  wasKilled: boolean;
  wasUnplugged: boolean;
}

/** An entity, and who is before whom in it. */
export interface Queue {
  readonly entity: Entity<ModelWork>;
  readonly place: Place;
  readonly serial: boolean;
  readonly jobs: Job<ModelWork>[];
  killed: boolean;
  lastFinished: number;
}

/**
 * A coarse account, for worlds where anybody acts in the middle of anything: there the judge cannot know how far the scheduler is.
 * It holds only what is true at every moment, and what must be true at the end.
 */
export class InsideAccount {
  readonly places: Place[] = [];
  readonly queues: Queue[] = [];
  readonly #world: World;
  readonly #known = new Map<Job<ModelWork>, Known>();
  #callbacks = 0;

  constructor(world: World) {
    this.#world = world;
    world.always('S4', () => this.#credits());
    world.holds('S3', () => this.#lostWakeUp());
    world.holds('J9', () => this.#notAsked());
    world.eventually('F9', () => this.#unfinished());
    world.eventually('J2', () => this.#counters());
    world.state(() => this.#state());
  }

  /** The jobs that were submitted, in their order. */
  get jobs(): readonly Known[] {
    return [...this.#known.values()];
  }

  /** Watches the fences of a job from its submit on; some are made only when they are asked for. */
  submitted(queue: Queue, job: Job<ModelWork>, isHeard: boolean): void {
    queue.jobs.push(job);
    // Others may have been submitted inside its submit.
    queue.jobs.sort((one, other) => one.id - other.id);
    const known = this.#of(job);
    if (!isHeard) return;
    job.scheduled.addCallback(() => this.#inCallback(() => (known.signals += 's')));
    job.finished.addCallback(() => this.#inCallback(() => this.#finished(queue, known)));
  }

  /** `driver`, of which every call is looked at. */
  watched(driver: Driver<ModelWork>, place: () => Place): Driver<ModelWork> {
    const { freeJob, cancelJob, nextSlice, reset, timedOut } = driver;
    return {
      ...driver,
      runJob: (job, ring) => this.#run(driver, place(), job, ring),
      prepareJob: (job) => {
        const known = this.#starts(place(), job, 'prepareJob');
        return this.#orFails(known, () => driver.prepareJob?.(job) ?? null);
      },
      freeJob: (job) => {
        this.#freed(job);
        freeJob?.(job);
      },
      ...(cancelJob !== undefined && {
        cancelJob: (job: Job<ModelWork>) => {
          const known = this.#alive(job, 'cancelJob');
          known.cancelAsked += 1;
          if (known.cancelAsked > 1)
            this.#fail('J9', `cancelJob for ${known.label} twice in one attempt`);
          if (known.hardware === null || known.isTaken)
            this.#fail('J9', `cancelJob for ${known.label}, which its driver does not have`);
          cancelJob(job);
        },
      }),
      ...(nextSlice !== undefined && {
        nextSlice: (job: Job<ModelWork>) => {
          const known = this.#alive(job, 'nextSlice');
          if (known.hardware?.status !== 'ok')
            this.#fail('S14', `nextSlice of ${known.label}, of which no slice has ended well`);
          return this.#orFails(known, () => nextSlice(job));
        },
      }),
      ...(timedOut !== undefined && {
        timedOut: (job: Job<ModelWork>) => {
          const known = this.#alive(job, 'timedOut');
          if (known.isTaken) this.#fail('T2', `timedOut of ${known.label}, which a reset has`);
          known.isSuspect = true;
          const verdict = timedOut(job);
          known.isSuspect = verdict !== 'no-hang' || known.hasFaulted;
          return verdict;
        },
      }),
      ...(reset !== undefined && {
        reset: (context: Parameters<typeof reset>[0]) => {
          this.#reset(context.running);
          if (place().scheduler.gone.status === 'failed')
            this.#fail('T8', `reset of ${place().label} after it was gone`);
          return reset(context);
        },
      }),
    };
  }

  /** As `job.cancel()`; what it says is kept. */
  cancel(job: Job<ModelWork>): void {
    const known = this.#of(job);
    const said = job.cancel();
    this.#world.tell(() => `cancel ${known.label}: ${said}`);
    if (said === 'dequeued') known.dequeued = true;
    if (said === 'requested') known.isRequested = true;
  }

  /** As `scheduler.fault(job)`: where the job runs, it is guilty, and never ends well (T6). */
  fault({ scheduler }: Place, job: Job<ModelWork>): void {
    const known = this.#of(job);
    this.#world.tell(() => `fault of ${known.label}`);
    const counts = job.state === 'running' && known.hardware !== null && !known.isTaken;
    if (counts && scheduler.gone.status === 'pending') known.hasFaulted = known.isSuspect = true;
    scheduler.fault(job);
  }

  #fail(rule: string, message: string): void {
    this.#world.judge.fail(rule, message);
  }

  /** What is known of `job`; an observer may meet it inside its own submit. */
  #of(job: Job<ModelWork>): Known {
    let known = this.#known.get(job);
    if (known === undefined) {
      const label = `J${this.#known.size + 1}`;
      known = {
        job,
        label,
        signals: '',
        freed: 0,
        dequeued: false,
        hardware: null,
        isTaken: false,
        wasReset: false,
        cancelAsked: 0,
        isRequested: false,
        isSuspect: false,
        hasFaulted: false,
        hookFailed: false,
      };
      this.#known.set(job, known);
    }
    return known;
  }

  #queueOf(job: Job<ModelWork>): Queue | undefined {
    return this.queues.find(({ jobs }) => jobs.includes(job));
  }

  #inCallback(fn: () => void): void {
    if (this.#callbacks > 0) this.#fail('F5', 'a callback runs inside another one');
    this.#callbacks += 1;
    fn();
    this.#callbacks -= 1;
  }

  /** A hook is called for a job that is not over. */
  #alive(job: Job<ModelWork>, hook: string): Known {
    const known = this.#of(job);
    this.#world.tell(() => `${hook} ${known.label}`);
    if (known.freed > 0) this.#fail('D3', `${hook} for ${known.label} after it was freed`);
    return known;
  }

  /** A hook is called that leads to a start. */
  #starts(place: Place, job: Job<ModelWork>, hook: string): Known {
    const known = this.#alive(job, hook);
    const { label, dequeued, signals } = known;
    if (place.wasKilled) this.#fail('E3', `${hook} for ${label} after the close`);
    if (place.wasUnplugged || place.scheduler.gone.status === 'failed')
      this.#fail('T8', `${hook} for ${label} after the device was gone`);
    if (dequeued) this.#fail('J9', `${hook} for ${label}, which was dequeued`);
    if (this.#queueOf(job)?.killed === true)
      this.#fail('E2', `${hook} for ${label} after its entity was killed`);
    if (signals.endsWith('f')) this.#fail('J2', `${hook} for ${label}, which has finished`);
    return known;
  }

  #run(driver: Driver<ModelWork>, place: Place, job: Job<ModelWork>, ring: number): Fence {
    const known = this.#starts(place, job, 'runJob');
    if (known.hardware?.status === 'pending' && !known.isTaken)
      this.#fail('J2', `${known.label} starts while its last attempt is on the hardware`);
    const fence = this.#orFails(known, () => driver.runJob(job, ring));
    known.hardware = isFence(fence) ? fence : null;
    known.hookFailed ||= known.hardware === null;
    known.isTaken = false;
    known.isSuspect = false;
    known.cancelAsked = 0;
    return fence;
  }

  /** A reset has the jobs of its rings, and what those left between two slices. */
  #reset(running: readonly Job<ModelWork>[]): void {
    this.#world.tell(() => 'reset');
    for (const job of running) this.#of(job).isTaken = true;
    for (const known of this.jobs) known.wasReset ||= known.job.attempt > 0;
  }

  #orFails<T>(known: Known, hook: () => T): T {
    try {
      return hook();
    } catch (error) {
      known.hookFailed = true;
      throw error;
    }
  }

  #freed(job: Job<ModelWork>): void {
    const known = this.#of(job);
    known.freed += 1;
    const { label, freed } = known;
    this.#world.tell(() => `freeJob ${label}`);
    if (freed > 1) this.#fail('D3', `${label} is freed ${freed} times`);
    if (job.finished.status === 'pending') this.#fail('D3', `${label} is freed before it finished`);
    if (this.#callbacks > 0) this.#fail('D3', `${label} is freed inside a fence callback`);
  }

  #finished(queue: Queue, known: Known): void {
    known.signals += 'f';
    const { job, label, signals } = known;
    const { error } = job.finished;
    this.#world.tell(() => `${label} finished: ${error?.code ?? 'ok'}`);
    if (signals !== 'sf') this.#fail('J3', `the fences of ${label} signal as "${signals}"`);
    const seqno = queue.jobs.indexOf(job) + 1;
    if (queue.serial && seqno < queue.lastFinished)
      this.#fail('J4', `${label} finishes after a later job of its serial entity`);
    queue.lastFinished = seqno;
    this.#explain(queue, known, error?.code ?? 'ok');
  }

  #explain({ place, killed }: Queue, known: Known, code: string): void {
    const { job, label, dequeued, hardware, isTaken, wasReset, hookFailed } = known;
    const isGone = place.scheduler.gone.status === 'failed' || place.wasUnplugged;
    const fits: Readonly<Record<string, boolean>> = {
      ok: !dequeued && !known.hasFaulted && hardware?.status === 'ok' && !isTaken,
      ERR_SCHEDULER_CLOSED: place.wasKilled,
      ERR_DEVICE_GONE: isGone || this.#isLosing(place),
      ERR_ENTITY_KILLED: killed,
      ERR_JOB_RESET: wasReset,
      ERR_JOB_TIMEOUT: job.attempt > 0,
      ERR_DRIVER: hookFailed || hardware?.error?.code === 'ERR_DRIVER',
    };
    if (fits[code] === false)
      this.#fail('J3', `${label} finished with ${code}, and nobody gave it`);
  }

  /** Whether the device may be called gone in this very step: by a verdict, or by a reset that is given up. */
  #isLosing({ scheduler }: Place): boolean {
    const { timeouts } = scheduler.stats();
    return timeouts > 0 || this.jobs.some(({ isTaken }) => isTaken);
  }

  /** S4, J11: what the hardware still has is counted, and never more than there is room for. */
  #credits(): string | null {
    // The whole domain is lost at once, also who was closed before.
    const isLost = this.places.some((one) => one.scheduler.gone.status === 'failed');
    for (const { scheduler, label, wasUnplugged } of this.places) {
      const { rings } = scheduler.stats();
      let running = 0;
      for (const ring of rings) {
        running += ring.running;
        if (ring.creditsUsed < 0 || (ring.running === 0) !== (ring.creditsUsed === 0))
          return `${label} counts ${ring.creditsUsed} credits of ${ring.running} attempts`;
      }
      if (wasUnplugged || isLost) continue;
      const held = this.queues.filter(({ place }) => place.scheduler === scheduler);
      const pending = held
        .flatMap(({ jobs }) => jobs.map((job) => this.#of(job)))
        .filter(({ hardware, isTaken }) => hardware?.status === 'pending' && !isTaken);
      if (pending.length > running)
        return `${label} counts ${running} attempts, and its hardware has ${pending.length}`;
    }
    return null;
  }

  /** J9, E3: the driver is asked to cancel what it has. */
  #notAsked(): string | null {
    for (const { jobs, place } of this.queues) {
      if (place.wasUnplugged || place.scheduler.gone.status === 'failed') continue;
      for (const job of jobs) {
        const { label, hardware, isTaken, isSuspect, isRequested, cancelAsked } = this.#of(job);
        const hasIt = hardware?.status === 'pending' && !isTaken && !isSuspect;
        const isToEnd = isRequested && job.state === 'running';
        const wasClosed = job.finished.error?.code === 'ERR_SCHEDULER_CLOSED';
        if (hasIt && cancelAsked === 0 && (isToEnd || wasClosed))
          return `the driver was never asked to cancel ${label}, which it has`;
      }
    }
    return null;
  }

  /** S2, S3: nothing runs, nothing is on its way, and a job that waits for nothing is not started. */
  #lostWakeUp(): string | null {
    const { devices } = this.#world;
    if (devices.some(({ isPreparing, hasReset }) => isPreparing || hasReset)) return null;
    if (this.#world.runtime.timerCount > 0) return null;
    for (const { entity, jobs, place, killed } of this.queues) {
      if (place.wasKilled || killed || place.scheduler.gone.status === 'failed') continue;
      if (
        this.places.some(({ scheduler }) =>
          scheduler.stats().rings.some((ring) => ring.running > 0),
        )
      )
        continue;
      const head = jobs.find((job) => job.state !== 'finished');
      if (head === undefined || entity.queued === 0 || this.#of(head).dequeued) continue;
      if (head.state === 'queued' && !this.#waits(head))
        return `${this.#of(head).label} could start on ${place.label}, and nothing is on its way`;
    }
    return null;
  }

  readonly waitsFor: Map<Job<ModelWork>, readonly Fence[]> = new Map();

  #waits(job: Job<ModelWork>): boolean {
    return this.waitsFor.get(job)?.some(({ status }) => status === 'pending') === true;
  }

  #unfinished(): string | null {
    for (const { job, label, freed, signals } of this.jobs) {
      if (job.state !== 'finished' || job.finished.status === 'pending')
        return `${label} never finished: it is ${job.state}`;
      if (signals !== '' && signals !== 'sf')
        return `the fences of ${label} signalled "${signals}"`;
      if (!job.retired) return `${label} is not retired at the end`;
      if (freed !== 1) return `${label} was freed ${freed} times`;
    }
    return null;
  }

  #counters(): string | null {
    for (const { entity, jobs } of this.queues) {
      const { submitted, completed, failed, queued, running } = entity.stats();
      const ok = jobs.filter(({ finished }) => finished.status === 'ok').length;
      if (queued !== 0 || running !== 0 || entity.queued !== 0 || entity.running !== 0)
        return `${entity.label} counts ${queued} queued and ${running} running jobs at the end`;
      if (submitted !== jobs.length || completed !== ok || failed !== jobs.length - ok)
        return `${entity.label} counts ${completed} completed and ${failed} failed jobs of ${submitted}; ${ok} of ${jobs.length} are ok`;
    }
    for (const { scheduler, label } of this.places) {
      const { queued, running, rings } = scheduler.stats();
      const held = rings.reduce((sum, ring) => sum + ring.running + ring.creditsUsed, 0);
      if (queued !== 0 || running !== 0 || held !== 0)
        return `${label} counts ${queued} queued jobs, ${running} running ones, and holds ${held} at the end`;
    }
    return null;
  }

  #state(): number[] {
    const numbers = this.places.flatMap(({ scheduler }) => {
      const { queued, running, resets, timeouts } = scheduler.stats();
      return [queued, running, resets, timeouts, scheduler.gone.status.length];
    });
    for (const { job, signals, freed, cancelAsked } of this.jobs) {
      numbers.push(job.state.length, job.attempt, signals.length, freed, cancelAsked);
    }
    return numbers;
  }
}
