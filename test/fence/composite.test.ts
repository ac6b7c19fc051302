/**
 * Composites by example: fenceAll, fenceAny, mergeFences, unwrapFences, describe (F10). Their algebra against brute force
 * is in composite.prop.test.ts; chains as members are in chain.test.ts.
 */
import { describe as group, expect, it } from 'vitest';
import { JobError } from '../../src/base/index.ts';
import { deadlineOf, describe, fenceAll, fenceAny, FenceChain } from '../../src/fence/index.ts';
import { mergeFences, signalledFence, Timeline, unwrapFences } from '../../src/fence/index.ts';
import type { Fence, FenceCore, FenceSource } from '../../src/fence/index.ts';
import { brief, ManualRuntime } from './manualRuntime.ts';

const errorA = new JobError('ERR_JOB_TIMEOUT');
const errorB = new JobError('ERR_DRIVER');
const code = (code: string) => expect.objectContaining({ code });

/** Pending fences, each on a timeline of its own. */
function setUp<N extends number>(count: N, options: { events?: boolean } = {}) {
  const runtime = new ManualRuntime(options);
  const sources: FenceSource[] = Array.from({ length: count }, (_, i) =>
    new Timeline({ driver: 'demo', label: `ring ${i}`, runtime }).createFence(),
  );
  return { runtime, sources, fences: sources.map((source) => source.fence) };
}
const at = (list: readonly FenceSource[], i: number): FenceSource => list[i] as FenceSource;

