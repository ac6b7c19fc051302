import { setTimeout as delay } from 'node:timers/promises';
import { openWorkerDevice } from '../../dist/drivers/worker/index.js';

/**
 * Pools of threads, all as one sees them that has tasks: `run(task, argument)` promises the result of a function of
 * tasks.mjs; with `timeoutMs` the promise is rejected where it takes longer. Who asks is named where the pool knows
 * users: of the peers none does.
 *
 * @typedef {object} Pool
 * @property {(task: string, argument?: unknown, options?: { timeoutMs?: number, by?: string }) => Promise<unknown>} run
 * @property {() => Promise<void>} close
 */

const TASKS = new URL('./tasks.mjs', import.meta.url).href;
const WORKERPOOL_THREAD = new URL('./workerpoolThread.mjs', import.meta.url);
const POOLIFIER_THREAD = new URL('./poolifierThread.mjs', import.meta.url);

export const THREADS = 2;

/**
 * As many jobs are in a thread as keep it busy for this long: the same for all rows, as one would configure it once. With 4 ms
 * a thread of 1 ms jobs tells of three at a time (docs/worker.md); of jobs of 10 ms there is one in a thread in any case.
 */
const TIME_CREDITS = { targetMs: 4 };

const CLOSE_MS_MAX = 1000;

const PEERS = {
  piscina: async () => {
    const { Piscina } = await import('piscina');
    const pool = new Piscina({ filename: TASKS, minThreads: THREADS, maxThreads: THREADS });
    return { run: runWithSignal(pool), close: () => pool.destroy() };
  },
  tinypool: async () => {
    const { Tinypool } = await import('tinypool');
    const pool = new Tinypool({ filename: TASKS, minThreads: THREADS, maxThreads: THREADS });
    return { run: runWithSignal(pool), close: () => pool.destroy() };
  },
  workerpool: async () => {
    const { default: workerpool } = await import('workerpool');
    const { fileURLToPath } = await import('node:url');
    const size = { minWorkers: THREADS, maxWorkers: THREADS };
    const pool = workerpool.pool(fileURLToPath(WORKERPOOL_THREAD), {
      ...size,
      workerType: 'thread',
    });
    return {
      run(task, argument, { timeoutMs } = {}) {
        const running = pool.exec(task, argument === undefined ? [] : [argument]);
        return timeoutMs === undefined ? running : running.timeout(timeoutMs);
      },
      close: () => pool.terminate(true),
    };
  },
  poolifier: async () => {
    const { FixedThreadPool } = await import('poolifier');
    const { fileURLToPath } = await import('node:url');
    const pool = new FixedThreadPool(THREADS, fileURLToPath(POOLIFIER_THREAD));
    return {
      run: (task, argument, { timeoutMs } = {}) =>
        pool.execute(argument, task, signalOf(timeoutMs)),
      close: () => pool.destroy(),
    };
  },
};

export const POOL_NAMES = Object.keys(PEERS);

/**
 * Opens the pool of a contender, and runs a task in each thread, so that starting them is not measured.
 *
 * @param {string} contender
 * @param {unknown} [credits] of our own, where a row compares them
 * @returns {Promise<Pool>}
 */
export async function openPool(contender, credits = TIME_CREDITS) {
  const pool = await (contender === 'fenceline' ? openOurs(credits) : PEERS[contender]());
  await Promise.all(Array.from({ length: 20 }, () => pool.run('spin', 5)));
  return { run: pool.run, close: () => closeSoon(pool) };
}

/** Some pools never finish to close: poolifier at times, others while a thread loops. Their process ends all the same. */
async function closeSoon(pool) {
  await Promise.race([Promise.resolve(pool.close()).catch(() => {}), delay(CLOSE_MS_MAX)]);
}

async function openOurs(credits) {
  const device = await openWorkerDevice({ threads: THREADS, credits });
  const clients = new Map();
  const clientOf = (label) => {
    if (!clients.has(label)) clients.set(label, device.open({ label, order: 'parallel' }));
    return clients.get(label);
  };
  return {
    run(task, argument, { timeoutMs, by = 'bench' } = {}) {
      const args = argument === undefined ? [] : [argument];
      const limits = timeoutMs === undefined ? {} : { runTimeoutMs: timeoutMs };
      return clientOf(by).submit({ module: TASKS, export: task, args }, limits).result;
    },
    close: () => device.close(),
  };
}

/** piscina, and its fork, have no run timeout: their users pass a signal. */
function runWithSignal(pool) {
  return (task, argument, { timeoutMs } = {}) =>
    pool.run(
      argument,
      timeoutMs === undefined ? { name: task } : { name: task, signal: signalOf(timeoutMs) },
    );
}

function signalOf(timeoutMs) {
  return timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
}
