import { FencelineError, invalid, JobError, messageOf } from '../base/index.ts';
import type { MemoryBackend } from './backend.ts';
import type { BufferCore, BufferState } from './deviceBuffer.ts';
import { hostBytes } from './hostBytes.ts';
import { shownBytes } from './memoryBooks.ts';
import type { MemoryBook } from './memoryBooks.ts';

/**
 * Carries out what the memory of a device has decided: buffers arrive, leave, and are lost with the device.
 *
 * 1. `reservedBytes` counts what is resident or arriving: it never goes above the capacity, and changes at once.
 *    `#heldBytes` counts what is really on the device: an arrival waits until what leaves for it has left.
 * 2. Arrivals begin in the order in which they were asked for, and only while there is a device.
 * 3. Each move has a number; the answer to an earlier move of the same buffer changes nothing.
 */
export class BufferMover {
  readonly #backend: MemoryBackend;
  readonly #capacityBytes: number;
  readonly #bookOf: (core: BufferCore) => MemoryBook;
  reservedBytes = 0;
  #heldBytes = 0;
  #lastHandle = 0;
  #available = true;
  #closed = false;
  #waiting: BufferCore[] = [];

  constructor(
    backend: MemoryBackend,
    capacityBytes: number,
    bookOf: (core: BufferCore) => MemoryBook,
  ) {
    this.#backend = backend;
    this.#capacityBytes = capacityBytes;
    this.#bookOf = bookOf;
  }

  /** Reserves for `core`, which is new or evicted, and brings it to the device as soon as there is room. */
  arrive(core: BufferCore): void {
    core.state = 'arriving';
    this.#reserve(core, core.bytes);
    this.#waiting.push(core);
    this.#pump();
  }

  /** Takes back what `core`, which is resident or arriving, has reserved; `leave`, `turnBack` or `unmark` follows. */
  mark(core: BufferCore): void {
    core.state = 'leaving';
    this.#reserve(core, -core.bytes);
  }

  /** A marked buffer is again what it was. */
  unmark(core: BufferCore, state: BufferState): void {
    core.state = state;
    this.#reserve(core, core.bytes);
  }

  /** A buffer that is still leaving is resident after all. */
  stay(core: BufferCore): void {
    core.state = 'resident';
    core.move += 1;
    this.#reserve(core, core.bytes);
  }

  /** A marked buffer that was arriving does not arrive: what it is made of is still where it was. */
  turnBack(core: BufferCore): void {
    core.move += 1;
    core.state = 'evicted';
    this.#vacate(core);
  }

  /** Copies a marked buffer that was resident to the host, and frees its place. */
  leave(core: BufferCore): void {
    core.move += 1;
    const { handle, move } = core;
    this.#backend.read(handle, core.bytes).then(
      (contents) => {
        if (core.move !== move) return;
        core.contents = contents;
        core.source = 'host';
        core.state = 'evicted';
        this.#drop(core);
      },
      () => {
        // The device has it and does not give it; a loss of the device is told otherwise.
        if (core.move !== move) return;
        this.#losesContents(core);
        this.#drop(core);
      },
    );
  }

  /** Ends `core`, wherever it is. */
  free(core: BufferCore): void {
    if (core.state === 'resident' || core.state === 'arriving') this.#reserve(core, -core.bytes);
    core.move += 1;
    core.state = 'freed';
    core.contents = null;
    core.arrival?.signal();
    this.#vacate(core);
  }

  /** The device is lost, with every buffer of `cores` that was there. Those that a job needs arrive again. */
  lose(cores: Iterable<BufferCore>): void {
    this.#available = false;
    this.#heldBytes = 0;
    for (const core of cores) {
      const { state } = core;
      if (core.handle === 0) continue;
      core.handle = 0;
      core.move += 1;
      if (state === 'arriving') {
        this.#waiting.push(core);
        continue;
      }
      if (state === 'resident') this.#reserve(core, -core.bytes);
      this.#losesContents(core);
    }
  }

  /** There is a device again. */
  restore(): void {
    this.#available = true;
    this.#pump();
  }

  /** The device is closed, or is going to be at once: it is asked for nothing any more. */
  close(): void {
    this.#available = false;
    this.#closed = true;
  }

  /** Rules 1 and 2. */
  #pump(): void {
    for (let core = this.#waiting[0]; core !== undefined; core = this.#waiting[0]) {
      if (!this.#available || this.#heldBytes + core.bytes > this.#capacityBytes) return;
      this.#waiting.shift();
      this.#heldBytes += core.bytes;
      this.#lastHandle += 1;
      core.handle = this.#lastHandle;
      core.move += 1;
      void this.#make(core, core.move);
    }
  }

  async #make(core: BufferCore, move: number): Promise<void> {
    const { handle } = core;
    const refused = await this.#backend.create(handle, core.bytes).catch(messageOf);
    if (core.move !== move) return;
    try {
      if (refused !== null) throw noRoom(core, refused);
      const contents = core.source === 'refill' ? await refilled(core) : core.contents;
      if (core.move !== move) return;
      if (contents !== null) this.#backend.write(handle, contents);
      core.contents = null;
      core.source = 'zeros';
      core.state = 'resident';
      core.failure = null;
    } catch (cause) {
      if (core.move !== move) return;
      core.failure = cause instanceof FencelineError ? cause : notFilled(core, cause);
      this.#reserve(core, -core.bytes);
      core.state = core.contents === null ? 'lost' : 'evicted';
      this.#drop(core);
    }
    core.arrival?.signal();
  }

  #losesContents(core: BufferCore): void {
    core.source = 'refill';
    core.state = core.refill === null ? 'lost' : 'evicted';
  }

  /** It holds no place on the device, and waits for none. */
  #vacate(core: BufferCore): void {
    if (core.handle !== 0) {
      this.#drop(core);
      return;
    }
    this.#waiting = this.#waiting.filter((one) => one !== core);
    this.#pump();
  }

  /** Its place on the device is free. */
  #drop(core: BufferCore): void {
    if (!this.#closed) this.#backend.destroy(core.handle);
    core.handle = 0;
    this.#heldBytes -= core.bytes;
    this.#pump();
  }

  #reserve(core: BufferCore, bytes: number): void {
    this.reservedBytes += bytes;
    this.#bookOf(core).residentBytes += bytes;
  }
}

/** What the client of `core` gives anew, copied: exactly so many bytes, of which what is missing is zero, and what is too much cut off. */
async function refilled(core: BufferCore): Promise<Uint8Array<ArrayBuffer> | null> {
  const { refill } = core;
  if (refill === null) return null;
  let bytes: Uint8Array | null;
  try {
    const given = await refill();
    bytes = hostBytes(given);
    if (bytes === null) throw invalid('what it gave', 'an ArrayBuffer, or a view of one', given);
  } catch (cause) {
    throw notFilled(core, cause);
  }
  const contents = new Uint8Array(core.bytes);
  contents.set(bytes.subarray(0, core.bytes));
  return contents;
}

function notFilled({ label }: BufferCore, cause: unknown): JobError {
  const why = messageOf(cause);
  const message = `the contents of ${label} were lost with the device, and its refill failed: ${why}`;
  return new JobError('ERR_JOB_RESET', message, { cause, label });
}

function noRoom({ label, bytes }: BufferCore, why: string): JobError {
  const message = `the device has no ${shownBytes(bytes)} for ${label}: ${why}`;
  return new JobError('ERR_OUT_OF_MEMORY', message, { label });
}
