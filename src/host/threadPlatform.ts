/** What fences that threads share need of the platform. Fits `SharedFencePlatform` of the fence room. */
export interface ThreadPlatform {
  /** Keeps the process alive until the function that it returns is called. */
  keepAlive(): () => void;
  /** Tells every other thread that slot `slot` of the pool named `pool` changed; -1: any of them. */
  ring(pool: string, slot: number): void;
  /** Calls `fn` for every `ring` of another thread, until the function that it returns is called. */
  listen(pool: string, fn: (slot: number) => void): () => void;
}

/** The longest that a timer can be set for; it only has to exist. */
const LONG_MS = 2 ** 31 - 1;

/**
 * The platform of `SharedFencePool`: a timer that is never due keeps the process alive, and messages go over a
 * BroadcastChannel with the name of the pool. Works in Node, Deno, Bun and browsers.
 */
export function threadPlatform(): ThreadPlatform {
  return {
    keepAlive() {
      const timer = setInterval(() => {}, LONG_MS);
      return () => clearInterval(timer);
    },
    ring(pool, slot) {
      const channel = new BroadcastChannel(pool);
      channel.postMessage(slot);
      channel.close();
    },
    listen(pool, fn) {
      const channel = new BroadcastChannel(pool);
      channel.onmessage = (event) => fn((event as { data: number }).data);
      return () => channel.close();
    },
  };
}
