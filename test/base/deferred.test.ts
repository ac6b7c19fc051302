// A promise that its maker settles.
import { describe, expect, it } from 'vitest';
import { deferred } from '../../src/base/index.ts';

describe('deferred', () => {
  it('resolves when its maker says so', async () => {
    const made = deferred<number>();
    made.resolve(7);
    made.reject(new Error('too late'));
    await expect(made.promise).resolves.toBe(7);
  });

  it('rejects when its maker says so', async () => {
    const made = deferred<number>();
    made.reject(new Error('no'));
    await expect(made.promise).rejects.toThrow('no');
  });
});
