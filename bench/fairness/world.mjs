import {
  fair,
  fifo,
  linuxFair,
  roundRobin,
  Scheduler,
  strictPriority,
  Timeline,
} from '../../dist/index.js';
import { VirtualRuntime } from '../../dist/drivers/sim/index.js';

/** The policies by the names of contenders: ours, and those that it is held against. */
const POLICIES = { fenceline: fair, linuxFair, fifo, roundRobin, strictPriority };
export const POLICY_NAMES = Object.keys(POLICIES);
export const OTHER_POLICIES = POLICY_NAMES.slice(1);

/** The policy's own name: `fenceline` is the name of a contender. */
export function labelOf(contender) {
  return POLICIES[contender]().name;
}

/**
 * A scheduler over simulated rings in virtual time: every run is the same on every machine.
 *
 * @param {{ policy: string, rings?: number, credits?: unknown }} options and any other option of a scheduler
 */
export function openWorld({ policy, rings = 1, credits = 1, ...options }) {
  const runtime = new VirtualRuntime();
  const device = new RecordingRings(runtime, rings);
  const scheduler = new Scheduler({
    ...{ label: 'bench', driver: device, runtime, rings, credits, policy: POLICIES[policy]() },
    ...options,
  });
  return { runtime, device, scheduler };
}

/**
 * Rings that execute jobs of `{ us, client }` one after the other and remember who executed when: the truth that the
 * scheduler's own accounts are held against. A job of `Infinity` hangs until a reset.
 */
class RecordingRings {
  /** Who executed when, in the order in which they ended: `{ client, startUs, endUs }`. */
  spans = [];
  #runtime;
  #timeline;
  #rings;

  constructor(runtime, rings) {
    this.#runtime = runtime;
    this.#timeline = new Timeline({ driver: 'bench', label: 'rings', runtime, ordered: false });
    this.#rings = Array.from({ length: rings }, () => []);
  }

  runJob(job, ring) {
    const queue = this.#rings[ring];
    const source = this.#timeline.createFence();
    queue.push({ work: job.payload, source, startUs: 0, timer: null });
    if (queue.length === 1) this.#begin(queue);
    return source.fence;
  }

  reset() {
    for (const queue of this.#rings) {
      const [head] = queue;
      head?.timer?.cancel();
      if (head !== undefined) this.#record(head);
      queue.length = 0;
    }
  }

  /** Microseconds that `client` executed from `fromUs` to `toUs`. */
  executedUs(client, fromUs = 0, toUs = Infinity) {
    let sumUs = 0;
    for (const span of this.spans) {
      if (span.client !== client) continue;
      sumUs += Math.max(0, Math.min(span.endUs, toUs) - Math.max(span.startUs, fromUs));
    }
    return sumUs;
  }

  #begin(queue) {
    const [head] = queue;
    if (head === undefined) return;
    head.startUs = this.#runtime.nowUs();
    if (head.work.us === Infinity) return;
    head.timer = this.#runtime.setTimer(head.startUs + head.work.us, () => {
      this.#record(head);
      queue.shift();
      this.#begin(queue);
      head.source.signal();
    });
  }

  #record({ work, startUs }) {
    this.spans.push({ client: work.client, startUs, endUs: this.#runtime.nowUs() });
  }
}

/** By how many percent the sum of the entities' times differs from what the rings executed (S13). */
export function accountingErrorPct(world, entities) {
  const trueUs = world.device.spans.reduce((sum, { startUs, endUs }) => sum + endUs - startUs, 0);
  const chargedUs = entities.reduce((sum, entity) => sum + entity.stats().busyUs, 0);
  return (100 * Math.abs(chargedUs - trueUs)) / trueUs;
}