group('fenceAll', () => {
  it('F10: signals when all members have, whatever their order', () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const { runtime, sources, fences } = setUp(3);
      const all = fenceAll(fences, runtime);
      for (const i of order) {
        expect(all.status).toBe('pending');
        at(sources, i).signal();
      }
      expect(all.status).toBe('ok');
    }
  });

  it('F10: waits for all also where one failed, and has the error that came first', () => {
    const { runtime, sources, fences } = setUp(3);
    const all = fenceAll(fences, runtime);
    at(sources, 2).signal(errorB);
    runtime.advanceBy(1);
    at(sources, 0).signal(errorA);
    expect(all.status).toBe('pending');
    at(sources, 1).signal();
    expect(all.error).toBe(errorB);
    expect(all.signalledAtUs).toBe(1);
  });

  it('F10: of an empty list is signalled', () => {
    const runtime = new ManualRuntime();
    runtime.advanceBy(4);
    expect(fenceAll([], runtime)).toMatchObject({ status: 'ok', signalledAtUs: 4 });
  });

  it('F10: of signalled members is born signalled, with the time of the last and the first error', () => {
    const { runtime, sources, fences } = setUp(2);
    at(sources, 1).signal(errorB);
    runtime.advanceBy(5);
    at(sources, 0).signal(errorA);
    runtime.advanceBy(5);
    const all = fenceAll(fences, runtime);
    expect(all).toMatchObject({ status: 'failed', error: errorB, signalledAtUs: 5 });
    expect(all.addCallback(() => {})).toBeNull();
  });

  it('F10: says so at once when it is only polled, inside the callback of a member', () => {
    const { runtime, sources, fences } = setUp(2);
    const seen: string[] = [];
    fences[0]?.addCallback(() => seen.push(all.status));
    fences[1]?.addCallback(() => {
      seen.push(all.status);
      expect(all.addCallback(() => {})).toBeNull();
    });
    const all = fenceAll([...fences].reverse(), runtime);
    at(sources, 0).signal();
    at(sources, 1).signal();
    expect(seen).toEqual(['pending', 'ok']);
  });

  it('F10: says so at once for members that were signalled in a callback', () => {
    const { runtime, sources, fences } = setUp(3);
    const all = fenceAll([fences[1] as Fence, fences[2] as Fence], runtime);
    const nested = fenceAll([all], runtime);
    const seen: string[] = [];
    fences[0]?.addCallback(() => {
      at(sources, 1).signal();
      at(sources, 2).signal();
      seen.push(all.status, nested.status);
    });
    all.addCallback(() => seen.push('delivered'));
    at(sources, 0).signal();
    expect(seen).toEqual(['ok', 'ok', 'delivered']);
  });

  it('F5: delivers after the callbacks of the member that completed it', () => {
    const { runtime, sources, fences } = setUp(1);
    const order: string[] = [];
    const all = fenceAll(fences, runtime);
    all.addCallback(() => order.push('all'));
    const any = fenceAny(fences, runtime);
    any.addCallback(() => order.push('any'));
    fences[0]?.addCallback(() => order.push('member'));
    at(sources, 0).signal();
    expect(order).toEqual(['member', 'all', 'any']);
  });

  it('F1: is on a timeline of its own', () => {
    const { runtime, fences } = setUp(1);
    const [a, b] = [fenceAll(fences, runtime), fenceAll(fences, runtime)];
    expect(a.timeline).toMatchObject({ driver: 'fenceline', label: 'all', ordered: true });
    expect(a.timeline.id).not.toBe(b.timeline.id);
    expect(() => a.isLaterThan(b)).toThrow(code('ERR_TIMELINE_MISMATCH'));
  });

  it('copies the list of members', () => {
    const { runtime, sources, fences } = setUp(2);
    const list = [fences[0] as Fence];
    const all = fenceAll(list, runtime);
    list.push(fences[1] as Fence);
    at(sources, 0).signal();
    expect(all.status).toBe('ok');
  });

  it('F12: forwards a deadline hint to pending members, to any depth', () => {
    const { runtime, sources, fences } = setUp(2);
    at(sources, 0).signal();
    let nested: Fence = fenceAll(fences, runtime);
    for (let i = 0; i < 50_000; i += 1)
      nested = (i % 2 === 0 ? fenceAny : fenceAll)([nested], runtime);
    nested.setDeadline(77);
    expect(deadlineOf(fences[1] as FenceCore)).toBe(77);
  });

  it('F5: nests 100,000 deep without a deep stack', () => {
    const { runtime, sources, fences } = setUp(1);
    let nested = fences[0] as Fence;
    for (let i = 0; i < 100_000; i += 1) nested = fenceAll([nested], runtime);
    expect(unwrapFences(nested)).toEqual(fences);
    at(sources, 0).signal(errorA);
    expect(nested.error).toBe(errorA);
  });

  it('F10: takes 10,000 members, signalled in any order, and several composites on each', () => {
    const { runtime, sources, fences } = setUp(10_000);
    const all = [fenceAll(fences, runtime), fenceAll([...fences].reverse(), runtime)];
    const any = fenceAny(fences, runtime);
    for (let i = 0; i < 10_000; i += 1) at(sources, (i * 7919) % 10_000).signal();
    expect([...all, any].map((fence) => fence.status)).toEqual(['ok', 'ok', 'ok']);
  });

  it('refuses what is no list of fences', () => {
    const { runtime, fences } = setUp(1);
    expect(() => fenceAll(fences[0] as never, runtime)).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(() => fenceAll([{} as Fence], runtime)).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(() => fenceAny([null as never], runtime)).toThrow(code('ERR_INVALID_ARGUMENT'));
  });

  it('emits fence-signal after that of the member', () => {
    const { runtime, sources, fences } = setUp(1, { events: true });
    const all = fenceAll(fences, runtime);
    at(sources, 0).signal();
    expect(brief(runtime.events)).toEqual(
      [fences[0] as Fence, all].map((fence) => `fence-signal ${fence.timeline.id}:1`),
    );
  });
});

