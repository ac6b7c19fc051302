// The model of model.prop.test.ts: a scheduler under random acts, and what must hold after each of them.
import { expect } from 'vitest';
import { MockRing, VirtualRuntime } from '../../src/drivers/sim/index.ts';
import type { MockHook, MockWork } from '../../src/drivers/sim/index.ts';
import type { SchedEvent } from '../../src/events/index.ts';
import { Timeline } from '../../src/fence/index.ts';
import type { Fence, FenceSource } from '../../src/fence/index.ts';
import {
  fair,
  fifo,
  linuxFair,
  roundRobin,
  Scheduler,
  strictPriority,
} from '../../src/sched/index.ts';
import type { Driver, Entity, EntityOptions, Priority } from '../../src/sched/index.ts';
import type { SubmitOptions } from '../../src/sched/index.ts';
import type { MockJob } from './fixture.ts';

const POLICIES = { fair, linuxFair, fifo, roundRobin, strictPriority } as const;

/** What a run starts with. */
export interface World {
  readonly rings: number;
  readonly credits: number;
  readonly ordered: boolean;
  readonly resetScope: 'device' | 'ring';
  readonly slicesOn: 'any-ring' | 'same-ring';
  readonly resetUs: number;
  readonly policy: keyof typeof POLICIES;
  readonly lacks: readonly Exclude<MockHook, 'runJob'>[];
  readonly entities: readonly EntityOptions[];
}

/** One act. Numbers that name an entity or a job are taken modulo how many there are. */
export type Act =
  | {
      readonly act: 'submit';
      readonly entity: number;
      readonly work: MockWork;
      readonly options: SubmitOptions;
      readonly after: readonly number[];
      readonly gated: boolean;
    }
  | { readonly act: 'cancel' | 'fault' | 'late' | 'finish'; readonly job: number }
  | { readonly act: 'kill'; readonly entity: number }
  | {
      readonly act: 'share';
      readonly entity: number;
      readonly priority: Priority;
      readonly weight: number;
    }
  | { readonly act: 'advance'; readonly us: number }
  | { readonly act: 'complete'; readonly count: number }
  | { readonly act: PlainAct }
  | { readonly act: 'throw'; readonly hook: MockHook }
  | { readonly act: 'verdict'; readonly verdict: 'no-hang' | 'reset' | 'gone' }
  | { readonly act: 'onFinished'; readonly job: number; readonly next: Act };

/** The acts that are told by their name alone. */
type PlainAct =
  | 'hang'
  | 'fail'
  | 'drop'
  | 'failReset'
  | 'openGates'
  | 'suspend'
  | 'resume'
  | 'faultNobody'
  | 'drain'
  | 'closeKill'
  | 'remove';

interface Known {
  readonly job: MockJob;
  readonly entity: Entity<MockWork>;
  readonly serial: boolean;
  readonly fails: boolean;
  readonly after: readonly { readonly fence: Fence; readonly of: Known | null }[];
  readonly credits: number;
  /** Whether it may come back for a further slice. */
  readonly sliced: boolean;
  readonly exclusive: boolean;
  signals: string;
}

export class Model {
  readonly runtime: VirtualRuntime;
  readonly mock: MockRing;
  readonly scheduler: Scheduler<MockWork>;
  readonly #world: World;
  readonly #entities: Entity<MockWork>[];
  readonly #jobs: Known[] = [];
  readonly #byRef = new Map<string, Known>();
  /** Attempts that ran and are not retired, by the events. */
  readonly #unretired = new Map<Known, number>();
  readonly #lastFinished = new Map<Entity<MockWork>, number>();
  readonly #gates: FenceSource[] = [];
  #resetting = false;
  #ended = false;

