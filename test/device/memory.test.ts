// Memory of a device in virtual time: budgets, who is evicted, when it may be freed (M1 to M3, E5). Real contents on a real
// device are in test/webgpu/memory.gpu.test.ts.
import { describe, expect, it } from 'vitest';
import { deferred, JobError } from '../../src/base/index.ts';
import type { Deferred } from '../../src/base/index.ts';
import { failureOf, handleOf, openDevice } from '../../src/device/index.ts';
import type {
  Client,
  ClientOptions,
  DeviceBuffer,
  HostBytes,
  MemoryBackend,
  OpenDeviceOptions,
} from '../../src/device/index.ts';
import { VirtualRuntime } from '../../src/drivers/sim/index.ts';
import type { SchedEvent } from '../../src/events/index.ts';
import { Timeline } from '../../src/fence/index.ts';
import { HandBackend, thrownBy } from './handDevice.ts';
import type { HandWork } from './handDevice.ts';

interface BufferWork extends HandWork {
  readonly buffers?: readonly DeviceBuffer[];
}

/** Memory whose answers the test may hold back. */
class HandMemory implements MemoryBackend {
  readonly contents = new Map<number, Uint8Array<ArrayBuffer>>();
  readonly calls: string[] = [];
  /** While set, reads wait for it. */
  reading: Deferred<void> | null = null;
  refuses = false;
  maxBufferBytes: number | null = null;

  async create(handle: number, bytes: number): Promise<string | null> {
    this.calls.push(`create ${bytes}`);
    this.contents.set(handle, new Uint8Array(bytes));
    return this.refuses ? 'it is full' : null;
  }

  write(handle: number, contents: Uint8Array<ArrayBuffer>): void {
    this.calls.push('write');
    this.contents.get(handle)?.set(contents);
  }

  async read(handle: number, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    this.calls.push(`read ${bytes}`);
    const contents = this.contents.get(handle)!.slice();
    await this.reading?.promise;
    return contents;
  }

  destroy(handle: number): void {
    this.calls.push('destroy');
    this.contents.delete(handle);
  }

  get bytes(): number {
    return [...this.contents.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }
}

class MemoryHandBackend extends HandBackend {
  readonly memory = new HandMemory();

  buffersOf(work: BufferWork): readonly DeviceBuffer[] {
    return work.buffers ?? [];
  }
}

function setUp(options: Partial<OpenDeviceOptions> = {}) {
  const events: SchedEvent[] = [];
  const runtime = new VirtualRuntime({ sink: { emit: (event) => events.push(event) } });
  const backend = new MemoryHandBackend(runtime);
  const newAbort = () => new AbortController();
  const device = openDevice<BufferWork, HandWork>(backend, {
    ...{ label: 'hand', rings: 1, newAbort, runtime, memoryBytes: 100 },
    ...options,
  });
  return { device, backend, memory: backend.memory, runtime, events };
}

function sharedBytes(...bytes: number[]): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(bytes.length);
  new Uint8Array(shared).set(bytes);
  return shared;
}

type Env = ReturnType<typeof setUp>;

/** Allocates, and waits until it is there. */
async function allocated(
  env: Env,
  client: Client<BufferWork>,
  bytes: number,
): Promise<DeviceBuffer> {
  const { value } = client.allocate({ bytes });
  await env.runtime.settle();
  return value;
}

/** Runs a job that uses `buffers`, to its end. */
async function used(
  env: Env,
  client: Client<BufferWork>,
  ...buffers: DeviceBuffer[]
): Promise<void> {
  client.submit({ durationUs: 1, buffers });
  await env.runtime.settle(1000);
}

const code = (act: () => unknown): string => (thrownBy(act) as { code: string }).code;

