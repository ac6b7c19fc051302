import { JobError } from '../../base/index.ts';
import {
  fenceAll,
  fenceAny,
  FenceChain,
  mergeFences,
  Reservation,
  Timeline,
} from '../../fence/index.ts';
import type { Fence, FenceCallback, FenceSource, FenceUsage } from '../../fence/index.ts';
import type { Scenario } from '../scenario.ts';
import type { World } from '../world.ts';

/** A callback that was added, and what became of it. */
interface Added {
  readonly handle: FenceCallback;
  readonly fence: Fence;
  runs: number;
  removed: boolean;
}

/** What a composite must say, from what its members say now. */
type Expected = () => { readonly isSignalled: boolean; readonly errors: readonly unknown[] | null };

/** Fences without a scheduler: what is made of them, and callbacks that add, remove and signal while others run. */
export const fences: Scenario = {
  name: 'fences',
  about: 'composites, chains, and callbacks that act while others run',
  build(world, { entities, jobs }) {
    const hints = new Hints();
    const sources = makeSources(world, 2 + entities, hints);
    const made: { readonly fence: Fence; readonly name: string; readonly expected: Expected }[] =
      [];
    const all = (): Fence[] => [
      ...sources.map(({ fence }) => fence),
      ...made.map(({ fence }) => fence),
    ];
    const callbacks = new Callbacks(world, sources);
    const buffer = new Buffer();
    const waits = new Waits(world);
    /** Links beside the ones in `made`: nobody waits for them, so that what is made of fences stays what it was. */
    const siblings: Fence[] = [];
    for (const source of sources) {
      const error = world.draw(3) === 2 ? new JobError('ERR_DRIVER') : undefined;
      world.client(`signals ${source.fence.timeline.label} ${source.fence.seqno}`, [
        () => {
          world.runtime.pass(10);
          source.signal(error);
        },
      ]);
    }
    for (let at = 0; at < entities; at += 1) {
      const plans = Array.from(
        { length: jobs + 1 },
        () => [world.draw(9), world.draw(16), world.draw(16)] as const,
      );
      const steps = plans.map(([kind, a, b]) => () => {
        const [one, other] = [pick(all(), a), pick(all(), b)];
        if (kind === 7) {
          waits.add(one);
          hints.ask(one, 1000 * (1 + b));
        } else if (kind === 8) buffer.add(one, USAGES[b % 4] as FenceUsage);
        else if (kind < 4) made.push(...compose(world, kind, one, other, siblings));
        else callbacks.add(one, kind, other);
      });
      world.client(`client ${at}`, steps);
    }
    world.heals(() => sources.forEach((source) => source.signal()));
    world.always('F10', () => {
      for (const { fence, name, expected } of made) {
        const wrong = compare(fence, name, expected());
        if (wrong !== null) return wrong;
      }
      return null;
    });
    world.always('F1', () => outOfOrder([...made.map(({ fence }) => fence), ...siblings]));
    world.always('F8', () => waits.wrong());
    world.always('F12', () => hints.wrong());
    world.always('M2', () => buffer.wrong());
    world.eventually('F4', () => callbacks.missing());
  },
};

function pick(fences: readonly Fence[], which: number): Fence {
  return fences[which % fences.length] as Fence;
}

/** Single fences, and the fences of one ordered timeline, which its clients may signal in any order. */
function makeSources(world: World, count: number, hints: Hints): FenceSource[] {
  const { runtime } = world;
  const onDeadline = (fence: Fence, atUs: number): void => hints.note(fence, atUs);
  return Array.from({ length: count }, (_, at) =>
    new Timeline({ driver: 'model', label: `source${at}`, runtime, onDeadline }).createFence(),
  );
}

function compose(
  world: World,
  kind: number,
  one: Fence,
  other: Fence,
  siblings: Fence[],
): { fence: Fence; name: string; expected: Expected }[] {
  const { runtime } = world;
  const members = [one, other];
  switch (kind) {
    case 0:
      return [{ fence: fenceAll(members, runtime), name: 'all', expected: () => allOf(members) }];
    case 1:
      return [{ fence: fenceAny(members, runtime), name: 'any', expected: () => anyOf(members) }];
    case 2:
      return [
        { fence: mergeFences(members, runtime), name: 'merge', expected: () => mergeOf(members) },
      ];
    default: {
      const first = new FenceChain(null, one, 1, runtime);
      const second = new FenceChain(first, other, 2, runtime);
      siblings.push(new FenceChain(first, one, 3, runtime).fence);
      return [
        { fence: second.fence, name: 'point 2', expected: () => chainOf(members, other) },
        { fence: first.fence, name: 'point 1', expected: () => chainOf([one], one) },
      ];
    }
  }
}