  constructor(world: World) {
    this.#world = world;
    this.runtime = new VirtualRuntime({ sink: { emit: (event) => this.#observe(event) } });
    const { rings, credits, ordered, resetScope, slicesOn } = world;
    this.mock = new MockRing({ runtime: this.runtime, rings, ordered, resetScope, slicesOn });
    this.mock.resetUs = world.resetUs;
    const driver: Driver<MockWork> = this.mock.without(...world.lacks);
    this.scheduler = new Scheduler<MockWork>({
      label: 'model',
      driver,
      runtime: this.runtime,
      rings,
      credits,
      policy: POLICIES[world.policy](),
      runTimeoutMs: 1,
      dependencyTimeoutMs: 5,
      reset: { timeoutMs: 2, maxTries: 3, backoffMs: 1 },
    });
    this.#entities = world.entities.map((options) => this.scheduler.createEntity(options));
  }

  /** Does one act, and checks. */
  step(act: Act): void {
    this.#do(act);
    this.runtime.advanceBy(0);
    this.#check();
  }

  /** Lets everything end, and checks that it did. */
  finish(): void {
    this.scheduler.resumeTimeouts();
    for (const gate of this.#gates) gate.signal();
    for (let round = 0; round < 200; round += 1) {
      this.runtime.runUntilIdle();
      this.mock.complete(1000);
      // Without a reset only the hardware itself can end what hangs or was lost.
      for (let ring = 0; ring < this.#world.rings; ring += 1) {
        for (const job of this.mock.jobsOn(ring)) this.mock.finish(job);
      }
      for (const { job } of this.#jobs) this.mock.completeLate(job);
    }
    this.runtime.runUntilIdle();
    this.#check();
    for (const known of this.#jobs) {
      expect(known.signals).toBe('sf');
      expect(this.mock.freedCount(known.job)).toBe(1);
      expect(known.job.retired).toBe(true);
    }
    const { queued, running, rings } = this.scheduler.stats();
    expect([queued, running]).toEqual([0, 0]);
    for (const ring of rings) expect([ring.running, ring.creditsUsed]).toEqual([0, 0]);
    expect([this.runtime.pendingTimers, this.runtime.pendingDeferred]).toEqual([0, 0]);
  }

  #job(index: number): Known | undefined {
    return this.#jobs[index % Math.max(1, this.#jobs.length)];
  }

  #entity(index: number): Entity<MockWork> {
    return this.#entities[index % this.#entities.length]!;
  }

  #do(act: Act): void {
    switch (act.act) {
      case 'submit':
        return this.#submit(act);
      case 'cancel':
        return void this.#job(act.job)?.job.cancel();
      case 'fault':
        return this.#fault(act.job);
      case 'late':
        return this.#late(act.job);
      case 'finish':
        return this.#finishJob(act.job);
      case 'kill':
        return this.#entity(act.entity).kill();
      case 'share':
        this.#entity(act.entity).setPriority(act.priority);
        return this.#entity(act.entity).setWeight(act.weight);
      case 'advance':
        return this.runtime.advanceBy(act.us);
      case 'complete':
        return void this.mock.complete(act.count);
      case 'onFinished':
        return this.#onFinished(act.job, act.next);
      case 'verdict':
        this.mock.verdict = act.verdict;
        return;
      case 'throw':
        return this.mock.throwNext(act.hook);
      default:
        return this.#doPlain(act.act);
    }
  }

  #doPlain(act: PlainAct): void {
    const acts: Record<PlainAct, () => unknown> = {
      hang: () => this.mock.hang(),
      fail: () => this.mock.failNext(),
      drop: () => this.mock.dropFence(),
      failReset: () => this.mock.failReset(),
      openGates: () => this.#gates.splice(0).map((gate) => gate.signal()),
      suspend: () => this.scheduler.suspendTimeouts(),
      resume: () => this.scheduler.resumeTimeouts(),
      faultNobody: () => this.scheduler.fault(),
      drain: () => this.#end(() => void this.scheduler.close()),
      closeKill: () => this.#end(() => void this.scheduler.close({ mode: 'kill' })),
      remove: () => this.#end(() => this.scheduler.removeDevice()),
    };
    acts[act]();
  }

  #end(how: () => void): void {
    this.#ended = true;
    how();
  }

  #submit(act: Extract<Act, { act: 'submit' }>): void {
    const entity = this.#entity(act.entity);
    const { order, onDependencyError } = this.#world.entities[this.#entities.indexOf(entity)]!;
    const after: { fence: Fence; of: Known | null }[] = [];
    for (const index of act.after) {
      const of = this.#job(index);
      if (of !== undefined) {
        after.push({ fence: index % 3 === 0 ? of.job.scheduled : of.job.finished, of });
      }
    }
    if (act.gated) {
      const timeline = new Timeline({ driver: 'test', label: 'gate', runtime: this.runtime });
      const gate = timeline.createFence();
      this.#gates.push(gate);
      after.push({ fence: gate.fence, of: null });
    }
    let job: MockJob;
    try {
      job = entity.submit(act.work, { ...act.options, after: after.map(({ fence }) => fence) });
    } catch (error) {
      const { code } = error as { code?: string };
      const known = ['ERR_CLOSED', 'ERR_QUEUE_FULL', 'ERR_CLIENT_BANNED', 'ERR_DEVICE_GONE'];
      if (code === undefined || !known.includes(code)) throw error;
      return;
    }
    const fails = (act.options.onDependencyError ?? onDependencyError ?? 'run') === 'fail';
    const credits = Math.min(act.options.credits ?? 1, this.#world.credits);
    const serial = order !== 'parallel';
    const sliced = (act.work.slices ?? 1) > 1 && !this.#world.lacks.includes('nextSlice');
    const exclusive = act.options.exclusive === true;
    const own = { serial, fails, credits, sliced, exclusive };
    const known: Known = { job, entity, after, signals: '', ...own };
    this.#jobs.push(known);
    this.#byRef.set(`${job.finished.timeline.id}/${job.finished.seqno}`, known);
    job.scheduled.addCallback(() => (known.signals += 's'));
    job.finished.addCallback(() => this.#finished(known));
  }

  #finished(known: Known): void {
    known.signals += 'f';
    if (!known.serial) return;
    const { seqno } = known.job.finished;
    expect(seqno, 'J4: finished fences in order').toBe(
      (this.#lastFinished.get(known.entity) ?? 0) + 1,
    );
    this.#lastFinished.set(known.entity, seqno);
  }

  #fault(index: number): void {
    const known = this.#job(index);
    if (known !== undefined) this.scheduler.fault(known.job);
  }

