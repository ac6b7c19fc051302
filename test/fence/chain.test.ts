/** Chains of fences, by example and against a brute-force model: links, find, collection (F11). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/base/index.ts';
import { deadlineOf, FenceChain, mergeFences, signalledFence } from '../../src/fence/index.ts';
import { Timeline, unwrapFences } from '../../src/fence/index.ts';
import type { Fence, FenceCore, FenceSource } from '../../src/fence/index.ts';
import { ManualRuntime } from './manualRuntime.ts';

const error = new JobError('ERR_DRIVER');
const code = (code: string) => expect.objectContaining({ code });

/** A chain with one link for each of `seqnos`, and the sources of the fences that the links were made from. */
function setUp(seqnos: readonly number[], options: { events?: boolean } = {}) {
  const runtime = new ManualRuntime(options);
  const timeline = new Timeline({ driver: 'demo', label: 'ring', runtime, ordered: false });
  const sources = seqnos.map(() => timeline.createFence());
  const links: FenceChain[] = [];
  seqnos.forEach((seqno, i) => {
    const source = sources[i] as FenceSource;
    links.push(new FenceChain(links.at(-1) ?? null, source.fence, seqno, runtime));
  });
  return { runtime, sources, links, head: links.at(-1) as FenceChain };
}
const at = <T>(list: readonly T[], i: number): T => list[i] as T;