/** A fence that has signalled before an earlier one of its ordered timeline; `null` where there is none (F1). */
function outOfOrder(fences: readonly Fence[]): string | null {
  for (const early of fences) {
    if (early.status !== 'pending' || !early.timeline.ordered) continue;
    const late = fences.find(
      ({ timeline, seqno, status }) =>
        timeline === early.timeline && seqno > early.seqno && status !== 'pending',
    );
    if (late !== undefined)
      return `fence ${late.seqno} of an ordered timeline has signalled, and fence ${early.seqno} has not`;
  }
  return null;
}

/** The errors that the earliest of `fences` may have given: more than one where they signalled at one time. */
function earliest(fences: readonly Fence[]): unknown[] {
  const atUs = Math.min(...fences.map(({ signalledAtUs }) => signalledAtUs ?? Infinity));
  return fences.filter(({ signalledAtUs }) => signalledAtUs === atUs).map(({ error }) => error);
}

function allOf(members: readonly Fence[]): ReturnType<Expected> {
  const isSignalled = members.every(({ status }) => status !== 'pending');
  const failed = members.filter(({ error }) => error !== null);
  return { isSignalled, errors: failed.length === 0 ? [null] : earliest(failed) };
}

/** A merge takes its members apart, and so may have an error that none of them has: only when it signals is told. */
function mergeOf(members: readonly Fence[]): ReturnType<Expected> {
  return { isSignalled: allOf(members).isSignalled, errors: null };
}

function anyOf(members: readonly Fence[]): ReturnType<Expected> {
  const signalled = members.filter(({ status }) => status !== 'pending');
  return { isSignalled: signalled.length > 0, errors: earliest(signalled) };
}

function chainOf(upTo: readonly Fence[], own: Fence): ReturnType<Expected> {
  return { isSignalled: upTo.every(({ status }) => status !== 'pending'), errors: [own.error] };
}

function compare(fence: Fence, name: string, expected: ReturnType<Expected>): string | null {
  const isSignalled = fence.status !== 'pending';
  if (isSignalled !== expected.isSignalled) {
    return `${name} is ${fence.status}, and its members say ${expected.isSignalled ? 'signalled' : 'pending'}`;
  }
  if (!isSignalled || expected.errors === null || expected.errors.includes(fence.error))
    return null;
  return `${name} has the error ${fence.error?.code ?? 'none'}, which is not that of its first member to fail`;
}

/** Callbacks that do something while others run, each counted (F3 to F5). */
class Callbacks {
  readonly #world: World;
  readonly #sources: readonly FenceSource[];
  readonly #added: Added[] = [];

  constructor(world: World, sources: readonly FenceSource[]) {
    this.#world = world;
    this.#sources = sources;
  }

  add(fence: Fence, kind: number, other: Fence): void {
    const { judge } = this.#world;
    const wasPending = fence.status === 'pending';
    const handle = fence.addCallback(() => judge.inCallback(() => this.#run(added, kind, other)));
    judge.check(
      (handle !== null) === wasPending,
      'F4',
      () => `addCallback on a ${fence.status} fence gives ${handle === null ? 'null' : 'a handle'}`,
    );
    if (handle === null) return;
    const added: Added = { handle, fence, runs: 0, removed: false };
    this.#added.push(added);
  }

  /** What has not run although its fence signalled; `null` where nothing is missing. */
  missing(): string | null {
    for (const { fence, runs, removed } of this.#added) {
      const expected = removed || fence.status === 'pending' ? 0 : 1;
      if (runs !== expected)
        return `a callback ran ${runs} times, and ${removed ? 'was removed' : `its fence is ${fence.status}`}`;
    }
    return null;
  }

  #run(added: Added, kind: number, other: Fence): void {
    const { judge } = this.#world;
    const { fence } = added;
    added.runs += 1;
    judge.check(
      added.runs === 1 && !added.removed,
      'F4',
      () => 'a callback runs twice, or after it was removed',
    );
    judge.check(
      fence.status !== 'pending' &&
        fence.signalledAtUs !== null &&
        (fence.status === 'failed') === (fence.error !== null),
      'F3',
      () =>
        `a callback runs while its fence says ${fence.status}, with ${fence.error?.code ?? 'no error'}`,
    );
    const earlier = this.#added.find(
      (one) => one.fence === fence && one.runs === 0 && !one.removed,
    );
    const isInOrder =
      earlier === undefined || this.#added.indexOf(earlier) > this.#added.indexOf(added);
    judge.check(isInOrder, 'F4', () => 'callbacks run in another order than they were added in');
    if (kind === 4) this.#sources.find((source) => source.fence.status === 'pending')?.signal();
    else if (kind === 5) this.#removeOne(fence);
    else this.add(other, 6, other);
  }

