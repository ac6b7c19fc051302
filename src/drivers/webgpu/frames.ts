/**
 * Bytes in frames: a length of four bytes, then so many bytes. Little endian throughout.
 *
 * The reader trusts nothing: whatever comes, it gives frames of a bounded size or throws `WireError`; a field is read only if its
 * bytes are there. Nothing is allocated for a length that was only announced.
 */

/** The largest frame, in bytes; work that does not fit is refused when it is submitted. */
export const FRAME_BYTES_MAX: number = 512 * 1024 * 1024;
/** Longer runs of bytes are not copied into the frame's own buffer, but written beside it. */
const INLINE_BYTES_MAX = 16 * 1024;

/** What came is not what this end understands. */
export class WireError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'WireError';
  }
}

/** Writes one frame after the other; `take` gives what is to be sent. */
export class FrameWriter {
  #buffer = new Uint8Array(4096);
  #view = new DataView(this.#buffer.buffer);
  #at = 0;
  /** Where the chunk that is being written begins in the buffer. */
  #chunkAt = 0;
  #chunks: Uint8Array[] = [];
  #lengthAt: { view: DataView; at: number } | null = null;
  #frameBytes = 0;

  // The place is made first: making it may change the buffer.

  /** Begins a frame. */
  begin(): void {
    this.#room(4);
    this.#lengthAt = { view: this.#view, at: this.#at };
    this.#at += 4;
    this.#frameBytes = 0;
  }

  /** Ends the frame: its length is known now. */
  end(): void {
    this.#lengthAt?.view.setUint32(this.#lengthAt.at, this.#frameBytes, true);
    this.#lengthAt = null;
  }

  u8(value: number): void {
    const at = this.#next(1);
    this.#view.setUint8(at, value);
  }

  u32(value: number): void {
    const at = this.#next(4);
    this.#view.setUint32(at, value, true);
  }

  f64(value: number): void {
    const at = this.#next(8);
    this.#view.setFloat64(at, value, true);
  }

  /** A length, then the bytes; long ones are not copied and must not change until they are sent. */
  bytes(bytes: Uint8Array): void {
    this.u32(bytes.byteLength);
    if (bytes.byteLength <= INLINE_BYTES_MAX) {
      const at = this.#next(bytes.byteLength);
      this.#buffer.set(bytes, at);
      return;
    }
    this.#cut();
    this.#chunks.push(bytes);
    this.#frameBytes += bytes.byteLength;
  }

  text(text: string): void {
    this.bytes(ENCODER.encode(text));
  }

  /** What was written since the last call, in order. */
  take(): Uint8Array[] {
    this.#cut();
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }

  #next(bytes: number): number {
    const at = this.#room(bytes);
    this.#at += bytes;
    this.#frameBytes += bytes;
    return at;
  }

  #room(bytes: number): number {
    if (this.#at + bytes > this.#buffer.byteLength) {
      this.#cut();
      this.#renew(Math.max(64 * 1024, bytes));
    }
    return this.#at;
  }

  #cut(): void {
    if (this.#at > this.#chunkAt) this.#chunks.push(this.#buffer.subarray(this.#chunkAt, this.#at));
    this.#chunkAt = this.#at;
  }

  #renew(bytes: number): void {
    this.#buffer = new Uint8Array(bytes);
    this.#view = new DataView(this.#buffer.buffer);
    this.#at = 0;
    this.#chunkAt = 0;
  }
}

/** Cuts a stream of bytes into frames. */
export class FrameCutter {
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  /** @throws {WireError} when a frame announces more than it may have */
  push(chunk: Uint8Array): Uint8Array[] {
    // Node's own kind of array shares its memory where a plain one copies.
    this.#chunks.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    this.#bytes += chunk.byteLength;
    const frames: Uint8Array[] = [];
    for (;;) {
      if (this.#bytes < 4) return frames;
      const length = lengthAt(this.#joined(4));
      if (length > FRAME_BYTES_MAX) {
        throw new WireError(`a frame of ${length} bytes; the largest has ${FRAME_BYTES_MAX}`);
      }
      if (this.#bytes < 4 + length) return frames;
      const all = this.#joined(4 + length);
      frames.push(all.subarray(4, 4 + length));
      this.#bytes -= 4 + length;
      if (all.byteLength === 4 + length) this.#chunks.shift();
      else this.#chunks[0] = all.subarray(4 + length);
    }
  }

  /** The first chunk, made at least so long; as many bytes have come. */
  #joined(bytes: number): Uint8Array {
    const first = this.#chunks[0] as Uint8Array;
    if (first.byteLength >= bytes) return first;
    const joined = new Uint8Array(this.#bytes);
    let at = 0;
    for (const chunk of this.#chunks) {
      joined.set(chunk, at);
      at += chunk.byteLength;
    }
    this.#chunks = [joined];
    return joined;
  }
}

/** The length that `head` begins with; read without a view, which costs more than the reading. */
function lengthAt(head: Uint8Array): number {
  const low = (head[0] as number) | ((head[1] as number) << 8) | ((head[2] as number) << 16);
  return (low | ((head[3] as number) << 24)) >>> 0;
}

/** Reads the fields of one frame. */
export class FrameReader {
  readonly #frame: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(frame: Uint8Array) {
    this.#frame = frame;
    this.#view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  }

  u8(): number {
    return this.#view.getUint8(this.#next(1));
  }

  u32(): number {
    return this.#view.getUint32(this.#next(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#next(8), true);
  }

  /** A copy of its own. */
  bytes(): Uint8Array<ArrayBuffer> {
    const length = this.u32();
    const at = this.#next(length);
    // Node's own kind of array would share its memory.
    return Uint8Array.prototype.slice.call(this.#frame, at, at + length);
  }

  /** @throws {WireError} when it is not UTF-8 */
  text(): string {
    const length = this.u32();
    const at = this.#next(length);
    try {
      return DECODER.decode(this.#frame.subarray(at, at + length));
    } catch {
      throw new WireError('a text that is not UTF-8');
    }
  }

  /** @throws {WireError} unless everything was read */
  end(): void {
    const rest = this.#frame.byteLength - this.#at;
    if (rest !== 0) throw new WireError(`${rest} bytes too many in a frame`);
  }

  #next(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#frame.byteLength) {
      throw new WireError(`a frame ended ${at + bytes - this.#frame.byteLength} bytes too early`);
    }
    this.#at += bytes;
    return at;
  }
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder('utf-8', { fatal: true });