  #late(index: number): void {
    const known = this.#job(index);
    if (known !== undefined) this.mock.completeLate(known.job);
  }

  #finishJob(index: number): void {
    const known = this.#job(index);
    if (known !== undefined) this.mock.finish(known.job);
  }

  #onFinished(index: number, next: Act): void {
    this.#job(index)?.job.finished.addCallback(() => this.#do(next));
  }

  #observe(event: SchedEvent): void {
    if (event.type === 'job-run') {
      const known = this.#byRef.get(event.fence.join('/'))!;
      for (const [other, ring] of this.#unretired) {
        const isShared = ring === event.ring && (other.exclusive || known.exclusive);
        expect(isShared, 'S14: alone on its ring').toBe(false);
        const isBehind = known.serial && other.entity === known.entity && other.sliced;
        // Without a reset a guilty job is over while the hardware still has it; it may wait for those before it.
        const isOver = this.#world.lacks.includes('reset');
        const isLive = !isOver && other.job.state === 'running' && other.signals === 's';
        expect(isBehind && isLive && other.job.id < known.job.id, 'S14, J4').toBe(false);
      }
      this.#unretired.set(known, event.ring);
      for (const { fence, of } of known.after) {
        expect(fence.status !== 'pending' || this.#mayPass(known, fence, of), 'J5').toBe(true);
      }
    } else if (event.type === 'job-retire') {
      this.#unretired.delete(this.#byRef.get(event.fence.join('/'))!);
    } else if (event.type === 'reset-begin') {
      this.#resetting = true;
    } else if (event.type === 'reset-end' && event.outcome === 'ok') {
      this.#resetting = false;
    }
  }

  /** Whether a pending dependency may be passed over: by order (J6), or by pipelining (J7). */
  #mayPass(known: Known, fence: Fence, of: Known | null): boolean {
    if (known.fails || of === null) return false;
    if (of.entity === known.entity && known.serial) return true;
    const { rings, ordered } = this.#world;
    if (of.sliced) return false;
    return rings === 1 && ordered && fence === of.job.finished && of.job.state === 'running';
  }

  #check(): void {
    for (const known of this.#jobs) this.#checkJob(known);
    this.#checkRings();
    const queued = this.#entities.reduce((sum, entity) => sum + entity.queued, 0);
    expect(this.scheduler.stats().queued, 'counters agree').toBe(queued);
    if (!this.#resetting && !this.#ended) this.#checkWork();
  }

  #checkJob({ job, signals }: Known): void {
    expect(['', 's', 'sf'], 'J3: scheduled, then finished, once each').toContain(signals);
    expect(job.state === 'finished', 'J2').toBe(signals === 'sf');
    expect(job.attempt, 'T4: maxAttempts').toBeLessThanOrEqual(3);
    const freed = this.mock.freedCount(job);
    expect(freed, 'D3: freed once').toBeLessThanOrEqual(1);
    if (freed === 1) expect([signals, job.retired], 'D3: freed at the end').toEqual(['sf', true]);
  }

  #checkRings(): void {
    const { rings } = this.scheduler.stats();
    const used = rings.map(() => 0);
    for (const [known, ring] of this.#unretired) used[ring]! += known.credits;
    expect(
      rings.map((ring) => ring.creditsUsed),
      'S4: credits are those of unretired attempts',
    ).toEqual(used);
    for (const ring of rings) expect(ring.creditsUsed).toBeLessThanOrEqual(this.#world.credits);
    const places = new Map<Entity<MockWork>, number>();
    for (const [known, ring] of this.#unretired) {
      if (!known.serial) continue;
      expect(places.get(known.entity) ?? ring, 'J4: on one ring').toBe(ring);
      places.set(known.entity, ring);
    }
  }

  /** S3: no ring has room while a ready job exists. Looked at where every job costs one credit and nobody is half dead. */
  #checkWork(): void {
    if (this.#jobs.some(({ credits, exclusive }) => credits !== 1 || exclusive)) return;
    const { rings } = this.scheduler.stats();
    const free = rings.some((ring) => ring.creditsUsed < ring.creditsLimit);
    if (!free) return;
    for (const entity of this.#entities) {
      const waiting = this.#jobs.filter(
        (one) => one.entity === entity && one.job.state === 'queued',
      );
      const [head] = waiting;
      if (head === undefined || waiting.length !== entity.queued) continue;
      if (head.after.some(({ fence }) => fence.status === 'pending')) continue;
      // Between two slices it may have to wait for one ring; a serial entity waits for all slices of a job.
      if (head.sliced && head.job.attempt > 0 && this.#world.slicesOn === 'same-ring') continue;
      if ([...this.#unretired.keys()].some((one) => one.entity === entity && one.sliced)) continue;
      const bound = head.serial && [...this.#unretired.keys()].some((one) => one.entity === entity);
      expect(bound, 'S3: a ready job waits while a ring has room').toBe(true);
      expect(rings.length > 1 || !this.#world.ordered, 'S3: on one ring order costs nothing').toBe(
        true,
      );
    }
  }
}
