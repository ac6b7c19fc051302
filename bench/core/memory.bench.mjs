import { Scheduler, systemRuntime } from '../../dist/index.js';
import { runAlone } from '../harness/alone.mjs';
import { completesAtOnce, neverCompletes } from './drivers.mjs';
import { grownBytes } from './heapSize.mjs';
import { FIFO_QUEUES } from './queues.mjs';

export const name = 'core-memory';
export const question =
  'How many bytes does an idle queue hold, and a job that waits; is any of it kept?';
export const unit = 'B';
export const peers = ['async', 'fastq', 'p-limit', 'p-queue', 'floor'];

// `entity-new`: an entity that was opened. `entity-idle`: one whose only job has finished. `job`: a queued job whose
// fences nobody asked for; of the peers: a queued task. `job-leak`: what is left of each job that has passed through.
// `scheduler`: one with one entity that ran one job; `scheduler-leak`: what is left of it once closed.
// What is left is never exactly 0: the heap itself moves by some kilobytes.
export const target = [
  { figure: 'entity-new', reach: 200, stretch: 96 },
  { figure: 'entity-idle', reach: 200, stretch: 96 },
  { figure: 'job', reach: 256, stretch: 160 },
  { figure: 'job-leak', reach: 0.1 },
  { figure: 'scheduler' },
  { figure: 'scheduler-leak', reach: 10 },
];

const ENTITIES = 100_000;
const QUEUED = 1_000_000;
const PEER_QUEUED = 100_000;
/** Seven rounds make 10 million. */
const THROUGH = 1_430_000;
const SCHEDULERS = 10_000;

export async function run({ contender, count }) {
  if (contender !== 'fenceline') return { job: await bytesOfTask(contender, count(PEER_QUEUED)) };
  return {
    ...(await bytesOfEntity(count(ENTITIES))),
    job: await bytesOfJob(count(QUEUED)),
    'job-leak': await bytesLeftOfJob(count(THROUGH)),
    ...(await bytesOfScheduler(count(SCHEDULERS))),
  };
}

function openScheduler(driverFor) {
  const runtime = systemRuntime();
  return new Scheduler({ label: 'bench', driver: driverFor(runtime), runtime });
}

async function bytesOfEntity(entities) {
  const scheduler = openScheduler(completesAtOnce);
  const opened = new Array(entities).fill(null);
  const fresh = await grownBytes(() => {
    for (let index = 0; index < entities; index += 1) opened[index] = scheduler.createEntity();
  });
  const used = await grownBytes(async () => {
    for (const entity of opened) entity.submit(0);
    for (const entity of opened) await entity.flush();
  });
  await scheduler.close();
  return { 'entity-new': fresh / entities, 'entity-idle': (fresh + used) / opened.length };
}

async function bytesOfJob(jobs) {
  const scheduler = openScheduler(neverCompletes);
  const entity = scheduler.createEntity();
  const bytes = await grownBytes(() => {
    for (let index = 0; index < jobs; index += 1) entity.submit(index);
  });
  await scheduler.close({ mode: 'kill' });
  return bytes / jobs;
}

async function bytesLeftOfJob(jobs) {
  const scheduler = openScheduler(completesAtOnce);
  const entity = scheduler.createEntity();
  const pass = async (many) => {
    for (let index = 0; index < many; index += 1) entity.submit(index);
    await entity.flush();
  };
  await pass(10_000);
  const bytes = await grownBytes(async () => {
    for (let left = jobs; left > 0; left -= 10_000) await pass(Math.min(left, 10_000));
  });
  await scheduler.close();
  return Math.max(0, bytes / jobs);
}

async function bytesOfScheduler(schedulers) {
  // What the engine compiles, learns and keeps room for once so many were open is no scheduler's.
  await openAndClose(schedulers);
  return openAndClose(schedulers);
}

async function openAndClose(schedulers) {
  let opened = new Array(schedulers).fill(null);
  const held = await grownBytes(async () => {
    for (let index = 0; index < schedulers; index += 1) {
      const scheduler = openScheduler(completesAtOnce);
      const entity = scheduler.createEntity();
      entity.submit(0);
      await entity.flush();
      opened[index] = { scheduler, entity };
    }
  });
  const freed = await grownBytes(async () => {
    for (const { scheduler } of opened) await scheduler.close();
    opened.fill(null);
  });
  opened = [];
  return {
    scheduler: held / schedulers,
    'scheduler-leak': Math.max(0, (held + freed) / schedulers),
  };
}

async function bytesOfTask(peer, tasks) {
  let end = () => {};
  const blocker = new Promise((resolve) => (end = resolve));
  const push = await FIFO_QUEUES[peer](() => blocker);
  void push();
  const bytes = await grownBytes(() => {
    for (let index = 0; index < tasks; index += 1) void push();
  });
  end();
  await push();
  return bytes / tasks;
}

void runAlone(import.meta);