describe('an allocation', () => {
  it('M1: counts against the client’s budget, and is refused beyond it with nothing changed', async () => {
    const env = setUp();
    const client = env.device.open({ memoryBudgetBytes: 40 });
    await allocated(env, client, 32);
    const before = client.stats().memory;
    expect(before).toEqual({ allocatedBytes: 32, residentBytes: 32, budgetBytes: 40, buffers: 1 });
    const error = thrownBy(() => client.allocate({ bytes: 12 })) as Error;
    expect(error).toMatchObject({ code: 'ERR_OUT_OF_MEMORY', errno: 'ENOMEM' });
    expect(error.message).toMatch(/budget of client \d+, which holds 32 B of 40 B/);
    expect(client.stats().memory).toEqual(before);
    expect(client.allocate({ bytes: 8 }).value.state).toBe('arriving');
  });

  it('M1: counts against the device, and says who holds what', async () => {
    const env = setUp();
    const [one, two] = [env.device.open({ label: 'one' }), env.device.open({ label: 'two' })];
    const [a, b] = [await allocated(env, one, 60), await allocated(env, two, 40)];
    one.submit({ buffers: [a] });
    two.submit({ buffers: [b] });
    const error = thrownBy(() => two.allocate({ bytes: 4 })) as Error;
    expect(error).toMatchObject({ code: 'ERR_OUT_OF_MEMORY' });
    expect(error.message).toMatch(/one holds 60 B \(0 B idle\), two holds 40 B \(0 B idle\)/);
    expect(env.device.stats().memory).toEqual({ capacityBytes: 100, residentBytes: 100 });
    expect(code(() => two.allocate({ bytes: 101 }))).toBe('ERR_OUT_OF_MEMORY');
  });

  it('E5: frees what was released before it fails', async () => {
    const env = setUp();
    const client = env.device.open({ memoryBudgetBytes: 100 });
    const held = client.allocate({ bytes: 100 });
    await env.runtime.settle();
    held.release();
    expect(held.released).toBe(true);
    expect(client.allocate({ bytes: 100 }).value.bytes).toBe(100);
    await env.runtime.settle();
    expect(env.memory.bytes).toBe(100);
  });

  it('E5: frees nothing inside a fence callback', async () => {
    const env = setUp();
    const client = env.device.open();
    const held = client.allocate({ bytes: 8 });
    await env.runtime.settle();
    const calls: number[] = [];
    const job = client.submit({ durationUs: 1 });
    job.finished.addCallback(() => {
      held.release();
      calls.push(env.memory.calls.filter((call) => call === 'destroy').length);
    });
    await env.runtime.settle(1000);
    expect([calls, env.memory.bytes]).toEqual([[0], 0]);
  });

  it.each([
    ['no size', {}],
    ['no bytes', { bytes: 0 }],
    ['half a byte', { bytes: 0.5 }],
    ['a label that is no text', { bytes: 1, label: 1 }],
    ['a refill that is no function', { bytes: 1, refill: 1 }],
  ])('is refused with %s', (_name, options) => {
    const client = setUp().device.open();
    expect(code(() => client.allocate(options as never))).toBe('ERR_INVALID_ARGUMENT');
  });

  it('is refused where the device has no memory, and after a close', async () => {
    const env = setUp();
    const client = env.device.open();
    await Promise.all([client.close(), env.runtime.settle(1000)]);
    expect(code(() => client.allocate({ bytes: 1 }))).toBe('ERR_CLOSED');
    const bare = openDevice(new HandBackend(env.runtime), {
      ...{ label: 'bare', rings: 1, runtime: env.runtime, newAbort: () => new AbortController() },
    });
    expect(code(() => bare.open().allocate({ bytes: 1 }))).toBe('ERR_INVALID_ARGUMENT');
    expect(bare.stats().memory).toBeUndefined();
    for (const memoryBudgetBytes of [-1, NaN]) {
      expect(code(() => env.device.open({ memoryBudgetBytes }))).toBe('ERR_INVALID_ARGUMENT');
    }
  });

  it('E6: of a device that was closed: a job that names it is told of the close', async () => {
    const env = setUp();
    const client = env.device.open();
    const buffer = await allocated(env, client, 10);
    await Promise.all([env.device.close(), env.runtime.settle()]);
    const code = (buffers: DeviceBuffer[]): unknown =>
      (thrownBy(() => client.submit({ buffers })) as { code?: unknown }).code;
    expect([code([]), code([buffer])]).toEqual(['ERR_CLOSED', 'ERR_CLOSED']);
  });

  it('T9: is reported with who asked for it, as what may evict', async () => {
    const env = setUp();
    const held = env.device.open({ label: 'one' }).allocate({ bytes: 8, label: 'mesh' });
    held.release();
    const seen = env.events.filter(({ type }) => /^(alloc|owned-)/.test(type));
    expect(seen).toMatchObject([
      { type: 'alloc', name: 'mesh', bytes: 8, mayEvict: true, owner: 'one' },
      { type: 'owned-get', name: 'mesh', owner: 'one' },
      { type: 'owned-put', name: 'mesh', owner: 'one' },
    ]);
  });
});

