import { openLane } from './lanes.mjs';

/** The name of our own contender. */
export const OURS = 'fenceline';

/**
 * @typedef {Record<string, Record<string, number[]>>} Samples
 * By contender, then by figure: one value a round.
 */

/**
 * Measures one row: every contender in a process of its own, rounds interleaved. So whatever disturbs the machine disturbs
 * all of them alike. The processes live for the whole row, or for one round where the row says `freshProcess`. Peers are
 * left out after `peerRounds`, where the row says so.
 *
 * @param {import('../rows.mjs').Row} row
 * @param {{ rounds: number, peers: boolean, smoke: boolean,
 *   progress: import('./progress.mjs').Progress, interrupt: AbortSignal }} options
 * @returns {Promise<{ samples: Samples, failures: string[] }>} a contender that failed has no more samples
 */
export async function measureRow(row, { rounds, peers, smoke, progress, interrupt }) {
  const contenders = peers ? [OURS, ...row.peers] : [OURS];
  const lanes = new Map(contenders.map((name) => [name, null]));
  /** @type {Samples} */
  const samples = Object.fromEntries(contenders.map((name) => [name, {}]));
  const failures = [];
  const closeAll = () => lanes.forEach((lane) => lane?.close());
  interrupt.addEventListener('abort', closeAll);
  try {
    for (let round = 1; round <= rounds && !interrupt.aborted; round += 1) {
      progress.round(row.name, round, rounds);
      for (const [contender, open] of lanes) {
        if (interrupt.aborted) break;
        if (contender !== OURS && round > (row.peerRounds ?? rounds)) continue;
        progress.contender(contender);
        const lane = open ?? openLane(row.url, contender);
        lanes.set(contender, lane);
        try {
          keep(samples[contender], await lane.round({ smoke }));
        } catch (error) {
          failures.push(`${row.name}: ${error.message}`);
          samples[contender] = {};
          lane.close();
          lanes.delete(contender);
          continue;
        }
        if (row.freshProcess !== true) continue;
        lane.close();
        lanes.set(contender, null);
      }
    }
  } finally {
    interrupt.removeEventListener('abort', closeAll);
    closeAll();
  }
  return { samples, failures };
}

/** Appends the figures of one round to what is there. */
function keep(byFigure, figures) {
  for (const [figure, value] of Object.entries(figures)) {
    byFigure[figure] ??= [];
    byFigure[figure].push(value);
  }
}
