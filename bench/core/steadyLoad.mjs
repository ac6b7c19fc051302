import { signalledFence, Timeline } from '../../dist/index.js';

/**
 * A load that keeps its backlog: each job that starts is complete at once, and is replaced by one of the same entity, which its
 * payload names. After `jobs` starts the ring stands still.
 *
 * `run` resolves with the milliseconds from the first start to the last: what a scheduler does before, to get to know its
 * entities, is not counted.
 */
export function keepBacklogged(runtime, jobs) {
  const timeline = new Timeline({ driver: 'bench', label: 'ring', runtime });
  let started = 0;
  let beganMs = 0;
  let done = () => {};
  const driver = {
    runJob({ payload: entity }) {
      if (started === 0) beganMs = performance.now();
      started += 1;
      if (started === jobs) done(performance.now() - beganMs);
      if (started >= jobs) return timeline.createFence().fence;
      entity.submit(entity);
      return signalledFence(runtime);
    },
  };
  return { driver, run: () => new Promise((resolve) => (done = resolve)) };
}
