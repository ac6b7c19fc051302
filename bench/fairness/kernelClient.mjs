/**
 * The client of the kernel's scheduler tests, and its ten sets of two: each cycle it submits `count` jobs of `us`, waits for the
 * last one where it is `sync`, and sleeps `waitUs`; as many cycles as fit into `DURATION_US` without anybody else.
 */
const NORMAL = { priority: 'normal', count: 1, us: 8000, waitUs: 0, sync: false };
const INTERACTIVE = { priority: 'normal', count: 1, us: 1000, waitUs: 9000, sync: true };
const HALF = { priority: 'normal', count: 1, us: 1500, waitUs: 1500, sync: true };
const LONGER_HALF = { ...HALF, us: 2500, waitUs: 2500 };

const DURATION_US = 1_000_000;

/** By the kernel's names; the second client is the one whose latency counts. */
export const SETS = {
  'normal and normal': [NORMAL, NORMAL],
  'normal and low': [NORMAL, { ...NORMAL, priority: 'low' }],
  'high and normal': [{ ...NORMAL, priority: 'high' }, NORMAL],
  'high and low': [
    { ...NORMAL, priority: 'high' },
    { ...NORMAL, priority: 'low' },
  ],
  '50 and 50': [HALF, LONGER_HALF],
  '50 and 50 low': [HALF, { ...LONGER_HALF, priority: 'low' }],
  '50 high and 50': [{ ...HALF, priority: 'high' }, LONGER_HALF],
  'low hog and interactive': [
    { priority: 'low', count: 3, us: 2500, waitUs: 500, sync: false },
    { ...INTERACTIVE, us: 500, waitUs: 10_000 },
  ],
  'heavy and interactive': [
    { priority: 'normal', count: 3, us: 2500, waitUs: 2500, sync: true },
    INTERACTIVE,
  ],
  'very heavy and interactive': [
    { priority: 'normal', count: 4, us: 50_000, waitUs: 1, sync: true },
    INTERACTIVE,
  ],
};

const NAMES = Object.keys(SETS);
/** Those whose jobs are all there from the beginning. */
export const BACKLOGGED_SETS = NAMES.slice(0, 4);
export const INTERACTIVE_SETS = NAMES.filter((set) => set.endsWith('interactive'));

/**
 * Starts a client; crank the world to have it run.
 *
 * @returns {{ entity: object, latenciesUs: number[] }} of the cycles of a `sync` client: how much longer each took than its jobs
 */
export function startClient(world, client, { priority, count, us, waitUs, sync }) {
  const { runtime, scheduler } = world;
  const entity = scheduler.createEntity({ priority });
  const latenciesUs = [];
  let cyclesLeft = Math.ceil(DURATION_US / (count * us + waitUs));
  const cycle = () => {
    cyclesLeft -= 1;
    const beganUs = runtime.nowUs();
    let job = null;
    for (let index = 0; index < count; index += 1) job = entity.submit({ us, client });
    if (!sync) return next();
    job.finished.addCallback(() => {
      latenciesUs.push(runtime.nowUs() - beganUs - count * us);
      next();
    });
  };
  const next = () => {
    if (cyclesLeft > 0) runtime.setTimer(runtime.nowUs() + waitUs, cycle);
  };
  runtime.setTimer(0, cycle);
  return { entity, latenciesUs };
}