group('fenceAny', () => {
  it('F10: completes as its first member does', () => {
    for (const error of [undefined, errorA]) {
      const { runtime, sources, fences } = setUp(3);
      const any = fenceAny(fences, runtime);
      at(sources, 1).signal(error);
      at(sources, 0).signal(errorB);
      expect(any.error).toBe(error ?? null);
      expect(any.status).toBe(error === undefined ? 'ok' : 'failed');
    }
  });

  it('F10: refuses an empty list', () => {
    expect(() => fenceAny([], new ManualRuntime())).toThrow(code('ERR_INVALID_ARGUMENT'));
  });

  it('F10: of members of which some have signalled is born as the earliest', () => {
    const { runtime, sources, fences } = setUp(3);
    runtime.advanceBy(2);
    at(sources, 2).signal(errorA);
    runtime.advanceBy(2);
    at(sources, 0).signal();
    expect(fenceAny(fences, runtime)).toMatchObject({ error: errorA, signalledAtUs: 2 });
  });

  it('takes the same member twice, also between other composites', () => {
    const { runtime, sources, fences } = setUp(2);
    const [a, b] = fences as [Fence, Fence];
    const before = fenceAll([a], runtime);
    const any = fenceAny([a, a, b, a], runtime);
    const after = fenceAll([a, a], runtime);
    at(sources, 0).signal();
    expect([before, any, after].map((fence) => fence.status)).toEqual(['ok', 'ok', 'ok']);
    at(sources, 1).signal();
  });
});

group('20,000 composites of one fence that each name it twice', () => {
  it('F10: signal in time that grows with their number', () => {
    const { runtime, sources, fences } = setUp(2);
    const [a, b] = fences as [Fence, Fence];
    const anys = Array.from({ length: 20_000 }, () => fenceAny([a, b, a], runtime));
    at(sources, 0).signal(errorA);
    expect(anys.every((any) => any.error === errorA)).toBe(true);
  });
});

group('mergeFences', () => {
  it('F10: returns the single fence itself where one is left', () => {
    const { runtime, fences } = setUp(1);
    const [a] = fences as [Fence];
    expect(mergeFences([a, signalledFence(runtime), fenceAll([a], runtime)], runtime)).toBe(a);
  });

  it('F10: returns a signalled fence with the newest time where none is left', () => {
    const { runtime, sources, fences } = setUp(2);
    runtime.advanceBy(3);
    at(sources, 0).signal();
    runtime.advanceBy(3);
    at(sources, 1).signal();
    runtime.advanceBy(3);
    expect(mergeFences([...fences].reverse(), runtime)).toMatchObject({
      status: 'ok',
      signalledAtUs: 6,
    });
    expect(mergeFences([], runtime)).toMatchObject({ status: 'ok', signalledAtUs: 9 });
  });

  it('F10: keeps the latest pending fence per ordered timeline, sorted by timeline', () => {
    const runtime = new ManualRuntime();
    const timelines = ['a', 'b'].map((label) => new Timeline({ driver: 'd', label, runtime }));
    const [a1, b1, b2] = [timelines[0], timelines[1], timelines[1]].map((t) => t?.createFence());
    const merged = mergeFences(
      [b2, b1, a1].map((source) => source?.fence as Fence),
      runtime,
    );
    expect(unwrapFences(merged)).toEqual([a1?.fence, b2?.fence]);
    expect(merged.timeline.label).toBe('merge');
  });

  it('F1: never deduplicates fences of an unordered timeline, except against themselves', () => {
    const runtime = new ManualRuntime();
    const loose = new Timeline({ driver: 'd', label: 'loose', runtime, ordered: false });
    const [a, b] = [loose.createFence().fence, loose.createFence().fence];
    expect(unwrapFences(mergeFences([b, a, b], runtime))).toEqual([a, b]);
  });

  it('F10: keeps failed fences, so that no error is lost', () => {
    const { runtime, sources, fences } = setUp(2);
    at(sources, 0).signal(errorA);
    const merged = mergeFences(fences, runtime);
    at(sources, 1).signal();
    expect(merged.error).toBe(errorA);
    expect(mergeFences(fences, runtime)).toBe(fences[0]);
  });

  it('F10: flattens fenceAll, merges and chains, but not fenceAny', () => {
    const { runtime, fences } = setUp(5);
    const [a, b, c, d, e] = fences as [Fence, Fence, Fence, Fence, Fence];
    const any = fenceAny([d, e], runtime);
    const link = new FenceChain(new FenceChain(null, a, 1, runtime), b, 2, runtime);
    const merged = mergeFences([fenceAll([any, c], runtime), link.fence], runtime);
    expect(unwrapFences(merged)).toEqual([a, b, c, any]);
  });

  it('walks a tangle of shared composites in time that grows with its size', () => {
    const { runtime, sources, fences } = setUp(2);
    let tangle = fenceAll(fences, runtime);
    for (let i = 0; i < 100; i += 1) tangle = fenceAll([tangle, tangle], runtime);
    expect(unwrapFences(tangle)).toEqual(fences);
    for (const source of sources) source.signal();
    expect(tangle.status).toBe('ok');
  });
});

