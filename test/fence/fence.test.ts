/**
 * The fence and its timeline: state, callbacks, delivery, deadline hints, names (F1 to F7, F12).
 * Waiting is in wait.test.ts; random sequences against a model are in fence.prop.test.ts.
 */
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/base/index.ts';
import { attach, CallbackNode, claimAsHardware } from '../../src/fence/index.ts';
import { deadlineOf, isFence, ownerOf } from '../../src/fence/index.ts';
import { signalledFence, Timeline } from '../../src/fence/index.ts';
import type { Fence, FenceCallback, FenceCore } from '../../src/fence/index.ts';
import { brief, ManualRuntime } from './manualRuntime.ts';

function setUp(options: { ordered?: boolean; events?: boolean } = {}) {
  const { ordered = true, events = false } = options;
  const runtime = new ManualRuntime({ events });
  const timeline = new Timeline({ driver: 'demo', label: 'ring 0', runtime, ordered });
  return { runtime, timeline };
}

const timedOut = new JobError('ERR_JOB_TIMEOUT');
const code = (code: string) => expect.objectContaining({ code });

describe('a timeline', () => {
  it('F1: numbers its fences from 1, each once', () => {
    const { timeline } = setUp();
    expect([1, 2, 3].map(() => timeline.createFence().fence.seqno)).toEqual([1, 2, 3]);
  });

  it('F1: compares fences of one ordered timeline', () => {
    const { timeline } = setUp();
    const first = timeline.createFence();
    const second = timeline.createFence();
    expect(second.fence.isLaterThan(first.fence)).toBe(true);
    expect(first.fence.isLaterThan(second.fence)).toBe(false);
    expect(first.fence.isLaterThan(first.fence)).toBe(false);
    first.signal();
    expect(second.fence.isLaterThan(first.fence)).toBe(true);
  });

  it('F1: refuses to compare across timelines', () => {
    const { timeline, runtime } = setUp();
    const other = new Timeline({ driver: 'demo', label: 'ring 1', runtime });
    const fence = timeline.createFence().fence;
    expect(() => fence.isLaterThan(other.createFence().fence)).toThrow(
      code('ERR_TIMELINE_MISMATCH'),
    );
  });

  it('F1: refuses to compare on an unordered timeline', () => {
    const { timeline } = setUp({ ordered: false });
    const [a, b] = [timeline.createFence().fence, timeline.createFence().fence];
    expect(() => b.isLaterThan(a)).toThrow(code('ERR_TIMELINE_MISMATCH'));
  });

  it('F1: reports a signal out of order as a warning, and accepts it', () => {
    const { timeline, runtime } = setUp({ events: true });
    const [a, b] = [timeline.createFence(), timeline.createFence()];
    expect(b.signal()).toBe(true);
    expect(a.signal()).toBe(true);
    expect(runtime.events.filter((event) => event.type === 'warning')).toHaveLength(1);
  });

  it('F1: does not warn of an unordered timeline', () => {
    const { timeline, runtime } = setUp({ events: true, ordered: false });
    const [a, b] = [timeline.createFence(), timeline.createFence()];
    b.signal();
    a.signal();
    expect(runtime.events.filter((event) => event.type === 'warning')).toEqual([]);
  });

  it('fails what is unsignalled, in order, when it is closed', () => {
    const { timeline } = setUp();
    const sources = [timeline.createFence(), timeline.createFence(), timeline.createFence()];
    const order: number[] = [];
    for (const { fence } of sources) fence.addCallback(() => order.push(fence.seqno));
    sources[1]?.signal();
    timeline.close();
    expect(order).toEqual([2, 1, 3]);
    expect(sources.map(({ fence }) => fence.error?.code ?? null)).toEqual([
      'ERR_PRODUCER_CLOSED',
      null,
      'ERR_PRODUCER_CLOSED',
    ]);
    expect(sources[0]?.signal()).toBe(false);
  });

  it('F5: has failed all its fences, when closed, before any callback runs', () => {
    const { timeline } = setUp();
    const [first, second] = [timeline.createFence(), timeline.createFence()];
    const seen: unknown[] = [];
    first.fence.addCallback(() => {
      timeline.close(new JobError('ERR_DRIVER'));
      seen.push(second.fence.error?.code, second.signal());
    });
    second.fence.addCallback((fence) => seen.push(fence.error?.code));
    timeline.close();
    expect(seen).toEqual(['ERR_PRODUCER_CLOSED', false, 'ERR_PRODUCER_CLOSED']);
  });

  it('gives the error of close to its fences, and refuses new ones', () => {
    const { timeline } = setUp();
    const { fence } = timeline.createFence();
    timeline.close(timedOut);
    timeline.close(new JobError('ERR_DRIVER'));
    expect(fence.error).toBe(timedOut);
    expect(() => timeline.createFence()).toThrow(code('ERR_CLOSED'));
  });

  it('refuses a close with something that is not an error of this package', () => {
    const { timeline } = setUp();
    expect(() => timeline.close(new Error('no') as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(timeline.createFence().fence.status).toBe('pending');
  });

  it.each([
    { driver: 1, label: 'x', runtime: new ManualRuntime() },
    { driver: 'x', label: null, runtime: new ManualRuntime() },
    { driver: 'x', label: 'x', runtime: {} },
  ])('refuses invalid options %#', (options) => {
    expect(() => new Timeline(options as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
  });
});

describe('a fence', () => {
  it('F2: signals once; later signals return false and change nothing', () => {
    const { timeline, runtime } = setUp();
    const source = timeline.createFence();
    expect(source.fence.status).toBe('pending');
    runtime.advanceBy(5);
    expect(source.signal()).toBe(true);
    runtime.advanceBy(5);
    expect(source.signal(timedOut)).toBe(false);
    expect(source.fence).toMatchObject({ status: 'ok', error: null, signalledAtUs: 5 });
  });

  it('F2: fails with one error', () => {
    const { timeline } = setUp();
    const source = timeline.createFence();
    expect(source.signal(timedOut)).toBe(true);
    expect(source.signal()).toBe(false);
    expect(source.fence).toMatchObject({ status: 'failed', error: timedOut });
  });

  it('F2: refuses to signal with something that is not an error of this package', () => {
    const { timeline } = setUp();
    const source = timeline.createFence();
    expect(() => source.signal(new Error('no') as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(() => source.signal(null as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(source.fence.status).toBe('pending');
  });

  it('F3: has its final state before any callback runs', () => {
    const { timeline, runtime } = setUp();
    const source = timeline.createFence();
    const seen: unknown[] = [];
    source.fence.addCallback((fence) => seen.push(fence.status, fence.error, fence.signalledAtUs));
    runtime.advanceBy(7);
    source.signal(timedOut);
    expect(seen).toEqual(['failed', timedOut, 7]);
  });

  it('F4: runs callbacks inside signal, in the order they were added, each once', () => {
    const { timeline } = setUp();
    const source = timeline.createFence();
    const order: string[] = [];
    for (const name of ['a', 'b', 'c']) source.fence.addCallback(() => order.push(name));
    source.signal();
    order.push('after');
    source.signal();
    expect(order).toEqual(['a', 'b', 'c', 'after']);
  });

  it('F4: refuses a callback after the signal, also from inside a callback', () => {
    const { timeline } = setUp();
    const source = timeline.createFence();
    let ran = false;
    let inside: unknown;
    source.fence.addCallback((fence) => {
      inside = fence.addCallback(() => (ran = true));
    });
    source.signal();
    expect(inside).toBeNull();
    expect(source.fence.addCallback(() => (ran = true))).toBeNull();
    expect(ran).toBe(false);
  });

  it('F4: goes on when a callback throws, and rethrows from runtime.defer', () => {
    const { timeline, runtime } = setUp();
    const source = timeline.createFence();
    const order: string[] = [];
    const bad = new Error('bad');
    source.fence.addCallback(() => order.push('a'));
    source.fence.addCallback(() => {
      throw bad;
    });
    source.fence.addCallback(() => order.push('c'));
    expect(source.signal()).toBe(true);
    expect(order).toEqual(['a', 'c']);
    expect(runtime.runDeferred()).toEqual([bad]);
  });

  it('F4: never runs a callback that was removed, also by another callback', () => {
    const { timeline } = setUp();
    const source = timeline.createFence();
    const order: string[] = [];
    const a = source.fence.addCallback(() => order.push('a'));
    source.fence.addCallback((fence) => {
      order.push('b');
      expect(fence.removeCallback(c as never)).toBe(true);
      expect(fence.removeCallback(a as never)).toBe(false);
    });
    const c = source.fence.addCallback(() => order.push('c'));
    source.fence.addCallback(() => order.push('d'));
    expect(c?.fence).toBe(source.fence);
    source.signal();
    expect(order).toEqual(['a', 'b', 'd']);
    expect(c?.fence).toBe(source.fence);
  });

  it('F4: removes first, middle, last and only callback', () => {
    for (const removed of ['a', 'b', 'c']) {
      const { timeline } = setUp();
      const source = timeline.createFence();
      const order: string[] = [];
      for (const name of ['a', 'b', 'c']) {
        const callback = source.fence.addCallback(() => order.push(name));
        if (name === removed) expect(callback && source.fence.removeCallback(callback)).toBe(true);
        if (name === removed) expect(callback && source.fence.removeCallback(callback)).toBe(false);
      }
      source.signal();
      expect(order).toEqual(['a', 'b', 'c'].filter((name) => name !== removed));
    }
  });

  it('F4: does not remove the callback of another fence', () => {
    const { timeline } = setUp();
    const [a, b] = [timeline.createFence(), timeline.createFence()];
    let ran = false;
    const callback = b.fence.addCallback(() => (ran = true));
    expect(callback && a.fence.removeCallback(callback)).toBe(false);
    expect(a.fence.removeCallback({ fence: a.fence })).toBe(false);
    b.signal();
    expect(ran).toBe(true);
  });

  it('refuses a callback that is no function, and a handle that is none', () => {
    const { fence } = setUp().timeline.createFence();
    expect(() => fence.addCallback(undefined as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(() => fence.removeCallback(null as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
  });

  it('F5: sets the status of a fence signalled in a callback at once, and runs its callbacks later', () => {
    const { timeline } = setUp({ ordered: false });
    const [a, b, c] = [timeline.createFence(), timeline.createFence(), timeline.createFence()];
    const order: string[] = [];
    a.fence.addCallback(() => {
      order.push('a1');
      c.signal();
      b.signal();
      order.push(`b is ${b.fence.status}`);
    });
    a.fence.addCallback(() => order.push('a2'));
    b.fence.addCallback(() => order.push('b1'));
    c.fence.addCallback(() => order.push('c1'));
    a.signal();
    expect(order).toEqual(['a1', 'b is ok', 'a2', 'c1', 'b1']);
  });

  it('F5: refuses callbacks on a fence that signalled but whose callbacks have yet to run', () => {
    const { timeline } = setUp();
    const [a, b] = [timeline.createFence(), timeline.createFence()];
    let refused: unknown = 'not asked';
    a.fence.addCallback(() => {
      b.signal();
      refused = b.fence.addCallback(() => {});
    });
    b.fence.addCallback(() => {});
    a.signal();
    expect(refused).toBeNull();
  });

  it(
    'F5: signals a chain of 1,000,000 dependent fences without a deep stack',
    { timeout: 60_000 },
    () => {
      const { timeline } = setUp();
      const first = timeline.createFence();
      let last = first;
      for (let i = 1; i < 1_000_000; i += 1) {
        const next = timeline.createFence();
        last.fence.addCallback(() => void next.signal());
        last = next;
      }
      first.signal();
      expect(last.fence.status).toBe('ok');
    },
  );

  it('F5: runs 100,000 callbacks of one fence, and 100,000 fences signalled by one callback', () => {
    const { timeline } = setUp();
    const first = timeline.createFence();
    const others = Array.from({ length: 100_000 }, () => timeline.createFence());
    let count = 0;
    for (const other of others) {
      first.fence.addCallback(() => void (count += 1));
      other.fence.addCallback(() => void (count += 1));
    }
    first.fence.addCallback(() => {
      for (const other of others) other.signal();
    });
    first.signal();
    expect(count).toBe(200_000);
  });

  it('F5: delivers again after a runtime that threw from defer', () => {
    const { timeline, runtime } = setUp();
    const [a, b] = [timeline.createFence(), timeline.createFence()];
    runtime.defer = () => {
      throw new Error('no defer');
    };
    a.fence.addCallback(() => {
      throw new Error('bad');
    });
    expect(() => a.signal()).toThrow('no defer');
    let ran = false;
    b.fence.addCallback(() => (ran = true));
    b.signal();
    expect(ran).toBe(true);
  });

  it('F6: answers every question after its timeline was closed', () => {
    const { timeline } = setUp();
    const [a, b] = [timeline.createFence().fence, timeline.createFence().fence];
    timeline.close();
    const { id } = timeline;
    expect(a.timeline).toEqual({ id, driver: 'demo', label: 'ring 0', ordered: true });
    expect(Object.isFrozen(a.timeline)).toBe(true);
    expect(b.isLaterThan(a)).toBe(true);
    expect(ownerOf(a as FenceCore)).toBeNull();
  });

  it('F7: does not let a consumer signal', () => {
    const { fence } = setUp().timeline.createFence();
    const names = new Set<string>();
    for (let of: object | null = fence; of !== null && of !== Object.prototype;) {
      for (const name of Object.getOwnPropertyNames(of)) names.add(name);
      of = Object.getPrototypeOf(of) as object | null;
    }
    expect([...names].filter((name) => /^signal$|resolve|complete/.test(name))).toEqual([]);
  });

  it('F8: is not thenable', () => {
    expect('then' in setUp().timeline.createFence().fence).toBe(false);
  });

  it('emits fence-signal once, before its callbacks, and survives a sink that throws', () => {
    const { timeline, runtime } = setUp({ events: true });
    const source = timeline.createFence();
    source.fence.addCallback(() => expect(runtime.events).toHaveLength(1));
    source.signal(timedOut);
    source.signal();
    expect(brief(runtime.events)).toEqual([`fence-signal ${timeline.id}:1 ERR_JOB_TIMEOUT`]);

    const bad = new Error('sink');
    const throwing = new ManualRuntime({
      sink: {
        emit: () => {
          throw bad;
        },
      },
    });
    const other = new Timeline({ driver: 'demo', label: 'other', runtime: throwing });
    const [a, b] = [other.createFence(), other.createFence()];
    let ran = 0;
    a.fence.addCallback(() => (ran += 1));
    b.signal();
    a.signal();
    expect(ran).toBe(1);
    expect(throwing.runDeferred()).toEqual([bad, bad, bad]);
  });
});

describe('a deadline hint', () => {
  it('F12: reaches the producer, each time that it is earlier', () => {
    const runtime = new ManualRuntime();
    const hints: number[] = [];
    const onDeadline = (_fence: Fence, atUs: number) => void hints.push(atUs);
    const timeline = new Timeline({ driver: 'demo', label: 'ring', runtime, onDeadline });
    const source = timeline.createFence();
    for (const atUs of [500, 700, 500, 300, -5]) source.fence.setDeadline(atUs);
    expect(hints).toEqual([500, 300, 0]);
    expect(deadlineOf(source.fence as FenceCore)).toBe(0);
    source.signal();
    source.fence.setDeadline(0);
    expect(hints).toHaveLength(3);
    expect(deadlineOf(source.fence as FenceCore)).toBeNull();
  });

  it('F12: is kept where the producer asked for none, and refused where it is no time', () => {
    const { fence } = setUp().timeline.createFence();
    fence.setDeadline(900);
    expect(deadlineOf(fence as FenceCore)).toBe(900);
    expect(() => fence.setDeadline(Number.NaN)).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(() => fence.setDeadline(Infinity)).toThrow(code('ERR_INVALID_ARGUMENT'));
  });

  it('does not let a producer that throws disturb who hints', () => {
    const runtime = new ManualRuntime();
    const bad = new Error('hint');
    const onDeadline = () => {
      throw bad;
    };
    const timeline = new Timeline({ driver: 'demo', label: 'ring', runtime, onDeadline });
    timeline.createFence().fence.setDeadline(1);
    expect(runtime.runDeferred()).toEqual([bad]);
  });
});

describe('the handle of a callback', () => {
  it('F7: leads to nobody else’s callback, and only takes its own back', async () => {
    const source = setUp().timeline.createFence();
    const { fence } = source;
    const ran: string[] = [];
    const wait = fence.wait().then(() => ran.push('wait'));
    const first = fence.addCallback(() => ran.push('first')) as FenceCallback;
    const second = fence.addCallback(() => ran.push('second')) as FenceCallback;
    expect(Reflect.ownKeys(second)).toEqual(['fence']);
    expect(Reflect.ownKeys(Object.getPrototypeOf(second) as object)).toEqual(['constructor']);
    expect(second.fence).toBe(fence);
    const forged = Object.create(Object.getPrototypeOf(first) as object) as FenceCallback;
    for (const other of [{ fence }, forged, fence as never]) {
      expect(fence.removeCallback(other)).toBe(false);
    }
    expect(fence.removeCallback(second)).toBe(true);
    expect(fence.removeCallback(second)).toBe(false);
    source.signal();
    await wait;
    expect(ran).toEqual(['first', 'wait']);
    expect([first.fence, fence.removeCallback(first)]).toEqual([fence, false]);
  });
});

describe('a signalled fence', () => {
  it('is born with its final state, on timeline 0', () => {
    const runtime = new ManualRuntime();
    runtime.advanceBy(12);
    const fence = signalledFence(runtime);
    expect(fence).toMatchObject({ status: 'ok', seqno: 0, signalledAtUs: 12, error: null });
    expect(fence.timeline.id).toBe(0);
    expect(fence.addCallback(() => {})).toBeNull();
    expect(signalledFence(runtime, timedOut)).toMatchObject({ status: 'failed', error: timedOut });
  });

  it.each([new Error('plain'), 0, null, 'ERR_DRIVER', {}])('F2: refuses the error %o', (error) => {
    expect(() => signalledFence(new ManualRuntime(), error as never)).toThrow(
      code('ERR_INVALID_ARGUMENT'),
    );
  });
});

describe('the internal door', () => {
  it('attaches a node again after it ran, to one fence at a time', () => {
    const { timeline } = setUp();
    const [a, b] = [timeline.createFence(), timeline.createFence()];
    const ran: number[] = [];
    const node = new (class extends CallbackNode {
      run(fence: Fence): void {
        ran.push(fence.seqno);
      }
    })();
    expect(attach(a.fence as FenceCore, node)).toBe(true);
    a.signal();
    expect(attach(a.fence as FenceCore, node)).toBe(false);
    expect(attach(b.fence as FenceCore, node)).toBe(true);
    b.signal();
    expect(ran).toEqual([1, 2]);
  });

  it('T4: marks a fence as hardware fence once, pending or signalled', () => {
    const { timeline } = setUp();
    const source = timeline.createFence();
    expect(claimAsHardware(source.fence as FenceCore)).toBe(true);
    source.signal();
    expect(claimAsHardware(source.fence as FenceCore)).toBe(false);
  });

  it('knows a fence of this package', () => {
    expect(isFence(setUp().timeline.createFence().fence)).toBe(true);
    expect(isFence({ seqno: 1 })).toBe(false);
    expect(isFence(null)).toBe(false);
  });
});

describe('a fence for humans', () => {
  it('prints as plain JSON', () => {
    const { timeline, runtime } = setUp();
    const source = timeline.createFence();
    runtime.advanceBy(3);
    source.signal(timedOut);
    expect(JSON.parse(JSON.stringify(source.fence))).toEqual({
      timeline: { id: timeline.id, driver: 'demo', label: 'ring 0', ordered: true },
      seqno: 1,
      status: 'failed',
      error: 'ERR_JOB_TIMEOUT',
      signalledAtUs: 3,
    });
  });

  it('prints in one line in a debugger', () => {
    const { timeline } = setUp();
    const source = timeline.createFence();
    const name = `demo/ring 0 #1 (timeline ${timeline.id})`;
    expect(inspect(source.fence)).toBe(`Fence ${name}: pending`);
    source.signal();
    expect(inspect({ done: source.fence })).toContain(`Fence ${name}: ok at 0 us`);
  });
});
