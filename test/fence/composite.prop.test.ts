/** The algebra of composites, against brute force: random trees over random fences, signalled in random order (F10). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/base/index.ts';
import { fenceAll, fenceAny, mergeFences, Timeline, unwrapFences } from '../../src/fence/index.ts';
import type { Fence, FenceSource } from '../../src/fence/index.ts';
import { ManualRuntime } from './manualRuntime.ts';

interface Leaf {
  readonly leaf: number;
}
interface Node {
  readonly kind: 'all' | 'any' | 'merge';
  readonly of: readonly Tree[];
}
type Tree = Leaf | Node;

const LEAVES = 8;

const trees = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.record({ leaf: fc.nat(LEAVES - 1) }),
    fc.record({
      kind: fc.constantFrom('all' as const, 'any' as const, 'merge' as const),
      of: fc.array(tie('tree'), { minLength: 1, maxLength: 4 }),
    }),
  ),
})).tree;

/** Which leaves fail when they signal, and which signal, in what order. */
const scripts = fc.record({
  fails: fc.array(fc.boolean(), { minLength: LEAVES, maxLength: LEAVES }),
  order: fc.shuffledSubarray([...Array(LEAVES).keys()]),
});

/** `unsure`: several came at the same moment with different ends, and the contract does not say which counts. */
interface Outcome {
  readonly atUs: number;
  readonly error: JobError | null;
  readonly unsure: boolean;
}

function earliest(outcomes: readonly Outcome[]): Outcome | null {
  const atUs = Math.min(...outcomes.map((one) => one.atUs));
  const first = outcomes.filter((one) => one.atUs === atUs);
  const [one] = first;
  if (one === undefined) return null;
  return { ...one, unsure: first.some((other) => other.unsure || other.error !== one.error) };
}

type Outcomes = readonly (Outcome | null)[];

/** What a merge takes a tree apart into; what had signalled when it was `built` has no parts any more. */
function flat(tree: Tree, built: Outcomes): Tree[] {
  const isWhole = 'leaf' in tree || tree.kind === 'any' || expected(tree, built, built) !== null;
  return isWhole ? [tree] : tree.of.flatMap((part) => flat(part, built));
}

/** What a merge keeps of a tree: not what was ok when it was `built`, unless nothing else is there. */
function merged(tree: Node, built: Outcomes): readonly Tree[] {
  const parts = tree.of.flatMap((part) => flat(part, built));
  const kept = parts.filter((part) => expected(part, built, built)?.error !== null);
  return kept.length === 0 ? parts : kept;
}

/** The definition of F10, word by word. */
function expected(tree: Tree, leaves: Outcomes, built: Outcomes): Outcome | null {
  if ('leaf' in tree) return leaves[tree.leaf] as Outcome | null;
  const of = tree.kind === 'merge' ? merged(tree, built) : tree.of;
  const parts = of.map((part) => expected(part, leaves, built));
  const done = parts.filter((part) => part !== null);
  if (tree.kind === 'any') return earliest(done);
  if (done.length < parts.length) return null;
  const first = earliest(done.filter((part) => part.error !== null));
  return {
    atUs: Math.max(...done.map((part) => part.atUs)),
    error: first?.error ?? null,
    unsure: done.some((part) => part.unsure) || first?.unsure === true,
  };
}

function build(tree: Tree, leaves: readonly FenceSource[], runtime: ManualRuntime): Fence {
  if ('leaf' in tree) return (leaves[tree.leaf] as FenceSource).fence;
  const parts = tree.of.map((part) => build(part, leaves, runtime));
  if (tree.kind === 'any') return fenceAny(parts, runtime);
  return tree.kind === 'all' ? fenceAll(parts, runtime) : mergeFences(parts, runtime);
}

/** The leaves; leaf `i` on timeline `i % timelineCount`, of which number 2 is unordered. */
function setUp(timelineCount = 3) {
  const runtime = new ManualRuntime();
  const timelines = Array.from(
    { length: timelineCount },
    (_, i) => new Timeline({ driver: 'd', label: `${i}`, runtime, ordered: i !== 2 }),
  );
  const sources = Array.from({ length: LEAVES }, (_, i) =>
    (timelines[i % timelineCount] as Timeline).createFence(),
  );
  return { runtime, sources };
}

