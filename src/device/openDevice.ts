import { checkedOptions, invalid, UsageError } from '../base/index.ts';
import type { Abort, Fence } from '../base/index.ts';
import { idsOf } from '../events/index.ts';
import type {
  ClientEvent,
  EventSink,
  OwnershipEvent,
  Runtime,
  SchedEvent,
  WarningEvent,
} from '../events/index.ts';
import { rethrowLater, Timeline } from '../fence/index.ts';
import { checkedMs, Scheduler } from '../sched/index.ts';
import type { DeviceBackend, Task } from './backend.ts';
import { ClientCore } from './clientCore.ts';
import type { ClientHost } from './clientCore.ts';
import { checkedBytes } from './clientOptions.ts';
import type { Client, ClientOptions, Device, DeviceLimits, DeviceStats } from './device.ts';
import { EventStream } from './eventStream.ts';
import { arrivalOf } from './deviceBuffer.ts';
import type { DeviceBuffer } from './deviceBuffer.ts';
import { DeviceMemory } from './deviceMemory.ts';
import { leaseDriver } from './leaseDriver.ts';
import { LongJobs } from './longJobs.ts';
import type { JobMemory } from './leaseDriver.ts';

/** What an `open…Device` function tells the device that it makes. */
export interface OpenDeviceOptions extends DeviceLimits {
  readonly label: string;
  /** How many interchangeable in-order rings the driver has. */
  readonly rings: number;
  readonly runtime: Runtime;
  /** Makes what aborts the signal of a lease: the platform's `AbortController`. */
  readonly newAbort: () => Abort;
  /** A job that keeps a ring for longer while another client waits is named by a `warning` event. Default `Infinity`: none is. */
  readonly longJobMs?: number;
}

/**
 * Makes a device over `backend`, which it owns from now on: closing the device, or losing it, closes the backend.
 *
 * @throws {ERR_INVALID_ARGUMENT} when a limit does not fit; then the caller still owns the backend
 */
export function openDevice<W, P>(
  backend: DeviceBackend<W, P>,
  options: OpenDeviceOptions,
): Device<W> {
  return new DeviceCore(backend, options);
}

/** The one implementation of `Device`. */
class DeviceCore<W, P> implements Device<W>, ClientHost<W, P> {
  readonly label: string;
  readonly rings: number;
  readonly gone: Fence;
  readonly runtime: Runtime;
  readonly backend: DeviceBackend<W, P>;
  readonly scheduler: Scheduler<Task<P>>;
  readonly leaseTimeline: Timeline;
  readonly newAbort: () => Abort;
  readonly memory: DeviceMemory | null;
  /** Open and closing clients. */
  readonly #clients = new Set<ClientCore<W, P>>();
  readonly #sinks = new Set<EventSink>();
  readonly #streams = new Set<EventStream>();
  readonly #longJobs: LongJobs | null;
  #unwatch: (() => void) | null = null;
  #closing = false;
  #ended: Promise<void> | null = null;
  #clientsEnded: Promise<void> | null = null;

