/** The rows of the benchmark, in the order in which they are measured; one file each, named for the row. */
const FILES = [
  'fence/time.bench.mjs',
  'fence/memory.bench.mjs',
  'fence/shared.bench.mjs',
  'core/noop.bench.mjs',
  'core/priority.bench.mjs',
  'core/growth.bench.mjs',
  'core/memory.bench.mjs',
  'core/timeouts.bench.mjs',
  'core/soak.bench.mjs',
  'fairness/shares.bench.mjs',
  'fairness/kernelCases.bench.mjs',
  'worker/throughput.bench.mjs',
  'worker/latency.bench.mjs',
  'worker/hang.bench.mjs',
  'webgpu/overhead.bench.mjs',
  'webgpu/latency.bench.mjs',
  'explore/explore.bench.mjs',
];

/**
 * One row.
 *
 * @typedef {object} Row
 * @property {string} name
 * @property {string} url of its file
 * @property {string} question what it finds out, in one sentence
 * @property {string} unit of its figures, unless a figure has another
 * @property {string[]} peers who is measured beside fenceline
 * @property {import('./harness/judge.mjs').Target[]} target its figures, and what they are held to
 * @property {boolean} [freshProcess] whether each round needs a process of its own, because one may leave something behind
 * @property {number} [peerRounds] in how many rounds the peers are measured; default: in all
 * @property {() => Record<string, object>} [charts] what is drawn of it beside its peers: an option of the chart library by
 *   name of the file
 * @property {(options: RunOptions) => Promise<Record<string, number>>} run one round of one contender: value by figure
 *
 * @typedef {object} RunOptions
 * @property {string} contender `fenceline`, or one of the row's peers
 * @property {boolean} smoke whether this is only to see that it works
 * @property {(full: number) => number} count how many to take of what a full round takes `full` of
 */

/** @returns {Promise<Row[]>} */
export async function loadRows() {
  return Promise.all(FILES.map((file) => loadRow(new URL(file, import.meta.url).href)));
}

/**
 * @param {string} url
 * @returns {Promise<Row>}
 */
export async function loadRow(url) {
  return { ...(await import(url)), url };
}
