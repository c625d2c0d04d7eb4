#!/usr/bin/env bash
# Installs the Debian packages that building and testing need, and only those that are missing.
# Works as root or with sudo; elsewhere than on Debian it says what to install by hand.
set -euo pipefail

# command or file that proves the package is there : package : what it is for
needs=(
    "cc:build-essential:C and C++ compiler (RocksDB, jemalloc, aws-lc)"
    "clang:clang:parses RocksDB's headers"
    "@libclang:libclang-dev:bindgen's library"
    "ccache:ccache:compiles RocksDB once per machine"
    "etcdctl:etcd-client:tests against a real etcd client"
    "kubectl:kubernetes-client:tests against a real Kubernetes client"
    "@venv:python3-venv:tests against the Kubernetes client for Python"
    "etcd:etcd-server:the peer of the benchmark"
    "ip:iproute2:network namespaces of the chaos tests"
    "unshare:util-linux:the same"
    "git:git:what the tidy test looks at"
)

present() {
    case "$1" in
    @venv) python3 -c "import venv, ensurepip" 2>/dev/null ;;
    @libclang) compgen -G "/usr/lib/llvm-*/lib/libclang*.so*" >/dev/null || [[ -n "${LIBCLANG_PATH:-}" ]] ;;
    *) command -v "$1" >/dev/null || [[ -x "/usr/sbin/$1" ]] ;;
    esac
}

# Without these nothing can be built; without the others some tests are skipped, loudly.
essential=" build-essential clang libclang-dev ccache "

missing=()
for need in "${needs[@]}"; do
    IFS=: read -r proof package reason <<<"$need"
    if ! present "$proof"; then
        echo "deps: installing $package ($reason)"
        missing+=("$package")
    fi
done
((${#missing[@]})) || exit 0

# Ends the script if something essential is missing.
give_up() {
    local package
    for package in "${missing[@]}"; do
        if [[ "$essential" == *" $package "* ]]; then
            echo "deps: $1" >&2
            exit 1
        fi
    done
    echo "deps: $1; going on without" >&2
    exit 0
}

if ! command -v apt-get >/dev/null; then
    give_up "no apt-get here; install the equivalents of: ${missing[*]}"
fi
root=()
if ((EUID != 0)); then
    command -v sudo >/dev/null ||
        give_up "run as root, or install sudo, or have somebody run: apt-get install ${missing[*]}"
    root=(sudo)
fi

# etcd-server must not start a service of its own: it would take port 2379 on 127.0.0.1.
policy=/usr/sbin/policy-rc.d
restore=false
if [[ " ${missing[*]} " == *" etcd-server "* && ! -e "$policy" ]]; then
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
    "${root[@]}" chmod +x "$policy"
    restore=true
    trap '$restore && "${root[@]}" rm -f "$policy"' EXIT
fi

install=(apt-get install -y -qq --no-install-recommends "${missing[@]}")
log=$(mktemp)
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >"$log" 2>&1 || true
if ! "${root[@]}" env DEBIAN_FRONTEND=noninteractive "${install[@]}" >>"$log" 2>&1; then
    tail -n 20 "$log" >&2
    give_up "apt-get could not install ${missing[*]} (see $log)"
fi
rm -f "$log"
