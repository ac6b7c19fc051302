// The model of fairness.prop.test.ts: accounts that come and go on simulated rings, and the theorem of docs/fairness.md.
import { VirtualRuntime } from '../../src/drivers/sim/index.ts';
import type { FenceSource } from '../../src/fence/index.ts';
import { Timeline } from '../../src/fence/index.ts';
import { Account, Scheduler, setShare } from '../../src/sched/index.ts';
import type { Driver, Entity, Job, Policy, Priority } from '../../src/sched/index.ts';

/** What an account does from `atUs` on: some jobs at once, one by one, or at once behind a fence that opens later. */
export interface Phase {
  readonly kind: 'burst' | 'oneByOne' | 'blocked';
  readonly atUs: number;
  readonly jobs: number;
  readonly lengthUs: number;
  /** What is said of its jobs, as a multiple of the truth; `null`: nothing. */
  readonly said: number | null;
  /** Milliseconds to the deadline hint of each job; `null`: none. */
  readonly deadlineMs: number | null;
  /** Of several entities of the account, which. */
  readonly entity: number;
}

export interface World {
  readonly rings: number;
  readonly credits: number;
  readonly accounts: readonly {
    readonly weight: number;
    readonly priority: Priority;
    readonly entities: number;
    readonly phases: readonly Phase[];
    /** What its weight becomes, and when. */
    readonly weights: readonly { readonly atUs: number; readonly weight: number }[];
  }[];
}

interface Work {
  readonly us: number;
  readonly owner: Owner;
}

/** An account as it is seen from outside. */
interface Owner {
  readonly account: Account;
  readonly entities: Entity<Work>[];
  /** Entities whose head job can start. */
  ready: number;
  executedUs: number;
}

/** The least and the most of a difference while two accounts were both backlogged. */
interface Spread {
  least: number;
  most: number;
}

/** One pair of accounts that the bound did not hold for. */
export interface Breach {
  readonly accounts: readonly [number, number];
  readonly difference: number;
  readonly bound: number;
}

/**
 * Runs `world` under `policy`, and holds it to the theorem: while two accounts are backlogged, the executed time that each got
 * by its share differs by at most (2K + 1) · L · (1/a + 1/b), over any interval. K is how many jobs fit on the device, L the longest
 * that any job took or was said to take, a and b the shares. An interval ends where the share of one of the two changes.
 */
export class FairnessModel {
  readonly runtime: VirtualRuntime = new VirtualRuntime();
  readonly #owners: Owner[];
  readonly #byEntity = new Map<number, Owner>();
  readonly #slots: number;
  readonly #rings: Rings;
  readonly #spreads = new Map<string, Spread>();
  #worst: (Omit<Breach, 'bound'> & { readonly shares: number })[] = [];
  #longestUs = 0;

  constructor(world: World, policy: Policy) {
    const { rings, credits, accounts } = world;
    this.#slots = rings * credits;
    this.#rings = new Rings(this.runtime, rings, () => this.#look());
    const scheduler = new Scheduler<Work>({
      ...{ label: 'fairness', driver: this.#rings, runtime: this.runtime, rings, credits },
      policy: this.#watched(policy),
    });
    this.#owners = accounts.map(({ weight, priority, entities }) => {
      const account = new Account({ weight, priority });
      const order = rings === 1 ? 'serial' : 'parallel';
      const owner: Owner = { account, entities: [], ready: 0, executedUs: 0 };
      for (let index = 0; index < entities; index += 1) {
        const entity = scheduler.createEntity({ account, order, priority });
        owner.entities.push(entity);
        this.#byEntity.set(entity.id, owner);
      }
      return owner;
    });
    accounts.forEach(({ phases, weights }, index) => {
      const owner = this.#owners[index] as Owner;
      for (const phase of phases) this.#begin(owner, phase);
      for (const { atUs, weight } of weights) {
        this.runtime.setTimer(atUs, () => this.#changeWeight(owner, weight));
      }
    });
  }

  /** Lets everything run, and gives the pair that was farthest beyond the bound, if any was. */
  run(): Breach | null {
    this.runtime.runUntilIdle();
    for (const pair of this.#spreads.keys()) this.#close(pair);
    const breaches = this.#worst.map(({ accounts, difference, shares }) => {
      const bound = (2 * this.#slots + 1) * this.#longestUs * shares;
      return { accounts, difference, bound };
    });
    const beyond = ({ difference, bound }: Breach): number => difference / bound;
    const [worst] = breaches.sort((a, b) => beyond(b) - beyond(a));
    return worst !== undefined && beyond(worst) > 1 + 1e-9 ? worst : null;
  }

  /** By how much of the truth the accounts' busy time is wrong, once all has ended (S13). */
  accountingError(): number {
    const sum = (of: (owner: Owner) => number): number =>
      this.#owners.reduce((total, owner) => total + of(owner), 0);
    const wrong = sum(({ account, executedUs }) => Math.abs(account.busyUs - executedUs));
    return wrong / sum(({ executedUs }) => executedUs);
  }

  #changeWeight(owner: Owner, weight: number): void {
    this.#look();
    const changed = this.#owners.indexOf(owner);
    for (const pair of [...this.#spreads.keys()]) {
      if (pair.split('/').map(Number).includes(changed)) this.#close(pair);
    }
    setShare(owner.account, weight, owner.account.priority);
    // Each tells the policy.
    for (const entity of owner.entities) entity.setWeight(1);
    this.#look();
  }

