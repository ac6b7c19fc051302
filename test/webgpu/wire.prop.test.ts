/**
 * The bytes between the scheduling process and the GPU process: every message arrives as it was sent, however the stream is cut, and
 * nothing that comes instead does any harm. What the processes do with them: isolated.gpu.test.ts.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FRAME_BYTES_MAX,
  FrameCutter,
  FrameWriter,
  WireError,
} from '../../src/drivers/webgpu/frames.ts';
import {
  readFromGpu,
  readToGpu,
  WIRE_VERSION,
  writeFromGpu,
  writeToGpu,
} from '../../src/drivers/webgpu/wire.ts';
import type { FromGpu, ToGpu } from '../../src/drivers/webgpu/wire.ts';

const u32 = fc.nat({ max: 0xffff_ffff });
/** Numbers of bytes, mostly more than 32 bits can say. */
const size = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const text = fc.string({ unit: 'grapheme', maxLength: 30 });
const bytes = (length: fc.Arbitrary<number>): fc.Arbitrary<Uint8Array<ArrayBuffer>> =>
  length.map((count) => Uint8Array.from({ length: count }, (_none, index) => index * 7));
const length = fc.nat({ max: 40 });

const binding = fc
  .record({ units: length, empty: size, short: fc.nat({ max: 3 }), filled: fc.boolean() })
  .chain(({ units, empty, short, filled }) => {
    const padded = Math.max(4, Math.ceil((filled ? units : empty) / 4) * 4);
    return bytes(fc.constant(filled ? padded : 0)).map((contents) => ({
      size: padded,
      bytes: padded - short,
      kind: 'Float32Array' as const,
      contents: filled ? contents : null,
      handle: units,
    }));
  });

const job = fc.array(binding, { maxLength: 4 }).chain((bindings) =>
  fc.record({
    type: fc.constant('dispatch' as const),
    id: u32,
    program: u32,
    workgroups: fc.tuple(u32, u32, u32),
    bindings: fc.constant(bindings),
    read: bindings.length === 0 ? fc.constant([]) : fc.array(fc.nat({ max: bindings.length - 1 })),
  }),
);

const toGpu: fc.Arbitrary<ToGpu> = fc.oneof(
  fc.record({
    type: fc.constant('hello' as const),
    version: u32,
    request: fc.record({ module: text, flags: fc.array(text), adapter: text, device: text }),
  }),
  fc.record({ type: fc.constant('program' as const), program: u32, wgsl: text, entryPoint: text }),
  fc.record({ type: fc.constant('forget' as const), program: u32 }),
  fc.record({ type: fc.constant('create' as const), id: u32, handle: u32, bytes: size }),
  fc.record({ type: fc.constant('destroy' as const), handle: u32 }),
  fc.record({ type: fc.constant('mark' as const), id: u32 }),
  fc.record({
    ...{ type: fc.constant('upload' as const), id: u32, handle: u32, offset: size },
    contents: bytes(length),
  }),
  fc.record({
    ...{ type: fc.constant('readBack' as const), id: u32, handle: u32, offset: size, bytes: size },
  }),
  job,
);

const fromGpu: fc.Arbitrary<FromGpu> = fc.oneof(
  fc.record({
    type: fc.constant('ready' as const),
    version: u32,
    adapter: fc.record({ name: text, software: fc.boolean(), timestamps: fc.boolean() }),
  }),
  fc.record({ type: fc.constant('refused' as const), message: text }),
  fc
    .tuple(u32, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.array(bytes(length)))
    .map(([id, startUs, outputs]) => ({
      gpuUs: startUs,
      ...{ type: 'done' as const, id, startUs, endUs: startUs, outputs },
    })),
  fc.record({
    type: fc.constant('failed' as const),
    id: u32,
    filter: fc.constantFrom('validation' as const, 'threw' as const),
    message: text,
  }),
  fc.record({ type: fc.constant('lost' as const), reason: text, message: text, inFlight: u32 }),
);

/** What a writer gives, as one run of bytes. */
function joined(write: (out: FrameWriter) => void): Uint8Array {
  const out = new FrameWriter();
  write(out);
  return Uint8Array.from(Buffer.concat(out.take()));
}

/** `stream` in pieces. */
function pieces(stream: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [...cuts.map((cut) => cut % (stream.length + 1)), 0, stream.length];
  at.sort((a, b) => a - b);
  return at.slice(1).map((end, index) => stream.subarray(at[index], end));
}

