/**
 * That the workers of `npm run test:node24` run on Node 24; the rules that hold there are in the tests of each room.
 */
import { describe, expect, it } from 'vitest';

const expected = process.env['FENCELINE_TEST_NODE'];

describe('a test worker of npm run test:node24', () => {
  it('runs on the Node that the run asked for', () => {
    expect(process.version).toBe(expected);
  });
});
