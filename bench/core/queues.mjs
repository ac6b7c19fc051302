import { openFloor, openPriorityFloor } from './floor.mjs';

/** The peers as one sees them that has tasks: each opener gives a function that queues a task and promises its result. */

const noop = async () => {};

/** First in, first out, one task at a time. By name of the peer. */
export const FIFO_QUEUES = {
  async: async (task = noop) => {
    const { queue } = await import('async');
    const tasks = queue(async () => task(), 1);
    return () => tasks.push(0);
  },
  fastq: async (task = noop) => {
    const { default: fastq } = await import('fastq');
    const tasks = fastq.promise(task, 1);
    return () => tasks.push(0);
  },
  'p-limit': async (task = noop) => {
    const { default: pLimit } = await import('p-limit');
    const limit = pLimit(1);
    return () => limit(task);
  },
  'p-queue': async (task = noop) => {
    const { default: PQueue } = await import('p-queue');
    const tasks = new PQueue({ concurrency: 1 });
    return () => tasks.add(task);
  },
  floor: async (task = noop) => {
    const limit = openFloor(1);
    return () => limit(task);
  },
};

/** Highest priority first, one task at a time. `push` takes a priority, the larger the sooner. */
export const PRIORITY_QUEUES = {
  async: async (task = noop) => {
    const { priorityQueue } = await import('async');
    const tasks = priorityQueue(async () => task(), 1);
    return (priority) => tasks.push(0, -priority);
  },
  'p-queue': async (task = noop) => {
    const { default: PQueue } = await import('p-queue');
    const tasks = new PQueue({ concurrency: 1 });
    return (priority) => tasks.add(task, { priority });
  },
  floor: async (task = noop) => {
    const limit = openPriorityFloor(1);
    return (priority) => limit(task, priority);
  },
};
