/**
 * What a function job may do to the device and the queue that it shares, and to those who run after it, by mistake or on purpose. What it is
 * for is in local.gpu.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { missing, title } from './gpu.ts';
import { endsOf, errorOf, openTestDevice, scale } from './testDevice.ts';

describe.skipIf(missing !== null)(title('a function job that throws'), () => {
  it.each<[string, () => unknown]>([
    ['an error whose message is no text', () => Object.assign(new Error(), { message: Symbol() })],
    [
      'an error whose message throws',
      () =>
        Object.defineProperty(new Error(), 'message', {
          get() {
            throw new Error('no');
          },
        }),
    ],
    [
      'what throws whatever is done to it',
      () =>
        new Proxy(
          {},
          {
            getPrototypeOf() {
              throw new Error('no');
            },
          },
        ),
    ],
    ['nothing', () => undefined],
  ])('D4: %s: fails alone', async (_, thrown) => {
    const client = (await openTestDevice({ isolation: 'none' })).open();
    const throws = client.submit(() => {
      throw thrown();
    });
    const rejects = client.submit(() => Promise.reject(thrown()));
    const next = client.submit(scale([1]));
    for (const job of [throws, rejects]) {
      const { message } = await errorOf(job.result, 'ERR_DRIVER');
      expect(message).toMatch(/threw while encoding: a thrown value/);
    }
    expect(await endsOf([next])).toEqual(['ok']);
  });
});
