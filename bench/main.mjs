/**
 * The benchmark program; needs a checkout that was built.
 *
 * Usage: node bench/main.mjs [NAME…] [--peers] [--rounds N] [--json] [--save FILE] [--smoke]
 *
 * NAME is a row (`core-noop`) or the beginning of one (`core`); default: every row. `--peers` measures the peers, too, and
 * installs them in bench/node_modules where they are not. `--json` writes the report to standard output as one JSON
 * document, `--save` to a file of bench/results. `--smoke` takes one small round of each, to see that it works: its
 * figures mean nothing.
 *
 * Exits 0 when everything was measured, also where a target was missed; 1 when a contender failed; 2 on bad usage; 130 when interrupted.
 */
import { processTerminal } from './harness/processTerminal.mjs';
import { runBench } from './harness/program.mjs';

process.exitCode = await runBench(process.argv.slice(2), processTerminal());
