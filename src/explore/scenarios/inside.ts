import { FencelineError } from '../../base/index.ts';
import type { SchedEvent } from '../../events/index.ts';
import type { Fence } from '../../fence/index.ts';
import { Entity, fair, fifo, roundRobin, Scheduler, strictPriority } from '../../sched/index.ts';
import type { Driver, Job, ResetDomain, ResourcePool, SubmitOptions } from '../../sched/index.ts';
import type { ModelDevice, ModelWork } from '../modelDevice.ts';
import type { Scenario } from '../scenario.ts';
import type { Gate, World } from '../world.ts';
import { addFaults } from './faults.ts';
import { InsideAccount } from './insideAccount.ts';
import type { Place, Queue } from './insideAccount.ts';
import { pairedPolicy } from './pairedPolicy.ts';

const HOOKS = [
  'runJob',
  'prepareJob',
  'timedOut',
  'reset',
  'cancelJob',
  'freeJob',
  'capture',
  'isSliced',
  'kindOf',
  'nextSlice',
  'measure',
] as const;

const EVENTS: readonly SchedEvent['type'][] = [
  'job-done',
  'job-retire',
  'job-slice',
  'release',
  'grant',
  'job-blocked',
  'reset-begin',
  'reset-end',
  'job-run',
  'job-queue',
  'job-requeue',
  'job-cancel',
  'timeout',
  'pass-begin',
  'hook-exit',
  'gone',
];

/** Where somebody acts, which time, and what he does there; drawn. Nobody acts at place 0. */
interface Plan {
  readonly place: string | null;
  skip: number;
  readonly act: number;
  readonly which: number;
}

const PLANS = 3;

/** Hooks that somebody may also act in when the driver has done its part. */
const AFTER: ReadonlySet<string> = new Set(['runJob', 'timedOut', 'nextSlice']);

/** The act that is none: the hook answers nothing, whatever is asked. */
const SILENT = 10;

/**
 * Whoever is told of a step, or asked in one, may act there: hooks and observers cancel, kill, close, unplug, submit, complete and
 * report faults in the middle of anything. Judged by a coarse account of its own (`InsideAccount`).
 */
export const inside: Scenario = {
  name: 'inside',
  about: 'drivers and observers that act inside hooks and events',
  build(world, { entities, jobs }) {
    world.faultBudget = world.draw(5);
    const account = new InsideAccount(world);
    const acts = new Acts(world, account);
    const isShared = world.draw(4) === 3;
    const domain = isShared ? world.resetDomain('shared') : null;
    for (let at = 0; at < (isShared ? 2 : 1); at += 1) addScheduler(world, account, acts, domain);
    for (let at = 0; at < entities; at += 1) {
      const place = account.places[at % account.places.length] as Place;
      const serial = world.draw(4) !== 3;
      const order = serial ? 'serial' : 'parallel';
      const entity = new Entity<ModelWork>({
        label: String.fromCharCode(65 + at),
        schedulers: [place.scheduler],
        order,
      });
      const queue = { entity, place, serial, jobs: [], killed: false, lastFinished: 0 };
      account.queues.push(queue);
      const steps = Array.from({ length: jobs }, () => acts.step(queue));
      world.client(`client ${entity.label}`, steps);
      world.fault({ label: `kill ${entity.label}`, run: () => acts.kill(queue) });
    }
    for (const place of account.places) {
      world.fault({ label: `close ${place.label}`, run: () => acts.close(place, 'kill') });
      world.fault({ label: `unplug ${place.label}`, run: () => acts.unplug(place) });
    }
    for (const which of [0, 1]) {
      world.fault({ label: `cancel job ${which}`, run: () => acts.cancel(which) });
    }
    world.heals(() => acts.stop());
  },
};

