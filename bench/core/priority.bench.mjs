import { Scheduler, systemRuntime } from '../../dist/index.js';
import { runAlone } from '../harness/alone.mjs';
import { completesAtOnce, completesLater } from './drivers.mjs';
import { PRIORITY_QUEUES } from './queues.mjs';
import { seededRandom } from './random.mjs';

export const name = 'core-priority';
export const question = 'What does a job cost where the scheduler has to choose among many queues?';
export const unit = 'us/job';
export const peers = ['async', 'p-queue', 'floor'];

// The peers have one queue and ten priorities; we have 100 entities of ten weights, and share time among them.
export const target = [
  { figure: 'promises', against: { best: ['async'] }, reach: 0.6, stretch: 0.35 },
  {
    figure: 'promises-later',
    against: { best: ['async'], figure: 'promises' },
    reach: 0.6,
    stretch: 0.35,
  },
  { figure: 'fence-only' },
];

const JOBS = 100_000;
const ENTITIES = 100;
const WEIGHTS = 10;

export async function run({ contender, count }) {
  const jobs = count(JOBS);
  if (contender !== 'fenceline') return { promises: await throughPeer(contender, jobs) };
  return {
    promises: await throughScheduler(completesAtOnce, jobs, true),
    'promises-later': await throughScheduler(completesLater, jobs, true),
    'fence-only': await throughScheduler(completesAtOnce, jobs, false),
  };
}

async function throughScheduler(driverFor, jobs, withPromises) {
  const runtime = systemRuntime();
  const scheduler = new Scheduler({ label: 'bench', driver: driverFor(runtime), runtime });
  const entities = Array.from({ length: ENTITIES }, (_, index) =>
    scheduler.createEntity({ weight: 1 + (index % WEIGHTS) }),
  );
  const random = seededRandom(1);
  const usPerJob = await costOfJob(jobs, () => {
    const results = [];
    for (let index = 0; index < jobs; index += 1) {
      const job = entities[Math.floor(random() * ENTITIES)].submit(index);
      if (withPromises) results.push(job.finished.wait());
    }
    return Promise.all(withPromises ? results : entities.map((entity) => entity.flush()));
  });
  await scheduler.close();
  return usPerJob;
}

async function throughPeer(peer, jobs) {
  const push = await PRIORITY_QUEUES[peer]();
  const random = seededRandom(1);
  return costOfJob(jobs, () =>
    Promise.all(Array.from({ length: jobs }, () => push(Math.floor(random() * WEIGHTS)))),
  );
}

async function costOfJob(jobs, submitAll) {
  globalThis.gc?.();
  const beganMs = performance.now();
  await submitAll();
  return ((performance.now() - beganMs) * 1000) / jobs;
}

void runAlone(import.meta);
