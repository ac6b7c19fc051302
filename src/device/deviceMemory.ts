import { invalid, UsageError } from '../base/index.ts';
import type { OwnershipEvent, Runtime } from '../events/index.ts';
import { Timeline } from '../fence/index.ts';
import type { MemoryBackend } from './backend.ts';
import { BufferCore, bufferCoreOf, DeviceBuffer } from './deviceBuffer.ts';
import type { BufferOptions, BufferState } from './deviceBuffer.ts';
import { outOfMemory, shownBytes, victimOf } from './memoryBooks.ts';
import type { MemoryBook } from './memoryBooks.ts';
import { BufferMover } from './bufferMover.ts';
import { Owned } from './owned.ts';

/** What the memory of a device is made of. */
export interface DeviceMemoryOptions {
  readonly label: string;
  readonly runtime: Runtime;
  readonly backend: MemoryBackend;
  /** Of all clients together. */
  readonly capacityBytes: number;
  readonly emit: (event: OwnershipEvent) => void;
}

/**
 * The memory of a device (M1 to M3): who holds how much, and what has to leave so that something else can come.
 *
 * 1. `allocate`, and `pin` for a job that is submitted, reserve everything at once or throw with nothing changed. They are the only
 *    places that evict, and both are calls of a client: nothing in the path of a signal does (T9).
 * 2. What is reserved is carried out by the mover, in order, as room is made; jobs wait for it by their `prepareJob`.
 * 3. A pinned buffer stays: it is not evicted, moved or freed until the job is freed, which is after its attempt retired, nor
 *    while a fence in its reservation is pending (M2).
 * 4. Freeing is deferred, out of fence callbacks; an allocation that would fail frees first (E5).
 */
export class DeviceMemory {
  readonly #options: DeviceMemoryOptions;
  readonly #books = new Map<number, MemoryBook>();
  readonly #mover: BufferMover;
  readonly #dying = new Set<BufferCore>();
  readonly #arrivals: Timeline;
  #freeAsked = false;
  #useCount = 0;
  #bufferCount = 0;
  #closed = false;

  constructor(options: DeviceMemoryOptions) {
    const { label, runtime, backend, capacityBytes } = options;
    this.#options = options;
    const name = `${label}/memory`;
    this.#arrivals = new Timeline({ driver: 'memory', label: name, runtime, ordered: false });
    this.#mover = new BufferMover(backend, capacityBytes, (core) => this.#book(core));
  }

  get capacityBytes(): number {
    return this.#options.capacityBytes;
  }

