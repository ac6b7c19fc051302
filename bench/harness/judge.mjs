import { OURS } from './measure.mjs';

/**
 * One figure of a row, and what it is held to.
 *
 * @typedef {object} Target
 * @property {string} figure its name within the row
 * @property {string} [unit] where it is not the row's
 * @property {'less' | 'more'} [better] default `less`
 * @property {{ best: string[], figure?: string } | { own: string }} [against] what the ratio is to: the best of these
 *   peers (in `figure`, default the same one), or another figure of ours. Without it there is no ratio.
 * @property {number} [reach] the ratio, or without `against` the value, that is held to: at most, or where more is
 *   better at least
 * @property {number} [stretch] the one to wish for
 */

/** @param {number[]} values not empty */
export function medianOf(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Turns the samples of a row into one report line a figure: medians, spreads, the ratio, and whether the target is reached.
 * `ratio` and `ok` are null where what they need was not measured, or nothing is promised.
 *
 * @param {{ name: string, unit: string, target: Target[] }} row
 * @param {import('./measure.mjs').Samples} samples
 */
export function judge(row, samples) {
  return row.target.map((target) => {
    const ours = samples[OURS]?.[target.figure];
    const fenceline = ours === undefined ? null : medianOf(ours);
    const spread = {};
    const peers = {};
    const theirFigure = target.against?.figure ?? target.figure;
    for (const [name, byFigure] of Object.entries(samples)) {
      const values = byFigure[name === OURS ? target.figure : theirFigure];
      if (values === undefined) continue;
      spread[name] = { min: Math.min(...values), max: Math.max(...values) };
      if (name !== OURS) peers[name] = medianOf(values);
    }
    const ratio = ratioOf(target, fenceline, peers, samples);
    return {
      name: `${row.name}/${target.figure}`,
      unit: target.unit ?? row.unit,
      fenceline,
      peers,
      ratio,
      target: targetText(target),
      ok: isReached(target, target.against === undefined ? fenceline : ratio),
      spread,
    };
  });
}

function ratioOf(target, fenceline, peers, samples) {
  const { against } = target;
  if (against === undefined || fenceline === null) return null;
  if (against.own !== undefined) {
    const own = samples[OURS]?.[against.own];
    return own === undefined ? null : fenceline / medianOf(own);
  }
  const values = against.best.map((name) => peers[name]).filter((value) => value !== undefined);
  if (values.length === 0) return null;
  return fenceline / (target.better === 'more' ? Math.max(...values) : Math.min(...values));
}

function isReached({ reach, better }, value) {
  if (reach === undefined || value === null) return null;
  return better === 'more' ? value >= reach : value <= reach;
}

/** The target in words; null where nothing is promised. */
function targetText({ reach, stretch, better, against }) {
  if (reach === undefined) return null;
  const sign = better === 'more' ? '>=' : '<=';
  const times = against === undefined ? '' : 'x';
  const wish = stretch === undefined ? '' : ` (stretch ${stretch}${times})`;
  return `${sign} ${reach}${times}${againstText(against)}${wish}`;
}

function againstText(against) {
  if (against === undefined) return '';
  if (against.own !== undefined) return ` ${against.own}`;
  return against.best.length === 1
    ? ` ${against.best[0]}`
    : ` the best of ${against.best.join(', ')}`;
}
