/**
 * How errors travel between threads: any error comes back with its name, message, stack, code and causes.
 * What a job's error says with all this around it is in results.test.ts.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { putTogether, takeApart } from '../../src/drivers/worker/errorWire.ts';

/** Any error: of a built-in class or a name of its own, with or without code, cause and parts. */
const anyError: fc.Arbitrary<Error> = fc.letrec<{ error: Error; cause: unknown }>((tie) => ({
  cause: fc.oneof({ maxDepth: 4 }, fc.constant(undefined), fc.string(), tie('error')),
  error: fc
    .record({
      make: fc.constantFrom(Error, TypeError, RangeError, SyntaxError),
      name: fc.option(fc.string({ minLength: 1 })),
      message: fc.string(),
      code: fc.option(fc.oneof(fc.string(), fc.integer())),
      cause: tie('cause'),
    })
    .map(({ make, name, message, code, cause }) => {
      const error = new make(message, cause === undefined ? undefined : { cause });
      if (name !== null) error.name = name;
      return code === null ? error : Object.assign(error, { code });
    }),
})).error;

/** What a reader can see of an error. */
function seen(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown;
  const { name, message, stack, cause, code } = thrown as Error & { code?: unknown };
  return { name, message, stack, code, cause: seen(cause) };
}

describe('an error that travels', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(anyError, (error) => {
        const back = putTogether(structuredClone(takeApart(error)));
        expect(back).toBeInstanceOf(Error);
        expect(seen(back)).toEqual(seen(error));
      }),
    );
  });

  it('comes back as its class, where that is a built-in one', () => {
    expect(putTogether(takeApart(new TypeError('t')))).toBeInstanceOf(TypeError);
    const both = putTogether(takeApart(new AggregateError([new RangeError('r'), 'text'], 'both')));
    expect(both).toBeInstanceOf(AggregateError);
    expect((both as AggregateError).errors[0]).toBeInstanceOf(RangeError);
    expect((both as AggregateError).errors[1]).toBe('text');
  });

  it('ends where it goes in a circle', () => {
    const circle = new AggregateError([], 'circle');
    circle.errors.push(circle, circle, circle);
    circle.cause = circle;
    const back = putTogether(structuredClone(takeApart(circle))) as AggregateError;
    expect(back.message).toBe('circle');
    expect((back.errors[0] as Error).message).toBe('circle');
  });
});
