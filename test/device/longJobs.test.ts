// Warnings of jobs that keep a ring for long while others wait. That WebGPU devices give them is in test/webgpu/device.gpu.test.ts.
import { describe, expect, it } from 'vitest';
import type { SchedEvent } from '../../src/events/index.ts';
import { openHandDevice, thrownBy } from './handDevice.ts';
import type { HandWork } from './handDevice.ts';

function setUp(longJobMs?: number) {
  const opened = openHandDevice({ ...(longJobMs === undefined ? {} : { longJobMs }), credits: 1 });
  const heard: SchedEvent[] = [];
  const stop = opened.device.observe({ emit: (event) => heard.push(event) });
  const warnings = (): string[] =>
    heard.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  return { ...opened, heard, stop, warnings };
}

const LONG: HandWork = { durationUs: 150_000 };
const SHORT: HandWork = { durationUs: 100_000 };

describe('a long job', () => {
  it('S14: is named once where another client waits, after its end was told', async () => {
    const { device, runtime, heard, warnings } = setUp(100);
    const [one, two] = [device.open({ label: 'one' }), device.open({ label: 'two' })];
    one.submit(LONG, { label: 'blur' });
    two.submit(SHORT);
    runtime.advanceBy(1_000_000);
    expect(warnings()).toEqual([
      'job blur kept its ring for 150 ms while other clients waited, longer than a slice of 100 ms; divide it, or yield in between',
    ]);
    const types = heard.map(({ type }) => type);
    expect(types.indexOf('warning')).toBeGreaterThan(types.indexOf('job-done'));
  });

  it('is not named where nobody waits, or only its own client', () => {
    const { device, runtime, warnings } = setUp(100);
    device.open();
    const client = device.open();
    client.submit(LONG);
    client.submit(LONG);
    runtime.advanceBy(1_000_000);
    expect(warnings()).toEqual([]);
  });

  it('is not named on a device that sets no bound', () => {
    const { device, runtime, warnings } = setUp();
    for (const client of [device.open(), device.open()]) client.submit(LONG);
    runtime.advanceBy(1_000_000);
    expect(warnings()).toEqual([]);
  });

  it('is not named where nobody listened when it was submitted, and nothing of it is kept', () => {
    const { device, runtime, stop, warnings } = setUp(100);
    stop();
    for (const client of [device.open(), device.open()]) client.submit(LONG);
    device.observe({ emit: () => {} });
    runtime.advanceBy(1_000_000);
    expect(warnings()).toEqual([]);
  });

  it('S14: counts each slice of a lease by itself', async () => {
    const { device, runtime, warnings } = setUp(100);
    const [one, two] = [device.open({ label: 'one' }), device.open()];
    const granted = one.lease();
    await runtime.settle();
    const lease = await granted;
    for (const heldUs of [90_000, 90_000, 110_000, 110_000]) {
      two.submit({ durationUs: 1000 });
      runtime.advanceBy(heldUs);
      void lease.yield();
      runtime.advanceBy(1000);
      await runtime.settle();
    }
    expect(warnings()).toEqual([
      'job one/lease kept its ring for 110 ms while other clients waited, longer than a slice of 100 ms; divide it, or yield in between',
    ]);
    lease.release();
  });

  it('J1: has a bound in milliseconds', () => {
    expect(thrownBy(() => setUp(-1))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });
});
