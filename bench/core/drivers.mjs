import { signalledFence, Timeline } from '../../dist/index.js';

/** Drivers whose jobs do nothing, so that what is measured is the scheduler. */

/** A job is complete when `runJob` returns: what a task that returns at once is to a promise queue. */
export function completesAtOnce(runtime) {
  return { runJob: () => signalledFence(runtime) };
}

/** A job completes after the call stack, as an interrupt would tell it: every real driver is like this. */
export function completesLater(runtime) {
  const timeline = new Timeline({ driver: 'bench', label: 'ring', runtime });
  let onRing = [];
  const interrupt = () => {
    const done = onRing;
    onRing = [];
    for (const source of done) source.signal();
  };
  return {
    runJob() {
      const source = timeline.createFence();
      if (onRing.push(source) === 1) runtime.defer(interrupt);
      return source.fence;
    },
  };
}

/** A job stays on the ring, and all others in their queues. */
export function neverCompletes(runtime) {
  const timeline = new Timeline({ driver: 'bench', label: 'ring', runtime });
  return { runJob: () => timeline.createFence().fence };
}
