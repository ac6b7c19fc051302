import { JobError } from '../../base/index.ts';
import { fenceAll, fenceAny, FenceChain, mergeFences } from '../../fence/index.ts';
import type { Fence } from '../../fence/index.ts';
import type { ResourceRequest, SubmitOptions } from '../../sched/index.ts';
import type { ModelWork } from '../modelDevice.ts';
import { ExpectedThrow } from '../run.ts';
import type { WatchedEntity, WatchedJob } from '../watchedEntity.ts';
import type { ExploredSignal, Gate, World } from '../world.ts';
import type { Swarm } from './swarm.ts';

/** What a step of a client was drawn to do; numbers name a job or a fence among those that are there when it is taken. */
interface Plan {
  readonly work: ModelWork;
  readonly options: SubmitOptions;
  readonly isUnheard: boolean;
  readonly dependencies: readonly { readonly kind: number; readonly which: number }[];
  readonly gate: Gate | null;
  readonly signal: ExploredSignal | null;
  readonly resources: readonly { readonly pool: number; readonly count: number }[];
  readonly onSignal: {
    readonly kind: number;
    readonly which: number;
    readonly atStart: boolean;
  } | null;
}

/** The jobs of a drawn world. What each will be is drawn while the world is built; what it depends on is there when it is submitted. */
export class SwarmJobs {
  readonly jobs: WatchedJob<ModelWork>[] = [];
  readonly gates: Gate[] = [];
  readonly signals: { readonly signal: ExploredSignal; readonly jobs: WatchedJob<ModelWork>[] }[] =
    [];
  readonly #swarm: Swarm;
  /** What may be done inside a callback, set by the acts. */
  #reentrantLeft = 4;

  constructor(swarm: Swarm) {
    this.#swarm = swarm;
  }

  /** A step of a client: one submit. */
  step(entity: WatchedEntity<ModelWork>): () => void {
    const plan = this.#plan();
    return () => this.submit(entity, plan);
  }

  submit(entity: WatchedEntity<ModelWork>, plan: Plan): void {
    const after = plan.dependencies
      .map((one) => this.#fence(one.kind, one.which))
      .filter((one) => one !== null);
    if (plan.gate !== null) after.push(plan.gate.fence);
    const resources = plan.resources.map(({ pool, count }) => {
      const asked = this.#swarm.pools[pool % this.#swarm.pools.length] as Swarm['pools'][number];
      return { pool: asked, count: Math.min(count, asked.slots) };
    });
    const job = entity.submit(plan.work, optionsNow(plan, after, resources), plan.isUnheard);
    if (job === null) return;
    this.jobs.push(job);
    if (plan.signal !== null) {
      this.signals.find(({ signal }) => signal === plan.signal)?.jobs.push(job);
    }
    const { onSignal } = plan;
    if (onSignal === null) return;
    const fence = onSignal.atStart ? job.job.scheduled : job.job.finished;
    const { judge } = this.#swarm.world;
    fence.addCallback(() =>
      judge.inCallback(() => this.#react(entity, onSignal.kind, onSignal.which)),
    );
  }

  job(which: number): WatchedJob<ModelWork> | undefined {
    return this.jobs[which % Math.max(1, this.jobs.length)];
  }

  #plan(): Plan {
    const { world, features, pools } = this.#swarm;
    const isSpecial = world.draw(4) !== 0;
    const gate = features.dependencies && world.draw(5) === 4 ? this.#gate() : null;
    const signal = features.cancels && world.draw(6) === 5 ? this.#signal() : null;
    return {
      work: isSpecial ? drawWork(world, features) : {},
      options: isSpecial ? drawOptions(world, features) : {},
      isUnheard: world.draw(5) === 4,
      dependencies: features.dependencies ? this.#drawDependencies() : [],
      gate,
      signal,
      resources:
        pools.length > 0 && world.draw(3) !== 0
          ? Array.from({ length: 1 + world.draw(pools.length) }, (_, pool) => ({
              pool,
              count: 1 + world.draw(2),
            }))
          : [],
      onSignal:
        features.reentrant && world.draw(3) === 2
          ? { kind: world.draw(6), which: world.draw(8), atStart: world.draw(3) === 2 }
          : null,
    };
  }

  #drawDependencies(): { kind: number; which: number }[] {
    const { world, features } = this.#swarm;
    const count = world.draw(4);
    return Array.from({ length: Math.min(count, 2) }, () => ({
      kind: features.composites ? world.draw(7) : world.draw(3),
      which: world.draw(8),
    }));
  }

