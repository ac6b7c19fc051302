/**
 * By how many bytes `act` makes what is reachable grow. Needs `--expose-gc`, which every lane has.
 *
 * Counts the heap and what lies outside it for array buffers.
 */
export async function grownBytes(act) {
  const before = await reachableBytes();
  await act();
  return (await reachableBytes()) - before;
}

/** Some of what can be collected is only after the event loop has turned. */
async function reachableBytes() {
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
