/** What no key of a program without an entry point begins with, unless the next character is no digit. */
const MARK = '\u0000';

/**
 * The text by which a program is known: another one for another shader or entry point, whatever clients write in them.
 *
 * It is the shader's own text where that will do: the hash of a text that comes again is known.
 */
export function programKey(wgsl: string, entryPoint: string | null): string {
  if (entryPoint !== null) return `${MARK}${entryPoint.length}:${entryPoint}${wgsl}`;
  return wgsl.startsWith(MARK) ? `${MARK}:${wgsl}` : wgsl;
}
