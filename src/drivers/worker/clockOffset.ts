const READINGS = 8;

/**
 * What to add to a clock to have another's time, both in microseconds.
 *
 * Of several readings the one counts that took the least time, because a thread may be interrupted between two clocks, and
 * the first reading of a clock is slow.
 */
export function clockOffsetUs(wantedUs: () => number, ownUs: () => number): number {
  let leastUs = Infinity;
  let offsetUs = 0;
  for (let reading = 0; reading < READINGS; reading += 1) {
    const beforeUs = wantedUs();
    const nowUs = ownUs();
    const afterUs = wantedUs();
    if (afterUs - beforeUs >= leastUs) continue;
    leastUs = afterUs - beforeUs;
    offsetUs = (beforeUs + afterUs) / 2 - nowUs;
  }
  return offsetUs;
}