describe('eviction', () => {
  const open = (env: Env, options?: ClientOptions): Client<BufferWork> => env.device.open(options);

  it('M3: takes what was used longest ago, of clients over their share', async () => {
    const env = setUp();
    const [large, small] = [open(env), open(env)];
    const own = await allocated(env, small, 20);
    const [old, young] = [await allocated(env, large, 40), await allocated(env, large, 40)];
    await used(env, large, old);
    small.allocate({ bytes: 20 });
    expect([own.state, old.state, young.state]).toEqual(['resident', 'resident', 'leaving']);
    await env.runtime.settle();
    expect([young.state, large.stats().memory?.residentBytes, env.memory.bytes]).toEqual([
      'evicted',
      40,
      80,
    ]);
  });

  it('M3: takes nothing of a client within its share, and so refuses who is over it', async () => {
    const env = setUp();
    const [large, small] = [open(env), open(env, { weight: 3 })];
    const kept = await allocated(env, small, 60);
    const own = await allocated(env, large, 40);
    large.submit({ buffers: [own] });
    expect(code(() => large.allocate({ bytes: 20 }))).toBe('ERR_OUT_OF_MEMORY');
    expect([kept.state, own.state]).toEqual(['resident', 'resident']);
  });

  it('M3: goes by the weights as they are now', async () => {
    const env = setUp();
    const [large, small] = [open(env), open(env)];
    const kept = await allocated(env, small, 60);
    const own = await allocated(env, large, 40);
    large.submit({ buffers: [own] });
    small.setWeight(3);
    expect(code(() => large.allocate({ bytes: 20 }))).toBe('ERR_OUT_OF_MEMORY');
    small.setWeight(1);
    large.allocate({ bytes: 20 });
    expect([kept.state, own.state]).toEqual(['leaving', 'resident']);
  });

  it('M3: takes from who is banned first', async () => {
    const env = setUp({ banAfter: 1, runTimeoutMs: 1, memoryBytes: 120 });
    const [rogue, client] = [open(env), open(env)];
    const theirs = await allocated(env, rogue, 20);
    const mine = await allocated(env, client, 100);
    rogue.submit({});
    await env.runtime.settle(10_000);
    expect(rogue.stats().banned).toBe(true);
    client.allocate({ bytes: 20 });
    expect([theirs.state, mine.state]).toEqual(['leaving', 'resident']);
  });

  it('M2: takes nothing that a job names, from its submit until it is freed', async () => {
    const env = setUp();
    const client = open(env);
    const buffer = await allocated(env, client, 100);
    const job = client.submit({ buffers: [buffer] });
    expect(buffer.reservation.isSignalled('bookkeep')).toBe(false);
    expect(code(() => client.allocate({ bytes: 4 }))).toBe('ERR_OUT_OF_MEMORY');
    await env.runtime.settle();
    env.backend.end();
    expect([job.finished.status, code(() => client.allocate({ bytes: 4 }))]).toEqual([
      'ok',
      'ERR_OUT_OF_MEMORY',
    ]);
    await env.runtime.settle();
    client.allocate({ bytes: 4 });
    expect(buffer.state).toBe('leaving');
  });

  it('M3: is undone by a job that needs the buffer before it has left', async () => {
    const env = setUp();
    const client = open(env);
    const buffer = await allocated(env, client, 60);
    env.memory.reading = deferred();
    const other = client.allocate({ bytes: 60 });
    expect(buffer.state).toBe('leaving');
    other.release();
    const job = client.submit({ durationUs: 1, buffers: [buffer] });
    expect(buffer.state).toBe('resident');
    env.memory.reading.resolve();
    await env.runtime.settle(1000);
    expect([job.finished.status, buffer.state, env.memory.bytes]).toEqual(['ok', 'resident', 60]);
  });

  it('M3: what comes waits until what leaves has left; never is more held than there is', async () => {
    const env = setUp();
    const client = open(env);
    const first = await allocated(env, client, 80);
    env.memory.reading = deferred();
    const { value: second } = client.allocate({ bytes: 80 });
    const job = client.submit({ durationUs: 1, buffers: [second] });
    await env.runtime.settle(100);
    expect([second.state, job.job.state, env.memory.bytes]).toEqual(['arriving', 'queued', 80]);
    env.memory.reading.resolve();
    await env.runtime.settle(1000);
    expect([first.state, second.state, job.finished.status]).toEqual(['evicted', 'resident', 'ok']);
    expect(env.memory.bytes).toBe(80);
  });

  it.each([
    ['being made', 0],
    ['waiting for its place', 60],
  ])('M3: turns back what nobody needs, is idle and still %s', async (_name, leavingBytes) => {
    const env = setUp();
    const client = open(env);
    if (leavingBytes > 0) {
      await allocated(env, client, leavingBytes);
      env.memory.reading = deferred();
    }
    const [first, second] = [client.allocate({ bytes: 60 }), client.allocate({ bytes: 60 })];
    expect([first.value.state, second.value.state]).toEqual(['evicted', 'arriving']);
    expect(env.device.stats().memory?.residentBytes).toBe(60);
    env.memory.reading?.resolve();
    await env.runtime.settle();
    expect([second.value.state, env.memory.bytes]).toEqual(['resident', 60]);
    await used(env, client, first.value);
    expect([first.value.state, second.value.state, env.memory.bytes]).toEqual([
      'resident',
      'evicted',
      60,
    ]);
    expect(env.memory.contents.get(handleOf(first.value)!)).toEqual(new Uint8Array(60));
  });

  it('M3: turns back contents that were on their way, and gives them with the next job', async () => {
    const env = setUp();
    const client = open(env);
    const buffer = await allocated(env, client, 60);
    env.memory.contents.get(handleOf(buffer)!)!.fill(7);
    await allocated(env, client, 60);
    client.submit({ buffers: [buffer] }).cancel();
    env.runtime.advanceBy(0);
    expect(buffer.state).toBe('arriving');
    await allocated(env, client, 60);
    expect(buffer.state).toBe('evicted');
    await used(env, client, buffer);
    expect(env.memory.contents.get(handleOf(buffer)!)!.every((value) => value === 7)).toBe(true);
  });

  it('M1, M3: an allocation that is refused turns nothing back', async () => {
    const env = setUp();
    const [one, two] = [open(env), open(env)];
    const pinned = await allocated(env, two, 40);
    two.submit({ buffers: [pinned] });
    const { value: arriving } = one.allocate({ bytes: 60 });
    expect(code(() => one.allocate({ bytes: 80 }))).toBe('ERR_OUT_OF_MEMORY');
    expect(arriving.state).toBe('arriving');
    await env.runtime.settle();
    expect([arriving.state, env.memory.bytes]).toEqual(['resident', 100]);
  });

  it('M3: gives the contents back with the next job that needs them', async () => {
    const env = setUp();
    const client = open(env);
    const buffer = await allocated(env, client, 60);
    env.memory.contents.get(handleOf(buffer)!)!.fill(7);
    const other = await allocated(env, client, 60);
    expect([buffer.state, handleOf(buffer)]).toEqual(['evicted', null]);
    await used(env, client, buffer);
    expect([buffer.state, other.state]).toEqual(['resident', 'evicted']);
    expect(env.memory.contents.get(handleOf(buffer)!)!.every((value) => value === 7)).toBe(true);
  });

  it('J1: a submit whose buffers do not fit together throws, and changes nothing', async () => {
    const env = setUp();
    const client = open(env);
    const buffers = [await allocated(env, client, 60), await allocated(env, client, 60)];
    expect(code(() => client.submit({ buffers }))).toBe('ERR_OUT_OF_MEMORY');
    expect(buffers.map(({ state }) => state)).toEqual(['evicted', 'resident']);
    await used(env, client, buffers[0]!);
    expect(client.stats()).toMatchObject({ submitted: 1, completed: 1 });
  });
});

