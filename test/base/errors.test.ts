// The errors of the package: the table of codes, the classes, and how values that were refused are shown.
import { describe, expect, it } from 'vitest';
import {
  assert,
  ERROR_TABLE,
  FencelineError,
  invalid,
  InvariantError,
  JobError,
  messageOf,
  shown,
  UsageError,
} from '../../src/base/index.ts';
import type { ErrorCode } from '../../src/base/index.ts';

/** Written from the table of the published interface: code, errno, kind. */
const PUBLISHED: readonly (readonly [ErrorCode, string, 'usage' | 'outcome' | 'both'])[] = [
  ['ERR_INVALID_ARGUMENT', 'EINVAL', 'usage'],
  ['ERR_TIMELINE_MISMATCH', 'EINVAL', 'usage'],
  ['ERR_CLOSED', 'ESRCH', 'usage'],
  ['ERR_NO_SCHEDULER', 'ENODEV', 'usage'],
  ['ERR_QUEUE_FULL', 'EAGAIN', 'usage'],
  ['ERR_CLIENT_BANNED', 'EPERM', 'both'],
  ['ERR_OUT_OF_MEMORY', 'ENOMEM', 'usage'],
  ['ERR_FENCE_REUSED', 'EINVAL', 'outcome'],
  ['ERR_DRIVER', 'EIO', 'outcome'],
  ['ERR_JOB_TIMEOUT', 'ETIME', 'outcome'],
  ['ERR_QUEUE_TIMEOUT', 'ETIME', 'outcome'],
  ['ERR_JOB_CANCELLED', 'ECANCELED', 'outcome'],
  ['ERR_JOB_RESET', 'ECANCELED', 'outcome'],
  ['ERR_ENTITY_KILLED', 'ESRCH', 'outcome'],
  ['ERR_SCHEDULER_CLOSED', 'ECANCELED', 'outcome'],
  ['ERR_DEVICE_GONE', 'ENODEV', 'both'],
  ['ERR_DEPENDENCY_FAILED', 'ECANCELED', 'outcome'],
  ['ERR_PRODUCER_CLOSED', 'EDEADLK', 'outcome'],
  ['ERR_WAIT_TIMEOUT', 'ETIME', 'outcome'],
  ['ERR_WAIT_INTERRUPTED', 'ERESTARTSYS', 'outcome'],
];

describe('an error', () => {
  it.each(['ERR_NOPE', 'toString', undefined, null])('has no code %o', (code) => {
    for (const Kind of [FencelineError, UsageError, JobError]) {
      expect(() => new Kind(code as ErrorCode)).toThrow(
        expect.objectContaining({ name: 'UsageError', code: 'ERR_INVALID_ARGUMENT' }),
      );
    }
  });
});

describe('the table of codes', () => {
  it.each(PUBLISHED)('%s is %s, %s', (code, errno, kind) => {
    expect(ERROR_TABLE[code]).toMatchObject({ errno, kind });
    const error = new JobError(code);
    expect([error.code, error.errno]).toEqual([code, errno]);
    expect(error.message).toBe(ERROR_TABLE[code].message);
    expect(error.message.length).toBeGreaterThan(10);
  });

  it('has no code that is not published', () => {
    expect(Object.keys(ERROR_TABLE).sort()).toEqual(PUBLISHED.map(([code]) => code).sort());
  });
});

describe('FencelineError', () => {
  it.each([
    [UsageError, 'UsageError'],
    [JobError, 'JobError'],
  ])('%o is an Error and names its class', (Class, name) => {
    const error = new Class('ERR_DRIVER', 'why');
    expect(error).toBeInstanceOf(FencelineError);
    expect(error).toBeInstanceOf(Error);
    expect([error.name, error.message, String(error)]).toEqual([name, 'why', `${name}: why`]);
    expect(error.stack).toContain('errors.test.ts');
  });

  it('tells usage from outcome by class', () => {
    expect(new UsageError('ERR_CLOSED')).not.toBeInstanceOf(JobError);
    expect(new JobError('ERR_DRIVER')).not.toBeInstanceOf(UsageError);
  });

  it('carries cause and label where they are given, and nothing where they are not', () => {
    const error = new JobError('ERR_DRIVER', 'why', { cause: 'disk', label: 'job 1' });
    expect([error.cause, error.label]).toEqual(['disk', 'job 1']);
    expect(new JobError('ERR_DRIVER', undefined, { cause: undefined })).toHaveProperty('cause');
    const bare = new JobError('ERR_DRIVER');
    expect(bare).not.toHaveProperty('cause');
    expect([bare.label, bare.resetDone]).toEqual([undefined, undefined]);
  });
});

describe('assert', () => {
  it('passes what is true and throws an InvariantError otherwise', () => {
    expect(() => assert(true, 'never')).not.toThrow();
    expect(() => assert(false, 'the moon is up')).toThrow(InvariantError);
    expect(() => assert(false, 'the moon is up')).toThrow(/report it: the moon is up/);
  });

  it('is no outcome and no usage error', () => {
    expect(new InvariantError('x')).not.toBeInstanceOf(FencelineError);
  });
});

describe('invalid', () => {
  it('says what was expected and what came', () => {
    const error = invalid('submit: credits', 'a whole number, at least 1', 0);
    expect(error).toBeInstanceOf(UsageError);
    expect(error.code).toBe('ERR_INVALID_ARGUMENT');
    expect(error.message).toBe('submit: credits: expected a whole number, at least 1, got 0');
  });
});

describe('messageOf', () => {
  const thrower = new Error('x');
  Object.defineProperty(thrower, 'message', {
    get: () => {
      throw new Error('mine');
    },
  });
  it.each<[string, unknown, string]>([
    ['an error', new TypeError('boom'), 'boom'],
    ['a text', 'boom', 'boom'],
    ['a number', 7, 'a thrown value, not an Error (number)'],
    [
      'an error whose message is a symbol',
      Object.assign(new Error('x'), { message: Symbol('x') }),
      'a thrown value, not an Error (object)',
    ],
    ['an error whose message throws', thrower, 'a thrown value that cannot be read'],
  ])('D4: is a text for %s', (_, thrown, text) => {
    expect(messageOf(thrown)).toBe(text);
  });
});

describe('shown', () => {
  class Thing {}
  it.each<[unknown, string]>([
    ['text', '"text"'],
    ['x'.repeat(61), `"${'x'.repeat(60)}…"`],
    [12, '12'],
    [NaN, 'NaN'],
    [5n, '5n'],
    [true, 'true'],
    [undefined, 'undefined'],
    [null, 'null'],
    [() => 0, 'a function'],
    [Symbol('s'), 'a symbol'],
    [[1, 2], 'an array of 2'],
    [{}, 'an object'],
    [Object.create(null), 'an object'],
    [new Thing(), 'a Thing'],
  ])('shows %o shortly', (value, text) => {
    expect(shown(value)).toBe(text);
  });

  it('shows what throws when it is read', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(shown(proxy)).toBe('an object');
  });
});
