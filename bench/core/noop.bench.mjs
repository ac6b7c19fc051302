import { Scheduler, systemRuntime } from '../../dist/index.js';
import { runAlone } from '../harness/alone.mjs';
import { completesAtOnce, completesLater } from './drivers.mjs';
import { FIFO_QUEUES } from './queues.mjs';

export const name = 'core-noop';
export const question = 'What does a job cost that does nothing, from submit to its result?';
export const unit = 'us/job';
export const peers = ['async', 'fastq', 'p-limit', 'p-queue', 'floor'];

const LIBRARIES = ['async', 'fastq', 'p-limit', 'p-queue'];
const promises = { best: LIBRARIES, figure: 'promises' };

// `promises`: everybody waits for a promise of each job. `fence-only`: one wait for all jobs. `later`: with a driver
// whose jobs end in an interrupt of their own, where the peers' tasks still return at once.
export const target = [
  { figure: 'promises', against: promises, reach: 1, stretch: 0.6 },
  { figure: 'fence-only', against: promises, reach: 0.3, stretch: 0.15 },
  { figure: 'promises-later', against: promises, reach: 1, stretch: 0.6 },
  { figure: 'fence-only-later', against: promises, reach: 0.3, stretch: 0.15 },
];

const JOBS = 100_000;

export async function run({ contender, count }) {
  const jobs = count(JOBS);
  if (contender !== 'fenceline') return { promises: await throughPeer(contender, jobs) };
  return {
    promises: await throughScheduler(completesAtOnce, jobs, withPromises),
    'fence-only': await throughScheduler(completesAtOnce, jobs, fenceOnly),
    'promises-later': await throughScheduler(completesLater, jobs, withPromises),
    'fence-only-later': await throughScheduler(completesLater, jobs, fenceOnly),
  };
}

async function throughScheduler(driverFor, jobs, submitAll) {
  const runtime = systemRuntime();
  const scheduler = new Scheduler({ label: 'bench', driver: driverFor(runtime), runtime });
  const entity = scheduler.createEntity();
  const usPerJob = await costOfJob(jobs, () => submitAll(entity, jobs));
  await scheduler.close();
  return usPerJob;
}

function withPromises(entity, jobs) {
  const results = [];
  for (let job = 0; job < jobs; job += 1) results.push(entity.submit(job).finished.wait());
  return Promise.all(results);
}

function fenceOnly(entity, jobs) {
  for (let job = 0; job < jobs; job += 1) entity.submit(job);
  return entity.flush();
}

async function throughPeer(peer, jobs) {
  const push = await FIFO_QUEUES[peer]();
  return costOfJob(jobs, () => Promise.all(Array.from({ length: jobs }, () => push())));
}

async function costOfJob(jobs, submitAll) {
  globalThis.gc?.();
  const beganMs = performance.now();
  await submitAll();
  return ((performance.now() - beganMs) * 1000) / jobs;
}

void runAlone(import.meta);