describe('the wire', () => {
  it('carries every message, in order, however the stream is cut', () => {
    const cuts = fc.array(fc.nat(), { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(toGpu, { maxLength: 5 }), cuts, (messages, at) => {
        const stream = joined((out) => messages.forEach((message) => writeToGpu(out, message)));
        const cutter = new FrameCutter();
        const frames = pieces(stream, at).flatMap((piece) => cutter.push(piece));
        expect(frames.map(readToGpu)).toEqual(messages);
      }),
    );
    fc.assert(
      fc.property(fc.array(fromGpu, { maxLength: 5 }), cuts, (messages, at) => {
        const stream = joined((out) => messages.forEach((message) => writeFromGpu(out, message)));
        const cutter = new FrameCutter();
        const frames = pieces(stream, at).flatMap((piece) => cutter.push(piece));
        expect(frames.map(readFromGpu)).toEqual(messages);
      }),
    );
  });

  it.each([4096, 16 * 1024, 16 * 1024 + 4, 200_000])('carries %d bytes in a row', (size) => {
    const contents = Uint8Array.from({ length: size }, (_none, index) => index * 7);
    const binding = { size, bytes: size, kind: 'bytes' as const, contents, handle: 0 };
    const message: ToGpu = {
      ...{ type: 'dispatch', id: 1, program: 2, workgroups: [1, 2, 3] },
      bindings: [binding, binding],
      read: [],
    };
    const stream = joined((out) => writeToGpu(out, message));
    const cutter = new FrameCutter();
    const [frame] = pieces(stream, [3, 5000, 100_000]).flatMap((piece) => cutter.push(piece));
    const read = readToGpu(frame!);
    expect(read.type === 'dispatch' && read.bindings.length).toBe(2);
    if (read.type !== 'dispatch') return;
    for (const one of read.bindings) {
      expect(Buffer.compare(one.contents!, contents), 'the same bytes').toBe(0);
    }
  });

  it('reads what was damaged as a message, or refuses it, and never fails otherwise', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 });
    const read = (stream: Uint8Array, one: (frame: Uint8Array) => unknown): void => {
      try {
        for (const frame of new FrameCutter().push(stream)) one(frame);
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    };
    fc.assert(
      fc.property(toGpu, fromGpu, damage, fc.nat(), (to, from, changes, cut) => {
        for (const [stream, one] of [
          [joined((out) => writeToGpu(out, to)), readToGpu],
          [joined((out) => writeFromGpu(out, from)), readFromGpu],
        ] as const) {
          for (const [at, value] of changes) stream[at % stream.length] = value;
          read(stream, one);
          // The frame's length is right, and what is in it is not all there.
          const frame = stream.subarray(4, 4 + (cut % stream.length));
          try {
            one(frame);
          } catch (error) {
            expect(error).toBeInstanceOf(WireError);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('reads noise as nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        for (const read of [readToGpu, readFromGpu]) {
          try {
            read(noise);
          } catch (error) {
            expect(error).toBeInstanceOf(WireError);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('T6: fails what has an id and makes no sense, and nothing else', () => {
    const asked = toGpu.filter((message) => 'id' in message && message.type !== 'mark');
    fc.assert(
      fc.property(asked, fc.nat(), (message, cut) => {
        const frame = joined((out) => writeToGpu(out, message)).subarray(4);
        const whole = readToGpu(frame);
        expect(whole).toEqual(message);
        // The type and the id are there.
        const read = readToGpu(frame.subarray(0, 5 + (cut % (frame.length - 5))));
        expect(read).toMatchObject({ type: 'unreadable', id: 'id' in message ? message.id : 0 });
      }),
    );
  });

  it.each([-4, 0.5, NaN, Infinity])('takes %d for no number of bytes', (bytes) => {
    const create = { type: 'create', id: 7, handle: 1, bytes } as const;
    const frame = joined((out) => writeToGpu(out, create)).subarray(4);
    expect(readToGpu(frame)).toMatchObject({ type: 'unreadable', id: 7 });
  });

  it('carries lists that are longer than any device takes', () => {
    const read = Array.from({ length: 5000 }, () => 0);
    const binding = { size: 4, bytes: 4, kind: 'bytes' as const, contents: null, handle: 0 };
    const message: ToGpu = {
      ...{ type: 'dispatch', id: 1, program: 2, workgroups: [1, 2, 3] },
      ...{ bindings: read.map(() => binding), read },
    };
    expect(readToGpu(joined((out) => writeToGpu(out, message)).subarray(4))).toEqual(message);
  });

  it('refuses a frame that announces too much, before it has come', () => {
    const head = new Uint8Array(4);
    new DataView(head.buffer).setUint32(0, FRAME_BYTES_MAX + 1, true);
    expect(() => new FrameCutter().push(head)).toThrow(WireError);
    new DataView(head.buffer).setUint32(0, FRAME_BYTES_MAX, true);
    expect(new FrameCutter().push(head)).toEqual([]);
  });

  it('refuses what was left over, a greeting of somebody else, and a read of what is not there', () => {
    const good = joined((out) => writeToGpu(out, { type: 'forget', program: 1 })).subarray(4);
    expect(readToGpu(good)).toEqual({ type: 'forget', program: 1 });
    expect(() => readToGpu(Uint8Array.of(...good, 0))).toThrow(/1 bytes too many/);
    const ready = joined((out) =>
      writeFromGpu(out, {
        type: 'ready',
        version: WIRE_VERSION,
        adapter: { name: '', software: true, timestamps: false },
      }),
    );
    ready[5]! ^= 1;
    expect(() => readFromGpu(ready.subarray(4))).toThrow(/somebody else/);
    const reads = joined((out) =>
      writeToGpu(out, {
        ...{ type: 'dispatch' as const, id: 1, program: 1, workgroups: [1, 1, 1] as const },
        bindings: [],
        read: [0],
      }),
    );
    expect(readToGpu(reads.subarray(4))).toMatchObject({ why: expect.stringMatching(/binding 0/) });
  });
});