describe('a link', () => {
  it('F11: is signalled when its own fence and all earlier ones are', () => {
    const { sources, links } = setUp([1, 2, 3]);
    const states = () => links.map((link) => link.fence.status);
    at(sources, 2).signal();
    at(sources, 0).signal();
    expect(states()).toEqual(['ok', 'pending', 'pending']);
    at(sources, 1).signal();
    expect(states()).toEqual(['ok', 'ok', 'ok']);
  });

  it('F11: fails with its own fence’s error, not with an earlier one', () => {
    const { sources, links } = setUp([1, 2, 3]);
    for (const link of links) void link.fence;
    at(sources, 1).signal(error);
    at(sources, 2).signal();
    expect(at(links, 1).fence.status).toBe('pending');
    at(sources, 0).signal();
    expect(links.map((link) => link.fence.error)).toEqual([null, error, null]);
  });

  it('F11: has a fence of its own, the same each time, on the timeline of the chain', () => {
    const { sources, links } = setUp([3, 7]);
    const [a, b] = links.map((link) => link.fence) as [Fence, Fence];
    expect(a).not.toBe(at(sources, 0).fence);
    expect(at(links, 0).fence).toBe(a);
    expect([a.seqno, b.seqno]).toEqual([3, 7]);
    expect(b.isLaterThan(a)).toBe(true);
    expect(a.timeline).toMatchObject({ driver: 'fenceline', label: 'chain', ordered: true });
  });

  it('F1: signals in order with the other links, also when one fence completes several', () => {
    const { sources, links } = setUp([1, 2, 3]);
    const order: number[] = [];
    for (const i of [2, 0, 1]) at(links, i).fence.addCallback((fence) => order.push(fence.seqno));
    at(sources, 2).signal();
    at(sources, 1).signal();
    at(sources, 0).signal();
    expect(order).toEqual([1, 2, 3]);
  });

  it('F1: cannot be compared with later links where it was collected before its fence was made', () => {
    const { sources, links } = setUp([1, 2, 3]);
    at(sources, 1).signal();
    at(sources, 2).signal();
    const [third, second] = [at(links, 2).fence, at(links, 1).fence];
    expect([second.status, second.seqno, third.status]).toEqual(['pending', 2, 'pending']);
    expect(() => third.isLaterThan(second)).toThrow(code('ERR_TIMELINE_MISMATCH'));
    expect(third.isLaterThan(at(links, 0).fence)).toBe(true);
    at(sources, 0).signal();
    expect([second.status, third.status]).toEqual(['ok', 'ok']);
  });

  it('is born signalled, with the time of the last of its parts, where it is looked at late', () => {
    const { runtime, sources, head } = setUp([1, 2]);
    at(sources, 1).signal(error);
    runtime.advanceBy(3);
    at(sources, 0).signal();
    runtime.advanceBy(3);
    expect(head.fence).toMatchObject({ status: 'failed', error, signalledAtUs: 3 });
  });

  it('F11: starts a new timeline with the larger seqno where it does not come after the one before', () => {
    for (const [seqno, expected] of [
      [5, 5],
      [2, 5],
    ] as const) {
      const { runtime, sources, head } = setUp([5]);
      const own = new Timeline({ driver: 'demo', label: 'late', runtime }).createFence();
      const link = new FenceChain(head, own.fence, seqno, runtime);
      expect(link.seqno).toBe(expected);
      expect(() => link.fence.isLaterThan(head.fence)).toThrow(code('ERR_TIMELINE_MISMATCH'));
      own.signal();
      expect(link.fence.status).toBe('pending');
      at(sources, 0).signal();
      expect(link.fence.status).toBe('ok');
    }
  });

  it.each(['the link', 'its fence'])(
    'F1: starts a new timeline where %s has a successor',
    (way) => {
      const { runtime, sources, head } = setUp([1]);
      const ring = new Timeline({ driver: 'demo', label: 'forks', runtime, ordered: false });
      const [slow, quick, next] = [ring.createFence(), ring.createFence(), ring.createFence()];
      const previous = () => (way === 'the link' ? head : head.fence);
      const first = new FenceChain(previous(), slow.fence, 2, runtime);
      const second = new FenceChain(previous(), quick.fence, 3, runtime);
      const third = new FenceChain(second, next.fence, 4, runtime);
      expect([first.seqno, second.seqno, third.seqno]).toEqual([2, 3, 4]);
      expect(first.fence.isLaterThan(head.fence)).toBe(true);
      expect(third.fence.isLaterThan(second.fence)).toBe(true);
      for (const fork of [second, third]) {
        expect(() => fork.fence.isLaterThan(first.fence)).toThrow(code('ERR_TIMELINE_MISMATCH'));
        expect(() => fork.fence.isLaterThan(head.fence)).toThrow(code('ERR_TIMELINE_MISMATCH'));
      }
      expect(unwrapFences(mergeFences([first.fence, second.fence], runtime))).toHaveLength(3);
      // Its numbering goes on: the points before it are those of `head`.
      expect([third.find(1), third.find(2), third.find(4)]).toEqual([head, second, third]);
      quick.signal();
      at(sources, 0).signal();
      expect([first, second].map((link) => link.fence.status)).toEqual(['pending', 'ok']);
      expect(third.lastSignalled).toBe(3);
      expect(third.find(3)).toBeNull();
    },
  );

  it.each(['before', 'after'])(
    'F11: goes on after the fence of a link alike where that signals %s it is added',
    (when) => {
      const { runtime, sources, head } = setUp([2, 5]);
      const ring = new Timeline({ driver: 'demo', label: 'next', runtime, ordered: false });
      const [next, fork] = [ring.createFence(), ring.createFence()];
      const { fence } = head;
      const signal = (): void => {
        for (const source of sources) source.signal(error);
      };
      if (when === 'before') signal();
      const first = new FenceChain(fence, next.fence, 6, runtime);
      const second = new FenceChain(fence, fork.fence, 7, runtime);
      if (when === 'after') signal();
      expect([first, second].map((link) => link.lastSignalled)).toEqual([5, 5]);
      expect([first.find(3), second.find(5), first.find(6)]).toEqual([null, null, first]);
      expect(first.fence.isLaterThan(fence)).toBe(true);
      expect(() => second.fence.isLaterThan(first.fence)).toThrow(code('ERR_TIMELINE_MISMATCH'));
    },
  );

  it('takes an ordinary fence before it as point 0, and the fence of a link as that link', () => {
    const { runtime, sources, links } = setUp([1, 2]);
    const plain = new Timeline({ driver: 'demo', label: 'plain', runtime }).createFence();
    const first = new FenceChain(plain.fence, signalledFence(runtime), 4, runtime);
    expect(first.fence.status).toBe('pending');
    expect(first.find(4)).toBe(first);
    plain.signal();
    expect(first.fence.status).toBe('ok');
    const third = new FenceChain(at(links, 1).fence, at(sources, 0).fence, 3, runtime);
    expect(third.find(1)).toBe(at(links, 0));
  });

  it.each([0, -1, 1.5, Number.NaN, '2'])('refuses the seqno %s', (seqno) => {
    const { runtime, head, sources } = setUp([1]);
    expect(() => new FenceChain(head, at(sources, 0).fence, seqno as number, runtime)).toThrow(
      code('ERR_INVALID_ARGUMENT'),
    );
  });

  it('F12: forwards a deadline hint to every pending fence before it', () => {
    const { sources, head } = setUp([1, 2, 3]);
    at(sources, 1).signal();
    head.fence.setDeadline(9);
    const hints = sources.map(({ fence }) => deadlineOf(fence as FenceCore));
    expect(hints).toEqual([9, null, 9]);
  });

  it('is taken apart from its oldest point', () => {
    const { runtime, sources, head } = setUp([1, 2, 3]);
    expect(unwrapFences(head.fence)).toEqual(sources.map(({ fence }) => fence));
    at(sources, 1).signal();
    const kept = [0, 2].map((i) => at(sources, i).fence);
    expect(unwrapFences(mergeFences([head.fence], runtime))).toEqual(kept);
  });
});

