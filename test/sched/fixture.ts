// What the scheduler's tests share: a scheduler over mock hardware in virtual time, and words to look at it.
import { MockRing, VirtualRuntime } from '../../src/drivers/sim/index.ts';
import type { MockRingOptions, MockWork } from '../../src/drivers/sim/index.ts';
import type { SchedEvent } from '../../src/events/index.ts';
import { Timeline } from '../../src/fence/index.ts';
import type { Fence, FenceSource } from '../../src/fence/index.ts';
import { ResetDomain, Scheduler } from '../../src/sched/index.ts';
import type { Driver, Job } from '../../src/sched/index.ts';

export type MockJob = Job<MockWork>;
export type SchedulerOptions = ConstructorParameters<typeof Scheduler<MockWork>>[0];

export interface SetUpOptions extends Partial<Omit<SchedulerOptions, 'driver' | 'runtime'>> {
  /** The runtime of another set-up, where two schedulers work together. */
  readonly runtime?: VirtualRuntime;
  /** Options of the mock ring. */
  readonly mock?: Partial<MockRingOptions>;
  /** Wraps the mock ring, where a test needs another driver. */
  readonly driver?: (mock: MockRing, runtime: VirtualRuntime) => Driver<MockWork>;
}

export interface SetUp {
  readonly runtime: VirtualRuntime;
  readonly mock: MockRing;
  readonly scheduler: Scheduler<MockWork>;
  /** Every event of the runtime, in order; none where the runtime is another's. */
  readonly events: SchedEvent[];
}

/** A scheduler `test` over a mock ring with as many rings, and everything that is reported. */
export function setUp(options: SetUpOptions = {}): SetUp {
  const { mock: mockOptions = {}, driver, runtime: shared, ...rest } = options;
  const events: SchedEvent[] = [];
  const runtime = shared ?? new VirtualRuntime({ sink: { emit: (event) => events.push(event) } });
  const mock = new MockRing({ runtime, rings: rest.rings ?? 1, ...mockOptions });
  const scheduler = new Scheduler<MockWork>({
    label: 'test',
    ...rest,
    runtime,
    driver: driver?.(mock, runtime) ?? mock,
  });
  return { runtime, mock, scheduler, events };
}

/** Makes schedulers over hardware of their own, in one reset domain. */
export function oneDomain(): (label: string, options?: SetUpOptions) => SetUp {
  const runtime = new VirtualRuntime();
  const resetDomain = new ResetDomain({ label: 'card', runtime });
  return (label, options = {}) => setUp({ label, runtime, resetDomain, ...options });
}

/** `pending`, `ok`, or the code of the error: of a fence, or of a job's finished fence. */
export function outcome(of: Fence | Job): string {
  const fence = 'finished' in of ? of.finished : of;
  return fence.error?.code ?? fence.status;
}

export function outcomes(of: readonly (Fence | Job)[]): string[] {
  return of.map(outcome);
}

/** Notes the signals of the jobs' fences as they come: `s0` for the scheduled fence of the first, `f0` for its finished one. */
export function signalsOf(jobs: readonly Job[]): string[] {
  const signals: string[] = [];
  jobs.forEach((job, index) => {
    job.scheduled.addCallback(() => signals.push(`s${index}`));
    job.finished.addCallback(() => signals.push(`f${index}`));
  });
  return signals;
}

/** The finished signals among those of `signalsOf`. */
export function finishedIn(signals: readonly string[]): string[] {
  return signals.filter((signal) => signal.startsWith('f'));
}

/** A pending fence of a timeline of its own. */
export function pendingFence(runtime: VirtualRuntime, ordered = true): FenceSource {
  return new Timeline({ driver: 'test', label: 'dependency', runtime, ordered }).createFence();
}

/** One job that runs, one that is blocked for ever, one behind it; and the signals of their fences as they come. */
export function runningBlockedQueued({ scheduler, runtime }: SetUp): {
  jobs: MockJob[];
  signals: string[];
} {
  const entity = scheduler.createEntity();
  const jobs = [
    entity.submit({}),
    entity.submit({}, { after: [pendingFence(runtime).fence] }),
    entity.submit({}),
  ];
  const signals = signalsOf(jobs);
  runtime.advanceBy(0);
  return { jobs, signals };
}

/** The event type that may have the `type` T, also where it shares its shape with others. */
type EventOf<T, E = SchedEvent> = E extends { type: infer U } ? (T extends U ? E : never) : never;

/** The events of one type. */
export function eventsOf<T extends SchedEvent['type']>(
  events: readonly SchedEvent[],
  type: T,
): EventOf<T>[] {
  return events.filter((event) => event.type === type) as unknown as EventOf<T>[];
}

/** Cranks until `promise` is settled, without time passing or within `us` microseconds; then gives what it gives. */
export async function cranked<T>(runtime: VirtualRuntime, promise: Promise<T>, us = 0): Promise<T> {
  let settled = false;
  const note = (): void => void (settled = true);
  promise.then(note, note);
  await runtime.settle(us);
  if (!settled) throw new Error(`the promise was not settled within ${us} virtual microseconds`);
  return promise;
}

/** The code of what `act` throws; `undefined` where it throws nothing. */
export function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return (error as { code?: unknown }).code ?? error;
  }
  return undefined;
}

/** The ids of jobs: what tests compare, because comparing jobs themselves compares their fields. */
export function idsOf(jobs: readonly Job[]): number[] {
  return jobs.map((job) => job.id);
}