function addScheduler(
  world: World,
  account: InsideAccount,
  acts: Acts,
  domain: ResetDomain | null,
): void {
  const rings = world.oneOf(1, 2);
  const device = world.device({
    rings,
    slowReset: world.draw(2) === 1,
    honoursCancel: world.draw(3) !== 2,
    sliced: world.draw(3) === 2,
    lacks: domain === null && world.draw(4) === 3 ? ['reset'] : [],
  });
  const at = account.places.length;
  const label = `gpu${at}`;
  const policy = world.oneOf(fifo, fair, roundRobin, strictPriority)();
  const scheduler = new Scheduler<ModelWork>({
    label,
    runtime: world.runtime,
    driver: account.watched(acts.driver(device.driver, at), () => account.places[at] as Place),
    rings,
    credits: world.oneOf<number | { readonly targetMs: number }>(2, 1, 3, { targetMs: 0.2 }),
    policy: pairedPolicy(world, policy),
    runTimeoutMs: 1,
    reset: { timeoutMs: 5, maxTries: world.oneOf(3, 1), backoffMs: 1 },
    noHangLimit: world.oneOf(10, 1),
    ...(domain !== null && { resetDomain: domain }),
  });
  account.places.push({
    scheduler,
    label,
    wasClosed: false,
    wasKilled: false,
    wasUnplugged: false,
  });
  void scheduler.gone;
  scheduler.observe({ emit: ({ type }) => acts.reached(type, at, null) });
  acts.devices.push(device);
  addFaults(world, device, {
    hang: true,
    completions: world.draw(2) === 1,
    resets: world.draw(2) === 1,
    verdicts: world.draw(2) === 1,
    unstoppable: world.draw(3) === 2,
  });
}

/** What clients, drivers and observers do, and where. */
class Acts {
  readonly devices: ModelDevice[] = [];
  readonly #world: World;
  readonly #account: InsideAccount;
  readonly #pool: ResourcePool;
  readonly #gate: Gate;
  #plans: Plan[];

