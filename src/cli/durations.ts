const UNITS_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

/** What a person is told where a duration was expected. */
export const DURATION_FORM = 'a duration such as 100ms, 2s or 1m';

/** The milliseconds of a duration as people write it: a number and `us`, `ms`, `s` or `m`; `null` if it is none. */
export function parseDurationMs(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(us|ms|s|m)$/.exec(text.trim());
  if (match === null) return null;
  const [, number = '', unit = ''] = match;
  return Number(number) * (UNITS_MS[unit] ?? NaN);
}
