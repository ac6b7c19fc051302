import { invalid } from '../base/index.ts';
import { fromBase64Url, toBase64Url } from './base64.ts';
import { EARLY_TIMER } from './run.ts';
import type { Scope } from './world.ts';

/** Everything that makes a run again: three streams of numbers, and hashes that tell whether it is the same. */
export interface ReplayPlan {
  /** The name of the scenario. */
  readonly scenario: string;
  readonly scope: Scope;
  /** What was drawn while the scenario was built. */
  readonly workload: readonly number[];
  /** Step and actor where the schedule deviates from the default. */
  readonly schedule: readonly (readonly [step: number, key: number])[];
  /** Step and fault. */
  readonly faults: readonly (readonly [step: number, key: number])[];
  /** Hashes of the state after every `HASH_EVERY` steps, and at the end. */
  readonly hashes: readonly number[];
}

/** How many steps are between two hashes of a replay string. */
export const HASH_EVERY = 16;

const VERSION = 'v1.';

/** A plan as one word, for `fenceline explore --replay`. */
export function encodeReplay(plan: ReplayPlan): string {
  const bytes: number[] = [];
  const number = (value: number): void => {
    let left = value;
    while (left >= 128) {
      bytes.push((left % 128) + 128);
      left = Math.floor(left / 128);
    }
    bytes.push(left);
  };
  const name = Array.from(plan.scenario, (letter) => letter.codePointAt(0) ?? 0);
  number(name.length);
  name.forEach(number);
  number(plan.scope.entities);
  number(plan.scope.jobs);
  number(plan.workload.length);
  plan.workload.forEach(number);
  for (const stream of [plan.schedule, plan.faults]) {
    number(stream.length);
    let last = 0;
    for (const [step, key] of stream) {
      number(step - last);
      number(stream === plan.faults ? key - EARLY_TIMER : key);
      last = step;
    }
  }
  number(plan.hashes.length);
  plan.hashes.forEach(number);
  return VERSION + toBase64Url(bytes);
}

/** The plan of a replay string. @throws {ERR_INVALID_ARGUMENT} when it is not one of this version */
export function decodeReplay(text: string): ReplayPlan {
  const broken = (): Error =>
    invalid('replay', `what a finding printed, which begins with ${VERSION}`, text);
  if (typeof text !== 'string' || !text.startsWith(VERSION)) throw broken();
  const bytes = fromBase64Url(text.slice(VERSION.length));
  if (bytes === null) throw broken();
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at];
      if (byte === undefined) throw broken();
      at += 1;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  const list = <T>(read: () => T): T[] => {
    const length = number();
    if (length > bytes.length) throw broken();
    return Array.from({ length }, read);
  };
  const scenario = String.fromCodePoint(...list(number).map((code) => Math.min(code, 0x10ffff)));
  const scope = { entities: number(), jobs: number() };
  const workload = list(number);
  const stream = (offset: number): [number, number][] => {
    let step = 0;
    return list(() => {
      step += number();
      return [step, number() + offset];
    });
  };
  const schedule = stream(0);
  const faults = stream(EARLY_TIMER);
  return { scenario, scope, workload, schedule, faults, hashes: list(number) };
}
