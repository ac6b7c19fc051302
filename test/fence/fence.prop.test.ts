/** Fences of one timeline under random acts, also from inside callbacks, against a model of a few lines (F2 to F5). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/base/index.ts';
import { Timeline } from '../../src/fence/index.ts';
import type { FenceCallback, FenceSource } from '../../src/fence/index.ts';
import { ManualRuntime } from './manualRuntime.ts';

const FENCES = 4;
const error = new JobError('ERR_DRIVER');

type Act =
  | { readonly act: 'signal'; readonly on: number; readonly fails: boolean }
  | { readonly act: 'add'; readonly on: number; readonly inside: readonly Act[] }
  | { readonly act: 'remove'; readonly nth: number }
  | { readonly act: 'throw' };

const acts = fc.letrec<{ acts: Act[] }>((tie) => ({
  acts: fc.array(
    fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.record({
        act: fc.constant('signal' as const),
        on: fc.nat(FENCES - 1),
        fails: fc.boolean(),
      }),
      fc.record({ act: fc.constant('remove' as const), nth: fc.nat(20) }),
      fc.record({ act: fc.constant('add' as const), on: fc.nat(FENCES - 1), inside: tie('acts') }),
      fc.record({ act: fc.constant('throw' as const) }),
    ),
    { maxLength: 6 },
  ),
})).acts;

class Thrown extends Error {}

/** What the acts do to the real thing and to the model is written down as it happens; the two lists must agree. */
interface World {
  signal(on: number, fails: boolean): boolean;
  add(on: number, run: () => void): boolean;
  remove(nth: number): boolean;
  status(on: number): string;
}

function play(world: World, script: readonly Act[], log: string[]): void {
  for (const act of script) {
    if (act.act === 'throw') throw new Thrown();
    if (act.act === 'signal') log.push(`signal ${act.on}: ${world.signal(act.on, act.fails)}`);
    if (act.act === 'remove') log.push(`remove ${act.nth}: ${world.remove(act.nth)}`);
    if (act.act === 'add') {
      const added = world.add(act.on, () => {
        log.push(`callback on ${act.on}`);
        play(world, act.inside, log);
      });
      log.push(`add on ${act.on}: ${added}`);
    }
    log.push([0, 1, 2, 3].map((on) => world.status(on)).join(' '));
  }
}

function real(runtime: ManualRuntime): World {
  const timeline = new Timeline({ driver: 'd', label: 'l', runtime, ordered: false });
  const sources = Array.from({ length: FENCES }, () => timeline.createFence());
  const handles: FenceCallback[] = [];
  const source = (on: number): FenceSource => sources[on] as FenceSource;
  return {
    signal: (on, fails) => source(on).signal(fails ? error : undefined),
    add(on, run) {
      const handle = source(on).fence.addCallback(run);
      if (handle !== null) handles.push(handle);
      return handle !== null;
    },
    remove(nth) {
      const handle = handles[nth];
      return handle !== undefined && handle.fence.removeCallback(handle);
    },
    status: (on) => source(on).fence.status,
  };
}

/** F2 to F5 in the simplest words: lists of callbacks, and one queue of what has signalled. */
function model(thrown: unknown[]): World {
  const states = Array<string>(FENCES).fill('pending');
  const lists: (() => void)[][] = Array.from({ length: FENCES }, () => []);
  const handles: [number, () => void][] = [];
  const queue: number[] = [];
  let delivering = false;
  return {
    signal(on, fails) {
      if (states[on] !== 'pending') return false;
      states[on] = fails ? 'failed' : 'ok';
      queue.push(on);
      if (delivering) return true;
      delivering = true;
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        for (let run = lists[next]?.shift(); run !== undefined; run = lists[next]?.shift()) {
          try {
            run();
          } catch (caught) {
            thrown.push(caught);
          }
        }
      }
      delivering = false;
      return true;
    },
    add(on, run) {
      if (states[on] !== 'pending') return false;
      lists[on]?.push(run);
      handles.push([on, run]);
      return true;
    },
    remove(nth) {
      const [on, run] = handles[nth] ?? [];
      const list = lists[on ?? -1] ?? [];
      const place = run === undefined ? -1 : list.indexOf(run);
      if (place !== -1) list.splice(place, 1);
      return place !== -1;
    },
    status: (on) => states[on] as string,
  };
}

function played(world: World, script: readonly Act[]): string[] {
  const log: string[] = [];
  try {
    play(world, script, log);
  } catch (caught) {
    if (!(caught instanceof Thrown)) throw caught;
    log.push('thrown');
  }
  return log;
}

describe('fences', () => {
  it('F2, F3, F4, F5: do what the model does, act by act', () => {
    fc.assert(
      fc.property(acts, (script) => {
        const runtime = new ManualRuntime();
        const thrown: unknown[] = [];
        expect(played(real(runtime), script)).toEqual(played(model(thrown), script));
        expect(runtime.runDeferred()).toHaveLength(thrown.length);
      }),
      { numRuns: 1000 },
    );
  });
});
