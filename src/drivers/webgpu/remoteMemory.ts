import { deferred } from '../../base/index.ts';
import type { Deferred } from '../../base/index.ts';
import type { MemoryBackend } from '../../device/index.ts';
import type { FromGpu, ToGpu } from './wire.ts';

/** How requests about memory get to the GPU process. */
export interface MemoryWire {
  /** An id that no other message has. */
  nextId(): number;
  post(message: ToGpu): void;
  /** Keeps this process alive while answers are awaited, or no longer. */
  awaits(answers: boolean): void;
}

/** How much of a buffer travels at once: a frame bounds it, and so does what one turn may copy. */
const PIECE_BYTES = 64 * 1024 * 1024;

type Answer = Extract<FromGpu, { type: 'done' | 'failed' }>;

/** The memory of the GPU process. What it is asked is ordered among the jobs that are posted. */
export class RemoteMemory implements MemoryBackend {
  readonly #wire: MemoryWire;
  readonly #awaited = new Map<number, Deferred<Answer>>();

  constructor(wire: MemoryWire) {
    this.#wire = wire;
  }

  async create(handle: number, bytes: number): Promise<string | null> {
    const answer = await this.#ask((id) => ({ type: 'create', id, handle, bytes }));
    return answer.type === 'done' ? null : answer.message;
  }

  write(handle: number, contents: Uint8Array<ArrayBuffer>): void {
    for (let offset = 0; offset < contents.byteLength; offset += PIECE_BYTES) {
      const id = this.#wire.nextId();
      const piece = contents.subarray(offset, offset + PIECE_BYTES);
      this.#wire.post({ type: 'upload', id, handle, offset, contents: piece });
    }
  }

  async read(handle: number, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    if (bytes <= PIECE_BYTES) return this.#readPiece(handle, 0, bytes);
    const contents = new Uint8Array(bytes);
    // One after the other: neither end holds two.
    for (let offset = 0; offset < bytes; offset += PIECE_BYTES) {
      const length = Math.min(PIECE_BYTES, bytes - offset);
      contents.set(await this.#readPiece(handle, offset, length), offset);
    }
    return contents;
  }

  async #readPiece(
    handle: number,
    offset: number,
    bytes: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const answer = await this.#ask((id) => ({ type: 'readBack', id, handle, offset, bytes }));
    const [contents] = answer.type === 'done' ? answer.outputs : [];
    if (contents === undefined) throw new Error('the GPU process did not give it');
    return contents;
  }

  destroy(handle: number): void {
    this.#wire.post({ type: 'destroy', handle });
  }

  /** An answer has come; false where it is not for the memory. */
  answered(answer: Answer): boolean {
    const waiting = this.#awaited.get(answer.id);
    if (waiting === undefined) return false;
    this.#awaited.delete(answer.id);
    if (this.#awaited.size === 0) this.#wire.awaits(false);
    waiting.resolve(answer);
    return true;
  }

  /** The process is over: nothing is answered any more. */
  lose(): void {
    for (const waiting of this.#awaited.values()) waiting.reject(new Error('the device is lost'));
    this.#awaited.clear();
    this.#wire.awaits(false);
  }

  #ask(message: (id: number) => ToGpu): Promise<Answer> {
    const id = this.#wire.nextId();
    const answer = deferred<Answer>();
    this.#awaited.set(id, answer);
    this.#wire.post(message(id));
    this.#wire.awaits(true);
    return answer.promise;
  }
}