group('unwrapFences', () => {
  it('gives an ordinary fence, and a fenceAny, as they are', () => {
    const { runtime, fences } = setUp(2);
    const any = fenceAny(fences, runtime);
    expect(unwrapFences(fences[0] as Fence)).toEqual([fences[0]]);
    expect(unwrapFences(any)).toEqual([any]);
  });

  it('gives signalled members of a pending composite, and a signalled composite itself', () => {
    const { runtime, sources, fences } = setUp(2);
    const all = fenceAll(fences, runtime);
    at(sources, 0).signal();
    expect(unwrapFences(all)).toEqual(fences);
    at(sources, 1).signal();
    expect(unwrapFences(all)).toEqual([all]);
  });
});

group('describe', () => {
  it('prints the tree with the state of every part', () => {
    const { runtime, sources, fences } = setUp(3);
    const [a, b, c] = fences as [Fence, Fence, Fence];
    at(sources, 0).signal(errorA);
    const link = new FenceChain(null, c, 4, runtime);
    const all = fenceAll([a, fenceAny([b, link.fence], runtime), b], runtime);
    const id = (fence: Fence) => `(timeline ${fence.timeline.id})`;
    const any = unwrapFences(all)[1] as Fence;
    expect(describe(all).split('\n')).toEqual([
      `fenceline/all #1 ${id(all)}: pending, all of 3`,
      `├ demo/ring 0 #1 ${id(a)}: failed, ERR_JOB_TIMEOUT at 0 us`,
      `├ fenceline/any #1 ${id(any)}: pending, any of 2`,
      `│ ├ demo/ring 1 #1 ${id(b)}: pending`,
      `│ └ fenceline/chain #4 ${id(link.fence)}: pending, chain of 1`,
      `│   └ demo/ring 2 #1 ${id(c)}: pending`,
      `└ demo/ring 1 #1 ${id(b)}: pending`,
    ]);
  });

  it('cuts deep and wide trees short, and says so', () => {
    const { runtime, fences } = setUp(20);
    expect(describe(fenceAll(fences, runtime)).split('\n').at(-1)).toBe('└ … 4 more');
    let deep = fences[0] as Fence;
    for (let i = 0; i < 10_000; i += 1) deep = fenceAll([deep], runtime);
    expect(describe(deep).split('\n')).toHaveLength(10);
  });

  it('has 200 lines at most, and says where there are more', () => {
    const { runtime, fences } = setUp(200);
    const tree = (width: number, depth: number): Fence =>
      depth === 0
        ? (fences[0] as Fence)
        : fenceAll(
            Array.from({ length: width }, () => tree(width, depth - 1)),
            runtime,
          );
    for (const tall of [tree(16, 2), tree(17, 3), tree(2, 10)]) {
      const lines = describe(tall).split('\n');
      expect([lines.length, lines.at(-1)]).toEqual([200, '… and more lines']);
    }
    const row = (length: number): Fence => fenceAll(fences.slice(0, length), runtime);
    const rows = (last: number): string[] =>
      describe(fenceAll([...Array.from({ length: 11 }, () => row(16)), row(last)], runtime)).split(
        '\n',
      );
    // 1 + 11 * 17 + 12 lines, and one more.
    expect([rows(11).length, rows(11).at(-1)?.startsWith('  └ demo/ring 10 #1')]).toEqual([
      200,
      true,
    ]);
    expect([rows(12).length, rows(12).at(-1)]).toEqual([200, '… and more lines']);
  });
});
