import { Scheduler, systemRuntime } from '../../dist/index.js';
import { runAlone } from '../harness/alone.mjs';
import { costOfStep } from './bareList.mjs';
import { seededRandom } from './random.mjs';
import { keepBacklogged } from './steadyLoad.mjs';

export const name = 'core-growth';
export const question = 'Does a job cost more where many others wait, and many queues are open?';
export const unit = 'us/job';
export const peers = ['p-queue', 'floor'];

// One job ends, one is submitted: what a job costs while the backlog stays as it is. `depth`: jobs in one queue.
// `entities`: queues, each with two jobs. `idle`: one queue of 1,000 jobs, beside 100,000 open queues that have none; it is
// measured right after `depth-1e3`, what it is held to: after a figure that held hundreds of megabytes, `depth-1e3` itself is a
// third slower. `floor`: a bare list, see there.
export const target = [
  { figure: 'depth-1e3' },
  { figure: 'depth-1e4' },
  { figure: 'depth-1e5' },
  { figure: 'depth-1e6', against: { own: 'depth-1e4' }, reach: 1.3 },
  { figure: 'entities-1' },
  { figure: 'entities-1e2' },
  { figure: 'entities-1e4' },
  { figure: 'entities-1e5', reach: 1.2, stretch: 0.6 },
  { figure: 'idle-1e5', against: { own: 'depth-1e3' }, reach: 1.1 },
];

const JOBS = 100_000;
const DEPTHS = { 'depth-1e3': 1e3, 'depth-1e4': 1e4, 'depth-1e5': 1e5, 'depth-1e6': 1e6 };
const ENTITIES = { 'entities-1': 1, 'entities-1e2': 1e2, 'entities-1e4': 1e4, 'entities-1e5': 1e5 };
const IDLE = 100_000;
const PEER_JOBS = 10_000;

export async function run({ contender, count }) {
  const jobs = count(JOBS);
  const figures = {};
  if (contender === 'floor') {
    for (const [figure, depth] of Object.entries(DEPTHS)) {
      figures[figure] = costOfStep(count(depth), jobs);
    }
    return figures;
  }
  if (contender !== 'fenceline') {
    // It inserts into a sorted list: a deeper backlog than this takes minutes to build.
    for (const figure of ['depth-1e3', 'depth-1e4']) {
      figures[figure] = await throughPQueue(count(DEPTHS[figure]), count(PEER_JOBS));
    }
    return figures;
  }
  for (const [figure, depth] of Object.entries(DEPTHS)) {
    figures[figure] = await costOfJob({ entities: 1, depth: count(depth), jobs });
    if (figure !== 'depth-1e3') continue;
    figures['idle-1e5'] = await costOfJob({ entities: 1, depth: 1000, jobs, idle: count(IDLE) });
  }
  for (const [figure, entities] of Object.entries(ENTITIES)) {
    figures[figure] = await costOfJob({ entities: count(entities), depth: 2, jobs });
  }
  return figures;
}

/** Microseconds for one of `jobs` jobs, each of which is replaced by another of its entity when it starts. */
async function costOfJob({ entities, depth, jobs, idle = 0 }) {
  const runtime = systemRuntime();
  const load = keepBacklogged(runtime, jobs);
  const scheduler = new Scheduler({ label: 'bench', driver: load.driver, runtime });
  const others = Array.from({ length: idle }, () => scheduler.createEntity());
  for (let opened = 0; opened < entities; opened += 1) {
    const entity = scheduler.createEntity();
    for (let job = 0; job < depth; job += 1) entity.submit(entity);
  }
  globalThis.gc?.();
  const tookMs = await load.run();
  await scheduler.close({ mode: 'kill' });
  return others.length === idle ? (tookMs * 1000) / jobs : NaN;
}

/** The same for p-queue: a queue of `depth` tasks of ten random priorities; a task that runs adds another. */
async function throughPQueue(depth, jobs) {
  const { default: PQueue } = await import('p-queue');
  const tasks = new PQueue({ concurrency: 1, autoStart: false });
  const random = seededRandom(1);
  let beganMs = 0;
  let ran = 0;
  let done = () => {};
  const add = () => void tasks.add(task, { priority: Math.floor(random() * 10) });
  const task = async () => {
    if (ran === 0) beganMs = performance.now();
    ran += 1;
    if (ran < jobs) return add();
    tasks.clear();
    done();
  };
  for (let queued = 0; queued < depth; queued += 1) add();
  globalThis.gc?.();
  await new Promise((resolve) => {
    done = resolve;
    tasks.start();
  });
  return ((performance.now() - beganMs) * 1000) / jobs;
}

void runAlone(import.meta);