  #gate(): Gate {
    const { world } = this.#swarm;
    const gate = world.gate(`gate${this.gates.length}`);
    this.gates.push(gate);
    const error = world.draw(3) === 2 ? new JobError('ERR_DRIVER') : undefined;
    world.client(`${gate.fence.timeline.label} opens`, [() => gate.signal(error)]);
    return gate;
  }

  #signal(): ExploredSignal {
    const signal = this.#swarm.world.cancelSignal();
    this.signals.push({ signal, jobs: [] });
    return signal;
  }

  /** A fence that is there now: of a job submitted not long ago, of the hardware, or made of some of these. */
  #fence(kind: number, which: number): Fence | null {
    const recent = this.jobs[this.jobs.length - 1 - (which % Math.max(1, this.jobs.length))];
    const other = this.jobs[which % Math.max(1, this.jobs.length)];
    if (recent === undefined || other === undefined) return null;
    const { runtime } = this.#swarm.world;
    const both = [recent.job.finished, other.job.finished];
    const gate = this.gates[which % Math.max(1, this.gates.length)];
    switch (kind) {
      case 0:
      case 1:
        return recent.job.finished;
      case 2:
        return recent.job.scheduled;
      case 3:
        return fenceAll(gate === undefined ? both : [...both, gate.fence], runtime);
      case 4:
        return mergeFences(gate === undefined ? both : [...both, gate.fence], runtime);
      case 5:
        return fenceAny(gate === undefined ? both : [recent.job.finished, gate.fence], runtime);
      default:
        return new FenceChain(other.job.finished, recent.job.finished, 1 + which, runtime).fence;
    }
  }

  /** Somebody acts inside a callback. */
  #react(entity: WatchedEntity<ModelWork>, kind: number, which: number): void {
    const { world, entities, schedulers } = this.#swarm;
    this.#reentrantLeft -= 1;
    if (this.#reentrantLeft < 0) return;
    const other = entities[which % entities.length] ?? entity;
    switch (kind) {
      case 0:
        other.submit({});
        break;
      case 1:
        this.job(which)?.cancel();
        break;
      case 2:
        this.gates[which % Math.max(1, this.gates.length)]?.signal();
        break;
      case 3:
        if (which > 3) other.kill();
        else this.job(which)?.cancel();
        break;
      case 4:
        if (which === 7) schedulers[0]?.close('kill');
        else if (which === 6) schedulers[0]?.removeDevice();
        else if (which === 5) schedulers[0]?.fault();
        else other.submit({});
        break;
      default:
        world.tell(() => 'a callback throws');
        throw new ExpectedThrow();
    }
  }
}

/** What is made below, while it is made: spreads that add to an object take several times as long. */
type Draft<T> = { -readonly [Key in keyof T]: T[Key] };

function drawWork(world: World, features: Swarm['features']): ModelWork {
  const work: Draft<ModelWork> = { durationUs: world.oneOf(100, 10, 700) };
  if (features.prepares) work.prepares = world.draw(3);
  if (world.draw(10) === 9) work.instant = true;
  if (features.slices && world.draw(3) !== 2) {
    work.slices = 1 + world.draw(3);
    work.staysOnRing = world.draw(2) === 1;
  }
  return work;
}

function drawOptions(world: World, features: Swarm['features']): SubmitOptions {
  const { credits, queueLimits, runTimeouts, resets, blame, dependencies } = features;
  const drawn: Draft<SubmitOptions> = {};
  const isOne = (isWanted: boolean, inSoMany: number): boolean =>
    isWanted && world.draw(inSoMany) === inSoMany - 1;
  if (credits) drawn.credits = 1 + world.draw(4);
  if (isOne(queueLimits, 3)) drawn.queueTimeoutMs = world.oneOf(1, 0, 3);
  if (isOne(queueLimits, 3)) drawn.dependencyTimeoutMs = world.oneOf(1, 3);
  if (isOne(runTimeouts, 3)) drawn.runTimeoutMs = world.oneOf(1, 3, Infinity);
  if (isOne(resets || blame || runTimeouts, 3)) drawn.resubmit = world.draw(2) === 1;
  if (isOne(dependencies, 4)) drawn.onDependencyError = world.oneOf('run', 'fail');
  if (isOne(true, 8)) drawn.deadlineMs = world.oneOf(1, 5);
  if (isOne(true, 8)) drawn.estimateMs = world.oneOf(1, 0, 50);
  return drawn;
}

/** What was drawn, and what is there only now. */
function optionsNow(
  { options, signal }: Plan,
  after: readonly Fence[],
  resources: readonly ResourceRequest[],
): SubmitOptions {
  if (after.length + resources.length === 0 && signal === null) return options;
  const now: Draft<SubmitOptions> = {};
  if (after.length > 0) now.after = after;
  if (resources.length > 0) now.resources = resources;
  if (signal !== null) now.signal = signal;
  return Object.assign(now, options);
}
