import type { CancelSignal } from '../base/index.ts';
import { Timeline } from '../fence/index.ts';
import type { Fence, FenceSource } from '../fence/index.ts';
import { ResetDomain, ResourcePool } from '../sched/index.ts';
import type { ResourcePoolOptions } from '../sched/index.ts';
import { Client, SimpleActor } from './actor.ts';
import type { Actor, ActorOptions, ClientStep } from './actor.ts';
import type { ExploreRuntime } from './exploreRuntime.ts';
import { Judge } from './judge/judge.ts';
import type { DomainRecord } from './judge/records.ts';
import { ModelDevice } from './modelDevice.ts';
import type { ModelDeviceOptions } from './modelDevice.ts';
import { WatchedEntity } from './watchedEntity.ts';
import type { WatchedEntityOptions } from './watchedEntity.ts';
import { WatchedScheduler } from './watchedScheduler.ts';
import type { WatchedSchedulerOptions } from './watchedScheduler.ts';

/** How large a scenario is made. */
export interface Scope {
  readonly entities: number;
  readonly jobs: number;
}

/** What must hold; a string says what is wrong. */
interface Rule {
  readonly rule: string;
  readonly check: () => string | null;
}

/**
 * What a scenario builds: devices, schedulers, entities, clients and faults, all of one run.
 *
 * Made anew for each run. Everything that acts is an actor, and which one acts next is explored; everything that is made
 * through the world is judged against the contract without further ado.
 */
export class World {
  readonly runtime: ExploreRuntime;
  readonly scope: Scope;
  /** @internal */
  readonly judge: Judge;
  /** @internal In the order in which they were made, without the faults. */
  readonly actors: Actor[] = [];
  /** @internal */
  readonly faults: Actor[] = [];
  /** @internal */
  readonly devices: ModelDevice[] = [];
  /** @internal */
  readonly states: (() => readonly number[])[] = [];
  #isOpaque = false;
  /** @internal How many faults may happen in one run. */
  faultBudget = 2;
  readonly #draw: (bound: number) => number;
  readonly #domains = new Map<ResetDomain, DomainRecord>();
  readonly #steps: Rule[] = [];
  readonly #invariants: Rule[] = [];
  readonly #endings: Rule[] = [];
  readonly #healers: (() => void)[] = [];
  readonly #gates: Gate[] = [];
  #listeners = 0;

