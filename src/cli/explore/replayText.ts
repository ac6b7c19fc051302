import { replay } from '../../explore/index.ts';
import type { Scenario } from '../../explore/index.ts';
import { ChromeTrace } from '../../trace/index.ts';
import { prepareTraceFile, writeTrace } from '../run/artifacts.ts';

/**
 * What a replay string gave, for people and as JSON: the document of a search, of one schedule, and what only a replay has.
 * With `traceFile`, the run is written there, too.
 */
export function replayText(
  text: string,
  scenarios: readonly Scenario[] | undefined,
  traceFile: string | undefined,
): { json: unknown; shown: string; isSame: boolean; violation: unknown } {
  if (traceFile !== undefined) prepareTraceFile(traceFile);
  const beganMs = performance.now();
  // A listener may change what the scheduler does, so the run that is compared has none.
  const report = replay(text, { ...(scenarios !== undefined && { scenarios }) });
  const seconds = (performance.now() - beganMs) / 1000;
  if (traceFile !== undefined) {
    const trace = new ChromeTrace();
    replay(text, { sink: trace, ...(scenarios !== undefined && { scenarios }) });
    trace.finish();
    writeTrace(traceFile, trace);
  }
  const { scenario, scope, violation, signature, trail, differsAtStep, rows } = report;
  const isSame = differsAtStep === null;
  const verdict = isSame
    ? `${scenario}: the same run, state by state, to its end`
    : `nondeterminism at step ${differsAtStep}: the run is not the one that was recorded; the library or the scenario has changed, or chance or time has a say in it`;
  // Of another run than the recorded one it would say nothing that none is.
  const unbroken = isSame ? '; no law is broken' : '';
  const outcome = violation === null ? unbroken : `; ${violation.rule} is broken`;
  return {
    json: {
      strategy: 'replay',
      scope,
      schedules: 1,
      states: 0,
      seconds,
      schedulesPerSecond: seconds === 0 ? 0 : Math.round(1 / seconds),
      violations:
        violation === null ? [] : [{ rule: violation.rule, signature, trail, replay: text }],
      ...{ scenario, steps: rows.length, violation, differsAtStep, trail },
    },
    shown: `${trail}\n\n${verdict}${outcome}\n`,
    isSame,
    violation,
  };
}