/** Puts a subset of the leaves into an order that their ordered timelines allow, leaving no gap. */
function lawful(order: readonly number[]): number[] {
  const next = [0, 1, 2];
  const result: number[] = [];
  for (const leaf of order) {
    const timeline = leaf % 3;
    const actual = timeline === 2 ? leaf : (next[timeline] as number);
    next[timeline] = (next[timeline] as number) + 3;
    result.push(actual);
  }
  return result;
}

describe('composites', () => {
  it('F10: complete exactly as the definition says, at every moment', () => {
    fc.assert(
      fc.property(trees, scripts, fc.nat(3), (tree, script, builtAfter) => {
        const { runtime, sources } = setUp(LEAVES);
        const leaves: (Outcome | null)[] = Array<null>(LEAVES).fill(null);
        let fence: Fence | null = null;
        let built: Outcomes = [];
        let callbacks = 0;
        const check = (): unknown => {
          const outcome = expected(tree, leaves, built);
          if (outcome === null) return expect(fence?.status).toBe('pending');
          if (outcome.unsure) return expect(fence?.status).not.toBe('pending');
          expect(fence?.status).toBe(outcome.error === null ? 'ok' : 'failed');
          return expect(fence?.error).toBe(outcome.error);
        };
        script.order.forEach((leaf, step) => {
          if (step === builtAfter) {
            built = [...leaves];
            fence = build(tree, sources, runtime);
            fence.addCallback(() => (callbacks += 1));
            check();
          }
          runtime.advanceBy(1);
          const source = sources[leaf] as FenceSource;
          const error = script.fails[leaf] === true ? new JobError('ERR_DRIVER') : null;
          leaves[leaf] = { atUs: runtime.nowUs(), error, unsure: false };
          source.fence.addCallback(() => {
            if (fence !== null) check();
          });
          source.signal(error ?? undefined);
          if (fence !== null) check();
        });
        expect(callbacks).toBeLessThanOrEqual(1);
      }),
      { numRuns: 500 },
    );
  });

  it('F10: unwrap to each part once, in order of first appearance', () => {
    const leavesOf = (tree: Tree): number[] =>
      'leaf' in tree ? [tree.leaf] : tree.of.flatMap((part) => leavesOf(part));
    const onlyAll = (tree: Tree): Tree =>
      'leaf' in tree ? tree : { kind: 'all', of: tree.of.map((part) => onlyAll(part)) };
    fc.assert(
      fc.property(trees, (tree) => {
        const { runtime, sources } = setUp();
        const fences = unwrapFences(build(onlyAll(tree), sources, runtime));
        const leaves = [...new Set(leavesOf(tree))];
        expect(fences).toEqual(leaves.map((leaf) => sources[leaf]?.fence));
      }),
    );
  });

  it('F10: merge to the latest pending fence a timeline and every failed one, sorted, each once', () => {
    fc.assert(
      fc.property(fc.array(trees, { maxLength: 5 }), scripts, (list, script) => {
        const { runtime, sources } = setUp();
        const fences = list.map((tree) => build(tree, sources, runtime));
        for (const leaf of lawful(script.order)) {
          const fails = script.fails[leaf] === true;
          sources[leaf]?.signal(fails ? new JobError('ERR_DRIVER') : undefined);
        }
        const parts = [...new Set(fences.flatMap((fence) => unwrapFences(fence)))];
        const pending = parts.filter((fence) => fence.status === 'pending');
        const kept = parts.filter((fence) => {
          if (fence.status !== 'pending') return fence.status === 'failed';
          if (!fence.timeline.ordered) return true;
          return pending.every(
            (other) => other.timeline !== fence.timeline || !other.isLaterThan(fence),
          );
        });
        kept.sort((a, b) => a.timeline.id - b.timeline.id || a.seqno - b.seqno);
        const merged = mergeFences(fences, runtime);
        if (kept.length === 0) expect(merged.status).toBe('ok');
        else if (kept.length === 1) expect(merged).toBe(kept[0]);
        else if (merged.status === 'pending') expect(unwrapFences(merged)).toEqual(kept);
        else expect(kept.every((fence) => fence.status === 'failed')).toBe(true);
      }),
    );
  });
});
