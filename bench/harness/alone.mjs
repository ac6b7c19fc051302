import { processTerminal } from './processTerminal.mjs';
import { runBench } from './program.mjs';

/**
 * Measures the row whose file calls this, where that file is what Node was started with: `node bench/core/noop.bench.mjs
 * --peers`. Elsewhere it does nothing.
 *
 * @param {ImportMeta} meta of the row's file
 */
export async function runAlone(meta) {
  if (process.argv[1] !== meta.filename) return;
  process.exitCode = await runBench(process.argv.slice(2), processTerminal(), { rowUrl: meta.url });
}