  constructor(world: World, account: InsideAccount) {
    this.#world = world;
    this.#account = account;
    this.#pool = world.pool({ label: 'slots', slots: world.oneOf(2, 1) });
    this.#gate = world.gate('gate');
    const places = [null, ...HOOKS, ...EVENTS, ...Array.from(AFTER, (hook) => `after ${hook}`)];
    this.#plans = Array.from({ length: PLANS }, () => ({
      place: world.oneOf(...places),
      skip: world.draw(4),
      act: world.draw(11),
      which: world.draw(6),
    }));
    world.client('gate opens', [() => this.#gate.signal()]);
    world.state(() => this.#plans.map(({ skip }) => skip));
  }

  /** Nobody acts inside anything any more. */
  stop(): void {
    this.#plans = [];
  }

  /** A step of a client: one submit. */
  step(queue: Queue): () => void {
    const draw = (bound: number): number => this.#world.draw(bound);
    const work: ModelWork = {
      durationUs: this.#world.oneOf(100, 10, 700),
      prepares: draw(3) === 2 ? 1 : 0,
      slices: draw(3),
      staysOnRing: draw(2) === 1,
      instant: draw(8) === 7,
    };
    const isGated = draw(5) === 4;
    const options: SubmitOptions = {
      ...(draw(3) === 2 && { resources: [{ pool: this.#pool }] }),
      ...(isGated && { after: [this.#gate.fence], dependencyTimeoutMs: 3 }),
      ...(draw(4) === 3 && { resubmit: draw(2) === 1 }),
    };
    const isHeard = draw(4) !== 3;
    return () => this.submit(queue, work, options, isHeard);
  }

  submit(queue: Queue, work: ModelWork, options: SubmitOptions, isHeard: boolean): void {
    try {
      const job = queue.entity.submit(work, options);
      this.#account.waitsFor.set(job, options.after ?? NOTHING);
      this.#account.submitted(queue, job, isHeard);
    } catch (error) {
      if (!(error instanceof FencelineError) || !REFUSALS.has(error.code)) throw error;
    }
  }

  cancel(which: number): void {
    const { jobs } = this.#account;
    const known = jobs[which % Math.max(1, jobs.length)];
    if (known !== undefined) this.#account.cancel(known.job);
  }

  kill(queue: Queue): void {
    this.#world.tell(() => `kill ${queue.entity.label}`);
    queue.killed = true;
    queue.entity.kill();
  }

  close(place: Place, mode: 'drain' | 'kill'): void {
    this.#world.tell(() => `close ${place.label} (${mode})`);
    place.wasClosed = true;
    if (mode === 'kill' && place.scheduler.gone.status === 'pending') place.wasKilled = true;
    void place.scheduler.close({ mode });
  }

  unplug(place: Place): void {
    this.#world.tell(() => `${place.label} is unplugged`);
    for (const one of this.#account.places) one.wasUnplugged = true;
    place.scheduler.removeDevice();
  }

  /** `driver`, with somebody who may act before each hook. */
  driver(driver: Driver<ModelWork>, at: number): Driver<ModelWork> {
    const acting: Record<string, unknown> = { ...driver };
    for (const hook of HOOKS) {
      const inner = (driver as unknown as Record<string, unknown>)[hook] as
        ((...args: unknown[]) => unknown) | undefined;
      if (inner === undefined && hook !== 'kindOf' && hook !== 'measure') continue;
      const acts: (...args: unknown[]) => unknown = (...args) => {
        const job = hook === 'reset' ? null : (args[0] as Job<ModelWork>);
        if (this.reached(hook, at, job)) return undefined;
        const answer = inner === undefined ? null : inner(...args);
        // The driver has made up its mind, and the scheduler does not know yet.
        if (AFTER.has(hook)) this.reached(`after ${hook}`, at, job);
        return answer;
      };
      acting[hook] = acts;
    }
    return acting as unknown as Driver<ModelWork>;
  }

  /** The scheduler is at `place`: whoever waits for that acts. True: the hook does nothing, and answers nothing. */
  reached(place: string, at: number, job: Job<ModelWork> | null): boolean {
    let isSilent = false;
    for (const plan of this.#plans) {
      if (plan.place !== place || plan.skip < 0) continue;
      plan.skip -= 1;
      if (plan.skip >= 0) continue;
      this.#world.tell(() => `somebody acts in ${place}`);
      if (plan.act === SILENT) isSilent = true;
      else this.#act(plan, at, job);
    }
    return isSilent;
  }

  #act({ act, which }: Plan, at: number, job: Job<ModelWork> | null): void {
    const { queues, places } = this.#account;
    const place = places[at] as Place;
    const queue = queues[which % queues.length] as Queue;
    switch (act) {
      case 0:
        if (job !== null && which % 2 === 0) this.#account.cancel(job);
        else this.cancel(which);
        break;
      case 1:
        this.kill(queue);
        break;
      case 2:
        this.close(place, 'kill');
        break;
      case 3:
        this.unplug(place);
        break;
      case 4:
        this.submit(queue, {}, {}, true);
        break;
      case 5:
        this.#complete(which);
        break;
      case 6:
        this.#world.tell(() => 'a fault that names nobody, or a job');
        if (job !== null && which % 2 === 0) this.#account.fault(place, job);
        else place.scheduler.fault();
        break;
      case 7:
        this.#gate.signal();
        break;
      case 8:
        queue.entity.setPriority('high');
        break;
      default:
        this.close(place, 'drain');
    }
  }

  #complete(which: number): void {
    const device = this.devices[which % this.devices.length];
    const ring = which % (device?.rings ?? 1);
    this.#world.tell(() => `ring ${ring} completes`);
    if (device?.canComplete(ring) === true) device.complete(ring);
  }
}

const NOTHING: readonly Fence[] = [];

/** Why a submit may be refused here. */
const REFUSALS: ReadonlySet<string> = new Set([
  'ERR_CLIENT_BANNED',
  'ERR_CLOSED',
  'ERR_DEVICE_GONE',
  'ERR_NO_SCHEDULER',
]);
