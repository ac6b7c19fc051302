/** By what compiled shaders are found. That they are compiled once: local.gpu.test.ts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { programKey } from '../../src/drivers/webgpu/programKey.ts';
import { ProgramNames } from '../../src/drivers/webgpu/programNames.ts';

const text = fc.string({
  unit: fc.constantFrom('\0', '\n', ':', '1', '2', 'a'),
  minLength: 1,
  maxLength: 5,
});
const program = fc.tuple(text, fc.option(text));

describe('the key of a program', () => {
  it('is the same for the same program, and for no other', () => {
    fc.assert(
      fc.property(program, program, (one, other) => {
        const same = one[0] === other[0] && one[1] === other[1];
        expect(programKey(...one) === programKey(...other)).toBe(same);
      }),
      { numRuns: 20_000 },
    );
  });

  it('is another one where an entry point reads like the beginning of a shader', () => {
    const names = new ProgramNames();
    const first = names.nameOf('fn main() {}', '// copyright');
    const second = names.nameOf('// copyright\nfn main() {}', null);
    expect([first.isNew, second.isNew]).toEqual([true, true]);
    expect(second.program).not.toBe(first.program);
  });
});