  /** Takes back the last callback that waits on `fence`, or on any. */
  #removeOne(fence: Fence): void {
    const waiting = this.#added.filter(({ runs, removed }) => runs === 0 && !removed);
    const one = waiting.findLast((added) => added.fence === fence) ?? waiting.at(-1);
    if (one === undefined) return;
    const said = one.fence.removeCallback(one.handle);
    this.#world.judge.check(
      said,
      'F4',
      () => 'removeCallback says that a callback which has not run cannot be removed',
    );
    one.removed = said;
  }
}

const USAGES: readonly FenceUsage[] = ['kernel', 'write', 'read', 'bookkeep'];

/** A buffer with a reservation, and what was added to it (M2). */
class Buffer {
  readonly #reservation = new Reservation();
  readonly #added: { readonly fence: Fence; readonly level: number }[] = [];

  add(fence: Fence, usage: FenceUsage): void {
    this.#reservation.add(fence, usage);
    this.#added.push({ fence, level: USAGES.indexOf(usage) });
  }

  wrong(): string | null {
    for (const [level, usage] of USAGES.entries()) {
      const pending = this.#added.filter(
        (one) => one.level <= level && one.fence.status === 'pending',
      );
      if (this.#reservation.isSignalled(usage) !== (pending.length === 0)) {
        return `a reservation with ${pending.length} pending fences up to ${usage} says that it is ${pending.length === 0 ? 'pending' : 'signalled'}`;
      }
      const given = this.#reservation.fences(usage);
      const missing = pending.find(({ fence }) => !given.some((one) => isCoveredBy(fence, one)));
      if (missing !== undefined)
        return `a reservation does not give a pending fence up to ${usage}`;
    }
    return null;
  }
}

function isCoveredBy(fence: Fence, other: Fence): boolean {
  if (fence === other) return true;
  return fence.timeline === other.timeline && fence.timeline.ordered && other.seqno > fence.seqno;
}

/** Waits that end, one way or the other, and leave neither a timer nor a listener (F8). No timer of these worlds is another's. */
class Waits {
  readonly #world: World;
  readonly #fences: Fence[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  add(fence: Fence): void {
    const signal = this.#world.cancelSignal();
    fence.wait({ timeoutMs: 1000, signal }).catch(() => {});
    this.#fences.push(fence);
  }

  wrong(): string | null {
    const pending = this.#fences.filter(({ status }) => status === 'pending').length;
    const { timerCount } = this.#world.runtime;
    if (timerCount <= pending) return null;
    return `${timerCount} timers are set for ${pending} waits that have not ended`;
  }
}

/** By when sources are needed: what was asked of each itself, and what its producer was told (F12). */
class Hints {
  readonly #asked = new Map<Fence, number>();
  readonly #told = new Map<Fence, number>();
  #late: string | null = null;

  ask(fence: Fence, atUs: number): void {
    if (fence.status === 'pending')
      this.#asked.set(fence, Math.min(atUs, this.#asked.get(fence) ?? Infinity));
    fence.setDeadline(atUs);
  }

  /** The producer of a source is told. */
  note(fence: Fence, atUs: number): void {
    const before = this.#told.get(fence) ?? Infinity;
    if (!(atUs < before))
      this.#late = `a producer is told of ${atUs} after it was told of ${before}`;
    this.#told.set(fence, atUs);
  }

  wrong(): string | null {
    for (const [fence, toldUs] of this.#told) {
      const askedUs = this.#asked.get(fence) ?? Infinity;
      if (toldUs > askedUs) return `a producer is told of ${toldUs}, and ${askedUs} was asked for`;
    }
    return this.#late;
  }
}