describe('a buffer', () => {
  it('E4: is freed when its client closes, or later, when the hardware is done with it', async () => {
    const env = setUp();
    const client = env.device.open();
    const [idle, busy] = [await allocated(env, client, 10), await allocated(env, client, 10)];
    client.submit({ buffers: [busy] });
    await env.runtime.settle();
    const closing = client.close({ flushMs: 1, closeTimeoutMs: 1 });
    await env.runtime.settle(10_000);
    await closing;
    expect([idle.state, busy.state]).toEqual(['freed', 'resident']);
    env.backend.end();
    await env.runtime.settle();
    expect([busy.state, env.memory.bytes]).toEqual(['freed', 0]);
  });

  it.each(['resident', 'arriving'] as const)(
    'M2: released while it is %s, is not freed while a fence in its reservation is pending',
    async (state) => {
      const env = setUp();
      const [owner, other] = [env.device.open({ memoryBudgetBytes: 100 }), env.device.open()];
      const held = owner.allocate({ bytes: 100 });
      const buffer = held.value;
      if (state === 'resident') await env.runtime.settle();
      expect(buffer.state).toBe(state);
      const timeline = new Timeline({ driver: 'test', label: 'uses', runtime: env.runtime });
      const [read, kept] = [timeline.createFence(), timeline.createFence()];
      const elsewhere = new Timeline({ driver: 'test', label: 'other', runtime: env.runtime });
      const last = elsewhere.createFence();
      buffer.reservation.add(read.fence, 'read');
      buffer.reservation.add(kept.fence, 'bookkeep');
      buffer.reservation.add(last.fence, 'bookkeep');
      held.release();
      await env.runtime.settle(1000);
      read.signal();
      kept.signal();
      await env.runtime.settle(1000);
      expect([buffer.state, env.memory.bytes]).toEqual(['resident', 100]);
      expect(code(() => other.allocate({ bytes: 4 }))).toBe('ERR_OUT_OF_MEMORY');
      expect(code(() => owner.allocate({ bytes: 4 }))).toBe('ERR_OUT_OF_MEMORY');
      const inside: string[] = [];
      last.fence.addCallback(() => inside.push(buffer.state));
      last.signal();
      inside.push(buffer.state);
      await env.runtime.settle();
      expect([inside, buffer.state, env.memory.bytes]).toEqual([
        ['resident', 'resident'],
        'freed',
        0,
      ]);
    },
  );

  it('M2, E4: of a client that closed is not freed while a fence in its reservation is pending', async () => {
    const env = setUp();
    const [client, other] = [env.device.open(), env.device.open()];
    const buffer = await allocated(env, client, 100);
    const timeline = new Timeline({ driver: 'test', label: 'uses', runtime: env.runtime });
    const use = timeline.createFence();
    buffer.reservation.add(use.fence, 'bookkeep');
    client[Symbol.dispose]();
    await env.runtime.settle(1000);
    expect(buffer.state).toBe('resident');
    expect(code(() => other.allocate({ bytes: 4 }))).toBe('ERR_OUT_OF_MEMORY');
    use.signal();
    // What is due is freed first (E5).
    expect(other.allocate({ bytes: 100 }).value.state).toBe('arriving');
    await env.runtime.settle();
    expect([buffer.state, env.memory.bytes]).toEqual(['freed', 100]);
  });

  it('M1: that the device does not have after all is lost, and its jobs are told', async () => {
    const env = setUp();
    const client = env.device.open();
    env.memory.refuses = true;
    const buffer = await allocated(env, client, 10);
    expect([buffer.state, env.device.stats().memory?.residentBytes]).toEqual(['lost', 0]);
    const job = client.submit({ buffers: [buffer] });
    await env.runtime.settle();
    expect([job.job.state, handleOf(buffer)]).toEqual(['running', null]);
    const message = 'the device has no 12 B for buffer 1: it is full';
    expect(failureOf(buffer)).toMatchObject({ code: 'ERR_OUT_OF_MEMORY', message });
  });

  it('M1: that is larger than the device has buffers is refused with the limit, nothing changed', async () => {
    const env = setUp();
    env.memory.maxBufferBytes = 40;
    const client = env.device.open();
    expect(client.allocate({ bytes: 40 }).value.bytes).toBe(40);
    expect(thrownBy(() => client.allocate({ bytes: 41 }))).toMatchObject({
      code: 'ERR_OUT_OF_MEMORY',
      message:
        'allocate buffer 2: 44 B do not fit into one buffer of the device, which has 40 B at most; allocate several',
    });
    expect(client.stats().memory?.allocatedBytes).toBe(40);
  });

  /** A buffer of eight bytes after a loss and a job that needs it. */
  async function refilledWith(refill: () => unknown) {
    const env = setUp();
    const client = env.device.open();
    const options = { bytes: 8, label: 'weights', refill: refill as () => HostBytes };
    const buffer = client.allocate(options).value;
    await env.runtime.settle();
    env.backend.host?.memoryLost();
    client.submit({ buffers: [buffer] });
    env.backend.host?.memoryBack();
    await env.runtime.settle(1000);
    const contents = env.memory.contents.get(handleOf(buffer) ?? 0);
    return { buffer, contents: contents === undefined ? null : [...contents] };
  }

  it.each<[string, () => unknown]>([
    ['an ArrayBuffer', () => Uint8Array.of(1, 2).buffer],
    ['a SharedArrayBuffer', () => sharedBytes(1, 2)],
    ['a view of a part of one', () => Uint8Array.of(9, 1, 2, 9).subarray(1, 3)],
    ['a view of other elements', () => Uint16Array.of(0x0201)],
    ['a promise', () => Promise.resolve(new DataView(Uint8Array.of(1, 2).buffer))],
    ['more than there is room for', () => Uint8Array.of(1, 2, 0, 0, 0, 0, 0, 0, 9)],
  ])('is refilled with the bytes of %s', async (_, refill) => {
    expect((await refilledWith(refill)).contents).toEqual([1, 2, 0, 0, 0, 0, 0, 0]);
  });

  it('is refilled with a copy: what was given may change afterwards', async () => {
    const given = new Uint8Array(8);
    const written: Uint8Array[] = [];
    const env = setUp();
    env.memory.write = (_, contents) => void written.push(contents);
    const client = env.device.open();
    const buffer = client.allocate({ bytes: 8, refill: () => given }).value;
    await env.runtime.settle();
    env.backend.host?.memoryLost();
    client.submit({ buffers: [buffer] });
    env.backend.host?.memoryBack();
    await env.runtime.settle(1000);
    given.fill(1);
    expect(written).toEqual([new Uint8Array(8)]);
  });

  it.each<[string, () => unknown, string]>([
    ['gives nothing', () => undefined, 'what it gave: expected an ArrayBuffer, or a view of one'],
    ['gives numbers', () => [1, 2], 'what it gave: expected an ArrayBuffer, or a view of one'],
    ['rejects', () => Promise.reject(new Error('the network is down')), 'the network is down'],
    [
      'throws',
      () => {
        throw new Error('the network is down');
      },
      'the network is down',
    ],
  ])('is lost where its refill %s, and says why', async (_, refill, why) => {
    const { buffer } = await refilledWith(refill);
    expect([buffer.state, handleOf(buffer)]).toEqual(['lost', null]);
    const failure = failureOf(buffer);
    expect(failure?.code).toBe('ERR_JOB_RESET');
    expect(failure?.message).toContain(`lost with the device, and its refill failed: ${why}`);
    expect(failure?.cause).toMatchObject({ message: expect.stringContaining(why) });
  });

  it('is lost with its device, or refilled when a job needs it', async () => {
    const env = setUp();
    const client = env.device.open();
    const refilled = client.allocate({ bytes: 8, refill: () => Uint8Array.of(5) }).value;
    const lost = await allocated(env, client, 8);
    env.backend.host?.memoryLost();
    env.memory.contents.clear();
    expect([refilled.state, lost.state]).toEqual(['evicted', 'lost']);
    const job = client.submit({ durationUs: 1, buffers: [refilled] });
    await env.runtime.settle(1000);
    expect([refilled.state, job.job.state]).toEqual(['arriving', 'queued']);
    env.backend.host?.memoryBack();
    await env.runtime.settle(1000);
    expect([refilled.state, job.finished.status]).toEqual(['resident', 'ok']);
    expect([...env.memory.contents.get(handleOf(refilled)!)!]).toEqual([5, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('E4, E6: of a client that is open is freed with its device, which is asked for nothing afterwards', async () => {
    const env = setUp();
    const client = env.device.open();
    const held = client.allocate({ bytes: 10 });
    const other = client.allocate({ bytes: 10 });
    await env.runtime.settle();
    const timeline = new Timeline({ driver: 'test', label: 'uses', runtime: env.runtime });
    const use = timeline.createFence();
    other.value.reservation.add(use.fence, 'bookkeep');
    await Promise.all([env.device.close(), env.runtime.settle(1000)]);
    expect([held.value.state, other.value.state, env.memory.bytes]).toEqual([
      'freed',
      'resident',
      12,
    ]);
    const calls = env.memory.calls.length;
    use.signal();
    held.release();
    await env.runtime.settle();
    expect([other.value.state, env.memory.calls.length]).toEqual(['freed', calls]);
  });

  it('E3, E6: of a running job does not arrive again where its device is closed', async () => {
    const env = setUp();
    const client = env.device.open();
    const { value } = client.allocate({ bytes: 8, refill: () => Uint8Array.of(5) });
    await env.runtime.settle();
    client.submit({ buffers: [value] });
    await env.runtime.settle();
    const states: string[] = [];
    env.backend.close = async () => {
      env.backend.host?.memoryLost();
      states.push(value.state);
      env.backend.reset();
    };
    await Promise.all([env.device.close({ mode: 'kill' }), env.runtime.settle(1000)]);
    expect([...states, value.state]).toEqual(['evicted', 'freed']);
    expect(env.memory.calls).toEqual(['create 8']);
  });

  it('T8: is refused once the device is gone', async () => {
    const env = setUp();
    const client = env.device.open();
    env.backend.host?.lost(new JobError('ERR_DRIVER', 'unplugged'));
    expect(code(() => client.allocate({ bytes: 1 }))).toBe('ERR_DEVICE_GONE');
    await env.runtime.settle();
    expect(code(() => client.allocate({ bytes: 1 }))).toBe('ERR_DEVICE_GONE');
  });

  it('M4: answers after its device was closed', async () => {
    const env = setUp();
    const client = env.device.open();
    const buffer = await allocated(env, client, 10);
    const job = client.submit({ buffers: [buffer] });
    await env.runtime.settle();
    await Promise.all([env.device.close({ mode: 'kill' }), env.runtime.settle(1000)]);
    expect([job.finished.error?.code, buffer.bytes]).toEqual(['ERR_SCHEDULER_CLOSED', 12]);
    expect(buffer.reservation.isSignalled('bookkeep')).toBe(true);
  });
});
