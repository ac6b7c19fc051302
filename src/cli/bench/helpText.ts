/** What `fenceline bench --help` prints; from a checkout, the rows follow. */
export const BENCH_HELP = `Usage: fenceline bench [NAME…] [options]

Measures fenceline side by side with its peers, rounds interleaved, and prints medians and ratios. Needs a checkout of
fenceline: the package holds no benchmarks. NAME is a row, or the beginning of one; default: every row.

  --peers       measure the peers, too (installs them in bench/ where they are not)
  --rounds N    how many rounds (default 7)
  --json        write the report to standard output as JSON
  --save FILE   write the report to FILE as JSON, too
  --charts DIR  where charts go that some rows draw with their peers (default out/bench)
  --smoke       one small round of each, to see that it works
  -h, --help    show this

Exit codes: 0 everything was measured, also where a target was missed; 1 a contender failed; 2 the command line is not
valid, or there is no checkout; 130 interrupted: the report has the rows that were measured to their end, and FILE is
not written.
`;