  constructor(backend: DeviceBackend<W, P>, options: OpenDeviceOptions) {
    const { label, rings, runtime, runTimeoutMs = 30_000, dependencyTimeoutMs = 60_000 } = options;
    this.label = label;
    this.rings = rings;
    this.runtime = runtime;
    this.newAbort = options.newAbort;
    this.leaseTimeline = new Timeline({
      driver: backend.name,
      label: `${label}/leases`,
      runtime,
      ordered: false,
    });
    this.#longJobs = this.#watchFor(checkedMs('longJobMs', options.longJobMs, Infinity));
    this.backend = backend;
    this.memory = this.#openMemory(options.memoryBytes);
    this.scheduler = new Scheduler<Task<P>>({
      ...limitsOf(options),
      label,
      device: label,
      driver: leaseDriver(backend.driver, this.#jobMemory()),
      runtime,
      rings,
      runTimeoutMs,
      dependencyTimeoutMs,
      onDequeued: ({ payload }, error) => payload.owner?.dequeued(error),
    });
    backend.attach({
      fault: (job, error) => this.scheduler.fault(job, error),
      broke: (blame) => (blame === 'lonely' ? this.scheduler.fault() : this.scheduler.recover()),
      memoryLost: () => this.memory?.lose(),
      memoryBack: () => this.memory?.restore(),
      lost: (cause) => this.scheduler.removeDevice(cause),
    });
    this.#watchLongJobs();
    this.gone = this.scheduler.gone;
    this.gone.addCallback(() => runtime.defer(() => void this.#end()));
  }

  get contended(): boolean {
    return this.scheduler.contended;
  }

  whenIdle(): Promise<void> | null {
    return this.backend.whenIdle?.() ?? null;
  }

  get driver(): string {
    return this.backend.name;
  }

  open(options: ClientOptions = {}): Client<W> {
    this.refuseIfEnded('open');
    const client = new ClientCore(this, idsOf(this.runtime).take(), options);
    this.#clients.add(client);
    return client;
  }

  events(options: { capacity?: number } = {}): AsyncIterable<SchedEvent> {
    const { capacity = 10_000 } = checkedOptions('events: options', options);
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      throw invalid('events: capacity', 'a number of events, at least 1', capacity);
    }
    const stop = (): void => {
      unobserve();
      this.#streams.delete(stream);
    };
    const stream = new EventStream(this.runtime, capacity, stop);
    const unobserve = this.observe(stream);
    this.#streams.add(stream);
    if (this.#ended !== null) stream.end();
    return stream;
  }

  stats(): DeviceStats {
    return {
      label: this.label,
      driver: this.driver,
      scheduler: this.scheduler.stats(),
      clients: [...this.#clients].map((client) => client.stats()),
      ...(this.memory === null ? {} : { memory: this.memory.stats() }),
      ...(this.backend.timing === undefined ? {} : { timing: this.backend.timing() }),
    };
  }

  observe(sink: EventSink): () => void {
    const unobserve = this.scheduler.observe(sink);
    const entry: EventSink = { emit: (event) => sink.emit(event) };
    this.#sinks.add(entry);
    this.#watchLongJobs();
    return () => {
      this.#sinks.delete(entry);
      unobserve();
      this.#watchLongJobs();
    };
  }

  #watchFor(boundUs: number): LongJobs | null {
    if (boundUs === Infinity) return null;
    const waits = (client: number | null): boolean =>
      [...this.#clients].some((one) => one.id !== client && one.waits);
    return new LongJobs(boundUs, waits, (event) => this.#emit(event));
  }

  /** While somebody listens; after everybody else, who hears of a job's end before what is said about it. */
  #watchLongJobs(): void {
    this.#unwatch?.();
    this.#unwatch = null;
    if (this.#longJobs === null) return;
    if (this.runtime.sink === undefined && this.#sinks.size === 0) {
      this.#longJobs.forget();
      return;
    }
    this.#unwatch = this.scheduler.observe(this.#longJobs);
  }

  async close(options: { mode?: 'drain' | 'kill' } = {}): Promise<void> {
    const closed = this.scheduler.close(checkedOptions('close: options', options));
    this.#closing = true;
    await closed;
    await this.#end();
    await this.#endClients();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  refuseIfGone(call: string): void {
    const { status, error } = this.gone;
    if (status !== 'failed') return;
    throw new UsageError('ERR_DEVICE_GONE', `${call}: the device ${this.label} is gone`, {
      cause: error,
    });
  }

  refuseIfEnded(call: string): void {
    this.refuseIfGone(call);
    if (!this.#closing) return;
    throw new UsageError('ERR_CLOSED', `${call}: the device ${this.label} was closed`);
  }

  clientOpens(client: ClientCore<W, P>): void {
    this.#report('client-open', client);
  }

  clientClosed(client: ClientCore<W, P>): void {
    // Those that are closed with the device stay in its statistics.
    if (this.#clientsEnded === null) this.#clients.delete(client);
    this.#report('client-close', client);
  }

  /** Every fence has signalled, by a close or because the device is gone: the hardware is not needed any more. */
  #end(): Promise<void> {
    this.#ended ??= this.#endAll();
    return this.#ended;
  }

  async #endAll(): Promise<void> {
    // Of a device that is gone, clients stay as they are until somebody closes them, or it.
    if (this.#closing) await this.#endClients();
    this.memory?.close();
    await this.backend.close();
    for (const stream of this.#streams) stream.end();
  }

  #endClients(): Promise<void> {
    this.#clientsEnded ??= Promise.all(
      [...this.#clients].map((client) => client.endWithDevice(this.gone.error)),
    ).then(() => {});
    return this.#clientsEnded;
  }

  #report(type: ClientEvent['type'], client: ClientCore<W, P>): void {
    const { sink } = this.runtime;
    if (sink === undefined && this.#sinks.size === 0) return;
    const { id, label, account } = client;
    const event: ClientEvent = {
      type,
      atUs: this.runtime.nowUs(),
      client: id,
      account: account.id,
      label,
      weight: account.weight,
      priority: account.priority,
    };
    this.#emit(event);
  }

  #emit(event: ClientEvent | OwnershipEvent | WarningEvent): void {
    const { sink } = this.runtime;
    for (const one of sink === undefined ? this.#sinks : [sink, ...this.#sinks]) {
      try {
        one.emit(event);
      } catch (error) {
        rethrowLater(this.runtime, error);
      }
    }
  }

  #openMemory(memoryBytes: number = DEFAULT_MEMORY_BYTES): DeviceMemory | null {
    checkedBytes('memoryBytes', memoryBytes, 1);
    const { backend, label, runtime } = this;
    if (backend.memory === undefined) return null;
    const emit = (event: OwnershipEvent): void => this.#emit(event);
    return new DeviceMemory({
      ...{ label, runtime, emit },
      backend: backend.memory,
      capacityBytes: memoryBytes,
    });
  }

  #jobMemory(): JobMemory<P> | null {
    const { memory, backend } = this;
    if (memory === null) return null;
    const buffersOf = (work: P): readonly DeviceBuffer[] => backend.buffersOf?.(work) ?? [];
    return {
      arrivalFor: (work) => arrivalOf(buffersOf(work)),
      freed: (work) => memory.unpin(buffersOf(work)),
    };
  }
}

/** Of a device that does not say. */
const DEFAULT_MEMORY_BYTES = 2 ** 30;

/** The limits that were given, and nothing else of `options`: what is left out keeps the scheduler's default. */
function limitsOf(options: DeviceLimits): DeviceLimits {
  const { policy, credits, reset, maxAttempts, banAfter, noHangLimit } = options;
  return {
    ...(policy === undefined ? {} : { policy }),
    ...(credits === undefined ? {} : { credits }),
    ...(reset === undefined ? {} : { reset }),
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
    ...(banAfter === undefined ? {} : { banAfter }),
    ...(noHangLimit === undefined ? {} : { noHangLimit }),
  };
}
