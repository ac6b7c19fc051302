import { UsageError } from '../base/index.ts';
import type { BufferCore } from './deviceBuffer.ts';

/** What one client holds of a device's memory. */
export interface MemoryStats {
  /** Of its buffers, wherever their contents are; this is what its budget bounds. */
  allocatedBytes: number;
  /** Of these, on the device now or about to be. */
  residentBytes: number;
  /** `null`: no limit of its own. */
  budgetBytes: number | null;
  buffers: number;
}

/** One client, as its device's memory knows it. */
export class MemoryBook {
  readonly client: number;
  readonly label: string;
  readonly budgetBytes: number;
  /** Its client's part of the memory. */
  weight: number;
  readonly isBanned: () => boolean;
  readonly buffers: Set<BufferCore> = new Set();
  allocatedBytes = 0;
  /** Of buffers that are resident or arriving. */
  residentBytes = 0;
  closed = false;

  constructor(
    client: number,
    options: { label: string; budgetBytes: number; weight: number; isBanned: () => boolean },
  ) {
    this.client = client;
    this.label = options.label;
    this.budgetBytes = options.budgetBytes;
    this.weight = options.weight;
    this.isBanned = options.isBanned;
  }

  stats(): MemoryStats {
    const { allocatedBytes, residentBytes, buffers } = this;
    const budgetBytes = this.budgetBytes === Infinity ? null : this.budgetBytes;
    return { allocatedBytes, residentBytes, budgetBytes, buffers: buffers.size };
  }
}

/**
 * The next buffer to evict, so that `asker` gets `bytes` more (M3): of banned clients first, then of clients over their share, the
 * one that was used longest ago. `null`: there is none that may be taken.
 *
 * A share is the capacity by weight among the clients that hold, or ask for, memory.
 */
export function victimOf(
  books: Iterable<MemoryBook>,
  asker: MemoryBook,
  bytes: number,
  capacityBytes: number,
  isWanted: (core: BufferCore) => boolean,
): BufferCore | null {
  const holders = [...books].filter((book) => book === asker || book.residentBytes > 0);
  const weights = holders.reduce((sum, { weight }) => sum + weight, 0);
  const isOverShare = (book: MemoryBook): boolean => {
    const wanted = book.residentBytes + (book === asker ? bytes : 0);
    return wanted > (capacityBytes * book.weight) / weights;
  };
  const oldestOf = (candidates: readonly MemoryBook[]): BufferCore | null => {
    let oldest: BufferCore | null = null;
    for (const { buffers } of candidates) {
      for (const core of buffers) {
        if (!isEvictable(core) || isWanted(core)) continue;
        if (oldest === null || core.lastUse < oldest.lastUse) oldest = core;
      }
    }
    return oldest;
  };
  return (
    oldestOf(holders.filter((book) => book.isBanned())) ?? oldestOf(holders.filter(isOverShare))
  );
}

/** Whether it holds memory that nobody uses. One that is still on its way turns back. */
function isEvictable(core: BufferCore): boolean {
  return (core.state === 'resident' || core.state === 'arriving') && core.idle;
}

/** The error for memory that is not to be had: how much, of what, and who holds it (M1). */
export function outOfMemory(
  what: string,
  bytes: number,
  capacityBytes: number,
  books: Iterable<MemoryBook>,
): UsageError {
  const holders = [...books].filter(({ residentBytes }) => residentBytes > 0);
  holders.sort((a, b) => b.residentBytes - a.residentBytes);
  const held = holders.map((book) => {
    let idleBytes = 0;
    for (const core of book.buffers) {
      if (isEvictable(core)) idleBytes += core.bytes;
    }
    return `${book.label} holds ${shownBytes(book.residentBytes)} (${shownBytes(idleBytes)} idle)`;
  });
  const who = held.length === 0 ? 'nobody holds any' : held.join(', ');
  const message = `${what}: ${shownBytes(bytes)} do not fit into the device's ${shownBytes(capacityBytes)}: ${who}`;
  return new UsageError('ERR_OUT_OF_MEMORY', message);
}

/** Bytes for people. */
export function shownBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
