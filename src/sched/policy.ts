/** Bands of priority. `kernel` is strict, before all others, and reserved for drivers; the others are shares (S8). */
export type Priority = 'kernel' | 'high' | 'normal' | 'low';

/** An entity as a policy sees it. Everything but `state` is kept up to date by the scheduler. */
export interface PolicyEntity {
  readonly id: number;
  readonly priority: Priority;
  readonly weight: number;
  /** What its time is counted for; `share` is the account's weight times its band's factor (S8). */
  readonly account: { readonly id: number; readonly share: number };
  /** When its head job was submitted. */
  readonly queuedAtUs: number;
  /** The head job's id; ids grow in submission order, so that ties break the same way each time. */
  readonly headJobId: number;
  /** What the head job is expected to take. */
  readonly estimateUs: number;
  /** The head job's deadline hint. */
  readonly deadlineUs: number | null;
  /** The policy's own; `undefined` when the entity is new to it. */
  state: unknown;
}

/**
 * Chooses which entity is served next. One instance serves one scheduler.
 *
 * The scheduler calls it only inside a pass or a completion; it calls nothing back. An entity is known to the policy
 * from `add` to `remove`, that is, while its head job can start; `started` and `ended` may come for entities that are
 * not known at that moment, `ended` also after the entity was closed.
 *
 * A method that throws is taken to have changed nothing. Its error is rethrown from `runtime.defer`, and the scheduler goes on:
 * it adds or removes the entity again, and picks again in a further pass.
 */
export interface Policy {
  readonly name: string;
  /** The entity's head job can start. */
  add(entity: PolicyEntity, nowUs: number): void;
  /** It no longer can: it is empty, blocked, killed, or bound to a ring without room. */
  remove(entity: PolicyEntity, nowUs: number): void;
  /** Who is next, without taking it out; `null` if nobody is known. Called again until a ring is full or `null`. */
  pick(nowUs: number): PolicyEntity | null;
  /** A job of `entity` starts and is expected to take `estimateUs`. Its head is the next job by now. */
  started(entity: PolicyEntity, estimateUs: number, nowUs: number): void;
  /** A job that was charged `estimateUs` ended after `busyUs` on a ring. */
  ended(entity: PolicyEntity, estimateUs: number, busyUs: number, nowUs: number): void;
  /** Its weight, priority, or its head job's id or deadline changed. */
  changed?(entity: PolicyEntity, nowUs: number): void;
}
