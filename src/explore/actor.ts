/** Who may act: the runtime, a client, the hardware, or a fault, which is never forced on a run. */
export type ActorKind = 'runtime' | 'client' | 'hardware' | 'fault';

/**
 * Somebody who may take the next step of a run. Which of those that are enabled does is the choice that is explored.
 *
 * Made while a scenario is built and kept for one run. `id` counts from 0 among the ordinary actors, and from 0 among the
 * faults: the order in which a scenario makes them is part of what a replay string means.
 */
export interface Actor {
  readonly id: number;
  readonly label: string;
  readonly kind: ActorKind;
  /** Whether it can act now. Must change nothing. */
  enabled(): boolean;
  /** Takes one step; says what it did, where `World.telling` asks for it. */
  run(): void;
  /** A small number that tells its state apart: how far a client is, how often a fault may still happen. */
  state(): number;
}

/** What a scenario says of an actor that it makes. */
export interface ActorOptions {
  readonly label: string;
  /** Default: always. */
  readonly enabled?: () => boolean;
  readonly run: () => void;
  /** How often it may act. Default: no limit for hardware, once for a fault. */
  readonly times?: number;
  /** What of its own state decides what it does next, as a number; see `Actor.state`. */
  readonly state?: () => number;
}

/** An actor made of functions. */
export class SimpleActor implements Actor {
  readonly id: number;
  readonly label: string;
  readonly kind: ActorKind;
  readonly #options: ActorOptions;
  #left: number;

  constructor(id: number, kind: ActorKind, options: ActorOptions) {
    this.id = id;
    this.kind = kind;
    this.label = options.label;
    this.#options = options;
    this.#left = options.times ?? (kind === 'fault' ? 1 : Infinity);
  }

  enabled(): boolean {
    return this.#left > 0 && (this.#options.enabled === undefined || this.#options.enabled());
  }

  run(): void {
    this.#left -= 1;
    this.#options.run();
  }

  state(): number {
    const left = this.#left === Infinity ? 0 : this.#left;
    return this.#options.state === undefined ? left : left * 1000 + this.#options.state();
  }
}

/** A client: a list of steps, taken one after the other. */
export class Client implements Actor {
  readonly id: number;
  readonly label: string;
  readonly kind = 'client' as const;
  readonly #steps: readonly ClientStep[];
  #next = 0;

  constructor(id: number, label: string, steps: readonly ClientStep[]) {
    this.id = id;
    this.label = label;
    this.#steps = steps;
  }

  enabled(): boolean {
    const step = this.#steps[this.#next];
    if (step === undefined) return false;
    return typeof step === 'function' || step.when();
  }

  run(): void {
    const step = this.#steps[this.#next] as ClientStep;
    this.#next += 1;
    if (typeof step === 'function') step();
    else step.do();
  }

  state(): number {
    return this.#next;
  }
}

/** One step of a client: what it does, and, where it has to wait, from when on it can. */
export type ClientStep = (() => void) | { readonly when: () => boolean; readonly do: () => void };
