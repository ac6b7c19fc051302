// Checks that several rooms share: of signals and of options. What each call does with them is in the tests of that call.
import { describe, expect, it } from 'vitest';
import { checkedOptions, checkedSignal, UsageError } from '../../src/base/index.ts';

describe('checkedSignal', () => {
  const nothing = (): void => {};
  const own = { aborted: false, addEventListener: nothing, removeEventListener: nothing };

  it('gives back a platform signal, one of somebody’s own, and nothing where none was given', () => {
    const { signal } = new AbortController();
    expect(checkedSignal('wait: signal', signal)).toBe(signal);
    expect(checkedSignal('wait: signal', own)).toBe(own);
    expect(checkedSignal('wait: signal', undefined)).toBeUndefined();
  });

  it.each([
    ['null', null],
    ['a number', 5],
    ['an empty object', {}],
    ['a controller', new AbortController()],
    ['one that does not say whether it is aborted', { ...own, aborted: undefined }],
    ['one without addEventListener', { ...own, addEventListener: undefined }],
    ['one without removeEventListener', { ...own, removeEventListener: undefined }],
  ])('refuses %s, and says what was expected', (_, signal) => {
    const act = (): unknown => checkedSignal('wait: signal', signal);
    expect(act).toThrow(UsageError);
    expect(act).toThrow(/wait: signal: expected an AbortSignal/);
  });
});

describe('checkedOptions', () => {
  it('gives back an object as it is', () => {
    const options = { flushMs: 1 };
    expect(checkedOptions('close: options', options)).toBe(options);
  });

  it.each([undefined, null, 5, 'x', [], () => {}])('refuses %s', (options) => {
    const act = (): unknown => checkedOptions('close: options', options);
    expect(act).toThrow(UsageError);
    expect(act).toThrow(/close: options: expected an object of options/);
  });
});
