/**
 * The platform's runtime: deferral, timers, time. What the core does with a runtime is tested in virtual time elsewhere.
 */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { systemRuntime } from '../../src/host/index.ts';

const runtime = systemRuntime();

/** Runs `body` in a process of its own against the built package; returns what it printed and its exit code. */
function inProcess(body: string): { output: string; code: number | null } {
  const url = new URL('../../dist/host/index.js', import.meta.url).href;
  const script = `import { systemRuntime } from '${url}'; const runtime = systemRuntime();\n${body}`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { output: child.stdout.trim(), code: child.status };
}

describe('systemRuntime', () => {
  it('gives the same runtime to everybody, without a sink', () => {
    expect(systemRuntime()).toBe(runtime);
    expect(runtime.sink).toBeUndefined();
  });

  it('counts monotonic microseconds', () => {
    const first = runtime.nowUs();
    const second = runtime.nowUs();
    expect(second).toBeGreaterThanOrEqual(first);
    expect(Math.abs(second / 1000 - performance.now())).toBeLessThan(1000);
  });
});

describe('defer', () => {
  it('runs after the call stack, first in first out, also what is deferred meanwhile, before timers', async () => {
    const order: string[] = [];
    const timer = new Promise<void>((resolve) => {
      runtime.setTimer(runtime.nowUs(), () => {
        order.push('timer');
        resolve();
      });
    });
    runtime.defer(() => {
      order.push('a');
      runtime.defer(() => order.push('c'));
    });
    runtime.defer(() => order.push('b'));
    order.push('stack');
    await timer;
    expect(order).toEqual(['stack', 'a', 'b', 'c', 'timer']);
  });

  it('keeps the order over thousands of functions', async () => {
    const seen: number[] = [];
    for (let i = 0; i < 5000; i += 1) runtime.defer(() => seen.push(i));
    await new Promise<void>((resolve) => runtime.defer(resolve));
    expect(seen).toEqual(Array.from({ length: 5000 }, (_, i) => i));
  });

  it('hands what a function throws to the uncaught-error handling and still runs the others', () => {
    const { output, code } = inProcess(`
      process.on('uncaughtException', (error) => console.log('caught', error.message));
      runtime.defer(() => console.log('first'));
      runtime.defer(() => { throw new Error('boom'); });
      runtime.defer(() => console.log('third'));
    `);
    expect(output.split('\n')).toEqual(['first', 'caught boom', 'third']);
    expect(code).toBe(0);
  });

  it('refuses what is not a function', () => {
    expect(() => runtime.defer(1 as never)).toThrow(/defer: expected a function, got 1/);
  });
});

describe('setTimer', () => {
  it('never fires early', async () => {
    for (const delayUs of [200, 999, 1_001, 2_500]) {
      const atUs = runtime.nowUs() + delayUs;
      const firedAtUs = await new Promise<number>((resolve) => {
        runtime.setTimer(atUs, () => resolve(runtime.nowUs()));
      });
      expect(firedAtUs).toBeGreaterThanOrEqual(atUs);
    }
  });

  it('does not fire after a cancel, which may come twice or too late', async () => {
    let fired = 0;
    const due = runtime.setTimer(runtime.nowUs(), () => (fired += 1));
    const later = runtime.setTimer(runtime.nowUs() + 1_000, () => (fired += 1));
    due.cancel();
    later.cancel();
    later.cancel();
    const control = await new Promise<{ cancel(): void }>((resolve) => {
      const timer = runtime.setTimer(runtime.nowUs() + 3_000, () => resolve(timer));
    });
    control.cancel();
    expect(fired).toBe(0);
  });

  it('waits longer than the 24 days that the platform can, and keeps the process alive only until it is cancelled', () => {
    const { output, code } = inProcess(`
      const timer = runtime.setTimer(runtime.nowUs() + 2 ** 50, () => console.log('fired'));
      setTimeout(() => { timer.cancel(); console.log('cancelled'); }, 20);
    `);
    expect(output).toBe('cancelled');
    expect(code).toBe(0);
  });

  it('lets timers and I/O through where it is due at once, again and again', async () => {
    let turns = 0;
    let done = false;
    setTimeout(() => (done = true), 5);
    await new Promise<void>((resolve) => {
      const turn = (): void => {
        turns += 1;
        if (done) resolve();
        else runtime.setTimer(runtime.nowUs(), turn);
      };
      turn();
    });
    expect(turns).toBeGreaterThan(1);
  });

  it.each(['setImmediate', 'setImmediate, MessageChannel'])(
    'S2: fires what is due at once also on a platform without %s, as browsers are',
    (missing) => {
      const { output, code } = inProcess(`
        for (const name of '${missing}'.split(', ')) delete globalThis[name];
        process.on('uncaughtException', (error) => console.log('caught', error.message));
        const due = (fn) => runtime.setTimer(runtime.nowUs(), fn);
        due(() => console.log('cancelled too late')).cancel();
        const first = due(() => { console.log('first'); first.cancel(); throw new Error('boom'); });
        due(() => console.log('second'));
        queueMicrotask(() => console.log('microtask'));
      `);
      expect(output.split('\n')).toEqual(['microtask', 'first', 'caught boom', 'second']);
      expect(code).toBe(0);
    },
  );

  it('refuses a time that never comes', () => {
    expect(() => runtime.setTimer(Infinity, () => {})).toThrow(/setTimer: atUs/);
    expect(() => runtime.setTimer(NaN, () => {})).toThrow(/setTimer: atUs/);
  });
});