describe('find', () => {
  it('F11: gives the chain for 0, and refuses what is above the head', () => {
    const { head } = setUp([1, 4]);
    expect(head.find(0)).toBe(head);
    for (const seqno of [5, -1, 0.5]) {
      expect(() => head.find(seqno)).toThrow(code('ERR_INVALID_ARGUMENT'));
    }
  });

  it('F11: gives the link with the smallest seqno that is not below', () => {
    const { links, head } = setUp([2, 5, 9]);
    const found = [1, 2, 3, 5, 6, 9].map((seqno) => links.indexOf(head.find(seqno) as FenceChain));
    expect(found).toEqual([0, 0, 1, 1, 2, 2]);
  });

  it('F11: gives an earlier link where that one was signalled and collected', () => {
    const { sources, links, head } = setUp([2, 5, 9]);
    at(sources, 1).signal();
    expect([3, 5, 6].map((seqno) => links.indexOf(head.find(seqno) as FenceChain))).toEqual([
      0, 0, 2,
    ]);
  });

  it('F11: gives null where everything up to the point has signalled', () => {
    const { sources, head } = setUp([2, 5, 9]);
    at(sources, 0).signal();
    expect(head.find(1)).toBeNull();
    expect(head.find(2)).toBeNull();
    expect(head.find(3)).not.toBeNull();
    at(sources, 1).signal();
    at(sources, 2).signal();
    expect(head.find(9)).toBeNull();
  });
});

describe('a chain of 100,000 links', () => {
  const count = 100_000;
  const seqnos = Array.from({ length: count }, (_, i) => i + 1);
  const orders = {
    'oldest first': (i: number) => i,
    'newest first': (i: number) => count - 1 - i,
    'in any order': (i: number) => (i * 7919) % count,
  };

  it.each(Object.entries(orders))('F11: signals %s without recursion', (_name, order) => {
    for (const looksAtEach of [false, true]) {
      const { sources, links, head } = setUp(seqnos);
      if (looksAtEach) for (const link of links) void link.fence;
      const { fence } = head;
      for (let i = 0; i < count; i += 1) {
        if (i % 1000 === 0) expect(fence.status).toBe('pending');
        at(sources, order(i)).signal();
      }
      expect(fence.status).toBe('ok');
    }
  });

  it('F11: holds on to its head only, when its links signal', () => {
    const runtime = new ManualRuntime();
    const timeline = new Timeline({ driver: 'demo', label: 'ring', runtime });
    const blocked = timeline.createFence();
    let head = new FenceChain(null, blocked.fence, 1, runtime);
    for (let i = 2; i <= count; i += 1) {
      head = new FenceChain(head, signalledFence(runtime), i, runtime);
    }
    expect(unwrapFences(head.fence)).toHaveLength(2);
    blocked.signal();
    expect(head.fence.status).toBe('ok');
    expect(head.lastSignalled).toBe(count);
  });
});

describe('chains, against a model', () => {
  const gaps = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 8 });
  const acts = fc.array(
    fc.record({ act: fc.constantFrom('signal', 'look', 'find', 'look at all'), n: fc.nat(30) }),
    { maxLength: 30 },
  );

  it('F11: agree with the definition, whatever is looked at in between', () => {
    fc.assert(
      fc.property(gaps, acts, (steps, script) => {
        const seqnos = steps.map((_, i) => steps.slice(0, i + 1).reduce((a, b) => a + b));
        const { runtime, sources, links, head } = setUp(seqnos, { events: true });
        const done = (i: number): boolean =>
          sources.slice(0, i + 1).every(({ fence }) => fence.status !== 'pending');
        /** Whether every point up to `seqno` has signalled. */
        const isReached = (seqno: number): boolean =>
          seqnos.every((other, i) => other > seqno || at(sources, i).fence.status !== 'pending');
        for (const { act, n } of script) {
          const i = n % links.length;
          if (act === 'signal') at(sources, i).signal(n % 2 === 0 ? error : undefined);
          if (act === 'look') {
            const own = at(sources, i).fence;
            expect(at(links, i).fence.status).toBe(done(i) ? own.status : 'pending');
          }
          if (act === 'look at all') for (const link of links) void link.fence;
          const seqno = 1 + (n % head.seqno);
          if (act !== 'find') continue;
          const smallest = seqnos.findIndex((other) => other >= seqno);
          const found = head.find(seqno);
          const wait = smallest === -1 || done(smallest) ? null : at(links, smallest);
          expect(found === null).toBe(wait === null);
          if (found === null || wait === null) continue;
          expect(found.seqno).toBeLessThanOrEqual(wait.seqno);
          // Both signal at the same moment: nothing between them is pending.
          for (let k = links.indexOf(found) + 1; k <= smallest; k += 1) {
            expect(at(sources, k).fence.status).not.toBe('pending');
          }
        }
        const last = seqnos.filter((seqno, i) => isReached(seqno) && done(i)).at(-1) ?? 0;
        expect(head.lastSignalled).toBe(last);
        links.forEach((link, i) => {
          const own = at(sources, i).fence;
          expect(link.fence.status).toBe(done(i) ? own.status : 'pending');
          expect(link.fence.error).toBe(done(i) ? own.error : null);
        });
        // F1: each timeline of links signalled in its order.
        const ring = at(sources, 0).fence.timeline;
        const lastOf = new Map<number, number>();
        for (const event of runtime.events) {
          if (event.type !== 'fence-signal' || event.fence[0] === ring.id) continue;
          const [timeline, seqno] = event.fence;
          expect(seqno).toBeGreaterThan(lastOf.get(timeline) ?? 0);
          lastOf.set(timeline, seqno);
        }
      }),
      { numRuns: 500 },
    );
  });
});
