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

/** What to add to this thread's own clock, which is faster to read; NaN until it is needed. */
let sharedOffsetUs = NaN;

/** Microseconds of a clock that all threads and processes of a machine share, where there is `process.hrtime`. */
export function sharedClockUs(): number {
  const ownUs = performance.now() * 1000;
  if (Number.isNaN(sharedOffsetUs)) {
    sharedOffsetUs = clockOffsetUs(hrtimeUs, () => performance.now() * 1000);
  }
  return ownUs + sharedOffsetUs;
}

function hrtimeUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + nanoseconds / 1e3;
}
