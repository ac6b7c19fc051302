/** When the GPU process tells what is done; with turns that the test makes, and no process. What it says: wire.prop.test.ts. */
import { describe, expect, it } from 'vitest';
import { FrameCutter } from '../../src/drivers/webgpu/frames.ts';
import { Outbox } from '../../src/drivers/webgpu/outbox.ts';
import { readFromGpu } from '../../src/drivers/webgpu/wire.ts';
import type { FromGpu } from '../../src/drivers/webgpu/wire.ts';

/** The other end, and the event loop of this one. */
class TestEnd {
  nowUs = 0;
  inFlight = 8;
  usuallyUs = 20;
  /** The ids of each delivery. */
  readonly deliveries: number[][] = [];
  #soon: (() => void)[] = [];
  #turns: (() => void)[] = [];
  readonly #cutter = new FrameCutter();
  readonly #outbox = new Outbox({
    nowUs: () => this.nowUs,
    inFlight: () => this.inFlight,
    usuallyUs: () => this.usuallyUs,
    soon: (fn) => this.#soon.push(fn),
    nextTurn: (fn) => this.#turns.push(fn),
    deliver: (chunks) => {
      const messages = chunks.flatMap((chunk) => this.#cutter.push(chunk)).map(readFromGpu);
      this.deliveries.push(messages.map((message) => ('id' in message ? message.id : -1)));
    },
  });

  /** How many turns are asked for. */
  get asked(): number {
    return this.#turns.length;
  }

  answer(id: number): void {
    this.inFlight -= 1;
    this.#outbox.answer(done(id));
    this.#runSoon();
  }

  send(id: number): void {
    this.#outbox.send({ type: 'failed', id, filter: 'validation', message: 'no' });
    this.#runSoon();
  }

  sendNow(id: number): void {
    this.#outbox.sendNow(done(id));
  }

  turn(us: number): void {
    this.nowUs += us;
    for (const fn of this.#turns.splice(0)) fn();
    this.#runSoon();
  }

  #runSoon(): void {
    for (const fn of this.#soon.splice(0)) fn();
  }
}

function done(id: number): FromGpu {
  return { type: 'done', id, startUs: 0, endUs: 1, gpuUs: NaN, outputs: [] };
}

describe('the outbox of the GPU process', () => {
  it('holds the answers of short jobs until as many are answered as are on the GPU', () => {
    const end = new TestEnd();
    for (const id of [1, 2, 3]) end.answer(id);
    expect(end.deliveries).toEqual([]);
    end.answer(4);
    expect(end.deliveries).toEqual([[1, 2, 3, 4]]);
  });

  it('holds an answer for 0.2 ms at most', () => {
    const end = new TestEnd();
    end.answer(1);
    end.turn(150);
    end.answer(2);
    expect(end.deliveries).toEqual([]);
    end.turn(50);
    expect(end.deliveries).toEqual([[1, 2]]);
    // Turns end when nothing is held.
    expect(end.asked).toBe(0);
  });

  it('tells at once of a job that nothing follows, and of long ones', () => {
    const last = new TestEnd();
    last.inFlight = 1;
    last.answer(1);
    expect(last.deliveries).toEqual([[1]]);
    const long = new TestEnd();
    long.usuallyUs = 5000;
    long.answer(1);
    expect(long.deliveries).toEqual([[1]]);
  });

  it('sends a mark before the stack ends, with what is held', () => {
    const end = new TestEnd();
    end.answer(1);
    end.sendNow(2);
    expect(end.deliveries).toEqual([[1, 2]]);
  });

  it('sends what is held with what is not, in order', () => {
    const end = new TestEnd();
    end.answer(1);
    end.send(2);
    expect(end.deliveries).toEqual([[1, 2]]);
    end.turn(300);
    expect(end.deliveries).toHaveLength(1);
  });

  it('asks for one turn at a time, however often it holds and sends within one', () => {
    const end = new TestEnd();
    for (let id = 1; id <= 10; id += 2) {
      end.inFlight = 8;
      end.answer(id);
      end.send(id + 1);
    }
    expect(end.asked).toBe(1);
  });
});
