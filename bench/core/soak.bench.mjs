import { Scheduler, systemRuntime } from '../../dist/index.js';
import { runAlone } from '../harness/alone.mjs';
import { completesLater } from './drivers.mjs';
import { grownBytes } from './heapSize.mjs';

export const name = 'soak';
export const question = 'Does the heap grow when ten million jobs pass through one scheduler?';
export const unit = 'KiB';
export const peers = [];

// `grown`: the heap after ten million jobs, less the heap before them, both after a collection, in a scheduler that has
// served a million. Never exactly 0: the platform compiles code and throws it away, a quarter of a megabyte at a time.
export const target = [{ figure: 'grown', reach: 512 }];

const JOBS = 10_000_000;
const WARM_UP = 1_000_000;
const ENTITIES = 100;
const AT_ONCE = 10_000;

export async function run({ count }) {
  const runtime = systemRuntime();
  const scheduler = new Scheduler({ label: 'soak', driver: completesLater(runtime), runtime });
  const entities = Array.from({ length: ENTITIES }, (_, index) =>
    scheduler.createEntity({ weight: 1 + (index % 10) }),
  );
  const serve = async (jobs) => {
    for (let job = 0; job < jobs; job += 1) {
      entities[job % ENTITIES].submit(job);
      if (job % AT_ONCE === 0) await Promise.all(entities.map((entity) => entity.flush()));
    }
    await Promise.all(entities.map((entity) => entity.flush()));
  };
  await serve(count(WARM_UP));
  const bytes = await grownBytes(() => serve(count(JOBS)));
  await scheduler.close();
  return { grown: Math.max(0, bytes / 1024) };
}

void runAlone(import.meta);
