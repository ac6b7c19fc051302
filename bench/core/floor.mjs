/**
 * The floor: the least code that runs one promise task after another and gives each caller its result. What a library
 * costs beyond this is what its features cost.
 */

/** First in, first out. */
export function openFloor(concurrency) {
  let waiting = [];
  let next = 0;
  let running = 0;
  const settle = () => {
    running -= 1;
    if (next === waiting.length) {
      waiting = [];
      next = 0;
      return;
    }
    const resume = waiting[next];
    waiting[next] = undefined;
    next += 1;
    resume();
  };
  return async (task) => {
    if (running >= concurrency) await new Promise((resolve) => waiting.push(resolve));
    running += 1;
    try {
      return await task();
    } finally {
      settle();
    }
  };
}

/** Highest priority first, first in first out within one: the same with a binary heap. */
export function openPriorityFloor(concurrency) {
  const heap = [];
  let running = 0;
  let seqno = 0;
  const before = (a, b) =>
    a.priority === b.priority ? a.seqno < b.seqno : a.priority > b.priority;
  const push = (item) => {
    let index = heap.push(item) - 1;
    for (; index > 0;) {
      const parent = (index - 1) >> 1;
      if (!before(item, heap[parent])) break;
      heap[index] = heap[parent];
      index = parent;
    }
    heap[index] = item;
  };
  const pop = () => {
    const first = heap[0];
    const last = heap.pop();
    if (heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child += 1;
      if (!before(heap[child], last)) break;
      heap[index] = heap[child];
      index = child;
    }
    heap[index] = last;
    return first;
  };
  return async (task, priority) => {
    if (running >= concurrency) {
      seqno += 1;
      await new Promise((resume) => push({ resume, priority, seqno }));
    }
    running += 1;
    try {
      return await task();
    } finally {
      running -= 1;
      if (heap.length > 0) pop().resume();
    }
  };
}
