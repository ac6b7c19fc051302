/** What the threads of every contender execute. */

export function noop() {}

/** Keeps a core busy for `ms`. */
export function spin(ms) {
  for (const endMs = performance.now() + ms; performance.now() < endMs;);
}

export function sizeOf(bytes) {
  return bytes.length;
}

/** Never returns. */
export function hang() {
  for (;;);
}
