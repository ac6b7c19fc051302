/**
 * When a thread that waits for the GPU rests; with turns that the test makes, and no hardware. What it is worth is measured by the
 * benchmark webgpu-latency.
 */
import { describe, expect, it } from 'vitest';
import { Lookout } from '../../src/drivers/webgpu/lookout.ts';

/** An event loop whose turns take as long as the test says; a rest takes 200 us. */
class TestLoop {
  nowUs = 1_000_000;
  rests = 0;
  stillUs = 0;
  longestStillUs = 0;
  inFlight = 1;
  #next: (() => void) | null = null;
  readonly lookout = new Lookout({
    nowUs: () => this.nowUs,
    inFlight: () => this.inFlight,
    turns: {
      next: (fn) => (this.#next = fn),
      rest: () => {
        this.rests += 1;
        this.nowUs += 200;
      },
      holdStill: (us) => {
        this.stillUs += us;
        this.longestStillUs = Math.max(this.longestStillUs, us);
        this.nowUs += us;
      },
    },
  });

  get isLooking(): boolean {
    return this.#next !== null;
  }

  /** Turns until `us` have passed; says how often it rested meanwhile. */
  pass(us: number, turnUs = 10): number {
    const before = this.rests;
    for (const endUs = this.nowUs + us; this.nowUs < endUs;) {
      this.nowUs += turnUs;
      const look = this.#next;
      this.#next = null;
      look?.();
    }
    return this.rests - before;
  }

  /** Jobs of `us` each, one after the other. */
  jobs(count: number, us: number): void {
    for (let job = 0; job < count; job += 1) {
      this.lookout.began();
      this.pass(us);
      this.lookout.ended();
    }
  }
}

describe('a lookout', () => {
  it('never rests between short jobs, also while many follow each other', () => {
    const loop = new TestLoop();
    loop.jobs(1000, 100);
    expect(loop.rests).toBe(0);
  });

  it('holds the thread still between short jobs, where the GPU has more than the one that is awaited', () => {
    const loop = new TestLoop();
    loop.jobs(100, 100);
    expect(loop.stillUs, 'control: there is one job at a time').toBe(0);
    loop.inFlight = 8;
    loop.jobs(100, 100);
    expect(loop.stillUs).toBeGreaterThan(5000);
    expect(loop.rests).toBe(0);
  });

  it('holds the thread still for no more than a quarter of the time that the GPU has work for', () => {
    const loop = new TestLoop();
    loop.inFlight = 2;
    loop.jobs(100, 20);
    expect(loop.longestStillUs).toBeGreaterThan(0);
    expect(loop.longestStillUs).toBeLessThanOrEqual((2 * 40) / 4);
  });

  it('rests between long jobs, and does not hold the thread still', () => {
    const loop = new TestLoop();
    loop.inFlight = 8;
    loop.jobs(10, 2000);
    loop.stillUs = 0;
    loop.jobs(10, 2000);
    expect(loop.stillUs).toBe(0);
    expect(loop.rests).toBeGreaterThan(40);
  });

  it('rests in most turns of a long job, from a millisecond on', () => {
    const loop = new TestLoop();
    loop.lookout.began();
    expect(loop.pass(900)).toBe(0);
    expect(loop.pass(10_000)).toBeGreaterThan(40);
  });

  it('rests at once where jobs usually take long, and no longer where they have become short', () => {
    const loop = new TestLoop();
    loop.jobs(10, 2000);
    loop.lookout.began();
    expect(loop.pass(500)).toBeGreaterThan(1);
    loop.lookout.ended();
    loop.jobs(10, 100);
    loop.lookout.began();
    expect(loop.pass(500)).toBe(0);
  });

  it('does not rest while the application uses the thread', () => {
    const loop = new TestLoop();
    loop.jobs(10, 2000);
    loop.lookout.began();
    expect(loop.pass(10_000, 50)).toBe(0);
    expect(loop.pass(10_000), 'control: it has nothing to do any more').toBeGreaterThan(40);
  });

  it('looks while the GPU is busy, and not otherwise', () => {
    const loop = new TestLoop();
    expect(loop.isLooking).toBe(false);
    loop.lookout.began();
    loop.pass(100);
    expect(loop.isLooking).toBe(true);
    loop.inFlight = 0;
    loop.pass(100);
    expect(loop.isLooking).toBe(false);
    loop.inFlight = 1;
    loop.lookout.began();
    expect(loop.isLooking).toBe(true);
  });

  it('does nothing where there are no turns', () => {
    const lookout = new Lookout({ nowUs: () => 0, inFlight: () => 1, turns: null });
    lookout.began();
    lookout.ended();
  });
});
