/**
 * The log of plain answers that a thread shares with the main thread, and when a thread tells that there is something in it.
 * What becomes of answers in a device is in answers.test.ts.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswerLog } from '../../src/drivers/worker/answerLog.ts';
import { Quiet } from '../../src/drivers/worker/quiet.ts';

/** A log, and the same as the other side sees it. */
function logs(counts = 0): { writer: AnswerLog; reader: AnswerLog } {
  const writer = new AnswerLog();
  new Int32Array(writer.memory, 0, 2).fill(counts);
  return { writer, reader: new AnswerLog(writer.memory) };
}

describe('AnswerLog', () => {
  it('gives what was written, in order, and every number as it was', () => {
    const { writer, reader } = logs();
    const values = [undefined, null, true, false, 0, -0, NaN, Infinity, 1 / 3, -5];
    values.forEach((value, i) => expect(writer.write(i + 1, i, i + 0.5, value)).toBe(true));
    const read = values.map(() => reader.take(reader.written, Infinity));
    expect(read).toEqual(
      values.map((value, i) => ({
        ...{ type: 'done', id: i + 1, startUs: i, endUs: i + 0.5 },
        ...{ value, isGenerator: false },
      })),
    );
    expect(reader.take(reader.written, Infinity)).toBeNull();
  });

  it('refuses what is not plain', () => {
    const { writer, reader } = logs();
    for (const value of ['text', 1n, {}, [], Symbol('s'), () => {}]) {
      expect(writer.write(1, 0, 0, value)).toBe(false);
    }
    expect(reader.written).toBe(0);
  });

  it('keeps what was written after the reader looked, and answers of later jobs', () => {
    const { writer, reader } = logs();
    writer.write(1, 0, 0, 1);
    writer.write(2, 0, 0, 2);
    expect(reader.take(1, 1)).toBeNull();
    expect(reader.take(1, Infinity)).toMatchObject({ id: 1 });
    expect(reader.take(1, Infinity)).toBeNull();
    expect(reader.take(2, 3)).toMatchObject({ id: 2 });
    expect(reader.take(1, Infinity)).toBeNull();
  });

  it('tells both sides how many answers were not taken yet, also where the counts wrap', () => {
    const { writer, reader } = logs(2 ** 31 - 1);
    writer.write(1, 0, 0, 1);
    writer.write(2, 0, 0, 2);
    expect([writer.unread, reader.unread]).toEqual([2, 2]);
    reader.take(reader.written, Infinity);
    expect([writer.unread, reader.unread]).toEqual([1, 1]);
    reader.take(reader.written, Infinity);
    expect([writer.unread, reader.unread]).toEqual([0, 0]);
  });

  it('is a queue, also where it is full and where its counts wrap', () => {
    const steps = fc.array(fc.record({ write: fc.nat(1500), read: fc.nat(1500) }), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(fc.constantFrom(0, 2 ** 31 - 700, -700), steps, (counts, all) => {
        const { writer, reader } = logs(counts);
        const model: number[] = [];
        let id = 0;
        for (const { write, read } of all) {
          for (let n = 0; n < write; n += 1) {
            const fits = model.length < 1024;
            expect(writer.write(id + 1, 0, 0, id + 1)).toBe(fits);
            if (fits) model.push((id += 1));
          }
          for (let n = 0; n < read; n += 1) {
            expect(reader.take(reader.written, Infinity)?.value).toBe(model.shift());
          }
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe('Quiet', () => {
  const short = (): void => {};

  it('waits with short jobs behind it, until the oldest answer is 2.5 ms old', () => {
    const quiet = new Quiet();
    quiet.learn(short, 1000);
    expect(quiet.canWait(10_000, short, 4)).toBe(true);
    expect(quiet.canWait(11_000, short, 3)).toBe(true);
    expect(quiet.canWait(12_000, short, 3)).toBe(false);
    quiet.told();
    expect(quiet.canWait(13_000, short, 4)).toBe(true);
  });

  it('tells at once before a function that it does not know, or a long one', () => {
    const quiet = new Quiet();
    expect(quiet.canWait(0, short, 4)).toBe(false);
    quiet.learn(short, 3000);
    expect(quiet.canWait(0, short, 4)).toBe(false);
  });

  it('tells in time for more jobs to come', () => {
    const quiet = new Quiet();
    quiet.learn(short, 10);
    expect(quiet.canWait(0, short, 30)).toBe(true);
    expect(quiet.canWait(0, short, 20)).toBe(false);
  });

  it('goes by what the last calls took', () => {
    const quiet = new Quiet();
    quiet.learn(short, 10_000);
    expect(quiet.canWait(0, short, 4)).toBe(false);
    for (let call = 0; call < 40; call += 1) quiet.learn(short, 1000);
    expect(quiet.canWait(0, short, 4)).toBe(true);
  });
});
