#!/usr/bin/env bash
# Runs cargo-deny over deny.toml if it is installed; `--install` installs it first, into the user's
# cache (a few minutes on two cores). Without the tool nothing is lost silently: the tidy test
# holds the bans, licences and sources of deny.toml by itself; only the advisory database needs it.
set -euo pipefail
cd "$(dirname "$0")/.."

tools="${XDG_CACHE_HOME:-$HOME/.cache}/xebec/tools"
PATH="$tools/bin:$PATH"

if [[ "${1:-}" == --install ]] && ! command -v cargo-deny >/dev/null; then
    CARGO_TARGET_DIR="$tools/target" cargo install --locked --root "$tools" cargo-deny
    rm -rf "$tools/target"
fi
if ! command -v cargo-deny >/dev/null; then
    echo "deny: cargo-deny is not installed (make deny installs it); the tidy test checks bans, licences and sources"
    exit 0
fi
cargo deny --locked check bans licenses sources
# The advisory database comes over the network; being offline is not a failure of the code.
if ! cargo deny --locked check advisories; then
    if [[ "${1:-}" == --install ]]; then exit 1; fi
    echo "deny: advisories could not be checked or have findings: see above" >&2
fi
