#!/usr/bin/env bash
# Runs the tests with cargo-nextest when it is installed (each test in its own process), else with
# cargo test. The runner's own summary is the last thing printed. Arguments go to the runner.
set -euo pipefail
cd "$(dirname "$0")/.."

scope=("$@")
((${#scope[@]})) || scope=(--workspace)

if cargo nextest --version >/dev/null 2>&1; then
    exec cargo nextest run --locked --no-fail-fast "${scope[@]}"
fi

# cargo test prints one summary per test binary: add them up.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
cargo test --locked --no-fail-fast "${scope[@]}" 2>&1 | tee "$log" || status=$?
awk '/^test result:/ { passed += $4; failed += $6; ignored += $8; binaries++ }
     END { printf "Summary: %d binaries: %d passed, %d failed, %d ignored\n",
                  binaries, passed, failed, ignored }' "$log"
exit "$status"
