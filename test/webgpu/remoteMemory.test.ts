/** What the memory of the GPU process is asked for, without one. What the process does with it: memory.gpu.test.ts. */
import { describe, expect, it } from 'vitest';
import { RemoteMemory } from '../../src/drivers/webgpu/remoteMemory.ts';
import type { MemoryWire } from '../../src/drivers/webgpu/remoteMemory.ts';
import type { ToGpu } from '../../src/drivers/webgpu/wire.ts';

const MIB = 2 ** 20;

/** The other end of the memory: it holds one buffer. */
class TestWire implements MemoryWire {
  readonly contents: Uint8Array<ArrayBuffer>;
  readonly memory: RemoteMemory = new RemoteMemory(this);
  /** The bytes of each message. */
  readonly sizes: number[] = [];
  isAwaited = false;
  /** While true, nothing is answered. */
  silent = false;
  #lastId = 0;

  constructor(bytes: number) {
    this.contents = new Uint8Array(bytes);
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  awaits(answers: boolean): void {
    this.isAwaited = answers;
  }

  post(message: ToGpu): void {
    if (this.silent) return;
    if (message.type === 'upload') {
      this.sizes.push(message.contents.byteLength);
      this.contents.set(message.contents, message.offset);
    } else if (message.type === 'readBack') {
      const { id, offset, bytes } = message;
      this.sizes.push(bytes);
      const outputs = [this.contents.slice(offset, offset + bytes)];
      const times = { startUs: 0, endUs: 0, gpuUs: NaN };
      queueMicrotask(() => this.memory.answered({ type: 'done', id, ...times, outputs }));
    }
  }
}

describe('the memory of the GPU process', () => {
  it.each([4, 64 * MIB, 64 * MIB + 4, 150 * MIB])(
    'M3: takes and gives a buffer of %d bytes in pieces that travel',
    async (bytes) => {
      const wire = new TestWire(bytes);
      const contents = new Uint8Array(bytes);
      for (let at = 0; at < bytes; at += MIB) contents[at] = 1 + at / MIB;
      contents[bytes - 1] = 77;
      wire.memory.write(1, contents);
      expect(Buffer.compare(wire.contents, contents)).toBe(0);
      expect(Buffer.compare(await wire.memory.read(1, bytes), contents)).toBe(0);
      expect(Math.max(...wire.sizes)).toBeLessThanOrEqual(64 * MIB);
      expect(wire.isAwaited).toBe(false);
    },
  );

  it('awaits nothing of a process that is over', async () => {
    const wire = new TestWire(4);
    wire.silent = true;
    const read = wire.memory.read(1, 4);
    expect(wire.isAwaited).toBe(true);
    wire.memory.lose();
    await expect(read).rejects.toThrow('the device is lost');
    expect(wire.isAwaited).toBe(false);
  });
});