  stats(): { capacityBytes: number; residentBytes: number } {
    return { capacityBytes: this.capacityBytes, residentBytes: this.#mover.reservedBytes };
  }

  openClient(book: MemoryBook): void {
    this.#books.set(book.client, book);
  }

  /** Releases everything of a client; what jobs still use goes when they are freed (E4). */
  closeClient(client: number): void {
    const book = this.#books.get(client);
    if (book === undefined) return;
    book.closed = true;
    for (const core of book.buffers) this.#release(core);
    this.#forgetIfEmpty(book);
  }

  /** @throws {ERR_INVALID_ARGUMENT, ERR_OUT_OF_MEMORY} */
  allocate(client: number, options: BufferOptions): Owned<DeviceBuffer> {
    const book = this.#books.get(client);
    if (book === undefined || book.closed || this.#closed) {
      throw new UsageError('ERR_CLOSED', 'allocate: the client was closed');
    }
    this.#bufferCount += 1;
    const core = new BufferCore(client, checkedOptions(options), this.#bufferCount);
    this.#refuseIfTooLarge(core);
    if (book.allocatedBytes + core.bytes > book.budgetBytes) this.#freeNow();
    const { allocatedBytes, budgetBytes, label } = book;
    if (allocatedBytes + core.bytes > budgetBytes) {
      const message = `allocate ${core.label}: ${shownBytes(core.bytes)} do not fit into the budget of ${label}, which holds ${shownBytes(allocatedBytes)} of ${shownBytes(budgetBytes)}; release what is not needed`;
      throw new UsageError('ERR_OUT_OF_MEMORY', message);
    }
    this.#reserve(book, core.bytes, [core], `allocate ${core.label}`);
    book.buffers.add(core);
    book.allocatedBytes += core.bytes;
    this.#touch(core);
    this.#arrive(core);
    this.#report('alloc', core);
    this.#report('owned-get', core);
    return new Owned(core.label, new DeviceBuffer(core), () => {
      this.#report('owned-put', core);
      this.#release(core);
    });
  }

  /**
   * Keeps `buffers` on the device for a job of `client`, and brings back those that were evicted.
   *
   * @throws {ERR_INVALID_ARGUMENT, ERR_OUT_OF_MEMORY} with nothing changed
   */
  pin(client: number, buffers: readonly DeviceBuffer[]): void {
    const cores = [...new Set(buffers.map(bufferCoreOf))];
    const book = this.#books.get(client);
    for (const core of cores) {
      if (core.client !== client || book === undefined || !book.buffers.has(core)) {
        throw invalid('work', `a buffer of this client (${core.label} is not)`, core.label);
      }
      if (core.released) throw invalid('work', 'a buffer that was not released', core.label);
    }
    const absent = cores.filter(({ state }) => state === 'evicted' || state === 'leaving');
    const bytes = absent.reduce((sum, core) => sum + core.bytes, 0);
    if (bytes > 0 && book !== undefined) {
      this.#reserve(book, bytes, cores, 'submit');
      for (const core of absent) {
        if (core.state === 'leaving') this.#mover.stay(core);
        else this.#arrive(core);
        this.#report('alloc', core);
      }
    }
    for (const core of cores) {
      core.uses += 1;
      this.#touch(core);
    }
  }

  /** The job that named `buffers` was freed, or did not come to be. */
  unpin(buffers: readonly DeviceBuffer[]): void {
    if (buffers.length === 0) return;
    for (const core of new Set(buffers.map(bufferCoreOf))) {
      core.uses -= 1;
      if (core.released) this.#askFree(core);
    }
  }

  /** The device was lost with what it held. What a job needs, and its client can refill, arrives again, unless everything is over. */
  lose(): void {
    const cores = [...this.#books.values()].flatMap(({ buffers }) => [...buffers]);
    this.#mover.lose(cores);
    if (this.#closed) return;
    for (const core of cores) {
      if (core.state === 'evicted' && core.source === 'refill' && core.uses > 0) this.#arrive(core);
    }
  }

  /** There is a device again. */
  restore(): void {
    this.#mover.restore();
  }

  /** Everything is over: what is due is freed (E5), nothing arrives any more. May be called twice. */
  close(): void {
    this.#freeNow();
    this.#closed = true;
    this.#mover.close();
    this.#arrivals.close();
  }

  #book(core: BufferCore): MemoryBook {
    return this.#books.get(core.client) as MemoryBook;
  }

  #refuseIfTooLarge({ bytes, label }: BufferCore): void {
    const max = this.#options.backend.maxBufferBytes ?? Infinity;
    if (bytes <= max) return;
    const message = `allocate ${label}: ${shownBytes(bytes)} do not fit into one buffer of the device, which has ${shownBytes(max)} at most; allocate several`;
    throw new UsageError('ERR_OUT_OF_MEMORY', message);
  }

  #touch(core: BufferCore): void {
    this.#useCount += 1;
    core.lastUse = this.#useCount;
  }

  /** Makes room for `bytes`; all of it or none. */
  #reserve(book: MemoryBook, bytes: number, wanted: readonly BufferCore[], what: string): void {
    const { capacityBytes } = this.#options;
    if (this.#mover.reservedBytes + bytes > capacityBytes) this.#freeNow();
    const isWanted = (core: BufferCore): boolean => wanted.includes(core);
    const books = [...this.#books.values()];
    const victims: { core: BufferCore; state: BufferState }[] = [];
    while (this.#mover.reservedBytes + bytes > capacityBytes) {
      const victim = victimOf(books, book, bytes, capacityBytes, isWanted);
      if (victim === null) {
        for (const { core, state } of victims) this.#mover.unmark(core, state);
        throw outOfMemory(what, bytes, capacityBytes, books);
      }
      victims.push({ core: victim, state: victim.state });
      this.#mover.mark(victim);
    }
    for (const { core, state } of victims) {
      if (state === 'arriving') this.#mover.turnBack(core);
      else this.#mover.leave(core);
    }
  }

  #arrive(core: BufferCore): void {
    if (core.pendingArrival === null) core.arrival = this.#arrivals.createFence();
    this.#mover.arrive(core);
  }

  #release(core: BufferCore): void {
    if (core.released) return;
    core.released = true;
    this.#askFree(core);
  }

  #askFree(core: BufferCore): void {
    this.#dying.add(core);
    if (this.#freeAsked) return;
    this.#freeAsked = true;
    this.#options.runtime.defer(() => {
      this.#freeAsked = false;
      this.#freeNow();
    });
  }

  /** Rule 4. What a job still uses is asked for again when it is unpinned; what a fence guards, when that has signalled. */
  #freeNow(): void {
    for (const core of [...this.#dying]) {
      if (core.uses > 0 || core.state === 'freed') {
        this.#dying.delete(core);
        continue;
      }
      if (!core.idle) {
        this.#freeAfter(core);
        continue;
      }
      const book = this.#book(core);
      this.#dying.delete(core);
      this.#mover.free(core);
      book.buffers.delete(core);
      book.allocatedBytes -= core.bytes;
      this.#forgetIfEmpty(book);
    }
  }

  /** It stays dying: an allocation that would fail may find it free before its fence's callbacks have run. */
  #freeAfter(core: BufferCore): void {
    if (core.guarded) return;
    const [pending] = core.reservation.fences('bookkeep');
    core.guarded = true;
    pending?.addCallback(() => {
      core.guarded = false;
      this.#askFree(core);
    });
  }

  #forgetIfEmpty(book: MemoryBook): void {
    if (book.closed && book.buffers.size === 0) this.#books.delete(book.client);
  }

  #report(type: 'alloc' | 'owned-get' | 'owned-put', core: BufferCore): void {
    const { runtime, emit } = this.#options;
    const owner = this.#books.get(core.client)?.label ?? `client ${core.client}`;
    const { label: name, bytes } = core;
    emit({ type, atUs: runtime.nowUs(), name, bytes, mayEvict: type === 'alloc', owner });
  }
}

function checkedOptions(options: BufferOptions): BufferOptions {
  if (typeof options !== 'object' || options === null) {
    throw invalid('allocate: options', 'an object { bytes }', options);
  }
  const { bytes, label, refill } = options;
  if (!Number.isSafeInteger(bytes) || bytes < 1) {
    throw invalid('allocate: bytes', 'a number of bytes, at least 1', bytes);
  }
  if (label !== undefined && typeof label !== 'string') {
    throw invalid('allocate: label', 'a string', label);
  }
  if (refill !== undefined && typeof refill !== 'function') {
    throw invalid('allocate: refill', 'a function that gives the contents', refill);
  }
  return options;
}
