/**
 * What a WebGPU device does for its clients, the same in this realm and in a process of its own. What only one of them does is in
 * local.gpu.test.ts and isolated.gpu.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { openWebGpuDevice } from 'fenceline/webgpu';
import { missing, title } from './gpu.ts';
import {
  createGpu,
  endsOf,
  errorOf,
  openTestDevice,
  scale,
  scaled,
  spin,
  spun,
} from './testDevice.ts';
import type { Isolation } from './testDevice.ts';

const WHERE: [name: string, isolation: Isolation][] = [
  ['in this realm', 'none'],
  ['in a process of its own', 'process'],
];

describe.skipIf(missing !== null).each(WHERE)(title('a WebGPU device %s'), (_, isolation) => {
  const open = (options = {}): ReturnType<typeof openTestDevice> =>
    openTestDevice({ isolation, ...options });

  it('computes what the shader says, for every number', async () => {
    const client = (await open()).open();
    const values = Array.from({ length: 1000 }, (_none, index) => index / 8);
    expect(await scaled(client, values)).toEqual(values.map((value) => value * 2));
    const [[value]] = (await client.submit<[Uint32Array]>(spin(1000)).result) as [Uint32Array];
    expect(value).toBe(spun(1000));
  });

  it('hands back what was asked for, in the kind of array that was given', async () => {
    const client = (await open()).open();
    const wgsl = `
      @group(0) @binding(0) var<storage, read_write> a: array<u32>;
      @group(0) @binding(1) var<storage, read_write> b: array<u32>;
      @compute @workgroup_size(1) fn main() { a[0] += 1u; b[1] = 7u; }`;
    const bindings = [Int32Array.of(41), { size: 8 }];
    const work = { wgsl, bindings, workgroups: [1] as const, read: [1, 0] };
    const [zeros, number] = await client.submit<[ArrayBuffer, Int32Array]>(work).result;
    expect([new Uint32Array(zeros), number]).toEqual([Uint32Array.of(0, 7), Int32Array.of(42)]);
    expect(await client.submit({ wgsl, bindings, workgroups: [1] }).result).toEqual([]);
  });

  it('copies what is given when it is submitted, and leaves it alone', async () => {
    const client = (await open()).open();
    const work = scale([1, 2, 3]);
    const submission = client.submit<[Float32Array]>(work);
    (work.bindings[0] as Float32Array).fill(9);
    expect([...(await submission.result)[0]]).toEqual([2, 4, 6]);
    expect([...(work.bindings[1] as Float32Array)]).toEqual([0, 0, 0]);
  });

  it('takes sizes that are no multiple of four bytes', async () => {
    const client = (await open()).open();
    const wgsl = `
      @group(0) @binding(0) var<storage, read_write> a: array<u32>;
      @compute @workgroup_size(1) fn main() { a[0] ^= 0xffffffffu; }`;
    const work = { wgsl, bindings: [Uint8Array.of(1, 2, 3)], workgroups: [1] as const, read: [0] };
    const [bytes] = await client.submit<[Uint8Array]>(work).result;
    expect(bytes).toEqual(Uint8Array.of(254, 253, 252));
  });

  it('J4: keeps the order of one queue', async () => {
    const client = (await open()).open();
    const order: number[] = [];
    const submissions = Array.from({ length: 20 }, (_none, index) => {
      const submission = client.submit(spin(index % 3 === 0 ? 5000 : 1));
      submission.finished.addCallback(() => order.push(index));
      return submission;
    });
    expect(await endsOf(submissions)).toEqual(submissions.map(() => 'ok'));
    expect(order).toEqual(submissions.map((_none, index) => index));
  });

  it('fails a shader that does not compile with its line, and only that job', async () => {
    const client = (await open()).open();
    const broken = { ...scale([1]), wgsl: scale([1]).wgsl.replace('* factor', '* vec2f(factor)') };
    const [before, job, after] = [scale([1]), broken, scale([2])].map((work) =>
      client.submit(work),
    );
    const error = await errorOf(job!.result, 'ERR_DRIVER');
    expect(error.message).toMatch(/is not valid: WGSL line 6:\d+: /);
    expect(await endsOf([before!, after!])).toEqual(['ok', 'ok']);
    expect(client.stats().karma).toBe(0);
  });

  it('fails bindings that do not fit the shader with what WebGPU says, every time', async () => {
    const client = (await open()).open();
    for (let round = 0; round < 2; round += 1) {
      const work = { ...scale([1]), bindings: [Float32Array.of(1)], read: [0] };
      const error = await errorOf(client.submit(work).result, 'ERR_DRIVER');
      expect(error.message).toMatch(/is not valid: .*entries/);
    }
    expect(await scaled(client, [4])).toEqual([8]);
  });

  it('checks anew what is not like a dispatch that was found valid: more workgroups, other buffers', async () => {
    const client = (await open()).open();
    const wgsl = `
      @group(0) @binding(0) var<storage, read_write> data: array<u32, 4>;
      @compute @workgroup_size(1) fn main() { data[0] += 1u; }`;
    using held = client.allocate({ bytes: 16 });
    using small = client.allocate({ bytes: 8 });
    const count = (x: number, buffer = held.value): Promise<string[]> =>
      endsOf([client.submit({ wgsl, bindings: [buffer], workgroups: [x] })]);
    const ends = [
      await count(2),
      await count(1),
      await count(100_000),
      await count(1, small.value),
    ];
    expect(ends.flat()).toEqual(['ok', 'ok', 'ERR_DRIVER', 'ERR_DRIVER']);
    expect(await count(2), 'control: what was found valid still is').toEqual(['ok']);
    const contents = await client.submit<ArrayBuffer>({ readBack: held.value }).result;
    expect(new Uint32Array(contents)[0]).toBeGreaterThan(0);
  });

  it('fails an entry point that is not there', async () => {
    const client = (await open()).open();
    const job = client.submit({ ...scale([1]), entryPoint: 'nowhere' });
    expect((await errorOf(job.result, 'ERR_DRIVER')).message).toMatch(/nowhere/);
    expect(await endsOf([client.submit({ ...scale([1]), entryPoint: 'main' })])).toEqual(['ok']);
  });

  it.each([
    ['nothing', null],
    ['no shader', { wgsl: '', bindings: [], workgroups: [1] }],
    ['no bindings', { wgsl: 'x', workgroups: [1] }],
    ['a binding of nothing', { wgsl: 'x', bindings: [null], workgroups: [1] }],
    ['a negative size', { wgsl: 'x', bindings: [{ size: -1 }], workgroups: [1] }],
    ['no workgroups', { wgsl: 'x', bindings: [], workgroups: [] }],
    ['half a workgroup', { wgsl: 'x', bindings: [], workgroups: [0.5] }],
    ['a read of what is not there', { wgsl: 'x', bindings: [], workgroups: [1], read: [0] }],
    ['an entry point that is no name', { wgsl: 'x', entryPoint: 1, bindings: [], workgroups: [1] }],
  ])('J1: refuses %s', async (_name, work) => {
    const client = (await open()).open();
    expect(() => client.submit(work as never)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
    );
    expect(client.stats().submitted).toBe(0);
  });

  it('J9: a job that waits is cancelled, and never runs', async () => {
    const client = (await open({ credits: 1 })).open();
    const first = client.submit(spin(200_000));
    const second = client.submit(spin(1));
    expect(second.cancel()).toBe('dequeued');
    await errorOf(second.result, 'ERR_JOB_CANCELLED');
    expect(await endsOf([first])).toEqual(['ok']);
  });

  it('J5: a job runs after what it depends on, of another client', async () => {
    const device = await open();
    const [one, two] = [device.open(), device.open()];
    const first = one.submit(spin(100_000));
    let firstDone = false;
    first.finished.addCallback(() => (firstDone = true));
    const second = two.submit(scale([1]), { after: [first.finished] });
    await second.result;
    expect(firstDone).toBe(true);
  });

  it('S14: names a job that keeps the GPU for long while another client waits', async () => {
    const device = await open({ longJobMs: 20 });
    const [one, two] = [device.open(), device.open()];
    await endsOf([one.submit(spin(1)), two.submit(spin(1))]);
    const warnings: string[] = [];
    device.observe({
      emit: (event) => void (event.type === 'warning' && warnings.push(event.message)),
    });
    await endsOf([one.submit(spin(3_000_000), { label: 'blur' }), two.submit(spin(1))]);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^job blur kept its ring for \d+ ms while other clients waited, longer than a slice of 20 ms/,
      ),
    ]);
  });

  it('E6: closes twice, with work or without, and refuses work afterwards', async () => {
    const device = await open();
    const client = device.open();
    const submission = client.submit(scale([1]));
    const closed = [device.close(), device.close()];
    expect(await endsOf([submission])).toEqual(['ok']);
    await Promise.all(closed);
    await device.close({ mode: 'kill' });
    expect(() => client.submit(scale([1]))).toThrow(
      expect.objectContaining({ code: 'ERR_CLOSED' }),
    );
    expect(device.gone.status).toBe('ok');
  });

  it('E3: a kill settles every fence at once', async () => {
    const device = await open();
    const client = device.open();
    const submissions = [spin(3_000_000), spin(1), spin(1)].map((work) => client.submit(work));
    await submissions[0]!.scheduled.wait();
    const ends = endsOf(submissions);
    await device.close({ mode: 'kill' });
    expect(await ends).toEqual(submissions.map(() => 'ERR_SCHEDULER_CLOSED'));
  });

  it('works beside another device', async () => {
    const devices = await Promise.all([open(), open()]);
    const results = await Promise.all(devices.map((device) => scaled(device.open(), [1, 2])));
    expect(results).toEqual([
      [2, 4],
      [2, 4],
    ]);
    await devices[0].close();
    expect(await scaled(devices[1].open(), [3])).toEqual([6]);
  });
});

describe.skipIf(missing !== null)(title('what openWebGpuDevice refuses'), () => {
  it.each([
    ['a label that is no text', { label: 3 }],
    ['an isolation that there is not', { isolation: 'thread' }],
    ['a device that is none', { device: {} }],
    ['a gpu that is none', { gpu: {} }],
    ['spares below none', { isolation: 'process', spares: -1 }],
    ['flags that are no list', { isolation: 'none', flags: 'x' }],
    ['a time that is none', { isolation: 'none', hungTimeoutMs: -1 }],
    ['a time that is none, wherever it is', { isolation: 'process', hungTimeoutMs: -1 }],
    ['a start without a bound that is one', { isolation: 'process', startTimeoutMs: NaN }],
    ['options that cannot travel', { isolation: 'process', adapterOptions: { a: 1n } }],
    ['options that are none', null],
    ['options that are a number', 5],
    ['options that are a text', 'options'],
    ['a runtime that is none', { runtime: {} }],
    ['no runtime', { runtime: null }],
    ['no credits', { credits: null }],
    ['no resets', { reset: null }],
    ['resets that are a number', { reset: 5 }],
    ['no policy', { policy: null }],
    ['adapter options that are none', { adapterOptions: 5 }],
    ['a descriptor that is none', { deviceDescriptor: null }],
    ['features that are no list', { deviceDescriptor: { requiredFeatures: 5 } }],
    ['no limits of a device, before anything is looked for', { module: 'not-there', credits: 0 }],
  ])('%s', async (_name, options) => {
    await errorOf(openWebGpuDevice(options as never), 'ERR_INVALID_ARGUMENT');
  });

  it('a process for what cannot travel', async () => {
    const gpu = await createGpu();
    await errorOf(openTestDevice({ gpu, isolation: 'process' }), 'ERR_INVALID_ARGUMENT');
  });

  it.each(WHERE)('a platform without WebGPU: %s', async (_name, isolation) => {
    const opening = openTestDevice({ isolation, module: 'fenceline-has-no-such-module' });
    expect((await errorOf(opening, 'ERR_DEVICE_GONE')).message).toMatch(/is not installed/);
  });
});