  #begin(owner: Owner, phase: Phase): void {
    const { kind, atUs, jobs, said, deadlineMs } = phase;
    const entity = owner.entities[phase.entity % owner.entities.length] as Entity<Work>;
    let count = 0;
    const submit = (after?: FenceSource): Job<Work> => {
      count += 1;
      // Not all alike: from half of the length to all of it.
      const us = Math.ceil(phase.lengthUs * (1 - ((count * 7) % 11) / 20));
      this.#longestUs = Math.max(this.#longestUs, us);
      return entity.submit(
        { us, owner },
        {
          ...(said !== null && { estimateMs: (us * said) / 1000 }),
          ...(deadlineMs !== null && { deadlineMs }),
          ...(after !== undefined && { after: [after.fence] }),
        },
      );
    };
    const next = (): void => {
      if (count < jobs) submit().finished.addCallback(next);
    };
    this.runtime.setTimer(atUs, () => {
      if (kind === 'oneByOne') {
        next();
        return;
      }
      const gate = kind === 'blocked' ? this.#rings.gate() : undefined;
      for (let index = 0; index < jobs; index += 1) submit(gate);
      if (gate !== undefined) this.runtime.setTimer(atUs + 50_000, () => gate.signal());
    });
  }

  /** `policy`, watched: who is ready. */
  #watched(policy: Policy): Policy {
    const ownerOf = (id: number): Owner => this.#byEntity.get(id) as Owner;
    return {
      name: policy.name,
      add: (entity, nowUs) => {
        this.#look();
        ownerOf(entity.id).ready += 1;
        policy.add(entity, nowUs);
      },
      remove: (entity, nowUs) => {
        this.#look();
        const owner = ownerOf(entity.id);
        owner.ready -= 1;
        policy.remove(entity, nowUs);
        this.#look();
      },
      pick: (nowUs) => policy.pick(nowUs),
      started: (entity, estimateUs, nowUs) => {
        this.#longestUs = Math.max(this.#longestUs, estimateUs);
        policy.started(entity, estimateUs, nowUs);
        this.#look();
      },
      ended: (entity, estimateUs, busyUs, nowUs) => policy.ended(entity, estimateUs, busyUs, nowUs),
      changed: (entity, nowUs) => policy.changed?.(entity, nowUs),
    };
  }

  /** Notes for each pair of backlogged accounts what each has got by now. */
  #look(): void {
    this.#owners.forEach((a, i) => {
      for (let j = 0; j < i; j += 1) this.#lookAt(a, this.#owners[j] as Owner, `${i}/${j}`);
    });
  }

  #lookAt(a: Owner, b: Owner, pair: string): void {
    if (a.ready === 0 || b.ready === 0) {
      this.#close(pair);
      return;
    }
    const difference = this.#gotBy(a) - this.#gotBy(b);
    const spread = this.#spreads.get(pair);
    if (spread === undefined) {
      this.#spreads.set(pair, { least: difference, most: difference });
    } else {
      spread.least = Math.min(spread.least, difference);
      spread.most = Math.max(spread.most, difference);
    }
  }

  #gotBy(owner: Owner): number {
    return (owner.executedUs + this.#rings.executingUs(owner)) / owner.account.share;
  }

  /** The two are not both backlogged any more. */
  #close(pair: string): void {
    const spread = this.#spreads.get(pair);
    if (spread === undefined) return;
    this.#spreads.delete(pair);
    const [i = 0, j = 0] = pair.split('/').map(Number);
    const inverse = (index: number): number => 1 / (this.#owners[index] as Owner).account.share;
    const difference = spread.most - spread.least;
    this.#worst.push({ accounts: [i, j], difference, shares: inverse(i) + inverse(j) });
  }
}

/** A job on a ring. */
interface OnRing {
  readonly work: Work;
  readonly source: FenceSource;
  startUs: number;
}

/** Rings that execute one job after the other, and know what is the truth. */
class Rings implements Driver<Work> {
  readonly #runtime: VirtualRuntime;
  readonly #timeline: Timeline;
  readonly #rings: OnRing[][];
  readonly #look: () => void;

  constructor(runtime: VirtualRuntime, rings: number, look: () => void) {
    this.#runtime = runtime;
    this.#timeline = new Timeline({ driver: 'test', label: 'rings', runtime, ordered: false });
    this.#rings = Array.from({ length: rings }, () => []);
    this.#look = look;
  }

  /** A fence that somebody has to signal. */
  gate(): FenceSource {
    return this.#timeline.createFence();
  }

  runJob(job: Job<Work>, ring: number): ReturnType<Driver<Work>['runJob']> {
    const queue = this.#rings[ring] as OnRing[];
    const source = this.#timeline.createFence();
    queue.push({ work: job.payload, source, startUs: 0 });
    if (queue.length === 1) this.#begin(queue);
    return source.fence;
  }

  /** What jobs that execute now have used so far. */
  executingUs(owner: Owner): number {
    let sumUs = 0;
    for (const [head] of this.#rings) {
      if (head?.work.owner === owner) sumUs += this.#runtime.nowUs() - head.startUs;
    }
    return sumUs;
  }

  #begin(queue: OnRing[]): void {
    const [head] = queue;
    if (head === undefined) return;
    head.startUs = this.#runtime.nowUs();
    this.#runtime.setTimer(head.startUs + head.work.us, () => {
      this.#look();
      queue.shift();
      head.work.owner.executedUs += head.work.us;
      this.#begin(queue);
      head.source.signal();
    });
  }
}
