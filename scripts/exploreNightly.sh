#!/usr/bin/env bash
# The searches that take too long for each change: npm run explore:nightly. Stops at the first that finds something.
# FENCELINE_EXPLORE_SEED says where the seeds begin (default: the day, so that each night sees other runs).
set -euo pipefail
cd "$(dirname "$0")/.."
first=${FENCELINE_EXPLORE_SEED:-$(date +%Y%m%d)000000}
echo "seeds from $first"

explore() {
  echo "== fenceline explore $*"
  node dist/cli/main.js explore "$@"
}

explore --strategy exhaustive --scope 2x2
explore --strategy exhaustive --scope 3x2
explore --strategy pct --seeds 1000000 --first-seed "$first"
explore --strategy random --seeds 200000 --first-seed "$first"
explore --strategy pct --scope 8x20 --seeds 1000000 --first-seed "$first"
explore --mutant all