  constructor(runtime: ExploreRuntime, scope: Scope, draw: (bound: number) => number) {
    this.runtime = runtime;
    this.scope = scope;
    this.#draw = draw;
    this.judge = new Judge(runtime, () => this.#listeners);
  }

  /** A number from 0 to `bound - 1` from the workload's stream: 0 is the simplest, and what shrinking tries first. */
  draw(bound: number): number {
    return bound <= 1 ? 0 : this.#draw(bound) % bound;
  }

  /** One of `choices`, from the workload's stream; the first is the simplest. */
  oneOf<T>(...choices: readonly T[]): T {
    return choices[this.draw(choices.length)] as T;
  }

  /** Hardware whose every step is explored. Its ordinary steps are actors from now on; its faults are added with `addFaults`. */
  device(options: Partial<ModelDeviceOptions> = {}): ModelDevice {
    const { label = `model${this.devices.length}`, ...others } = options;
    const device = new ModelDevice({ label, runtime: this.runtime, ...others });
    this.devices.push(device);
    this.heals(() => device.heal());
    for (let ring = 0; ring < device.rings; ring += 1) {
      for (let place = 0; place < (device.ordered ? 1 : 2); place += 1) {
        this.hardware({
          label: `${label} completes ${ring}${place === 0 ? '' : ' out of order'}`,
          enabled: () => device.canComplete(ring, place),
          run: () => device.complete(ring, place),
        });
      }
    }
    this.hardware({
      label: `${label} is prepared`,
      enabled: () => device.isPreparing,
      run: () => device.finishPreparing(),
    });
    if (options.slowReset === true) {
      this.hardware({
        label: `${label} was reset`,
        enabled: () => device.isResetting,
        run: () => device.finishReset(false),
      });
    }
    return device;
  }

  /** A scheduler over a model device, or over a driver of your own. */
  scheduler<P>(options: WatchedSchedulerOptions<P>): WatchedScheduler<P> {
    const isModel = this.devices.some(({ driver }) => driver === (options.driver as unknown));
    if (!isModel) this.#isOpaque = true;
    return new WatchedScheduler(this.judge, options, this.#domains);
  }

  resetDomain(label: string): ResetDomain {
    return new ResetDomain({ label, runtime: this.runtime });
  }

  entity<P>(options: WatchedEntityOptions<P>): WatchedEntity<P> {
    return new WatchedEntity(this.judge, options);
  }

  pool(options: ResourcePoolOptions): ResourcePool {
    const pool = new ResourcePool(options);
    this.judge.pools.add(pool);
    if (options.reserve !== undefined) this.judge.reservedPools.add(pool);
    return pool;
  }

  /** A fence that somebody outside signals: by a step of a client, or when the world heals. */
  gate(label: string): Gate {
    const gate = new Gate(
      this.judge,
      new Timeline({ driver: 'gate', label, runtime: this.runtime }).createFence(),
    );
    this.#gates.push(gate);
    return gate;
  }

  /** Something that can be aborted, and that counts who listens (F8). */
  cancelSignal(): ExploredSignal {
    return new ExploredSignal((change) => (this.#listeners += change));
  }

  /** Somebody who takes `steps`, in their order, at any time. */
  client(label: string, steps: readonly ClientStep[]): void {
    if (steps.length > 0) this.actors.push(new Client(this.actors.length, label, steps));
  }

  /** Hardware, or anything else of the world that acts when it can. */
  hardware(options: ActorOptions): void {
    this.actors.push(new SimpleActor(this.actors.length, 'hardware', options));
  }

  /** Something that may go wrong: never forced on a run, once unless `times` says more, and never while the world heals. */
  fault(options: ActorOptions): void {
    this.faults.push(new SimpleActor(this.faults.length, 'fault', options));
  }

  /**
   * Tells an exhaustive search what your own code holds, a driver and the steps of clients alike: `read` gives numbers from which
   * all that it does next, and what your rules say, follows. Without it no two states are taken as one, which is right, and slow.
   */
  state(read: () => readonly number[]): void {
    this.states.push(read);
  }

  /** @internal Whether it has a state that nobody tells of. */
  get isOpaque(): boolean {
    return this.#isOpaque && this.states.length === 0;
  }

  /** What must hold whenever nothing is on its way: `check` gives what is wrong, or `null`. */
  holds(rule: string, check: () => string | null): void {
    this.#invariants.push({ rule, check });
  }

  /** What must hold after every step. */
  always(rule: string, check: () => string | null): void {
    this.#steps.push({ rule, check });
  }

  /** What must hold at the end of the run, when faults are over and everything had time to finish. */
  eventually(rule: string, check: () => string | null): void {
    this.#endings.push({ rule, check });
  }

  /** Runs `fn` when the faults are over: it must let everything that it stopped go on. */
  heals(fn: () => void): void {
    this.#healers.push(fn);
  }

  /** Adds a line to the trail of this step. */
  tell(text: () => string): void {
    if (this.judge.isTold) this.judge.tell(text());
  }

  /** @internal The faults are over. */
  heal(): void {
    for (const gate of this.#gates) gate.signal();
    for (const fn of this.#healers) fn();
  }

  /** @internal */
  checkStep(): void {
    if (this.#steps.length > 0) this.#checkAll(this.#steps);
  }

  /** @internal */
  checkInvariants(): void {
    this.#checkAll(this.#invariants);
  }

  /** @internal */
  checkEndings(): void {
    this.#checkAll(this.#endings);
  }

  #checkAll(rules: readonly Rule[]): void {
    for (const { rule, check } of rules) {
      const wrong = check();
      if (wrong !== null) this.judge.fail(rule, wrong);
    }
  }
}

/** A fence that somebody outside the scheduler signals. */
export class Gate {
  readonly #judge: Judge;
  readonly #source: FenceSource;

  constructor(judge: Judge, source: FenceSource) {
    this.#judge = judge;
    this.#source = source;
  }

  get fence(): Fence {
    return this.#source.fence;
  }

  /** Signals it, ok or with an error; a second time does nothing. */
  signal(error?: Parameters<FenceSource['signal']>[0]): void {
    if (this.fence.status !== 'pending') return;
    const { label } = this.fence.timeline;
    if (this.#judge.isTold) this.#judge.tell(`gate ${label}: ${error?.code ?? 'ok'}`);
    const was = this.#judge.inSignal;
    this.#judge.inSignal = true;
    this.#source.signal(error);
    this.#judge.inSignal = was;
  }
}

/** An abort signal of a scenario. */
export class ExploredSignal implements CancelSignal {
  aborted = false;
  reason: unknown = undefined;
  readonly #count: (change: number) => void;
  readonly #listeners = new Set<() => void>();

  constructor(count: (change: number) => void) {
    this.#count = count;
  }

  addEventListener(_type: 'abort', fn: () => void): void {
    if (this.#listeners.has(fn)) return;
    this.#listeners.add(fn);
    this.#count(1);
  }

  removeEventListener(_type: 'abort', fn: () => void): void {
    if (this.#listeners.delete(fn)) this.#count(-1);
  }

  abort(): void {
    this.aborted = true;
    this.reason = 'aborted';
    for (const fn of [...this.#listeners]) fn();
  }
}
