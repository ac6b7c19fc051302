/** What fences hold on to, seen with a garbage collection: nothing of their producer, nothing of what is over (F6, F8). */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { fenceAll, fenceAny, FenceChain, Syncobj, Timeline } from '../../src/fence/index.ts';
import type { Fence } from '../../src/fence/index.ts';
import { ManualRuntime } from './manualRuntime.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Whether what `ref` names can be collected. A weak reference that was read holds on until the end of the turn. */
async function isCollected(ref: WeakRef<object>): Promise<boolean> {
  for (let tries = 0; tries < 10; tries += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    if (ref.deref() === undefined) return true;
  }
  return false;
}

/** A fence, and a weak reference to the runtime and the timeline that it came from. */
function produce(signals: boolean): { fence: Fence; producers: WeakRef<object>[] } {
  const runtime = new ManualRuntime();
  const timeline = new Timeline({ driver: 'demo', label: 'ring', runtime });
  const source = timeline.createFence();
  source.fence.addCallback(() => runtime.nowUs());
  const fence = fenceAll([source.fence, fenceAny([source.fence], runtime)], runtime);
  if (signals) source.signal();
  return { fence, producers: [new WeakRef(runtime), new WeakRef(timeline)] };
}

describe('a fence', () => {
  it('F6: lets go of its producer when it has signalled', async () => {
    const { fence, producers } = produce(true);
    for (const producer of producers) expect(await isCollected(producer)).toBe(true);
    expect(fence).toMatchObject({ status: 'ok', timeline: { driver: 'fenceline', label: 'all' } });
  });

  it('F6: of a chain lets go of it, too, and keeps its place in the chain', async () => {
    const link = (): { fence: Fence; producers: WeakRef<object>[] } => {
      const runtime = new ManualRuntime();
      const timeline = new Timeline({ driver: 'demo', label: 'ring', runtime });
      const source = timeline.createFence();
      const chain = new FenceChain(null, source.fence, 5, runtime);
      const { fence } = chain;
      source.signal();
      return { fence, producers: [runtime, timeline, chain].map((one) => new WeakRef(one)) };
    };
    const { fence, producers } = link();
    for (const producer of producers) expect(await isCollected(producer)).toBe(true);
    const runtime = new ManualRuntime();
    const next = new Timeline({ driver: 'demo', label: 'ring', runtime }).createFence();
    expect(new FenceChain(fence, next.fence, 6, runtime).lastSignalled).toBe(5);
  });

  it('F8: lets go of a wait when it has signalled, and holds on to it before (the control)', async () => {
    const timeline = new Timeline({ driver: 'demo', label: 'ring', runtime: new ManualRuntime() });
    const [source, pending] = [timeline.createFence(), timeline.createFence()];
    const waitOn = (fence: Fence): WeakRef<object> => {
      const seen = {};
      void fence.wait().then(() => seen);
      return new WeakRef(seen);
    };
    const [over, open] = [waitOn(source.fence), waitOn(pending.fence)];
    source.signal();
    expect(await isCollected(over)).toBe(true);
    expect(await isCollected(open)).toBe(false);
    expect([source.fence.status, pending.fence.status]).toEqual(['ok', 'pending']);
  });

  it('holds on to its runtime while it is pending (the control of this test)', async () => {
    const { fence, producers } = produce(false);
    expect(await isCollected(producers[0] as WeakRef<object>)).toBe(false);
    expect(fence.status).toBe('pending');
  });

  it('F8: forgets a wait that ended early', async () => {
    const runtime = new ManualRuntime();
    const { fence } = new Timeline({ driver: 'demo', label: 'ring', runtime }).createFence();
    const start = (): WeakRef<object> => {
      const controller = new AbortController();
      const { signal } = controller;
      fence.wait({ signal, timeoutMs: 5, interruptible: true }).catch(() => {});
      controller.abort();
      return new WeakRef(controller);
    };
    expect(await isCollected(start())).toBe(true);
    expect(fence.status).toBe('pending');
  });

  it('F11: is forgotten by a chain when it has signalled', async () => {
    const runtime = new ManualRuntime();
    const box = new Syncobj({ runtime });
    const timeline = new Timeline({ driver: 'demo', label: 'ring', runtime });
    const append = (point: number): WeakRef<object> => {
      const source = timeline.createFence();
      box.addPoint(point, source.fence);
      void box.fence;
      source.signal();
      return new WeakRef(source.fence);
    };
    const first = append(1);
    append(2);
    append(3);
    expect(await isCollected(first)).toBe(true);
    expect(box.lastSignalled).toBe(3);
  });
});
