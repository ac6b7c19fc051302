/**
 * Laws that the compiler proves. What fences do at run time is in test/fence.
 */
import { describe, expectTypeOf, it } from 'vitest';
import type { CancelSignal, ErrorCode, Fence, FenceSource } from '../../src/base/index.ts';
import type { ERROR_TABLE } from '../../src/base/index.ts';
import type { SchedEvent } from '../../src/events/index.ts';

describe('a fence', () => {
  it('F7: gives consumers no way to signal it', () => {
    expectTypeOf<FenceSource>().toHaveProperty('signal');
    expectTypeOf<Fence>().not.toHaveProperty('signal');
  });

  it('F8: is not thenable', () => {
    expectTypeOf<Fence>().not.toHaveProperty('then');
    expectTypeOf<Awaited<Fence>>().toEqualTypeOf<Fence>();
  });

  it('F3: cannot be written to', () => {
    // @ts-expect-error -- status is set by the producer's signal alone
    const write = (fence: Fence): void => void (fence.status = 'ok');
    expectTypeOf(write).toBeFunction();
  });
});

describe('a cancel signal', () => {
  it('is fitted by the platform’s AbortSignal', () => {
    expectTypeOf<AbortSignal>().toExtend<CancelSignal>();
  });
});

describe('the table of errors', () => {
  it('has a row for every code', () => {
    expectTypeOf<keyof typeof ERROR_TABLE>().toEqualTypeOf<ErrorCode>();
  });
});

describe('an event', () => {
  it('has a type and a time', () => {
    expectTypeOf<SchedEvent['atUs']>().toEqualTypeOf<number>();
    expectTypeOf<SchedEvent['type']>().toExtend<string>();
  });
});
