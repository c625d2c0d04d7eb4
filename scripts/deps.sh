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
    "etcd:etcd-server:the peer of the benchmark"
    "ip:iproute2:network namespaces of the chaos tests"
    "iptables:iptables:partitions in the chaos tests"
    "mount:mount:small disks of the chaos tests"
    "git:git:tidy test"
)

present() {
    case "$1" in
    @libclang) compgen -G "/usr/lib/llvm-*/lib/libclang*.so*" >/dev/null || [[ -n "${LIBCLANG_PATH:-}" ]] ;;
    *) command -v "$1" >/dev/null || [[ -x "/usr/sbin/$1" ]] ;;
    esac
}

missing=()
for need in "${needs[@]}"; do
    IFS=: read -r proof package reason <<<"$need"
    if ! present "$proof"; then
        echo "deps: installing $package ($reason)"
        missing+=("$package")
    fi
done
((${#missing[@]})) || exit 0

if ! command -v apt-get >/dev/null; then
    echo "deps: no apt-get here; install the equivalents of: ${missing[*]}" >&2
    exit 1
fi
root=()
if ((EUID != 0)); then
    command -v sudo >/dev/null || {
        echo "deps: run as root, or install sudo, or run: apt-get install ${missing[*]}" >&2
        exit 1
    }
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

export DEBIAN_FRONTEND=noninteractive
install=(apt-get install -y -qq --no-install-recommends "${missing[@]}")
log=$(mktemp)
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >"$log" 2>&1 || true
if ! "${root[@]}" env DEBIAN_FRONTEND=noninteractive "${install[@]}" >>"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "deps: apt-get failed; the whole log is $log" >&2
    exit 1
fi
rm -f "$log"
